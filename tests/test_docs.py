"""Documentation and code agree."""

import re
import shutil
from pathlib import Path

from adapters.kinds import KINDS
from bot.config.loader import load
from bot.operations.actions import ACTIONS
from bot.wiring import LISTENERS
from tests.reference import FILE, reference, words_of_readme

COMMANDS = {listener.key: listener for listener in LISTENERS if listener.kind == "command"}


def test_the_reference_is_what_the_code_says() -> None:
    """`python -m tests.reference` writes it."""
    assert reference() == FILE.read_text(encoding="utf-8")


def test_every_command_is_in_the_readme() -> None:
    """A command that nobody reads of is not there."""
    assert set(COMMANDS) == {usage.split()[0] for usage in words_of_readme()}


def test_the_readmes_usage_is_the_codes() -> None:
    """A usage line in the README is one that the code prints."""
    for usage in words_of_readme():
        code = COMMANDS[usage.split()[0]].usage
        assert usage.split(",")[0].split(" and more")[0].strip() in code or usage in code


def test_links_between_documents_lead_somewhere() -> None:
    """A moved file takes its links along."""
    for page in [Path("README.md"), Path("CONTRIBUTING.md"), *Path("docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_described_system_is_one(tmp_path: Path) -> None:
    """What the how-to shows loads beside the shipped systems, and its queue and component are there."""
    shown = Path("docs/how-to/describe-your-own-system.md").read_text(encoding="utf-8").split("```")[1]
    shutil.copytree("config", tmp_path / "config")
    (tmp_path / "config" / "systems" / "shop.yaml").write_text(shown.removeprefix("yaml\n"), encoding="utf-8")

    shop = load(tmp_path / "config", KINDS, ACTIONS, None).systems["shop"]

    assert (["mails"], ["web"]) == (list(shop.queues), list(shop.components))


def test_the_example_environment_is_harmless() -> None:
    """No address leaves this machine, no value looks like a secret."""
    text = Path("config/example.env").read_text(encoding="utf-8")

    assert all(
        host == "127.0.0.1" for host in re.findall(r"://(?:[^@\n/]*@)?([^:/\n]+)", text) if host != "/steward.db"
    )
