"""Incidents: open, acknowledge, change, mitigate, resolve, pass on, page; each one transaction with its messages."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from bot.audit import service as audit
from bot.config.models import StewardModel
from bot.domain.errors import Conflict, NotFound, UsageError
from bot.domain.one_line import one_line
from bot.domain.people import Actor, called
from bot.domain.reading import Status
from bot.health.statement import Statement
from bot.incidents import lookup as incident_lookup
from bot.incidents import rows as incident_rows
from bot.incidents import transitions as incident_life
from bot.incidents.checks import Checks
from bot.incidents.escalation import Step, following_level, next_step
from bot.incidents.model import Event, Incident, Reference, Severity, State
from bot.incidents.posts import IncidentPosts
from bot.incidents.severity_matrix import Matrix
from bot.incidents.steps import IncidentSteps
from bot.incidents.view import IncidentView, names_of
from bot.oncall.service import OnCall, Roster
from bot.outbox.alerts import PagerPosts
from bot.ports import Clock
from bot.store import Ledger, Tx
from bot.systems import Systems

TITLE_LIMIT = 200
TEXT_LIMIT = 2_000
IMPACT_LIMIT = 1_500


DECISIONS = frozenset({"acknowledged", "passed_on", "mitigated", "resolved", "reopened"})
"""Kinds of events that answer whether it is over."""


class _Options(TypedDict, total=False):
    """What a change may do beside its transition; see `Incidents._prepared`."""

    page_next: bool
    fresh: bool
    once: str
    guard: Callable[[Tx, Incident], None] | None
    also: Callable[[Tx], None] | None


@dataclass(frozen=True, slots=True)
class Silence:
    """What a lowered severity does to the paging: when the next person is told (epoch ms)."""

    next_at: int | None


class Incidents:
    """What people do with incidents. `posts` and `steps` are shared with the duties that work on incidents."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        config: StewardModel,
        *,
        systems: Systems,
        oncall: OnCall,
        matrix: Matrix,
        checks: Checks,
    ) -> None:
        self._ledger = ledger
        self._checks = checks
        self._clock = clock
        self._oncall = oncall
        self._systems = systems
        self._channel = config.channel
        self.posts = IncidentPosts(config.channel, matrix, systems, PagerPosts.of(config))
        self.steps = IncidentSteps(self.posts)

    async def open(
        self,
        title: str,
        severity: Severity,
        actor: Actor,
        *,
        system: str = "",
        impact: str = "",
        receipt: str | None = None,
    ) -> IncidentView:
        """Open one: row, header and the page at minute 0 in one transaction; its channel and evidence follow later."""
        self.posts.matrix[severity]  # Raises NotFound for one that is not configured.
        if system:
            self._systems[system]  # Raises NotFound with the nearest name.
        said = (await self._checks.of([system])).get(system)
        roster, now = await self._oncall.roster(), self._clock.now()

        def work(tx: Tx) -> IncidentView:
            number = incident_rows.next_number(tx)
            incident = Incident(
                id=f"INC-{number}",
                number=number,
                title=one_line(title)[:TITLE_LIMIT],
                system=system,
                severity=severity,
                state=State.OPEN,
                epoch=1,
                token=secrets.token_urlsafe(12),
                opened_at=now,
                opened_by=actor,
                planned_from=now,
                room_wanted=severity.has_room,
                impact=one_line(impact)[:IMPACT_LIMIT],
            )
            incident_rows.insert(tx, incident, channel=self._channel, due_at=now)
            opening = {"severity": severity.value, "system": system, "title": incident.title}
            self._note(tx, incident, actor, now, kind="opened", text=f"opened it as {severity}", detail=opening)
            # The header stands even where nobody is told before the morning.
            self.posts.header(tx, self.posts.view(tx, incident, roster, now))
            incident = incident_rows.set_checks(tx, incident, said)
            incident = self._catch_up(tx, incident, roster, now, actor)
            return self.posts.view(tx, incident, roster, now)

        return await self._ledger.write(work, receipt=receipt)

    async def acknowledge(self, reference: Reference, actor: Actor, *, receipt: str | None = None) -> IncidentView:
        """`actor` has it."""

        def text(before: Incident) -> str:
            if before.owner is None:
                return "has it"
            return (
                "is still on it"
                if before.owner.person == actor.person
                else f"took it over from {called(before.owner.person)}"
            )

        return await self._change(
            reference,
            actor,
            "acknowledged",
            lambda incident, now: incident_life.acknowledge(incident, actor, now),
            text,
            receipt=receipt,
        )

    async def change_severity(
        self, reference: Reference, severity: Severity, actor: Actor, *, reason: str, receipt: str | None = None
    ) -> IncidentView:
        """Another severity, another plan, and why; what the clocks have come to stands."""
        self.posts.matrix[severity]  # Raises NotFound for one that is not configured.
        why = one_line(reason)[:TEXT_LIMIT]
        if not why:
            raise UsageError(f"Say why: /incident severity INC-1 {severity} half of the mail is lost")
        return await self._change(
            reference,
            actor,
            "severity",
            lambda incident, now: incident_life.change_severity(
                incident, severity, now, policy=self.posts.matrix[incident.severity]
            ),
            lambda before: f"changed the severity from {before.severity} to {severity}: {why}",
            fresh=True,
            receipt=receipt,
        )

    async def reopen(
        self,
        reference: Reference,
        actor: Actor,
        *,
        severity: Severity | None = None,
        text: str = "",
        receipt: str | None = None,
    ) -> IncidentView:
        """It is broken again: clocks and paging start anew, by another `severity` where a worse one is given."""

        def worse(incident: Incident) -> Severity:
            # By an old button: it may have become worse meanwhile, and lowering it is another question.
            return min(severity or incident.severity, incident.severity, key=lambda each: each.rank)

        def transition(incident: Incident, now: int) -> Incident:
            policy = self.posts.matrix[incident.severity]
            again = incident_life.reopen(incident, now, policy=policy)
            if worse(incident) is incident.severity:
                return again
            return incident_life.change_severity(again, worse(incident), now, policy=policy)

        return await self._change(
            reference,
            actor,
            "reopened",
            transition,
            lambda before: _with(f"reopened it as {worse(before)}" if severity else "reopened it", text),
            fresh=True,
            receipt=receipt,
        )

    async def update(
        self, reference: Reference, text: str, actor: Actor, *, impact: str = "", receipt: str | None = None
    ) -> IncidentView:
        """How it stands now, and what it means for people outside."""
        if not text.strip() and not impact.strip():
            raise UsageError("An update needs a text: /incident update INC-1 the queue drains again")

        def transition(incident: Incident, now: int) -> Incident:
            changed = incident_life.update(incident, now)
            return replace(changed, impact=one_line(impact)[:IMPACT_LIMIT]) if impact.strip() else changed

        said = one_line(text)[:TEXT_LIMIT] or f"impact: {one_line(impact)[:IMPACT_LIMIT]}"
        return await self._change(reference, actor, "update", transition, lambda _: said, receipt=receipt)

    async def mitigate(
        self,
        reference: Reference,
        actor: Actor,
        *,
        text: str = "",
        despite: Sequence[str] = (),
        receipt: str | None = None,
    ) -> IncidentView:
        """The harm is stopped. `despite`: the checks that were still critical, as the person was told."""
        return await self._change(
            reference,
            actor,
            "mitigated",
            lambda incident, now: incident_life.mitigate(incident, actor, now),
            lambda _: _with("mitigated it", text, despite),
            receipt=receipt,
        )

    async def resolve(
        self,
        reference: Reference,
        actor: Actor,
        *,
        text: str = "",
        despite: Sequence[str] = (),
        receipt: str | None = None,
    ) -> IncidentView:
        """It is over. `despite`: as of `mitigate`."""
        return await self._change(
            reference,
            actor,
            "resolved",
            lambda incident, now: incident_life.resolve(incident, actor, now),
            lambda _: _with("resolved it", text, despite),
            receipt=receipt,
        )

    async def pass_on(
        self, reference: Reference, actor: Actor, *, ping: int | None = None, receipt: str | None = None
    ) -> IncidentView:
        """`actor` cannot take it: whoever comes next is paged at once.

        `ping`: the page that they answered. Where somebody has been paged since, a second tap pages nobody further.
        """

        def newest(tx: Tx, incident: Incident) -> None:
            pages = [each for each in incident_rows.pings(tx, incident.id) if each.pages]
            if ping is not None and incident.owner is None and pages and pages[-1].number != ping:
                told = names_of(pages[-1].people)
                raise Conflict(f"{incident.id} has moved on: {told} (level {pages[-1].level}) is paged already.")

        return await self._change(
            reference,
            actor,
            "passed_on",
            lambda incident, _: incident_life.pass_on(incident, actor),
            lambda _: "cannot take it and passed it on",
            page_next=True,
            fresh=True,
            guard=newest,
            receipt=receipt,
        )

    async def want_room(self, reference: Reference, actor: Actor, *, receipt: str | None = None) -> IncidentView:
        """A channel of its own, which P2 and P3 get only when somebody asks for it."""
        return await self._change(
            reference,
            actor,
            "room",
            lambda incident, _: incident_life.want_room(incident),
            lambda _: "asked for a channel of its own",
            receipt=receipt,
        )

    async def page_next(
        self, reference: Reference, actor: Actor, *, level: int | None = None, receipt: str | None = None
    ) -> IncidentView:
        """Page the next level now. `level`: what the person saw; if that was paged meanwhile, nobody else is."""
        said = await self._said(reference)
        roster, now = await self._oncall.roster(), self._clock.now()

        def work(tx: Tx) -> IncidentView:
            incident = incident_lookup.locked(tx, reference)
            if not incident.active:
                raise Conflict(f"{incident.id} is {incident.state}; nobody is paged for it any more.")
            following = following_level(self.posts.matrix[incident.severity], incident)
            if level is not None and level != following:
                raise Conflict(f"{incident.id} has moved on: level {level} was paged already. The next is {following}.")
            incident = incident_rows.set_checks(tx, incident, said)
            moved = self._page(tx, incident, roster, now, actor)
            return self.posts.view(tx, moved, roster, now)

        return await self._ledger.write(work, receipt=receipt)

    async def acknowledged_elsewhere(
        self, incident_id: str, who: Actor, *, event: str, alert: str = "", occurred_at: int | None = None
    ) -> bool:
        """An acknowledgement that arrived through the pager; False where there was nothing left to acknowledge.

        Each `event` counts once: repeated after the incident was passed on, it would silence the paging. So would one
        that is delivered late, by `occurred_at`. `alert`: the key of what was acknowledged there.
        """

        def first(incident: Incident, now: int) -> Incident:
            if incident.state is not State.OPEN:
                raise Conflict(f"{incident.id} is {incident.state} already.")
            return incident_life.acknowledge(incident, who, now)

        def seen(tx: Tx) -> None:
            tx.run("alert_seen", subject=incident_id, alert=alert, seen_by=who.person)

        def seen_late(tx: Tx) -> None:
            # It counts for nothing more, and is shown all the same.
            if tx.run("note_pager_event", id=event, at=now):
                seen(tx)

        reference, now = Reference(id=incident_id), self._clock.now()
        options = _Options(once=event, guard=_not_late(alert, occurred_at), also=seen)
        try:
            await self._change(reference, who, "acknowledged", first, lambda _: "has it", **options)
        except Conflict:
            await self._ledger.write(seen_late)
            return False
        except NotFound:
            return False
        return True

    async def resolved_elsewhere(
        self, incident_id: str, who: Actor, *, event: str, alert: str = "", occurred_at: int | None = None
    ) -> bool:
        """Somebody resolved it at the pager: they have it, and are asked whether it is over here as well.

        False where it is over, or where this `event` was heard before or comes late, as of `acknowledged_elsewhere`.
        """

        def taken(incident: Incident, now: int) -> Incident:
            if incident.state is State.RESOLVED:
                raise Conflict(f"{incident.id} is over.")
            return incident_life.acknowledge(incident, who, now) if incident.state is State.OPEN else incident

        reference, said = Reference(id=incident_id), "resolved it at PagerDuty"
        roster, now = await self._oncall.roster(), self._clock.now()

        def ask(tx: Tx) -> None:
            tx.run("alert_resolved", subject=incident_id, alert=alert)
            view = self.posts.view(tx, incident_lookup.found(tx, reference), roster, now)
            self.posts.ask_whether_over(tx, view, who)

        options = _Options(once=event, guard=_not_late(alert, occurred_at), also=ask)
        try:
            await self._change(reference, who, "resolved_there", taken, lambda _: said, **options)
        except Conflict:
            await self._ledger.write(lambda tx: tx.run("note_pager_event", id=event, at=now))
            return False
        except NotFound:
            return False
        return True

    async def find(self, reference: Reference) -> Incident:
        """One incident; raises `NotFound` or, where none is named and several are open, `UsageError`."""
        return await self._ledger.read(lambda tx: incident_lookup.found(tx, reference))

    async def unresolved(self, limit: int = 50) -> list[Incident]:
        """Incidents that are not over, worst first."""
        return list(await self._ledger.read(lambda tx: incident_rows.unresolved(tx, limit)))

    async def meant(self, reference: Reference, verb: str) -> list[Incident]:
        """The incidents that a request may mean: the one it names, or those that are open for what it does."""
        return await self._ledger.read(lambda tx: incident_lookup.meant(tx, reference, verb))

    def silenced(self, incident: Incident, severity: Severity) -> Silence | None:
        """Whether another severity would keep an unanswered incident from paging as it does; and who is told when."""
        before, after = self.posts.matrix[incident.severity], self.posts.matrix[severity]
        if incident.state is not State.OPEN or not before.phones or severity.rank <= incident.severity.rank:
            return None
        if after.phones and incident.severity is not Severity.P0:
            return None
        step = next_step(after, replace(incident, severity=severity))
        return Silence(step.at if step else None)

    async def critical(self, incident: Incident) -> Sequence[str]:
        """The checks of its system that are critical now, or by the last round where they do not answer in time."""
        said = (await self._checks.of([incident.system])).get(incident.system)
        if said is not None:
            return said.critical
        marks = (mark.partition(":") for mark in incident.failing.splitlines())
        return [check for status, _, check in marks if status == Status.CRITICAL]

    async def view(self, reference: Reference) -> tuple[IncidentView, list[Event]]:
        """One incident with all that its header shows, and its timeline."""
        roster, now = await self._oncall.roster(), self._clock.now()

        def work(tx: Tx) -> tuple[IncidentView, list[Event]]:
            incident = incident_lookup.found(tx, reference)
            return self.posts.view(tx, incident, roster, now), incident_rows.events(tx, incident.id)

        return await self._ledger.read(work)

    async def acknowledging(self, incident_id: str, actor: Actor) -> Callable[[Tx], None]:
        """For the transaction of another decision: `actor` has it, where nobody has it by then."""
        work = await self._prepared(
            Reference(id=incident_id),
            actor,
            "acknowledged",
            lambda incident, now: incident_life.acknowledge(incident, actor, now),
            lambda _: "has it",
        )

        def unanswered(tx: Tx) -> None:
            if incident_rows.locked(tx, incident_id).state is State.OPEN:
                work(tx)

        return unanswered

    async def _change(
        self,
        reference: Reference,
        actor: Actor,
        kind: str,
        transition: Callable[[Incident, int], Incident],
        text: Callable[[Incident], str],
        *,
        receipt: str | None = None,
        **options: Unpack[_Options],
    ) -> IncidentView:
        """One transition with everything that follows from it, in one transaction."""
        work = await self._prepared(reference, actor, kind, transition, text, **options)
        return await self._ledger.write(work, receipt=receipt)

    async def _prepared(
        self,
        reference: Reference,
        actor: Actor,
        kind: str,
        transition: Callable[[Incident, int], Incident],
        text: Callable[[Incident], str],
        *,
        page_next: bool = False,
        fresh: bool = False,
        once: str = "",
        guard: Callable[[Tx, Incident], None] | None = None,
        also: Callable[[Tx], None] | None = None,
    ) -> Callable[[Tx], IncidentView]:
        """The work of one transition, once all that a transaction cannot wait for is known.

        `fresh`: people may be paged by it, so the checks are read first. `once`: the pager's event, which counts once.
        `also`: what else is written down with it.
        """
        said = await self._said(reference) if fresh else None
        roster, now = await self._oncall.roster(), self._clock.now()

        def work(tx: Tx) -> IncidentView:
            before = incident_lookup.locked(tx, reference)
            if once and not tx.run("note_pager_event", id=once, at=now):
                raise Conflict(f"{before.id} heard of this already.")
            if guard is not None:
                guard(tx, before)
            incident = transition(incident_rows.set_checks(tx, before, said), now)
            self._save(tx, incident)
            if also is not None:
                also(tx)
            tx.run("wake_room", id=incident.id, at=now)
            detail = {"state": incident.state.value, "severity": incident.severity.value, "epoch": incident.epoch}
            number = self._note(tx, incident, actor, now, kind=kind, text=text(before), detail=detail)
            self.posts.tell(tx, incident, number, Event(now, actor.person, kind, text(before)).said, now)
            if page_next:
                incident = self._page(tx, incident, roster, now, actor)
            incident = self._catch_up(tx, incident, roster, now, actor)
            view = self.posts.view(tx, incident, roster, now)
            if before.owner is not None and incident.owner is not None and incident.owner.person != before.owner.person:
                self.posts.taken_over(tx, view, before.owner)
            if incident.epoch != before.epoch:
                self.posts.refresh(tx, view)
                self.posts.tell_pager(tx, view, changed=incident.severity is not before.severity)
            if kind in DECISIONS:
                self.posts.answer(tx, view)
            self.posts.header(tx, view)
            return view

        return work

    async def _said(self, reference: Reference) -> Statement | None:
        system = (await self.find(reference)).system
        return (await self._checks.of([system])).get(system)

    def _catch_up(self, tx: Tx, incident: Incident, roster: Roster, now: int, actor: Actor) -> Incident:
        """Take the step that is due at this very moment: the page at minute 0 belongs to the decision."""
        step = self.steps.due(incident)
        if step is not None and step.kind == "page" and step.at <= now and incident.paged == 0:
            return self.steps.take(tx, incident, step, roster=roster, now=now, actor=actor)
        self._save(tx, incident)
        return incident

    def _page(self, tx: Tx, incident: Incident, roster: Roster, now: int, actor: Actor) -> Incident:
        """The next level now; where all were paged, the last one again."""
        policy = self.posts.matrix[incident.severity]
        level = following_level(policy, incident)
        step = Step(now, level, "page" if incident.paged < level else "repeat")
        return self.steps.take(tx, incident, step, roster=roster, now=now, actor=actor)

    def _save(self, tx: Tx, incident: Incident) -> None:
        step = self.steps.due(incident)
        incident_rows.save(tx, incident, next_step_at=step.at if step else None)

    def _note(
        self, tx: Tx, incident: Incident, actor: Actor, now: int, *, kind: str, text: str, detail: audit.Detail
    ) -> int:
        number = incident_rows.add_event(tx, incident, at=now, person=actor.person, kind=kind, text=text)
        audit.record(
            tx, at=now, actor=actor, kind=f"incident.{kind}", subject=incident.id, detail={**detail, "text": text}
        )
        return number


def _not_late(alert: str, occurred_at: int | None) -> Callable[[Tx, Incident], None]:
    """Refuses what somebody did at the pager before the incident was passed on, reopened or raised.

    An alert that rang only afterwards was not answered before, whatever the clocks of the two say.
    """

    def guard(tx: Tx, incident: Incident) -> None:
        row = tx.one("asked_anew", incident=incident.id, alert=alert)
        passed_on_at, rang_at = (row["passed_on_at"] or 0, row["rang_at"] or 0) if row else (0, 0)
        since = max(incident.planned_from, passed_on_at)
        if occurred_at is not None and max(occurred_at, rang_at) < since:
            raise Conflict(f"{incident.id} asks anew since then.")

    return guard


def _with(done: str, text: str, despite: Sequence[str] = ()) -> str:
    """`mitigated it although 2 checks were critical (app 503, queue 1,240 waiting): rolled back`."""
    count = f"{len(despite)} check{' was' if len(despite) == 1 else 's were'} critical"
    although = f" although {count} ({', '.join(despite)[:TEXT_LIMIT]})" if despite else ""
    said = one_line(text)[:TEXT_LIMIT]
    return f"{done}{although}: {said}" if said else f"{done}{although}"
