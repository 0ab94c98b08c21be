"""What people read about an operation: the request for approval, edited in place until its end."""

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
from bot.domain.operation import ALONE_AFTER, ENDED, Operation, State
from bot.domain.policy import Risk
from bot.domain.reading import Reading, Status
from bot.domain.timing import span

_DECIDED = frozenset({State.APPROVED, State.CLAIMED, State.RUNNING, State.UNKNOWN, State.SUCCEEDED, State.FAILED})


def request(operation: Operation, now: int) -> Message:
    """The one message of an operation, at any point of its life; buttons are gone once they would do nothing."""
    plan = operation.plan
    outcome = _outcome(operation)
    title: list[Inline] = [_sign(operation), " ", Bold(plan.title)]
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
    fallback = f"{_sign(operation)} {plan.title}: {_headline(operation)} ({operation.id})"
    return Message(fallback, tuple(parts))


def outcome_thread(operation: Operation, steps: Sequence[str], before: str) -> Message:
    """For the thread, when it has ended: what each step did, and the checks before."""
    headline = _headline(replace(operation, verified=""))
    rows: list[Line] = [(Bold(headline),)]
    rows += [(f"• {text}",) for text in steps]
    if before:
        rows.append((f"Before: {before}",))
    return Message(f"{operation.id}: {headline}", (Paragraph(tuple(rows)),))


def verification_thread(operation: Operation) -> Message:
    """For the thread: the checks afterwards."""
    good = operation.verified == "yes"
    text = ("After: " if good else "After, still not healthy: ") + operation.verification
    return Message(f"{operation.id}: {text}", (Paragraph(((text,),)),))


def review_wanted(operation: Operation) -> Message:
    """Nags until someone else signs what one person ran alone."""
    text = f"{operation.id}: {operation.plan.title} was run alone by "
    rows: tuple[Line, ...] = (
        ("📝 ", text, mention(operation, operation.decided_by), ". Someone else must look at it and sign."),
    )
    return Message(
        f"{text}{operation.decided_by}; someone else must sign the review.",
        (Paragraph(rows), Buttons((Button("Sign the review", "operation.review", operation.token),))),
    )


def emergency_page(operation: Operation) -> Message:
    """For the next level of the ladder: someone acted alone."""
    text = f"🚨 {operation.plan.title}: emergency run by {operation.decided_by} alone, {operation.incident}"
    return Message(text, (Paragraph(((text,), ("Why: ", operation.reason))),))


def readings(found: Sequence[Reading]) -> str:
    """Readings on one line: `app 503, worker healthy`."""
    return ", ".join(f"{reading.title} {reading.value or reading.reason or reading.status}" for reading in found)


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
    undo = plan.undo or "none"
    if plan.undoable and operation.risk is Risk.P0:
        undo += ", covered by this approval"
    return [
        ("Why", operation.reason),
        ("Does", plan.does),
        ("Touches", "; ".join(plan.touches[:3])),
        ("Does not revert", ", ".join(plan.not_reverted)),
        ("Undo", undo),
    ]


def _needs(operation: Operation, now: int) -> Line:
    missing = operation.approvals_needed - len(operation.approved_by)
    pieces: list[Inline] = [f"Needs {missing} of: "]
    for place, approver in enumerate(operation.approvers):
        pieces += [", " if place else "", Mention(approver.person, approver.slack)]
        pieces += [" (pinged " if approver.at <= now else " (", Moment(approver.at), ")"]
    if not operation.approvers:
        pieces.append("nobody holds " + " or ".join(sorted(operation.approver_roles)) + " now")
    for person in operation.approved_by:
        pieces += [" · ✅ ", mention(operation, person)]
    return tuple(pieces)


def _agreed(operation: Operation) -> tuple[Inline, ...]:
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
            "waiting": " · checking",
            "yes": f" · verified: {operation.verification}",
            "no": f" · ⚠️ not verified: {operation.verification}",
        }[operation.verified]
        undone = f" · undone by OP-{operation.undone_by}" if operation.undone_by else ""
        return f"done in {took}{note}{verified}{undone}"
    return {
        State.DRAFT: "waits to be confirmed",
        State.PENDING: "needs approval",
        State.APPROVED: f"approved, about to run{note}",
        State.CLAIMED: "approved, about to run",
        State.RUNNING: "running",
        State.UNKNOWN: f"outcome unknown{note}",
        State.FAILED: f"failed{note}",
        State.DENIED: f"denied{note}",
        State.EXPIRED: "expired without a decision; ask again if it is still needed",
        State.CANCELLED: f"cancelled{note}",
        State.VOID: f"void{note}",
    }[operation.state]


def _sign(operation: Operation) -> str:
    if operation.state is State.SUCCEEDED:
        return "⚠️" if operation.verified == "no" else "✅"
    return {
        State.FAILED: "❌",
        State.UNKNOWN: "❔",
        State.RUNNING: "⏳",
        State.APPROVED: "✅",
        State.CLAIMED: "✅",
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
        alone = (_alone(operation),) if operation.severity in ("P0", "P1") else ()
        return (
            Button("Approve and run", "operation.approve", token, style="primary"),
            Button("Deny…", "operation.deny", token, style="danger"),
            plan,
            *alone,
        )
    if operation.state is State.UNKNOWN:
        return (
            Button("Observe again", "operation.observe", token, style="primary"),
            Button("It happened", "operation.happened", token, confirm=_sure("It happened")),
            Button("It did not", "operation.not_happened", token, confirm=_sure("It did not happen")),
            plan,
        )
    buttons: list[Button] = []
    if operation.state in (State.SUCCEEDED, State.FAILED) and operation.undo_until and not operation.undone_by:
        ask = Confirm("Undo?", f"{operation.plan.undo}. It runs at once.", "Undo", "Keep")
        buttons.append(Button("Undo", "operation.undo", token, confirm=ask))
    if operation.emergency and not operation.reviewed_by and operation.state in ENDED:
        buttons.append(Button("Sign the review", "operation.review", token))
    return tuple(buttons)


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
