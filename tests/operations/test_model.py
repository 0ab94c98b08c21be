"""Operations as values: the table of states, plans through the ledger, fingerprints, and what people read."""

import json
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from bot.domain.message import Bold, Buttons, Message, Paragraph
from bot.domain.people import Actor
from bot.domain.policy import Risk
from bot.operations import messages as operation_messages
from bot.operations import replies as operation_replies
from bot.operations.model import ENDED, TRANSITIONS, Approver, Operation, State
from bot.operations.plan import Plan, Step, fingerprint

NOW = 1_777_777_200_000
PLAN = Plan(
    "Roll back shop/web v41 → v40",
    "POST /deploys/v40/restore",
    (Step("make v40 current", ("POST /deploys/v40/restore",)),),
    before=("shop/web runs v41",),
    not_reverted=("environment variables",),
    undo="back to v41",
    undoable=True,
    material=("release v41", "target v40"),
)
OPERATION = Operation(
    number=88,
    token="token",
    action="roll_back",
    parameters="[]",
    system="shop",
    targets=("web",),
    risk=Risk.P0,
    state=State.PENDING,
    requester=Actor("sre", "U0SRE"),
    on_call=True,
    reason="503",
    incident="INC-12",
    severity="P0",
    channel="C0ALERTS",
    plan=PLAN,
    fingerprint="f" * 64,
    approvals_needed=1,
    approver_roles=frozenset({"approver"}),
    approvers=(Approver("lead", "U0LEAD", NOW),),
    created_at=NOW,
    expires_at=NOW + 900_000,
)
TEXT = st.text(max_size=20)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
STEPS = st.lists(st.builds(Step, TEXT, TEXTS, st.just('{"a": 1}')), max_size=3).map(tuple)


def labels(message: Message) -> list[str]:
    """The buttons of a message."""
    return [
        item.label
        for part in message.parts
        if isinstance(part, Buttons)
        for item in part.items
        if hasattr(item, "label")
    ]


def words(message: Message) -> str:
    """The plain words of its paragraphs."""
    lines = (line for part in message.parts if isinstance(part, Paragraph) for line in part.lines)
    return "\n".join(
        "".join(item if isinstance(item, str) else getattr(item, "text", "") for item in line) for line in lines
    )


def test_an_ended_operation_never_moves() -> None:
    """What is over stays as it is, and everything can come to an end."""
    assert {
        State.SUCCEEDED,
        State.FAILED,
        State.DENIED,
        State.EXPIRED,
        State.CANCELLED,
        State.VOID,
    } == ENDED
    assert set(State) == set(TRANSITIONS)


def test_nothing_runs_without_a_verdict() -> None:
    """Running is reached only through approved, and approved only from a decision."""
    before = {state for state, following in TRANSITIONS.items() if State.RUNNING in following}
    before_claim = {state for state, following in TRANSITIONS.items() if State.CLAIMED in following}

    assert before == {State.CLAIMED}
    assert before_claim == {State.APPROVED}


@given(
    st.builds(
        Plan,
        TEXT,
        TEXT,
        STEPS,
        TEXTS,
        touches=TEXTS,
        not_reverted=TEXTS,
        undo=TEXT,
        undoable=st.booleans(),
        material=TEXTS,
        emergency=st.booleans(),
    )
)
def test_a_plan_survives_the_ledger(plan: Plan) -> None:
    """What was approved is what is read again."""
    newer = json.dumps({**json.loads(plan.dump()), "of_a_newer_release": 1})

    assert plan == Plan.load(plan.dump())
    assert plan == Plan.load(newer)
    assert plan.emergency is ("emergency" not in json.loads(plan.dump()))


@pytest.mark.parametrize(
    ("action", "parameters", "targets", "material"),
    [
        pytest.param("restart", '["a"]', ["web"], ["v41"], id="another action"),
        pytest.param("roll_back", '["b"]', ["web"], ["v41"], id="other parameters"),
        pytest.param("roll_back", '["a"]', ["app"], ["v41"], id="another target"),
        pytest.param("roll_back", '["a"]', ["web"], ["v42"], id="another release"),
    ],
)
def test_a_fingerprint_binds(action: str, parameters: str, targets: list[str], material: list[str]) -> None:
    """Each part of what was approved changes it."""
    assert fingerprint("roll_back", '["a"]', ["web"], ["v41"]) != fingerprint(action, parameters, targets, material)


def test_a_fingerprint_ignores_how_it_is_written() -> None:
    """Blanks in the JSON and the order of targets mean nothing."""
    assert fingerprint("a", '["x","y"]', ["1", "2"], []) == fingerprint("a", '[ "x", "y" ]', ["2", "1"], [])


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_read(state: State) -> None:
    """Whatever the state, the message says which operation it is and offers only what still does something."""
    message = operation_messages.request(replace(OPERATION, state=state, decided_by="lead", decided_at=NOW), NOW)

    assert "OP-88" in message.text
    assert "Roll back shop/web" in message.text
    assert ("Approve and run" in labels(message)) == (state is State.PENDING)
    assert ("It happened" in labels(message)) == (state is State.UNKNOWN)


@pytest.mark.parametrize(
    ("listed", "severity", "offered"),
    [
        pytest.param(True, "P0", True, id="what is listed, in a P0"),
        pytest.param(True, "P2", False, id="no P0 or P1 is open"),
        pytest.param(False, "P0", False, id="what is not listed is always refused"),
    ],
)
def test_an_emergency_run_is_offered_only_where_it_may_be_allowed(
    severity: str, *, listed: bool, offered: bool
) -> None:
    """A button that always refuses costs somebody the minute that they do not have."""
    message = operation_messages.request(
        replace(OPERATION, plan=replace(PLAN, emergency=listed), severity=severity), NOW
    )

    assert offered is any(label.startswith("Emergency run") for label in labels(message))


@pytest.mark.parametrize(
    ("action", "label"),
    [("roll_back", "Lock publishing…"), ("retry_failed", "Retry the next…"), ("toy.open_valve", None)],
)
def test_what_is_left_to_do_is_a_button_only_where_there_is_one(action: str, label: str | None) -> None:
    """The next step of one action is not offered for another."""
    done = replace(OPERATION, action=action, state=State.SUCCEEDED, left_to_do="something", undo_until=None)

    assert ([label] if label else []) == labels(operation_messages.request(done, NOW))


def test_text_from_people_stays_text() -> None:
    """A reason is never made into a mention, a link or bold text."""
    message = operation_messages.request(replace(OPERATION, reason="<!channel> *now* <http://evil|ok>"), NOW)

    lines = [line for part in message.parts if isinstance(part, Paragraph) for line in part.lines]
    assert ("Why: ", "<!channel> *now* <http://evil|ok>") in lines
    assert all(item.text == PLAN.title for line in lines for item in line if isinstance(item, Bold))


def test_a_long_plan_is_shortened() -> None:
    """A plan of hundreds of calls still fits into a message, and says that it was shortened."""
    steps = tuple(Step(f"step {place}", (f"POST /{place}",)) for place in range(500))
    text = operation_replies.plan_text(replace(OPERATION, plan=replace(PLAN, steps=steps)))

    assert len(text) < 2_700
    assert text.endswith("… (shortened)")


def test_two_approvals_show_who_is_missing() -> None:
    """Who agreed is shown, and how many others are still needed."""
    message = operation_messages.request(replace(OPERATION, approvals_needed=2, approved_by=("lead",)), NOW)

    assert "Needs 1 of: " in words(message)
    assert " · approved by " in words(message)
