"""What a person finds on the bot's home tab: open incidents, approvals they may decide, health at a glance."""

from bot.domain.message import Bold, Button, Buttons, Divider, Heading, Line, Message, Moment, Paragraph, Part, Small
from bot.domain.people import Actor
from bot.domain.policy import Policy, Risk
from bot.domain.reading import Reading, Status
from bot.health.messages import Report, headline
from bot.incidents.messages import summary_line
from bot.incidents.service import Incidents
from bot.oncall.directory import Directory
from bot.operations import messages as operation_messages
from bot.operations.service import Operations
from bot.situation.service import Situation
from bot.store import Ledger, Row
from bot.systems import System, Systems

MOST = 10


class Home:
    """Composes the tab from the ledger alone, so that it appears at once.

    Everybody in the workspace can open it, so it shows no more than the policy lets a person ask for.
    """

    def __init__(  # noqa: PLR0917 - the parts it stands on, built once by wiring
        self,
        ledger: Ledger,
        systems: Systems,
        operations: Operations,
        incidents: Incidents,
        situation: Situation,
        directory: Directory,
        policy: Policy,
    ) -> None:
        self._ledger = ledger
        self._systems = systems
        self._directory = directory
        self._policy = policy
        self._operations = operations
        self._incidents = incidents
        self._situation = situation

    async def __call__(self, actor: Actor) -> Message:
        """The tab of one person."""
        access = await self._directory.access(actor)
        if not self._policy.may_take_part(access, Risk.READ).allowed:
            return Message.plain(f"Nothing to see here: {self._policy.may_ask(access, Risk.READ).reason}.")
        if not self._policy.may_ask(access, Risk.READ).allowed:
            return Message("Steward", tuple(await self._decisions(actor)))
        incidents = await self._open_incidents()
        decisions = await self._decisions(actor)
        unknown = await self._unknown()
        return Message("Steward", (*incidents, *unknown, Divider(), *decisions, Divider(), *await self._health()))

    async def _open_incidents(self) -> list[Part]:
        incidents = await self._incidents.unresolved()
        parts: list[Part] = [Heading("Open incidents")]
        titles = {system.name: system.title for system in self._systems.all()}
        parts += [Paragraph((summary_line(it, titles.get(it.system, "")),)) for it in incidents[:MOST]]
        if not incidents:
            parts.append(Paragraph((("🟢 None.",),)))
        parts.append(Buttons((Button("Open incident…", "incident.open_form"),)))
        return parts

    async def _decisions(self, actor: Actor) -> list[Part]:
        pending = await self._operations.pending_for(actor)
        parts: list[Part] = [Heading("Waiting for your decision")]
        for operation in pending[:MOST]:
            parts.append(Paragraph(((Bold(operation.id), f" {operation.plan.title}"),)))
            parts.append(Buttons((Button("Full plan", "operation.plan", operation.token),)))
        reviews = await self._operations.reviews_for(actor)
        for operation in reviews[:MOST]:
            ran = f" {operation.plan.title} was run alone by @{operation.decided_by}; its review waits for a signature"
            parts.append(Paragraph(((Bold(operation.id), ran),)))
            parts.append(Buttons((Button("Sign the review", "operation.review", operation.token),)))
        if not pending and not reviews:
            parts.append(Paragraph((("Nothing.",),)))
        return parts

    async def _unknown(self) -> list[Part]:
        parts: list[Part] = []
        for operation in (await self._operations.unknown())[:MOST]:
            parts.append(Paragraph((operation_messages.unknown_line(operation),)))
            parts.append(Buttons(operation_messages.settling(operation)))
        return [Heading("Outcome unknown"), *parts] if parts else []

    async def _health(self) -> list[Part]:
        parts: list[Part] = [Heading("Health at a glance")]
        reports = [await self._remembered(system) for system in self._systems.all()]
        for report in reports:
            queue = [Button(it.label, it.listener, it.value) for it in report.offers if it.listener == "queue.show"]
            parts.append(Paragraph(((Bold(headline(report)),),)))
            parts.append(Buttons((Button("Health", "health.refresh", report.system), *queue)))
        oldest = min((report.at for report in reports if report.readings), default=None)
        read: Line = ("Read at ", Moment(oldest, "date")) if oldest is not None else ("Not read yet",)
        parts.append(Small((*read, ", once a minute; Health reads anew.")))
        return parts

    async def _remembered(self, system: System) -> Report:
        """The report of its last round, from the ledger, with what stands beside it."""
        rows: list[Row] = await self._ledger.read(lambda tx: tx.all("readings_of", system=system.name))
        known = {**system.checks, **system.queues}  # A check that was taken out of the configuration says nothing.
        readings = [
            Reading(row["check_name"], row["check_name"], Status(row["status"]), at=row["seen_at"])
            for row in rows
            if row["check_name"] in known
        ]
        at = min((reading.at for reading in readings if reading.at is not None), default=0)
        unread = tuple(known.keys() - {reading.check for reading in readings})  # Before the first round.
        report = Report(system.name, system.title, tuple(readings), at, 0, unread, offers=system.offers)
        return await self._situation.around(report)
