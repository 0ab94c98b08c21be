"""A small world for incidents: the shipped matrix, the five people, a clock, and what stands in the outbox."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from bot.config.models import StewardModel
from bot.domain import message_json
from bot.domain.message import Bold, Button, Buttons, Facts, Heading, Mention, Message, Moment, Paragraph, Small
from bot.domain.people import Actor
from bot.domain.reading import Reading
from bot.health.statement import Statement, statement
from bot.incidents.escalation_duty import Escalation
from bot.incidents.model import Severity
from bot.incidents.page_reports import PageReports
from bot.incidents.service import Incidents
from bot.incidents.severity_matrix import Matrix
from bot.incidents.view import IncidentView
from bot.oncall.directory import Directory
from bot.oncall.service import OnCall
from bot.store import Ledger, Row, Tx
from bot.systems import System, Systems
from tests.fakes.clock import FakeClock

MIN = 60_000
PEOPLE = ("engineer", "sre", "lead", "manager", "cto")
ENGINEER, SRE, LEAD, MANAGER, CTO = (Actor(name, f"U0{name.upper()}") for name in PEOPLE)


@dataclass
class FakeChecks:
    """`Checks` of a test: what the newsletter's checks say; nothing where they do not answer in time."""

    clock: FakeClock
    readings: list[Reading] = field(default_factory=list)
    asked: int = 0

    async def of(self, systems: Iterable[str]) -> Mapping[str, Statement]:
        self.asked += 1
        said = statement(self.readings, self.clock.now())
        return dict.fromkeys(systems, said) if self.readings else {}


class NoGroups:
    """`Groups` that cannot be read: escalation policies of the shipped matrix name rotations only."""

    async def members(self, group: str) -> frozenset[str]:
        raise AssertionError(f"nobody needs the group {group}")


def configuration(**changes: Any) -> StewardModel:  # noqa: ANN401 - the raw YAML's own shape
    """The shipped `steward.yaml`, as far as incidents see it."""
    p0 = [{"notify": ["primary"]}, {"notify": ["secondary"], "after": "5m"}]
    p0 += [{"notify": ["manager"], "after": "15m", "unless": "mitigated"}]
    p0 += [{"notify": ["cto"], "after": "30m", "unless": "mitigated"}]
    p1 = [{"notify": ["primary"]}, {"notify": ["secondary"], "after": "15m"}]
    p1 += [{"notify": ["manager"], "after": "30m", "unless": "mitigated"}]
    p2 = [{"notify": ["primary"]}, {"notify": ["secondary"], "after": "1h"}]
    p2 += [{"notify": ["manager"], "after": "2h", "unless": "mitigated"}]
    p3 = [{"notify": ["primary"]}, {"notify": ["secondary"], "after": "4h"}]
    raw = {
        "channel": "C0ALERTS",
        "timezone": "UTC",
        "installation": "steward-test",
        "people": {name: {"slack": [f"U0{name.upper()}"]} for name in PEOPLE},
        "roles": {"engineer": {"group": "S0ENGINEERS"}, "dba": {"people": ["lead"]}},
        "policy": {risk: {"ask": ["engineer"]} for risk in ("read", "change", "p0")},
        "severities": {
            "P0": {"respond": "5m", "escalate": "15m", "stale": "15m", "levels": p0},
            "P1": {"respond": "15m", "escalate": "30m", "stale": "30m", "levels": p1},
            "P2": {"respond": "1h", "escalate": "2h", "page": False, "levels": p2},
            "P3": {"respond": "4h", "escalate": "next business day", "page": False, "levels": p3},
        },
        "oncall": {
            "primary": {"rotation": ["sre"]},
            "secondary": {"rotation": ["lead"]},
            "manager": {"rotation": ["manager"]},
            "cto": {"rotation": ["cto"]},
        },
        "pagerduty": {"routing_key": "key"},
    }
    return StewardModel.model_validate(raw | changes)


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a test of incidents needs."""

    ledger: Ledger
    clock: FakeClock
    incidents: Incidents
    escalation: Escalation
    oncall: OnCall
    matrix: Matrix
    checks: FakeChecks

    @classmethod
    def build(cls, ledger: Ledger, clock: FakeClock, config: StewardModel | None = None) -> "World":
        """Wire the services as the bot does, over this ledger."""
        model = config or configuration()
        oncall = OnCall(model, Directory(model, NoGroups(), clock, ledger), clock)
        matrix = Matrix(model)
        systems = Systems({"newsletter": System("newsletter", "Newsletter")})
        checks = FakeChecks(clock)
        incidents = Incidents(ledger, clock, model, systems=systems, oncall=oncall, matrix=matrix, checks=checks)
        escalation = Escalation(ledger, oncall, incidents.steps, checks)
        return cls(ledger, clock, incidents, escalation, oncall, matrix, checks)

    async def open(self, severity: str = "P0", title: str = "mail stopped") -> IncidentView:
        """Open an incident of the newsletter as the engineer."""
        return await self.incidents.open(title, Severity(severity), ENGINEER, system="newsletter")

    async def settle(self) -> None:
        """Let the duty do everything that is due now."""
        for _ in range(100):
            due = await self.escalation.next_due()
            if due is None or due > self.clock.now():
                return
            await self.escalation.run(self.clock.now())
        raise AssertionError("the duty does not come to rest")

    async def passes(self, minutes: float) -> None:
        """Let time pass, stopping at each due moment as the engine does."""
        target = self.clock.now() + round(minutes * MIN)
        while True:
            await self.settle()
            due = await self.escalation.next_due()
            if due is None or due > target:
                break
            self.clock.advance(due - self.clock.now())
        self.clock.advance(target - self.clock.now())

    async def outbox(self) -> list[Row]:
        """Every message that is not withdrawn, in the order it was put there."""
        rows = execute(self.ledger, "select * from message order by created_at, key")
        return [row for row in rows if row["state"] != "withdrawn"]

    async def sends(self) -> None:
        """Play the sender: what waits has been posted now, unless the incident's epoch moved on."""
        execute(self.ledger, _SEND)

    async def keys(self, lane: str = "page") -> list[str]:
        """Keys of the messages of a lane that go to the channel."""
        return [row["key"] for row in await self.outbox() if row["lane"] == lane and row["channel"] == "C0ALERTS"]

    async def pager(self) -> list[str]:
        """Events handed to PagerDuty."""
        return [event["event"] for event in await self.events()]

    async def events(self) -> list[dict[str, str]]:
        """The same, with all that they say."""
        rows = sorted(await self.outbox(), key=lambda row: int(row["position"]))
        return [json.loads(row["body"]) for row in rows if row["route"] == "pagerduty"]

    async def reports(self) -> None:
        """Let the duty tell what became of the pages."""
        await PageReports(self.ledger, self.oncall, self.incidents.posts, self.incidents.steps).run(self.clock.now())

    async def message(self, key: str) -> Message:
        """One message of the outbox as it stands."""
        body = next(row["body"] for row in await self.outbox() if row["key"] == key)
        return message_json.load(body)


def text_of(part: object) -> str:
    """Everything that a person reads in a message or a part of it, flat; a mention that pings as `<@name>`."""
    match part:
        case str(text) | Heading(text) | Bold(text):
            shown = text
        case Mention(person):
            shown = f"<@{person}>"
        case Moment(at):
            shown = datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M")
        case Message(_, parts) | Paragraph(parts):
            shown = "\n".join(text_of(item) for item in parts)
        case Facts(pairs):
            shown = "\n".join(f"{label}: {text_of(line)}" for label, line in pairs)
        case Buttons(items):
            shown = " ".join(f"[{item.label}]" for item in items if isinstance(item, Button))
        case Small(line):
            shown = text_of(line)
        case tuple():
            shown = "".join(text_of(item) for item in part)
        case _:
            shown = f"({type(part).__name__})"
    return shown


def button_of(message: Message, label: str) -> Button:
    """The button with this label."""
    items = [item for part in message.parts if isinstance(part, Buttons) for item in part.items]
    return next(item for item in items if isinstance(item, Button) and item.label == label)


def execute(ledger: Ledger, sql: str) -> list[Row]:
    """SQL of a test on either database: the ledger itself runs named statements only."""

    def work(tx: Tx) -> list[Row]:
        cursor = cast("Any", tx)._connection.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []

    return ledger._driver.transact(work, write=True, patience=1.0)


_SEND = """update message set sent_revision = wanted_revision, ts = '1.0', posted_channel = channel
    where state = 'open' and sent_revision < wanted_revision and (guard_epoch is null or guard_epoch = (
        select epoch from incident where incident.id = message.guard_incident))"""
