"""What people read about an operation: the request for approval, edited in place until its end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    Confirm,
    Inline,
    Line,
    Mention,
    Message,
    Moment,
    Paragraph,
    Part,
    Small,
)
from bot.domain.policy import Risk
from bot.domain.reading import Reading, Status
from bot.domain.timing import span
from bot.operations.actions.lock_publishing import LockPublishing
from bot.operations.actions.retry_failed import RetryFailed
from bot.operations.actions.roll_back import RollBack
from bot.operations.model import ENDED, Operation, State
from bot.operations.review import reviewers
from bot.operations.windows import ALONE_AFTER, UNDO_COVERED_FOR

_NEVER_RAN = frozenset({State.DENIED, State.EXPIRED, State.CANCELLED, State.VOID})
_DECIDED = frozenset({State.APPROVED, State.CLAIMED, State.RUNNING, State.UNKNOWN, State.SUCCEEDED, State.FAILED})


def request(operation: Operation, now: int) -> Message:
    """The one message of an operation, at any point of its life; buttons are gone once they would do nothing."""
    outcome = _outcome(operation)
    title: list[Inline] = [f"{_sign(operation)} ", Bold(_titled(operation))]
    if operation.incident:
        title.append(f" · {operation.incident} {operation.severity}".rstrip())
    title += [" · ", mention(operation, operation.requester.person), " (on call)" if operation.on_call else ""]
    rows: list[Line] = [tuple(title)]
    rows += [(f"{label}: ", text) for label, text in facts(operation) if text]
    if operation.state is State.PENDING:
        rows.append(_needs(operation, now))
    if outcome:
        rows.append(outcome)
    parts: list[Part] = [Paragraph(tuple(rows))]
    buttons = _buttons(operation)
    if buttons:
        parts.append(Buttons(buttons))
    parts.append(Small(_footer(operation)))
    fallback = f"{_sign(operation)} {_titled(operation)}: {_headline(operation)} ({operation.id})"
    return Message(fallback, tuple(parts))


def outcome_thread(operation: Operation, steps: Sequence[str], before: str) -> Message:
    """For the thread, when it has ended: what each step did, and the checks before."""
    headline = _headline(replace(operation, verified=""))
    requester = operation.requester
    waits = operation.state is State.FAILED and requester.via != "bot"
    called: Line = (Mention(requester.person, requester.slack), ": ") if waits else ()
    rows: list[Line] = [(*called, Bold(headline))]
    counts = Counter(steps)  # Twenty batches that did the same are one line.
    rows += [(f"• {text}" + (f" ×{count}" if count > 1 else ""),) for text, count in counts.items()]
    if before:
        rows.append((f"Before: {before}",))
    return Message(f"{operation.id}: {headline}", (Paragraph(tuple(rows)),))


def late_thread(operation: Operation, answer: str) -> Message:
    """For the thread: what became of a step after the operation had gone on without its answer."""
    text = f"An answer came late, when this was {operation.state} already: {answer}"
    return Message(f"{operation.id}: {text}", (Paragraph((("⚠️ ", text),)),))


def verification_thread(operation: Operation) -> Message:
    """For the thread: the checks afterwards."""
    good = operation.verified == "yes"
    text = ("After: " if good else "After, still not healthy: ") + operation.verification
    return Message(f"{operation.id}: {text}", (Paragraph(((text,),)),))


def in_incident(operation: Operation) -> Message:
    """One line for the thread of its incident, edited as it goes on; it pings nobody."""
    title, headline = _titled(operation), _headline(operation)
    line: Line = (f"{_sign(operation)} {operation.id} ", Bold(title), " · ", Mention(operation.requester.person))
    return Message(f"{_sign(operation)} {operation.id} {title}: {headline}", (Paragraph(((*line, f" · {headline}"),)),))


def unknown_line(operation: Operation) -> Line:
    """For whoever looks at its system: the outcome is not known, and what is locked by it."""
    since: Line = (" since ", Moment(operation.started_at, "date")) if operation.started_at is not None else ()
    locked = f"; {operation.target} stays locked until it is settled"
    return (f"❔ {operation.id} {_titled(operation)}: outcome unknown", *since, locked)


def asked_already(operation: Operation) -> str:
    """To who asks for the same again: which request it is, how it stands, and what can be done with it."""
    next_step = {
        State.PENDING: f"Decide on it there, or let @{operation.requester.person} cancel it.",
        State.UNKNOWN: "Settle it there before it is asked for again.",
    }.get(operation.state, "Wait for its end.")
    what, by = f"{operation.id} is this request already: {operation.plan.title}", f"by @{operation.requester.person}"
    return f"{what}, {by}, {_headline(operation)}. Nothing was asked for again. {next_step}"


def for_requester(operation: Operation) -> Message:
    """For the thread, to whoever waits: it was approved, denied, has expired or is void."""
    requester, by = operation.requester, mention(operation, operation.decided_by)
    decided: dict[State, Line] = {
        State.APPROVED: (" was run alone by " if operation.emergency else " was approved by ", by, "; it runs now."),
        State.DENIED: (" was denied by ", by, f": {operation.note}. You may ask again."),
        State.EXPIRED: (" expired without a decision; ask again if it is still needed.",),
        State.VOID: (f" is void: {operation.note}.",),
    }
    told: Line = (Mention(requester.person, requester.slack), f": {operation.id}", *decided[operation.state])
    return Message(f"@{requester.person}: {operation.id} {_headline(operation)}", (Paragraph((told,)),))


def review_wanted(operation: Operation, now: int) -> Message:
    """One message, edited: who can sign what one person ran alone, since when they are asked, and who did."""
    ran: Line = (f"{operation.id}: {operation.plan.title} was run alone by ", mention(operation, operation.decided_by))
    at: Line = (" ", Moment(operation.decided_at, "date")) if operation.decided_at is not None else ()
    text = f"{operation.id}: {operation.plan.title} was run alone by {operation.decided_by}"
    if operation.reviewed_by:
        line: Line = ("📝 ", *ran, *at, ". Review signed by ", mention(operation, operation.reviewed_by), ".")
        return Message(f"{text}; review signed by {operation.reviewed_by}.", (Paragraph((line,)),))
    signers: list[Inline] = []
    for place, each in enumerate(reviewers(operation)):
        signers += [", " if place else "", Mention(each.person, each.slack)]
    who: Line = (
        (*signers, " can.") if signers else ("nobody else holds ", " or ".join(sorted(operation.approver_roles)), ".")
    )
    rows: tuple[Line, ...] = (
        ("📝 ", *ran, *at, "."),
        ("Someone who took no part must look at it and sign: ", *who),
    )
    return Message(
        f"{text}; someone else must sign the review.",
        (
            Paragraph(rows),
            Buttons((Button("Sign the review", "operation.review", operation.token),)),
            Small(("Reminded ", Moment(now, "date"))),
        ),
    )


def emergency_page(operation: Operation) -> Message:
    """For the next level of the on-call schedule: someone acted alone."""
    text = f"🚨 {operation.plan.title}: emergency run by {operation.decided_by} alone, {operation.incident}"
    return Message(text, (Paragraph(((text,), ("Why: ", operation.reason))),))


def readings(found: Sequence[Reading]) -> str:
    """Readings on one line: `app 503, worker healthy`."""
    return ", ".join(f"{reading.title} {reading.said or reading.status}" for reading in found)


def healthy(found: Sequence[Reading]) -> bool:
    """Whether nothing is critical or unknown; a warning does not speak against what was done."""
    return all(reading.status in (Status.HEALTHY, Status.WARNING) for reading in found)


def mention(operation: Operation, person: str) -> Mention:
    """A mention with the Slack id where the operation knows it."""
    known = {approver.person: approver.slack for approver in operation.approvers}
    known[operation.requester.person] = operation.requester.slack
    return Mention(person, known.get(person, ""))


def facts(operation: Operation) -> list[tuple[str, str]]:
    """Why, what, and what stays: label and text, empty texts included."""
    plan = operation.plan
    return [
        ("Why", operation.reason),
        ("Does", plan.does),
        ("Touches", "; ".join(plan.touches[:3])),
        ("Does not revert", ", ".join(plan.not_reverted)),
        ("Undo", (plan.undo or "none") + _undo_right(operation)),
    ]


def _undo_right(operation: Operation) -> str:
    """What an undo needs; nothing of what never ran."""
    if not operation.plan.undoable or operation.risk is not Risk.P0 or operation.state in _NEVER_RAN:
        return ""
    if operation.undo_of:
        return ", by a new request"
    limit = f" for {span(UNDO_COVERED_FOR)}"
    if operation.emergency:
        return f", by who ran it alone{limit}"
    return ", covered by this approval" + ("" if operation.state in (State.DRAFT, State.PENDING) else limit)


def settling(operation: Operation) -> tuple[Button, ...]:
    """What can be done about an outcome that is not known."""
    token = operation.token
    return (
        Button("Observe again", "operation.observe", token, style="primary"),
        Button("It happened", "operation.happened", token, confirm=_sure("It happened")),
        Button("It did not", "operation.not_happened", token, confirm=_sure("It did not happen")),
        Button("Full plan", "operation.plan", token),
    )


def _titled(operation: Operation) -> str:
    undo = f"Undo of OP-{operation.undo_of}: " if operation.undo_of else ""
    return undo + operation.plan.title


def _needs(operation: Operation, now: int) -> Line:
    missing = operation.approvals_needed - len(operation.approved_by)
    pieces: list[Inline] = [f"Needs {missing} of: "]
    for place, approver in enumerate(operation.approvers):
        # A mention in a new message pings: those whose turn comes later are only named.
        turn = approver.at <= now
        pieces += [", " if place else "", Mention(approver.person, approver.slack if turn else "")]
        pieces += [" (pinged " if turn else " (", Moment(approver.at), ")"]
    if not operation.approvers:
        pieces.append("nobody holds " + " or ".join(sorted(operation.approver_roles)) + " now")
    for person in operation.approved_by:
        pieces += [" · approved by ", mention(operation, person)]
    return tuple(pieces)


def _agreed(operation: Operation) -> tuple[Inline, ...]:
    if operation.undo_of and not operation.emergency:
        return (f"covered by the approval of OP-{operation.undo_of}",)
    sign = "🚨 alone: " if operation.emergency else ""
    people: list[Inline] = [sign]
    for place, person in enumerate(operation.approved_by or (operation.decided_by,)):
        people += [", " if place else "", mention(operation, person)]
    if operation.decided_at is not None:
        people += [" ", Moment(operation.decided_at)]
    return tuple(people)


def _outcome(operation: Operation) -> Line:
    if operation.state in _DECIDED:
        return ("→ ", _sign(operation), " ", *_agreed(operation), f" · {_headline(operation)}", *_review(operation))
    if operation.state in ENDED:
        who: tuple[Inline, ...] = (
            (" ", mention(operation, operation.decided_by)) if operation.decided_by not in ("", "steward") else ()
        )
        at: tuple[Inline, ...] = (" ", Moment(operation.decided_at)) if operation.decided_at is not None else ()
        return ("→ ", _headline(operation), *who, *at)
    return ()


def _review(operation: Operation) -> Line:
    if not operation.emergency:
        return ()
    return (f" · review signed by {operation.reviewed_by}",) if operation.reviewed_by else (" · review open",)


def _headline(operation: Operation) -> str:
    note = f": {operation.note}" if operation.note else ""
    if operation.state is State.SUCCEEDED:
        took = span((operation.finished_at or 0) - (operation.started_at or 0))
        verified = {
            "": "",
            "waiting": ", checking",
            "yes": f" · verified: {operation.verification}",
            "no": f" · ⚠️ not verified: {operation.verification}",
        }[operation.verified]
        undone = f" · undone by OP-{operation.undone_by}" if operation.undone_by else ""
        left = f", but {operation.left_to_do}" if operation.left_to_do else ""
        return f"done in {took}{left}{note}{verified}{undone}"
    agreed = "run alone" if operation.emergency else "approved"
    return {
        State.DRAFT: "waits to be confirmed",
        State.PENDING: "needs approval",
        State.APPROVED: f"{agreed}, about to run{note}",
        State.CLAIMED: f"{agreed}, about to run",
        State.RUNNING: f"running{note}",
        State.UNKNOWN: f"outcome unknown{note}",
        State.FAILED: f"failed{note}",
        State.DENIED: f"denied{note}",
        State.EXPIRED: "expired without a decision; ask again if it is still needed",
        State.CANCELLED: f"cancelled{note}",
        State.VOID: f"void{note}",
    }[operation.state]


def _sign(operation: Operation) -> str:
    """✅ only once it is verified; what has no checks was seen by its own observation."""
    if operation.state is State.SUCCEEDED:
        if operation.left_to_do:
            return "⚠️"
        return {"no": "⚠️", "waiting": "⏳"}.get(operation.verified, "✅")
    return {
        State.FAILED: "❌",
        State.UNKNOWN: "❔",
        State.RUNNING: "⏳",
        State.APPROVED: "⏳",
        State.CLAIMED: "⏳",
        State.DENIED: "🚫",
        State.EXPIRED: "⌛",
        State.CANCELLED: "✖️",
        State.VOID: "✖️",
    }.get(operation.state, "🔐" if operation.risk is Risk.P0 else "🛠️")


def _footer(operation: Operation) -> Line:
    if operation.state is State.PENDING and operation.severity == "P0":
        return (f"{operation.id} · open while {operation.incident} is P0",)
    if operation.state is State.PENDING and operation.expires_at is not None:
        return (f"{operation.id} · open until ", Moment(operation.expires_at))
    return (operation.id,)


def _buttons(operation: Operation) -> tuple[Button, ...]:
    token, plan = operation.token, Button("Full plan", "operation.plan", operation.token)
    if operation.state is State.PENDING:
        urgent = operation.severity in ("P0", "P1") and operation.plan.emergency
        alone = (_alone(operation),) if urgent else ()
        return (
            Button("Approve and run", "operation.approve", token, style="primary"),
            Button("Deny…", "operation.deny", token, style="danger"),
            plan,
            *alone,
        )
    if operation.state is State.UNKNOWN:
        return settling(operation)
    buttons: list[Button] = []
    if operation.left_to_do:
        buttons += _next_step(operation)
    if operation.state in (State.SUCCEEDED, State.FAILED) and operation.undo_until and not operation.undone_by:
        at_once = f"It runs at once{' for who ran it alone' if operation.emergency else ''}."
        runs = "It is a new request." if operation.undo_of else at_once
        ask = Confirm("Undo?", f"{operation.plan.undo}. {runs}", "Undo", "Keep")
        buttons.append(Button("Undo", "operation.undo", token, confirm=ask))
    if operation.emergency and not operation.reviewed_by and operation.state in ENDED:
        buttons.append(Button("Sign the review", "operation.review", token))
    return tuple(buttons)


def _next_step(operation: Operation) -> Sequence[Button]:
    """What is left to do, as a button, where there is one."""
    if operation.action == RetryFailed.name:
        return [Button("Retry the next…", "queue.retry_failed", f"{operation.system} {operation.targets[0]}")]
    if operation.action in (RollBack.name, LockPublishing.name):
        return [Button(LockPublishing.label, "operation.lock", operation.token, style="primary")]
    return []


def _alone(operation: Operation) -> Button:
    if not operation.plan.undoable:
        minutes = span(ALONE_AFTER)
        return Button(f"Emergency run (after {minutes})…", "operation.emergency_named", operation.token)
    ask = Confirm(
        "Run it alone?",
        "Only the person on call may. The next level is paged, and someone else must review it afterwards.",
        "Run alone",
        "Wait",
    )
    return Button("Emergency run…", "operation.emergency", operation.token, confirm=ask)


def _sure(what: str) -> Confirm:
    return Confirm("Are you sure?", f"{what}: this settles the operation and frees its lock.", what, "Back")
