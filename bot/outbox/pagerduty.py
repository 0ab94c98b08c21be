"""The PagerDuty route: one event per message. Its deduplication key makes every event harmless to repeat."""

import json

import structlog

from bot.domain.errors import Rejected
from bot.domain.redaction import presentable
from bot.outbox import service as outbox
from bot.outbox.message import Delivered, OutboxMessage, Outcome, Undeliverable
from bot.outbox.routes import Route
from bot.ports import Page, Pager, Posted
from bot.store import Tx

_log = structlog.get_logger(__name__)


class PagerDutyRoute(Route):
    """All events go in one channel, the pages' lane of `pagerduty`."""

    name = "pagerduty"
    idempotent = True

    def __init__(self, pager: Pager) -> None:
        self._pager = pager

    async def send(self, message: OutboxMessage) -> Outcome:
        try:
            await self._pager.send(Page(**json.loads(message.body)))
        except Rejected as error:
            _log.error("event rejected", key=message.key, error=str(error))
            # What no incident's epoch guards, such as an acknowledgement or a resolution, is refused for ever.
            return Undeliverable(str(error), for_good=message.guard is None)
        return Delivered(Posted(self.name, message.key), message.revision)


def put(tx: Tx, *, key: str, page: Page, now: int, guard: tuple[str, int] | None = None) -> None:
    """Hand one event to PagerDuty; `key` and `guard` as in the outbox."""
    body = {
        "event": page.event,
        "key": page.key,
        "summary": presentable(page.summary),
        "severity": page.severity,
        "component": page.component,
        "details": {name: presentable(value) for name, value in page.details.items()},
        "route": page.route,
    }
    outbox.put(
        tx,
        route=PagerDutyRoute.name,
        key=key,
        channel=PagerDutyRoute.name,
        body=json.dumps(body, ensure_ascii=False),
        now=now,
        lane="page",
        thread=page.key,  # Keeps an incident's events in order: a late trigger would reopen it.
        guard=guard,
    )
