"""Whose ledger it is: the bot notes its OS user and configuration, and the command line alone must have the same.

Otherwise whoever can open the ledger decides with a configuration of their own who they are and what they may.
"""

import hashlib
import json

from bot.config.models import StewardModel
from bot.domain.errors import Refused
from bot.store import Ledger


def digest(config: StewardModel, slack: str) -> str:
    """What decides who is who and who may what: `steward.yaml` as it was read, and the address of Slack."""
    text = json.dumps([config.model_dump(mode="json"), slack], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def note(ledger: Ledger, *, os_user: str, configuration: str, at: int) -> None:
    """The bot serves from now on."""
    await ledger.write(lambda tx: tx.run("note_service", os_user=os_user, configuration=configuration, at=at))


async def check(ledger: Ledger, *, os_user: str, configuration: str) -> None:
    """Raise `Refused` for another OS user or configuration than the bot's; a ledger that had no bot is anybody's."""
    noted = await ledger.read(lambda tx: tx.one("noted_service"))
    if noted is None:
        return
    if noted["os_user"] != os_user:
        raise Refused(
            f"The bot does not run, and its ledger belongs to the OS user {noted['os_user']}; start the bot with"
            f" steward serve, or type this as {noted['os_user']}."
        )
    if noted["configuration"] != configuration:
        raise Refused(
            "The bot does not run, and this is not the configuration that it ran with (STEWARD_CONFIG, the variables"
            " that it names, SLACK_API_URL); set the same, or start the bot with steward serve."
        )
