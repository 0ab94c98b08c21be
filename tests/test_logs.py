"""What is logged holds no secret, wherever it stands in the line."""

import io
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bot import logs
from bot.config.loader import ConfigurationError
from bot.domain.redaction import STARS, redact
from bot.settings import Settings
from bot.wiring import core
from tests.fakes.clock import FakeClock

EXAMPLE = Path("config/example.env").read_text(encoding="utf-8").splitlines()
SECRET = "correcthorse-battery"
TOKEN = "xoxb-123456789-abcdefgh"


class Log:
    """The logging of `steward serve`, with one configured secret, into a text."""

    def __init__(self) -> None:
        self.own = structlog.get_logger("test")
        self.written = io.StringIO()

    @property
    def line(self) -> dict[str, object]:
        """The one line that was written."""
        (line,) = self.written.getvalue().splitlines()
        found: dict[str, object] = json.loads(line)
        return found


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Put back afterwards."""
    root, log = logging.getLogger(), Log()
    before = root.handlers[:], root.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "stderr", log.written)
    redact.keep([SECRET])
    logs.set_up()
    yield log
    root.handlers[:], level = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_configured_secret_is_starred(log: Log) -> None:
    """In the event, in a value, and inside a value."""
    event = f"refused {SECRET}"

    log.own.warning(event, said=f"no {SECRET}", call={"args": [f"x {SECRET}", TOKEN], SECRET: 1})

    line = log.line

    assert f"refused {STARS}" == line["event"]
    assert f"no {STARS}" == line["said"]
    assert {"args": [f"x {STARS}", STARS], STARS: 1} == line["call"]


def test_a_value_with_a_telling_name_is_starred(log: Log) -> None:
    """Whatever it looks like; a number is no secret."""
    log.own.warning("x", token="abc", call={"api_key": "abc"}, tokens=3)

    line = log.line

    assert (STARS, {"api_key": STARS}, 3) == (line["token"], line["call"], line["tokens"])


def test_a_traceback_is_starred(log: Log) -> None:
    """An error's words repeat what it was given."""
    log.own.error("failed", exc_info=ValueError(f"bad {SECRET} and {TOKEN}"))

    line = log.line

    assert f"ValueError: bad {STARS} and {STARS}" in str(line["exception"])
    assert SECRET not in json.dumps(line)


def test_a_librarys_line_is_starred(log: Log) -> None:
    """Its arguments, its extras and its traceback as well."""
    body = {"password": "x", "more": SECRET}

    logging.getLogger("library").error("sent %s", TOKEN, exc_info=ValueError(f"bad {SECRET}"), extra={"body": body})

    line = log.line

    assert f"sent {STARS}" == line["event"]
    assert {"password": STARS, "more": STARS} == line["body"]
    assert f"ValueError: bad {STARS}" in str(line["exception"])


def test_what_ends_the_process_is_a_line_too(log: Log) -> None:
    """Python's own traceback would repeat the secret."""
    error = ValueError(f"bad {SECRET}")

    sys.excepthook(type(error), error, None)

    assert f"ValueError: bad {STARS}" in str(log.line["exception"])


def test_characters_that_nobody_sees_are_taken_out(log: Log) -> None:
    """A line must not read as another one on a terminal."""
    log.own.warning("x", name="\u202egpj.exe\u202c", value=object)

    line = log.line

    assert "gpj.exe" == line["name"]
    assert "<class 'object'>" == line["value"]


def test_a_line_that_cannot_be_written_is_lost_and_nothing_else(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk under the log must not fail the request that is told of."""

    def full(_: str) -> int:
        raise OSError("No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(log.written, "write", full)
        log.own.info("lost")
    log.own.info("kept")

    assert "kept" == log.line["event"]


async def test_what_the_configuration_calls_a_secret_is_starred(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets of the environment and those that only a configuration file knows, however ordinary their words are."""
    for line in EXAMPLE:
        name, is_set, value = line.partition("=")
        if is_set and not line.startswith("#"):
            monkeypatch.setenv(name, value)
    shutil.copytree("config", tmp_path / "config")
    steward = tmp_path / "config" / "steward.yaml"
    steward.write_text(steward.read_text().replace("${PAGERDUTY_ROUTING_KEY}", "plainwordstwo"))
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "plainwordsone")
    monkeypatch.setenv("STEWARD_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("STEWARD_DATABASE", f"sqlite:///{tmp_path / 'ledger.db'}")
    async with core(Settings(), clock):
        said = redact("plainwordsone, plainwordstwo")

    assert f"{STARS}, {STARS}" == said


async def test_a_configuration_that_cannot_be_read_is_told_without_the_secrets(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's secrets are known before its mistakes are told."""
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "plainwordsone")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-nobody")
    monkeypatch.setenv("STEWARD_CONFIG", str(tmp_path))
    (tmp_path / "steward.yaml").write_text("channel: plainwordsone\n")
    with pytest.raises(ConfigurationError):
        async with core(Settings(), clock):
            pass

    assert redact("plainwordsone") == STARS
