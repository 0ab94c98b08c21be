"""The command line's edges end in one clear sentence and the right exit code, never in a traceback."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.console.os_user import os_user

ROOT = Path(__file__).parents[1]


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The shipped configuration with the values of config/example.env, and a ledger of its own."""
    for line in (ROOT / "config" / "example.env").read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and not name.startswith("#"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("STEWARD_CONFIG", str(ROOT / "config"))
    monkeypatch.setenv("STEWARD_DATABASE", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/api/")
    return monkeypatch


def _steward(*arguments: str) -> tuple[int, str]:
    """Exit code and everything printed; in a process of its own, as it sets up logging for the whole process."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("empty", "named"),
    [
        pytest.param("SLACK_SIGNING_SECRET", "SLACK_SIGNING_SECRET must be set", id="anybody could sign"),
        pytest.param("SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN must be set", id="no token"),
    ],
)
def test_serve_refuses_to_start_without_what_protects_it(shipped: pytest.MonkeyPatch, empty: str, named: str) -> None:
    """An empty signing secret would let everybody who reaches the port type commands."""
    shipped.setenv(empty, "")

    code, said = _steward("serve")

    assert 1 == code
    assert named in said


@pytest.mark.usefixtures("shipped")
def test_a_taken_port_is_named(shipped: pytest.MonkeyPatch) -> None:
    """What to free or to set, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shipped.setenv("STEWARD_PORT", str(taken.getsockname()[1]))

        code, said = _steward("serve")

    assert 1 == code
    assert "set STEWARD_HOST and STEWARD_PORT" in said


def test_check_looks_at_the_configuration_that_the_bot_would_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """STEWARD_CONFIG counts for `check` as for `serve`; an argument comes before it."""
    monkeypatch.setenv("STEWARD_CONFIG", str(tmp_path))

    code, said = _steward("check", "--no-secrets")
    named, _ = _steward("check", str(ROOT / "config"), "--no-secrets")

    assert (1, 0) == (code, named)
    assert f"{tmp_path}/steward.yaml:1: the file is missing" in said


def test_check_names_the_programs_that_this_machine_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What would run them is named; the files are right all the same."""
    monkeypatch.setenv("PATH", str(tmp_path))

    code, said = _steward("check", str(ROOT / "config"), "--no-secrets")

    assert 0 == code
    assert "This machine has no program docker, which newsletter/app would run" in said
    assert "no program df, which newsletter/disk would run" in said


@pytest.mark.usefixtures("shipped")
def test_an_os_user_without_a_person_is_told_what_to_do() -> None:
    """The name to write, where, and for whom."""
    code, said = _steward("ask", "/health newsletter")

    assert 1 == code
    assert f"set os_user: {os_user()} for exactly one of engineer, sre, lead, manager, cto" in said


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("ask", "/nope"), 2, "There is no command /nope; there are /health", id="no such command"),
        pytest.param(("ask", ""), 2, "there are /health", id="nothing"),
        pytest.param(("ask", "--as", "sre", "/health"), 2, "--as goes with --demo", id="another person here"),
        pytest.param(("decide", "OP-1", "perhaps"), 2, "'approve', 'deny', 'cancel'", id="no such verdict"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], code: int, said: str) -> None:
    """And says what would be right."""
    found, printed = _steward(*arguments)

    assert code == found
    assert said in printed


@pytest.mark.parametrize(
    ("arguments", "missing", "named"),
    [
        pytest.param(["demo"], "jinja2", "steward demo", id="a plain installation"),
        pytest.param(["demo"], "bot.local", "steward demo", id="the image"),
        pytest.param(["ask", "--demo", "http://127.0.0.1:9", "/x"], "bot.local", "steward ask --demo", id="ask there"),
        pytest.param(
            ["decide", "--demo", "http://127.0.0.1:9", "OP-1", "deny"],
            *("bot.local", "steward decide --demo"),
            id="decide there",
        ),
    ],
)
def test_a_demo_that_is_not_installed_says_what_to_install(arguments: list[str], missing: str, named: str) -> None:
    """The local workspace is an extra; without it a command ends in one sentence."""
    # None in sys.modules is Python's own way of saying that a module cannot be found.
    code = f"import sys; sys.modules[{missing!r}] = None; from bot.cli import main; main({arguments!r})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert (1, f'Error: {named} needs its extra: pip install "steward[demo]"\n') == (done.returncode, done.stderr)


def test_no_configuration_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Which file is missing, and what to do."""
    monkeypatch.setenv("STEWARD_CONFIG", str(tmp_path))

    code, said = _steward("ask", "/health")

    assert 1 == code
    assert f"{tmp_path}/steward.yaml:1: the file is missing" in said
