"""The app manifest says what the bot does, and Slack takes it."""

import pytest

from bot.requests.invocation import Incoming
from bot.requests.registry import Registry
from bot.slack.manifest import app_manifest
from tests.slack.listeners import LISTENERS, echo

REGISTRY = Registry(LISTENERS)


def test_every_command_is_declared_with_its_hint() -> None:
    """What people see while they type comes from the listener itself."""
    commands = app_manifest(REGISTRY, url="https://bot.example/", socket_mode=False)["features"]["slash_commands"]

    assert [("/danger", None), ("/echo", "WORDS")] == [(each["command"], each.get("usage_hint")) for each in commands]
    assert {"https://bot.example/slack/events"} == {each["url"] for each in commands}


def test_socket_mode_needs_no_address() -> None:
    """Where the bot opens the connection itself, no address stands in the manifest."""
    manifest = app_manifest(REGISTRY, url="https://bot.example", socket_mode=True)

    assert manifest["settings"]["socket_mode_enabled"]
    assert "bot.example" not in str(manifest)


def test_the_manifest_keeps_slacks_limits() -> None:
    """Name 35, description 140, command 32, description 2000, hint 1000."""
    manifest = app_manifest(REGISTRY, url="https://bot.example", socket_mode=False)

    assert 35 >= len(manifest["display_information"]["name"])
    assert 140 >= len(manifest["display_information"]["description"])
    for command in manifest["features"]["slash_commands"]:
        assert 32 >= len(command["command"])
        assert 2000 >= len(command["description"])
        assert 1000 >= len(command.get("usage_hint", ""))


def test_a_key_is_registered_once() -> None:
    """Two listeners for one command are a mistake that the start reports."""
    with pytest.raises(ValueError, match="the command /echo is registered twice"):
        Registry((echo, echo))


@pytest.mark.parametrize(
    ("incoming", "expected"),
    [
        pytest.param(Incoming("command", "/ecko", "", "U0SRE"), "did you mean /echo?", id="a near name"),
        pytest.param(Incoming("command", "/xyz", "", "U0SRE"), "I know /danger, /echo.", id="no near name"),
        pytest.param(
            Incoming("button", "old.one", "", "U0SRE"), "This button belongs to an earlier", id="an old button"
        ),
        pytest.param(Incoming("form", "old.one", "", "U0SRE"), "This form belongs to an earlier", id="an old form"),
    ],
)
def test_the_unknown_is_answered_with_the_next_step(incoming: Incoming, expected: str) -> None:
    """Never silence: whoever types or presses something unknown reads what to do."""
    assert expected in REGISTRY.unknown(incoming)
