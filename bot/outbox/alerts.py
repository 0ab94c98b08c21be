"""What PagerDuty is asked to ring and told to stop, about incidents and operations; in the deciding transaction."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from bot.config.models import StewardModel
from bot.domain.people import Actor
from bot.outbox import pagerduty
from bot.outbox import service as outbox
from bot.outbox.pagerduty import PagerDutyRoute
from bot.ports import Page
from bot.store import Row, Tx

_INCIDENT = re.compile(r"(INC-[1-9][0-9]{0,11})(?::[1-9][0-9]{0,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PagerKeys:
    """Deduplication keys of one installation, such as `steward-prod:INC-12`; a key without its name is not ours.

    Several installations may share an account of PagerDuty, and each has an INC-1.
    """

    installation: str

    def of(self, subject: str, number: int = 1) -> str:
        """The key of an alert about `INC-12` or `OP-88`; each further page of a subject is an alert of its own."""
        return f"{self.installation}:{subject}" + (f":{number}" if number > 1 else "")

    def incident(self, key: str) -> str | None:
        """The incident that a key of ours is about; None for every other key."""
        own, colon, rest = key.partition(":")
        found = _INCIDENT.fullmatch(rest)
        return found[1] if found and colon and own and own == self.installation else None


@dataclass(frozen=True, slots=True)
class Alert:
    """What a phone that rings says. `subject`: INC-12 or OP-88; `number`: which of its pages; `guard`: the outbox's."""

    subject: str
    number: int
    summary: str
    severity: Literal["critical", "error"] = "critical"
    component: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    guard: tuple[str, int] | None = None
    operation: int | None = None


@dataclass(frozen=True, slots=True)
class PagerPosts:
    """Alerts of one installation. `routes`: on-call roles, roles and people that have a routing key of their own."""

    keys: PagerKeys
    routes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: StewardModel) -> Self | None:
        """As configured; None where PagerDuty is not."""
        if config.pagerduty is None:
            return None
        return cls(PagerKeys(config.installation), frozenset(config.pagerduty.routing_keys))

    def routes_of(self, names: Sequence[str], people: Sequence[Actor]) -> tuple[str, ...]:
        """Whose routing keys reach these people: the names' that stand for them, their own, else the service's."""
        named = [name for name in names if name in self.routes]
        own = [actor.person for actor in people if actor.person in self.routes]
        everybody = (named and len(named) == len(names)) or (own and len(own) == len(people))
        return tuple(dict.fromkeys([*named, *own, *([] if everybody else [""])]))

    def ring(self, tx: Tx, alert: Alert, routes: Sequence[str], now: int) -> None:
        """Ring anew: an alert of its own on every route, where an earlier one of the same subject ends."""
        earlier = tx.all("ringing_alerts", subject=alert.subject)
        for route in routes:
            for row in earlier:
                if row["target"] == route:
                    self._tell(tx, row, "resolve", alert.number, now)
            message = self._trigger(tx, alert, route, now)
            tx.run(
                "put_way",
                message=message,
                subject=alert.subject,
                number=alert.number,
                operation=alert.operation,
                way=PagerDutyRoute.name,
                target=route,
                alert=self.keys.of(alert.subject, alert.number),
            )

    def renew(self, tx: Tx, alerts: Mapping[int, Alert], now: int, *, changed: bool) -> None:
        """Give what is still wanted the incident's new epoch; where its severity changed, tell what has rung of it too.

        Its key makes a second trigger harmless: it rings nobody again.
        """
        for alert in list(alerts.values())[:1]:
            for row in tx.all("ringing_alerts", subject=alert.subject):
                wanted = alerts.get(row["number"])
                progress = tx.one("message_progress", key=row["message"])
                waits = progress is not None and progress["state"] == "open" and not progress["sent_revision"]
                if wanted is not None and row["told"] == "trigger" and (waits or changed):
                    renewed = self._trigger(tx, wanted, row["target"], now)
                    tx.run("alert_renewed", message=row["message"], renewed=renewed)

    def tell(self, tx: Tx, subject: str, event: Literal["acknowledge", "resolve"], *, mark: int, now: int) -> None:
        """Stop its alerts, or end them, whatever is known of their triggers. `mark` tells repeated events apart.

        A trigger whose answer was lost rings all the same; an event about what is unknown there does nothing.
        """
        for row in tx.all("ringing_alerts", subject=subject):
            if event == "resolve" or row["told"] == "trigger":
                self._tell(tx, row, event, mark, now)

    def _tell(self, tx: Tx, row: Row, event: str, mark: int, now: int) -> None:
        outbox.withdraw(tx, row["message"])
        page = Page(event, row["alert"], row["subject"], route=row["target"])
        pagerduty.put(tx, key=f"pagerduty:{row['alert']}:{row['target']}:{event}:{mark}", page=page, now=now)
        tx.run("alert_told", message=row["message"], told=event)

    def _trigger(self, tx: Tx, alert: Alert, route: str, now: int) -> str:
        key = self.keys.of(alert.subject, alert.number)
        page = Page("trigger", key, alert.summary, alert.severity, alert.component, alert.details, route)
        message = f"pagerduty:{key}:{route}:trigger:{alert.guard[1] if alert.guard else 0}"
        pagerduty.put(tx, key=message, page=page, now=now, guard=alert.guard)
        return message
