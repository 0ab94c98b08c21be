"""The words by which an incident's timeline tells of an operation."""

from dataclasses import replace
from typing import Any

import pytest

from bot.operations.incident_thread import told
from bot.operations.model import State
from tests.operations.test_model import OPERATION

WHAT = f"{OPERATION.id} {OPERATION.plan.title}"


@pytest.mark.parametrize(
    ("changes", "person", "text"),
    [
        pytest.param({"state": State.PENDING}, "sre", f"asked for {WHAT}", id="asked for"),
        pytest.param(
            {"state": State.APPROVED, "decided_by": "lead", "approved_by": ("lead",)},
            "lead",
            f"approved {WHAT}",
            id="approved",
        ),
        pytest.param(
            {"state": State.APPROVED, "decided_by": "sre"}, "sre", f"confirmed {WHAT}", id="needs no approval"
        ),
        pytest.param(
            {"state": State.APPROVED, "decided_by": "sre", "emergency": True},
            "sre",
            f"started {WHAT} without an approval",
            id="an emergency",
        ),
        pytest.param({"state": State.UNKNOWN}, "steward", f"does not know the outcome of {WHAT}", id="unknown"),
        pytest.param({"state": State.SUCCEEDED}, "steward", f"did {WHAT}", id="done"),
        pytest.param(
            {"state": State.FAILED, "cause": "503\nagain"}, "steward", f"could not do {WHAT}: 503 again", id="failed"
        ),
        pytest.param(
            {"state": State.DENIED, "decided_by": "lead", "note": "no"}, "lead", f"denied {WHAT}: no", id="denied"
        ),
        pytest.param({"state": State.EXPIRED}, "steward", f"let {WHAT} expire", id="expired"),
        pytest.param({"state": State.CANCELLED, "decided_by": "sre"}, "sre", f"cancelled {WHAT}", id="cancelled"),
        pytest.param({"state": State.VOID, "note": "v41 moved"}, "steward", f"dropped {WHAT}: v41 moved", id="void"),
    ],
)
def test_who_did_what(changes: dict[str, Any], person: str, text: str) -> None:
    """A person decides; what nobody decided is the bot's doing."""
    assert (person, text) == told(replace(OPERATION, **changes))


@pytest.mark.parametrize("state", [State.DRAFT, State.CLAIMED, State.RUNNING])
def test_what_lies_between_is_not_told(state: State) -> None:
    """The timeline has one line per decision and one for the end."""
    assert told(replace(OPERATION, state=state)) is None
