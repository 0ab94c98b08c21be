"""What the requester of an operation sees at once: the plan to confirm, who was asked, the full plan."""

from bot.domain.message import (
    Bold,
    Button,
    Buttons,
    Code,
    Inline,
    Line,
    Mention,
    Message,
    Moment,
    Paragraph,
    Part,
    Preformatted,
    Small,
)
from bot.operations.messages import facts
from bot.operations.model import Operation, State

_PREFORMATTED_LIMIT = 2_600


def proposed(operation: Operation) -> Message:
    """What the requester sees at once: the plan of a change or of a dry run, or who was asked to approve."""
    return asked(operation) if operation.state is State.PENDING and operation.number else draft(operation)


def draft(operation: Operation) -> Message:
    """The plan of a change, shown to the requester, who confirms it; without a number it is a dry run."""
    rows: list[Line] = [("🛠️ ", Bold(operation.plan.title))]
    rows += [(f"{label}: ", text) for label, text in facts(operation) if text]
    parts: list[Part] = [Paragraph(tuple(rows))]
    if not operation.number:
        parts += [Preformatted(plan_text(operation)), Small(("Dry run: nothing was asked for and nothing will run.",))]
        return Message(f"Dry run: {operation.plan.title}", tuple(parts))
    parts.append(
        Buttons(
            (
                Button("Run it", "operation.confirm", operation.token, style="primary"),
                Button("Cancel", "operation.cancel", operation.token),
                Button("Full plan", "operation.plan", operation.token),
            )
        )
    )
    parts.append(Small((f"{operation.id} · only you see this · nothing runs until you confirm",)))
    return Message(f"{operation.plan.title}: confirm to run ({operation.id})", tuple(parts), outcome="waiting")


def asked(operation: Operation) -> Message:
    """What the requester sees at once: where the request stands and who may decide."""
    rows: list[Line] = [("🔐 ", Bold(operation.plan.title), f" needs approval: {operation.id}.")]
    if operation.approvers:
        who: list[Inline] = ["Asked "]
        for place, approver in enumerate(operation.approvers):
            who += [", " if place else "", Mention(approver.person, approver.slack)]
            if approver.at > operation.created_at:
                who += [" (at ", Moment(approver.at), ")"]
        rows.append((*who, ". You are told in its thread."))
    else:
        rows.append(("Nobody else holds a role that may approve it; it will expire unless that changes.",))
    parts: tuple[Part, ...] = (
        Paragraph(tuple(rows)),
        Buttons(
            (
                Button("Cancel", "operation.cancel", operation.token),
                Button("Full plan", "operation.plan", operation.token),
            )
        ),
    )
    return Message(f"{operation.plan.title} needs approval: {operation.id}", parts, outcome="waiting")


def full_plan(operation: Operation) -> Message:
    """Everything that was planned, for whoever asks."""
    return Message(
        f"Plan of {operation.id}: {operation.plan.title}",
        (
            Paragraph(((Bold(f"{operation.id}: {operation.plan.title}"),),)),
            Preformatted(plan_text(operation)),
            Small(
                ("Bound to ", Code(operation.fingerprint[:12]), "; if the state changes before it runs, it is void.")
            ),
        ),
    )


def plan_text(operation: Operation) -> str:
    """The plan as plain text: live state, exact calls, what is touched, what is not reverted, the way back."""
    plan = operation.plan
    blocks = [("Now", plan.before), ("Touches", plan.touches), ("Does not revert", plan.not_reverted)]
    written = [f"{title}:\n" + "\n".join(f"  {item}" for item in items) for title, items in blocks if items]
    steps = [
        "\n".join([f"  {place}. {step.title}", *(f"     {call}" for call in step.calls)])
        for place, step in enumerate(plan.steps, 1)
    ]
    written.insert(1 if plan.before else 0, "Steps:\n" + "\n".join(steps))
    written.append(f"Undo: {plan.undo or 'none'}")
    text = "\n".join(written)
    return text if len(text) <= _PREFORMATTED_LIMIT else text[:_PREFORMATTED_LIMIT] + "\n… (shortened)"
