"""PagerDuty's v3 webhook: an acknowledgement there counts here, and a resolution there is asked about here."""

from collections.abc import Callable, Mapping

import structlog

from bot.config.models import StewardModel
from bot.domain.errors import BadAnswer, BotError, Unauthorized
from bot.domain.people import SOMEBODY, Actor
from bot.incidents.service import Incidents
from bot.outbox.alerts import PagerKeys
from bot.ports import PagerEvent

_log = structlog.get_logger(__name__)


class PagerDutyWebhook:
    """Takes headers and body, gives the HTTP status. Only our own incidents count, and only what a person did there."""

    def __init__(
        self, config: StewardModel, incidents: Incidents, read: Callable[[Mapping[str, str], bytes, str], PagerEvent]
    ) -> None:
        self._read = read
        self._secret = config.pagerduty.webhook_secret if config.pagerduty else ""
        self._keys = PagerKeys(config.installation)
        self._people = {
            model.pagerduty: Actor(name, model.slack[0], "pagerduty")
            for name, model in config.people.items()
            if model.pagerduty
        }
        self._incidents = incidents

    async def __call__(self, headers: dict[str, str], body: bytes) -> int:
        """200 taken, 400 unreadable, 401 not signed by PagerDuty, 503 to have it sent again."""
        try:
            event = self._read(headers, body, self._secret)
            incident = self._keys.incident(event.key)
            if incident is None or not event.user:
                return 200
            who = self._people.get(event.user, SOMEBODY)
            if event.kind == "acknowledged":
                await self._incidents.acknowledged_elsewhere(
                    incident, who, event=event.once, alert=event.key, occurred_at=event.occurred_at
                )
            elif event.kind == "resolved":
                await self._incidents.resolved_elsewhere(
                    incident, who, event=event.once, alert=event.key, occurred_at=event.occurred_at
                )
        except Unauthorized:
            return 401
        except BadAnswer:
            return 400
        except BotError as error:
            _log.warning("webhook not taken", error=str(error))
            return 503
        return 200
