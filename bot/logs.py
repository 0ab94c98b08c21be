"""Logs: one JSON object a line on standard error, redacted, for our own events and for those of libraries."""

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

from bot.domain.redaction import Redactor

_OWN = frozenset({"level", "logger", "timestamp"})
"""Written by ourselves and by the loggers' names, so they hold no secret."""


def set_up(redactor: Redactor, level: int = logging.INFO) -> None:
    """Send every log line through one formatter; a secret becomes stars before it is written."""

    def redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {
            key: redactor(value) if isinstance(value, str) and key not in _OWN else value
            for key, value in event.items()
        }

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redacted,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=lambda value: redactor(repr(value))),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their INFO lines repeat requests and bodies.
    for noisy in ("httpx", "httpcore", "slack_bolt", "slack_sdk", "aiohttp.access", "botocore", "boto3", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
