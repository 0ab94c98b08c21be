"""How a system stands, for those who do not ask: the last change, the open incident, scheduled summaries, evidence."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.errors import BotError, Unavailable, Unreachable
from bot.domain.message import Inline, Line, Mention, Message, Moment, Paragraph
from bot.domain.reading import Status
from bot.domain.timing import DAY
from bot.health.messages import Concern, Report, body, headline, overview_message
from bot.health.service import Health
from bot.health.statement import Statement, statement
from bot.incidents.messages import concern
from bot.incidents.model import Incident, Suspect
from bot.incidents.service import Incidents
from bot.operations import messages as operation_messages
from bot.operations.model import Operation
from bot.operations.service import Operations
from bot.ports import Deployments, Release
from bot.systems import Systems

SUSPECT_WITHIN = DAY
RELEASES_WITHIN = 5.0
"""Seconds that a provider gets to tell its releases."""


class Situation:
    """Reads across health, operations and incidents."""

    def __init__(self, health: Health, operations: Operations, incidents: Incidents, systems: Systems) -> None:
        self._health = health
        self._operations = operations
        self._incidents = incidents
        self._systems = systems

    async def around(self, report: Report) -> Report:
        """With what stands beside the readings: unknown outcomes, the last change, open incidents.

        `Last change: app v41, @sre 02:38 · INC-12 P0, nobody has it yet`.
        """
        system = report.system
        try:
            changed = await self._operations.last_change(system)
            incidents = [incident for incident in await self._incidents.unresolved() if incident.system == system]
            unknown = await self._operations.unknown(system)
        except Unavailable:
            # Whoever asks how production is may not be answered by the bot's own trouble alone.
            missing = Concern(Status.UNKNOWN, "the bot's ledger does not answer, so incidents are not known")
            return replace(report, concerns=(missing,))
        told: list[Inline] = []
        if changed is not None:
            told += ["Last change: ", *_change(changed, report.at)]
        for incident in incidents[:2]:
            told += [" · " if told else "", *_incident(incident)]
        lines = [operation_messages.unknown_line(each) for each in unknown]
        concerns = [concern(incident) for incident in incidents]
        concerns += [Concern(Status.WARNING, f"{each.id} has an unknown outcome") for each in unknown]
        return replace(report, context=(*lines, *((tuple(told),) if told else ())), concerns=tuple(concerns))

    async def reports(self, systems: Sequence[str]) -> list[Report]:
        """Whole reports with their context."""
        reports = await self._health.whole(systems)
        return [await self.around(report) for report in reports]

    async def evidence(self, system: str) -> tuple[Message, Statement]:
        """What the checks say now, for the thread of an incident that has just been opened, and in one line."""
        report = (await self.reports([system]))[0]
        first: Line = (headline(report), ", read at ", Moment(report.at, "seconds", report.at))
        parts = (*body(report), *((Paragraph(report.context),) if report.context else ()))
        return Message(headline(report), (Paragraph((first,)), *parts)), statement(report.readings, report.at)

    async def suspect(self, system: str, at: int) -> Suspect:
        """The newest change as of `at`: `web released dep-41 New preview grid`, and when.

        What the providers released within a day comes first, whoever released it; an operation where it came later.
        """
        released, unread = await self._released(system, at)
        changed = await self._operations.last_change(system)
        when = None if changed is None else changed.finished_at or changed.started_at or changed.created_at
        told, came = "", None
        if released is not None and (when is None or when > at or released.at >= when):
            told, came = f"{released.component} released {released.label}", released.at
        elif changed is not None and when is not None and when <= at:
            told, came = f"{changed.plan.title} ({changed.state.value}) by @{changed.requester.person}", when
        missing = f"releases of {', '.join(unread)} could not be read" if unread else ""
        return Suspect("; ".join(text for text in (missing, told) if text), came)

    async def _released(self, system: str, at: int) -> tuple["_Released | None", list[str]]:
        """The newest release that runs and came within a day before `at`, and the components that do not tell."""
        sources = {
            component.name: component.deployments
            for component in self._systems[system].components.values()
            if component.deployments is not None
        }
        found = await asyncio.gather(*(_current(source) for source in sources.values()))
        unread = [name for name, each in zip(sources, found, strict=True) if isinstance(each, BotError)]
        known = [
            _Released(name, each.label, each.created)
            for name, each in zip(sources, found, strict=True)
            if isinstance(each, Release) and each.created is not None and at - SUSPECT_WITHIN <= each.created <= at
        ]
        return max(known, key=lambda each: each.at, default=None), unread

    async def overview(self, systems: Sequence[str]) -> Message:
        """Several systems in one message for everybody."""
        return overview_message(await self.reports(systems), private=False)


@dataclass(frozen=True, slots=True)
class _Released:
    """A release as a suspect: what it is called, and when it came."""

    component: str
    label: str
    at: int


async def _current(source: Deployments) -> Release | BotError | None:
    """The release that runs now, or why that is not told."""
    try:
        async with asyncio.timeout(RELEASES_WITHIN):
            return next((each for each in await source.releases() if each.current), None)
    except TimeoutError:
        return Unreachable(f"no answer within {RELEASES_WITHIN:.0f} s")
    except BotError as error:
        return error


def _change(operation: Operation, now: int) -> Line:
    who = Mention(operation.requester.person)
    when = operation.finished_at or operation.started_at or operation.created_at
    return (f"{operation.plan.title} ({operation.state.value}), ", who, " ", Moment(when, now=now))


def _incident(incident: Incident) -> Line:
    owner: Line = (Mention(incident.owner.person), " has it") if incident.owner else ("nobody has it yet",)
    return (f"{incident.id} {incident.severity}, ", *owner)
