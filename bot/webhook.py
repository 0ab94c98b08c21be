"""PagerDuty's v3 webhook: an acknowledgement there counts here."""

import structlog

from adapters.pagerduty_webhook import SIGNATURE_HEADER, pager_event, signed
from bot.config.models import PagerDutyModel
from bot.domain.errors import BadAnswer, BotError
from bot.domain.people import Actor
from bot.services.incidents import Incidents

_log = structlog.get_logger(__name__)


class PagerDutyWebhook:
    """Takes headers and body, gives the HTTP status."""

    def __init__(self, model: PagerDutyModel, incidents: Incidents) -> None:
        self._model = model
        self._incidents = incidents

    async def __call__(self, headers: dict[str, str], body: bytes) -> int:
        """200 taken, 400 unreadable, 401 not signed by PagerDuty, 503 to have it sent again."""
        given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE_HEADER, "")
        if not signed(given, body, self._model.webhook_secret):
            return 401
        try:
            event = pager_event(body)
            if event.kind == "acknowledged":
                who = Actor(event.who or "PagerDuty", via="pagerduty")
                await self._incidents.acknowledged_elsewhere(event.key, who, event=event.once)
        except BadAnswer:
            return 400
        except BotError as error:
            _log.warning("webhook not taken", error=str(error))
            return 503
        return 200
