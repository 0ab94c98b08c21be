"""A bot with two systems in memory: what a test of operations acts on and looks at."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.config.models import PagerDutyModel, PersonModel, PolicyModel, RoleModel, RuleModel, StewardModel
from bot.domain import message_json
from bot.domain.message import Bold, Button, Buttons, Line, Mention, Message, Moment, Paragraph, Small
from bot.domain.people import Actor
from bot.domain.policy import Policy, Risk, Rule
from bot.domain.timing import MINUTE
from bot.oncall.directory import Directory
from bot.operations.action import ActionKind, Actions
from bot.operations.actions import ACTIONS
from bot.operations.actions.restart import Restart
from bot.operations.actions.roll_back import RollBack
from bot.operations.model import Operation, State
from bot.operations.ports import OpenIncident
from bot.operations.service import Operations
from bot.ports import Job
from bot.store import Ledger, Tx, queries
from bot.systems import Component, QueueLimits, System, Systems, WatchedQueue
from tests.fakes.clock import FakeClock
from tests.fakes.groups import FakeGroups
from tests.fakes.production import FakeDeployments, FakeHealth, FakeQueue, FakeRestarter

# What a test looks at; the bot itself never reads these whole.
queries.statements()["test_locks"] = "select name, operation from operation_lock order by name"
queries.statements()["test_messages"] = (
    "select key, channel, body from message where route = 'slack' order by created_at, key"
)
queries.statements()["test_events"] = "select body from message where route = 'pagerduty' order by position"
queries.statements()["test_lane"] = "select lane, thread_key from message where key = :key"
queries.statements()["test_audit"] = "select actor, kind, subject from audit order by written, kind"
queries.statements()["test_details"] = "select * from audit where kind = :kind order by id"
queries.statements()["test_message"] = (
    "select created_at, channel, fallback, thread_key, lane from message where key = :key"
)
queries.statements()["test_approvals"] = "select person, at, via from operation_approval order by at, person"

ENGINEER, SRE, LEAD, MANAGER = (Actor(name, f"U0{name.upper()}") for name in ("engineer", "sre", "lead", "manager"))
STRANGER = Actor("U0STRANGER", "U0STRANGER")
SECOND_ACCOUNT = "U0LEAD2"
EVERYBODY = {"U0ENGINEER", "U0SRE", "U0LEAD", SECOND_ACCOUNT, "U0MANAGER"}


class FakeIncidents:
    """At most one open incident per system."""

    def __init__(self) -> None:
        self.open: dict[str, OpenIncident] = {}

    def of_system(self, tx: Tx, system: str) -> OpenIncident | None:
        del tx
        return self.open.get(system)

    def severity(self, tx: Tx, incident: str) -> str:
        del tx
        return next((each.severity for each in self.open.values() if each.id == incident), "")


class FakeOnCall:
    """sre is on call, then lead, then manager."""

    def __init__(self) -> None:
        self.people = [("primary", SRE), ("secondary", LEAD), ("manager", MANAGER)]

    def levels(self, at: int) -> list[tuple[str, Actor]]:
        del at
        return self.people


def rules(approvals: int = 1) -> Policy:
    """Engineers may ask, approvers approve."""
    ask = frozenset({"engineer"})
    return Policy(
        {
            Risk.READ: Rule(ask),
            Risk.CHANGE: Rule(ask),
            Risk.P0: Rule(ask, frozenset({"approver"}), approvals),
        },
        {},
    )


def configuration() -> StewardModel:
    """As little as operations read of it."""
    ask = RuleModel(ask=("engineer",))
    people = {
        "engineer": PersonModel(slack=("U0ENGINEER",)),
        "sre": PersonModel(slack=("U0SRE",)),
        "lead": PersonModel(slack=("U0LEAD", SECOND_ACCOUNT)),
        "manager": PersonModel(slack=("U0MANAGER",)),
    }
    return StewardModel(
        channel="C0ALERTS",
        people=people,
        roles={"engineer": RoleModel(group="S0ENGINEERS"), "approver": RoleModel(group="S0APPROVERS")},
        policy=PolicyModel(read=ask, change=ask, p0=RuleModel(ask=("engineer",), approve=("approver",))),
        severities={},
        oncall={"primary": {"rotation": ("sre",)}},
        installation="steward-test",
        pagerduty=PagerDutyModel(routing_key="service", routing_keys={"secondary": "second"}),
    )


@dataclass
class World:
    """Everything around one `Operations`, and a second one as after a restart or on another replica."""

    ledger: Ledger
    clock: FakeClock
    policy: Policy = field(default_factory=rules)
    web: FakeDeployments = field(default_factory=FakeDeployments)
    docker: FakeRestarter = field(default_factory=lambda: FakeRestarter(["worker", "postgres"]))
    queue: FakeQueue = field(default_factory=FakeQueue)
    health: FakeHealth = field(default_factory=FakeHealth)
    incidents: FakeIncidents = field(default_factory=FakeIncidents)
    oncall: FakeOnCall = field(default_factory=FakeOnCall)
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    groups: FakeGroups = field(
        default_factory=lambda: FakeGroups(
            {"S0ENGINEERS": set(EVERYBODY), "S0APPROVERS": {"U0LEAD", SECOND_ACCOUNT, "U0MANAGER"}}
        )
    )

    def __post_init__(self) -> None:
        self.systems = Systems({"shop": self._system()})
        self.directory = Directory(configuration(), self.groups, self.clock, self.ledger)
        self.operations = self.replica("one")

    def replica(self, owner: str, actions: Sequence[ActionKind] = ACTIONS) -> Operations:
        """Another process on the same ledger, which may know other actions."""
        return Operations(
            self.ledger,
            self.clock,
            self.policy,
            self.directory,
            self.oncall,
            self.health,
            Actions(actions, self.systems, self.clock),
            configuration(),
            owner,
            acknowledging=self.acknowledging,
            incidents=self.incidents,
        )

    async def acknowledging(self, incident: str, actor: Actor) -> Callable[[Tx], None]:
        """Remember who has which incident, once the transaction says so."""
        assert incident, "only what belongs to an incident acknowledges one"
        return lambda tx: self.acknowledged.append((incident, actor.person)) if tx else None

    def _system(self) -> System:
        return System(
            "shop",
            "Shop",
            queues={"jobs": WatchedQueue("jobs", self.queue, QueueLimits(), self.queue, self.queue)},
            components={
                "web": Component("web", deployments=self.web, publishing=self.web, verify=("web",)),
                "worker": Component("worker", restarter=self.docker, service="worker", verify=("containers",)),
                "postgres": Component("postgres", restarter=self.docker, service="postgres", database=True),
            },
        )

    def roll_back(self, release: str = "v40") -> RollBack:
        """The p0 of most tests."""
        return RollBack(self.systems, "shop", "web", release)

    async def restart(self, *components: str) -> Restart:
        """The change of most tests."""
        return await Restart.of(self.systems, "shop", components or ("worker",))

    async def asked(self, requester: Actor = SRE, reason: str = "503", release: str = "v40") -> Operation:
        """A rollback that waits for approval."""
        return await self.operations.propose(self.roll_back(release), requester, reason)

    async def work(self, replica: Operations | None = None) -> None:
        """Cycles of the engine until nothing more happens now."""
        running = replica or self.operations
        for _ in range(4):
            while await running.timers.run(self.clock.now()):
                pass
            await running.execution.run(self.clock.now())
            await running.execution.idle()

    async def state(self, operation: Operation) -> State:
        """Where it stands now."""
        return (await self.now(operation)).state

    async def now(self, operation: Operation) -> Operation:
        """The operation as stored."""
        return await self.operations.find(operation.token)

    async def messages(self) -> dict[str, tuple[str, Message]]:
        """Every message of the outbox by key: its channel and what it says now."""
        rows = await self.ledger.read(lambda tx: tx.all("test_messages"))
        return {row["key"]: (row["channel"], message_json.load(row["body"])) for row in rows}

    async def rung(self) -> list[tuple[str, str, str]]:
        """Event, key and route of everything that PagerDuty is told, in order."""
        rows = await self.ledger.read(lambda tx: tx.all("test_events"))
        events = [json.loads(row["body"]) for row in rows]
        return [(each["event"], each["key"], each["route"]) for each in events]

    async def sees(self, key: str) -> str:
        """The text of one message."""
        return said((await self.messages())[key][1])

    async def lane(self, key: str) -> str:
        """The lane in which a message goes."""
        row = await self.ledger.read(lambda tx: tx.one("test_lane", key=key))
        return str(row["lane"]) if row else ""

    async def thread(self, key: str) -> str:
        """The key of the message in whose thread a message stands."""
        row = await self.ledger.read(lambda tx: tx.one("test_lane", key=key))
        return str(row["thread_key"]) if row else ""

    async def audit(self) -> list[tuple[str, str, str]]:
        """Actor, kind and subject of each audit row, in order."""
        rows = await self.ledger.read(lambda tx: tx.all("test_audit"))
        return [(row["actor"], row["kind"], row["subject"]) for row in rows]

    async def details(self, kind: str) -> list[tuple[int, str, str, str, dict[str, Any]]]:
        """When, who, by which way, of what and the details of each audit row of one kind."""
        rows = await self.ledger.read(lambda tx: tx.all("test_details", kind=kind))
        return [(row["at"], row["actor"], row["via"], row["subject"], json.loads(row["detail"])) for row in rows]

    async def row(self, number: int = 1) -> dict[str, Any]:
        """The row of an operation, as the ledger holds it."""
        row = await self.ledger.read(lambda tx: tx.one("operation_by_number", number=number))
        return dict(row or {})

    async def approvals(self) -> list[tuple[str, int, str]]:
        """Who approved anything, when and by which way."""
        rows = await self.ledger.read(lambda tx: tx.all("test_approvals"))
        return [(row["person"], row["at"], row["via"]) for row in rows]

    async def sent(self, key: str) -> dict[str, Any]:
        """When a message was written, and where it goes."""
        row = await self.ledger.read(lambda tx: tx.one("test_message", key=key))
        return dict(row or {})

    async def locks(self) -> list[str]:
        """The names of the locks that are held."""
        return [row["name"] for row in await self.ledger.read(lambda tx: tx.all("test_locks"))]


def said(message: Message) -> str:
    """A message as plain text, buttons as `[label]`."""
    told: list[str] = []
    for part in message.parts:
        if isinstance(part, Paragraph):
            told += [_line(line) for line in part.lines]
        elif isinstance(part, Small):
            told.append(_line(part.line))
        elif isinstance(part, Buttons):
            told.append(" ".join(f"[{item.label}]" for item in part.items if isinstance(item, Button)))
        elif hasattr(part, "text"):
            told.append(part.text)
    return "\n".join(told)


def _line(line: Line) -> str:
    return "".join(_inline(item) for item in line)


def _inline(item: Any) -> str:  # noqa: ANN401 - any of the inline primitives
    if isinstance(item, Mention):
        return f"@{item.person}"
    if isinstance(item, Moment):
        return f"<{item.at}>"
    return item.text if isinstance(item, Bold) else str(getattr(item, "text", item))


def jobs(clock: FakeClock, *ids: str, age: int = 60 * MINUTE) -> list[Job]:
    """Entries of a queue that are `age` old."""
    since = clock.now() - age
    return [Job(each, f"job {each}", since=since, payload=json.dumps({"id": each}), score=float(since)) for each in ids]
