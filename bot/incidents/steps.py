"""One step of an escalation: its state, its messages, its audit, in the caller's transaction."""

from dataclasses import dataclass, replace

from bot.audit import service as audit
from bot.domain.people import STEWARD, Actor
from bot.incidents import rows as incident_rows
from bot.incidents.escalation import Step, after_step, next_step
from bot.incidents.model import Incident, Ping
from bot.incidents.posts import IncidentPosts, ways_of
from bot.oncall.service import Roster
from bot.store import Tx


@dataclass(frozen=True, slots=True)
class IncidentSteps:
    """Tells people; the duty does it when a step is due, a person may do it earlier."""

    posts: IncidentPosts

    def due(self, incident: Incident) -> Step | None:
        """The next step if nothing happens."""
        return next_step(self.posts.matrix[incident.severity], incident)

    def take(
        self, tx: Tx, incident: Incident, step: Step, *, roster: Roster, now: int, actor: Actor = STEWARD
    ) -> Incident:
        """Take the step now and plan the next one. Skip empty levels immediately."""
        people = self.posts.people(incident, step, roster, now)
        policy = self.posts.matrix[incident.severity]
        earlier = incident_rows.pings(tx, incident.id)
        ping = self._ping(incident, step, people, now, earlier)
        moved = after_step(incident, step, now)
        following = self.due(moved)
        incident_rows.add_ping(tx, incident, ping)
        incident_rows.save(tx, moved, next_step_at=following.at if following else None)
        if ping.pages:
            tx.run("wake_room", id=incident.id, at=now)
            tx.run("want_evidence", id=incident.id, now=now)
        names = ", ".join(f"@{person.person}" for person in people) or "nobody holds this level"
        text = {
            "page": f"paged level {step.level}: {names}",
            "repeat": f"paged level {step.level} again: {names}",
            "inform": f"informed level {step.level}: {names}",
            "still": f"asked {names} for an update",
            "stale": f"paged level {step.level}, the owner is silent: {names}",
        }[step.kind]
        incident_rows.add_event(tx, incident, at=now, person=actor.person, kind=step.kind, text=text)
        audit.record(
            tx,
            at=now,
            actor=actor,
            kind=f"incident.{'informed' if step.kind == 'inform' else 'paged'}",
            subject=incident.id,
            detail={
                "level": step.level,
                "kind": step.kind,
                "people": ", ".join(person.person for person in people),
                "due": step.at,
                "late_ms": max(0, now - step.at),
            },
        )
        if step.kind == "page" and not people and following is not None and step.level < len(policy.levels):
            return self.take(tx, moved, Step(now, step.level + 1, "page"), roster=roster, now=now, actor=actor)
        view = self.posts.view(tx, moved, roster, now, pings=[*earlier, ping])
        self.posts.ping(tx, view, ping)
        self.posts.header(tx, replace(view, ways=ways_of(tx, incident.id)))
        return moved

    @staticmethod
    def _ping(incident: Incident, step: Step, people: tuple[Actor, ...], now: int, earlier: list[Ping]) -> Ping:
        """The first page of a level has the level's own key; a later one adds its number, so it is a new message."""
        number = len(earlier) + 1
        prefix = {"inform": "inform", "still": "still"}.get(step.kind, "escalation")
        key = f"{prefix}:{incident.id}:{step.level}"
        if any(ping.key == key for ping in earlier):
            key = f"{key}:{number}"
        return Ping(number, step.level, step.kind, now, people, key)
