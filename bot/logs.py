"""Logs: one JSON object a line on standard error, redacted, for our own events and for those of libraries."""

import json
import logging
import sys
from contextlib import suppress
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from bot.domain.redaction import STARS, is_secret_name, presentable

_OWN = frozenset({"level", "logger", "timestamp"})
"""Written by ourselves and by the loggers' names, so they hold no secret."""

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class _Lines:
    """Our own events, straight to the stream: by way of `logging` a line, one for each refusal, costs twice as much."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line. One that cannot be written, on a full disk, is lost; whoever tells it goes on."""
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def set_up(level: int = logging.INFO) -> None:
    """Write every log line alike; a secret becomes stars before it is written."""
    stream = sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redacted,
    ]
    structlog.configure(
        processors=[*shared, _rendered],
        logger_factory=lambda name: _Lines(stream, name),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their INFO lines repeat requests and bodies.
    for noisy in ("httpx", "httpcore", "slack_bolt", "slack_sdk", "aiohttp.access", "botocore", "boto3", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    sys.excepthook = _uncaught


def _redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: value if key in _OWN or key.startswith("_") else _value(key, value) for key, value in event.items()}


def _rendered(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return _encode(event)


def _value(key: str, value: object) -> object:
    """A value as it may be written: texts, and texts inside; what is no plain data as the text that stands for it."""
    if isinstance(value, bool | int | float | None):
        return value
    if is_secret_name(key):
        return STARS
    match value:
        case str():
            return presentable(value)
        case dict():
            return {presentable(str(name)): _value(str(name), inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_value("", inner) for inner in value]
        case _:
            return presentable(repr(value))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends the process is a log line like any other: Python's own words would repeat secrets."""
    logging.getLogger(__name__).critical("ended by an error", exc_info=(kind, error, trace))
