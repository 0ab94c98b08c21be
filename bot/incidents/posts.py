"""An incident's messages: header, pings with their copies, PagerDuty; written in the deciding transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.message import Message
from bot.domain.people import Actor
from bot.incidents import messages as incident_messages
from bot.incidents import page_messages as ping_messages
from bot.incidents import rows as incident_rows
from bot.incidents.escalation import Step, next_step, timeline
from bot.incidents.model import Event, Incident, Ping, State, Way
from bot.incidents.severity_matrix import Matrix
from bot.incidents.view import SIGNS, IncidentView, Planned
from bot.oncall.service import Roster
from bot.outbox import service as outbox
from bot.outbox.alerts import Alert, PagerPosts
from bot.store import Tx
from bot.systems import Systems

# A night that nobody answers leaves dozens of pings; only the newest are edited, since Slack allows a message a second.
_EDITED = 8


@dataclass(frozen=True, slots=True)
class IncidentPosts:
    """Where messages go: `channel` is the alerts channel; `pager`: PagerDuty, where it is connected."""

    channel: str
    matrix: Matrix
    systems: Systems
    pager: PagerPosts | None

    def view(
        self, tx: Tx, incident: Incident, roster: Roster, now: int, *, pings: Sequence[Ping] | None = None
    ) -> IncidentView:
        """Everything that the messages show, as this transaction sees it; `pings` where the caller has them already."""
        policy = self.matrix[incident.severity]
        step = next_step(policy, incident)

        def planned(step_at: int, level: int) -> tuple[Actor, ...]:
            return roster.who(policy.levels[level - 1].notify, step_at)

        follows = None
        if step is not None:
            follows = Planned(step, self.people(incident, step, roster, step.at))
        plan = timeline(policy, incident) if incident.state is State.OPEN else []
        title, can_roll_back = self._system(incident.system)
        return IncidentView(
            incident,
            policy,
            title,
            tuple(incident_rows.pings(tx, incident.id) if pings is None else pings),
            tuple(Planned(item, planned(item.at, item.level)) for item in plan),
            follows,
            tuple(incident_rows.updates(tx, incident.id)),
            can_roll_back,
            now,
            ways_of(tx, incident.id),
        )

    def people(self, incident: Incident, step: Step, roster: Roster, at: int) -> tuple[Actor, ...]:
        """Whom a step reaches. An owner without an account in Slack cannot be asked: those who were paged are."""
        if step.kind == "still" and incident.owner is not None and incident.owner.slack:
            return (incident.owner,)
        return roster.who(self.matrix[incident.severity].levels[max(step.level, 1) - 1].notify, at)

    def header(self, tx: Tx, view: IncidentView) -> None:
        """Post the header, or edit it; in the incident's own channel too, once that exists."""
        message, incident = incident_messages.header(view), view.incident
        outbox.post(tx, key=header_key(incident), channel=self.channel, message=message, now=view.now)
        if incident.in_room:
            key = f"{header_key(incident)}:{incident.room}"
            outbox.post(tx, key=key, channel=incident.room, message=message, now=view.now)

    def ping(self, tx: Tx, view: IncidentView, ping: Ping) -> None:
        """Tell people in the channel; a page reaches them directly too. Obsolete once the incident's epoch moved on."""
        message = ping_messages.ping(view, ping)
        guard = (view.incident.id, view.incident.epoch)
        if not ping.pages:
            outbox.post(tx, key=ping.key, channel=self.channel, message=message, now=view.now, guard=guard)
            return
        for key, channel in self._targets(ping, phones=view.policy.phones):
            fallback = ping.people[0].slack if ping.people else ""
            outbox.post(
                tx,
                key=key,
                channel=channel,
                message=message,
                now=view.now,
                lane="page" if view.policy.phones else "rest",
                guard=guard,
                fallback=f"@{fallback}" if fallback and not channel.startswith("@") else None,
            )
            if channel.startswith("@"):
                tx.run(
                    "put_way",
                    message=key,
                    subject=view.incident.id,
                    number=ping.number,
                    operation=None,
                    way="slack",
                    target=next(actor.person for actor in ping.people if channel == f"@{actor.slack}"),
                    alert="",
                )
        if self.pager is not None and view.policy.phones:
            # Slack's Do Not Disturb silences pings.
            self.pager.ring(
                tx, _alert(view, ping), self.pager.routes_of(self._names(view, ping), ping.people), view.now
            )

    def refresh(self, tx: Tx, view: IncidentView) -> None:
        """After the epoch moved: pings that are still wanted get the new one, the others are withdrawn or edited."""
        incident = view.incident
        newest = view.pings[-_EDITED:]
        for ping in view.pings:
            wanted = _wanted(incident, ping)
            for key, channel in self._targets(ping, phones=True):
                if not wanted:
                    outbox.withdraw(tx, key)
                if ping in newest:
                    self._edit(tx, view, ping, key, channel, wanted=wanted)

    def tell_pager(self, tx: Tx, view: IncidentView, *, changed: bool) -> None:
        """After the epoch moved: PagerDuty ends what is over or phones nobody, stops for whoever has it, else goes on.

        `changed`: the severity did.
        """
        incident = view.incident
        if self.pager is None:
            return
        if incident.state is State.RESOLVED or not view.policy.phones:
            self.pager.tell(tx, incident.id, "resolve", mark=incident.epoch, now=view.now)
        elif incident.state is State.OPEN:
            alerts = {ping.number: _alert(view, ping) for ping in view.pings if _wanted(incident, ping)}
            self.pager.renew(tx, alerts, view.now, changed=changed)
        else:
            self.pager.tell(tx, incident.id, "acknowledge", mark=incident.epoch, now=view.now)

    def ask_whether_over(self, tx: Tx, view: IncidentView, who: Actor) -> None:
        """Somebody resolved it at PagerDuty: whoever has it here is asked, in the channel."""
        message, number = incident_messages.resolved_there(view, who), len(_questions(tx, view.incident)) + 1
        outbox.post(tx, key=_question_key(view.incident, number), channel=self.channel, message=message, now=view.now)

    def answer(self, tx: Tx, view: IncidentView) -> None:
        """Questions whether it is over that the newest decision has answered: they say so, and have no buttons."""
        for number, (asked, answers) in enumerate(_questions(tx, view.incident), 1):
            key = _question_key(view.incident, number)
            if len(answers) == 1 and outbox.is_queued(tx, key):
                message = incident_messages.answered_there(view, asked, answers[0])
                outbox.post(tx, key=key, channel=self.channel, message=message, now=view.now)

    def say(self, tx: Tx, view: IncidentView, *, key: str, message: Message) -> None:
        """A reply in the header's thread."""
        thread = header_key(view.incident)
        outbox.post(tx, key=key, channel=self.channel, message=message, now=view.now, thread=thread)

    def tell(self, tx: Tx, incident: Incident, number: int, text: str, now: int) -> None:
        """What somebody did, in the incident's own channel, else in the header's thread: an edit notifies nobody."""
        message = Message.plain(f"{SIGNS[incident.state]} {incident.id} {incident.severity} · {text}")
        outbox.post(
            tx,
            key=f"{header_key(incident)}:told:{number}",
            channel=incident.room if incident.in_room else self.channel,
            message=message,
            now=now,
            thread=None if incident.in_room else header_key(incident),
            fallback=self.channel if incident.in_room else None,
        )

    def taken_over(self, tx: Tx, view: IncidentView, before: Actor) -> None:
        """Tell whoever had it that somebody else has it now."""
        key = f"taken_over:{view.incident.id}:{view.incident.epoch}"
        if before.slack:
            message = ping_messages.taken_over(view)
            outbox.post(tx, key=key, channel=f"@{before.slack}", message=message, now=view.now)

    def _edit(self, tx: Tx, view: IncidentView, ping: Ping, key: str, channel: str, *, wanted: bool) -> None:
        progress = tx.one("message_progress", key=key)
        if progress is None:
            return
        # What has reached people is edited without a guard: an edit pages nobody and takes the buttons away.
        left = bool(progress["sent_revision"]) or progress["sending_since"] is not None
        if left or (wanted and progress["state"] == "open"):
            incident = view.incident
            message = ping_messages.ping(view, ping) if wanted else ping_messages.answered(view)
            guard = None if left else (incident.id, incident.epoch)
            outbox.post(tx, key=key, channel=channel, message=message, now=view.now, lane="page", guard=guard)

    @staticmethod
    def _names(view: IncidentView, ping: Ping) -> tuple[str, ...]:
        """What the matrix calls the people of a ping; of a silent owner, the level by which they were paged."""
        levels = view.policy.levels
        if ping.kind != "still":
            return levels[ping.level - 1].notify
        paged = [each for each in view.pings if each.kind != "still" and set(ping.people) <= set(each.people)]
        return levels[min(paged[-1].level, len(levels)) - 1].notify if paged else ()

    def _targets(self, ping: Ping, *, phones: bool) -> list[tuple[str, str]]:
        """The message in the channel, and a copy to each person."""
        copies = [(f"{ping.key}:{actor.slack}", f"@{actor.slack}") for actor in ping.people if actor.slack]
        return [(ping.key, self.channel), *(copies if phones and ping.pages else [])]

    def _system(self, name: str) -> tuple[str, bool]:
        system = next((system for system in self.systems.all() if system.name == name), None)
        if system is None:
            return name, False
        return system.title, any(component.deployments is not None for component in system.components.values())


def ways_of(tx: Tx, subject: str) -> tuple[Way, ...]:
    """What became of each way of its pages."""
    return tuple(
        Way(row["number"], row["way"], row["target"], row["outcome"], row["seen_by"])
        for row in tx.all("ways_of", subject=subject)
    )


def _alert(view: IncidentView, ping: Ping) -> Alert:
    incident = view.incident
    # At minute 0 the subject says it all; later pages say whose turn it is.
    asks = f" · {ping_messages.asks(view, ping)}" if ping.number > 1 else ""
    return Alert(
        incident.id,
        ping.number,
        view.subject + asks,
        "critical" if incident.severity == "P0" else "error",
        incident.system,
        {"severity": incident.severity.value, "opened by": incident.opened_by.person},
        (incident.id, incident.epoch),
    )


def _questions(tx: Tx, incident: Incident) -> list[tuple[Event, list[Event]]]:
    """How often it was asked whether it is over, each with what was decided since."""
    found: list[tuple[Event, list[Event]]] = []
    for event in incident_rows.questions_and_answers(tx, incident.id):
        if event.kind == "resolved_there":
            found.append((event, []))
        else:
            for _, answers in found:
                answers.append(event)
    return found


def _question_key(incident: Incident, number: int) -> str:
    return f"pager-resolved:{incident.id}:{number}"


def header_key(incident: Incident) -> str:
    """The outbox key of the header."""
    return f"incident:{incident.id}"


def _wanted(incident: Incident, ping: Ping) -> bool:
    """Whether somebody still has to answer it: until the acknowledgement, and again after the last sign of life."""
    if incident.state is State.OPEN:
        # What was sent before it was raised or reopened asks nobody any more: the escalation policy has started anew.
        return ping.pages and ping.at >= incident.planned_from
    return incident.state is State.ACKNOWLEDGED and ping.at > (incident.updated_at or 0)
