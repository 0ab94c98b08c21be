"""Whose ledger it is: the bot notes its OS user and configuration, and the command line alone must have the same.

Otherwise whoever can open the ledger decides with a configuration of their own who they are and what they may.
"""

import hashlib
import json
from pathlib import Path

from bot.config.loader import Configuration
from bot.domain.errors import Refused
from bot.store import Ledger


def digest(config: Configuration, slack: str) -> str:
    """What decides who may do what to what: every file as it was read, and the address of Slack."""
    systems = {name: system.model_dump(mode="json") for name, system in config.systems.items()}
    text = json.dumps([config.steward.model_dump(mode="json"), systems, slack], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def note(ledger: Ledger, *, os_user: str, configuration: str, socket: Path | None, at: int) -> None:
    """The bot serves from now on. `socket`: where it listens for the command line."""
    path = "" if socket is None else _absolute(socket)
    await ledger.write(
        lambda tx: tx.run("note_service", os_user=os_user, configuration=configuration, socket=path, at=at)
    )


def _absolute(path: Path) -> str:
    """The command line may be typed in another folder."""
    return str(path.absolute())


async def socket_of(ledger: Ledger) -> Path | None:
    """Where the bot of this ledger listens, or listened last; None where it never did."""
    noted = await ledger.read(lambda tx: tx.one("noted_service"))
    return Path(noted["socket"]) if noted is not None and noted["socket"] else None


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
