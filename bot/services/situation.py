"""How a system stands, for those who do not ask: the last change, the open incident, scheduled summaries, evidence."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain import operation_messages
from bot.domain.health import Report, body, headline, overview_message
from bot.domain.incident import Incident
from bot.domain.message import Inline, Line, Mention, Message, Moment, Paragraph
from bot.domain.operation import Operation
from bot.domain.statement import Statement, statement
from bot.domain.timing import span
from bot.services.health import Health
from bot.services.incidents import Incidents
from bot.services.operations import Operations


class Situation:
    """Reads across health, operations and incidents."""

    def __init__(self, health: Health, operations: Operations, incidents: Incidents) -> None:
        self._health = health
        self._operations = operations
        self._incidents = incidents

    async def context(self, system: str) -> tuple[Line, ...]:
        """`Last change: app v41, @sre 02:38 · INC-12 P0, nobody has it yet`; above it each unknown outcome."""
        changed = await self._operations.last_change(system)
        incidents = [incident for incident in await self._incidents.unresolved() if incident.system == system]
        told: list[Inline] = []
        if changed is not None:
            told += ["Last change: ", *_change(changed)]
        for incident in incidents[:2]:
            told += [" · " if told else "", *_incident(incident)]
        unknown = [operation_messages.unknown_line(each) for each in await self._operations.unknown(system)]
        return (*unknown, *((tuple(told),) if told else ()))

    async def reports(self, systems: Sequence[str]) -> list[Report]:
        """Whole reports with their context."""
        reports = await self._health.whole(systems)
        return [replace(report, context=await self.context(report.system)) for report in reports]

    async def evidence(self, system: str) -> tuple[Message, Statement]:
        """What the checks say now, for the thread of an incident that has just been opened, and in one line."""
        report = (await self.reports([system]))[0]
        first: Line = (headline(report), ", read at ", Moment(report.at, "seconds", report.at))
        parts = (*body(report), *((Paragraph(report.context),) if report.context else ()))
        return Message(headline(report), (Paragraph((first,)), *parts)), statement(report.readings, report.at)

    async def suspect(self, system: str, at: int) -> str:
        """The last change before `at` as one line: `roll app back to v40 (succeeded) by @sre, 3 min before`."""
        changed = await self._operations.last_change(system)
        when = None if changed is None else changed.finished_at or changed.started_at or changed.created_at
        if changed is None or when is None or when > at:
            return ""
        return f"{changed.plan.title} ({changed.state.value}) by @{changed.requester.person}, {span(at - when)} before"

    async def overview(self, systems: Sequence[str]) -> Message:
        """Several systems in one message for everybody."""
        return overview_message(await self.reports(systems), private=False)


def _change(operation: Operation) -> Line:
    who = Mention(operation.requester.person)
    when = operation.finished_at or operation.started_at or operation.created_at
    return (f"{operation.plan.title} ({operation.state.value}), ", who, " ", Moment(when))


def _incident(incident: Incident) -> Line:
    owner: Line = (Mention(incident.owner.person), " has it") if incident.owner else ("nobody has it yet",)
    return (f"{incident.id} {incident.severity}, ", *owner)
