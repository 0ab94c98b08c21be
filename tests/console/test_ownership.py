"""The command line alone acts on a ledger only with the configuration that the bot had."""

import shutil
from pathlib import Path

from adapters.kinds import KINDS
from bot.config.loader import load
from bot.console import ownership
from bot.operations.actions import ACTIONS
from bot.store import Ledger


def test_the_digest_is_of_every_file(tmp_path: Path) -> None:
    """A system that names other checks or another server is another configuration."""
    shutil.copytree("config", tmp_path, dirs_exist_ok=True)
    before = load(tmp_path, KINDS, ACTIONS, None)
    system = tmp_path / "systems" / "newsletter.yaml"
    system.write_text(system.read_text().replace("path: /api/health", "path: /api/elsewhere"))
    after = load(tmp_path, KINDS, ACTIONS, None)

    digests = {ownership.digest(each, "https://slack.com/api/") for each in (before, before, after)}

    assert 2 == len(digests)


async def test_the_socket_is_noted_as_it_is_found_from_anywhere(ledger: Ledger) -> None:
    """An absolute path of the bot that served last; none where it does not listen."""
    assert await ownership.socket_of(ledger) is None

    await ownership.note(ledger, os_user="bot", configuration="x", socket=Path("here.sock"), at=1)
    assert Path.cwd() / "here.sock" == await ownership.socket_of(ledger)

    await ownership.note(ledger, os_user="bot", configuration="x", socket=None, at=2)
    assert await ownership.socket_of(ledger) is None
