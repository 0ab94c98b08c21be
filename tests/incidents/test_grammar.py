"""The grammar of `/incident`."""

import pytest

from bot.domain.errors import UsageError
from bot.domain.policy import Risk
from bot.incidents.grammar import IncidentRequest, parse
from bot.incidents.model import Reference, Severity

HERE = Reference(room="C1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", IncidentRequest("list"), id="nothing lists"),
        pytest.param("list", IncidentRequest("list"), id="list"),
        pytest.param("open", IncidentRequest("open", HERE), id="open alone asks by a form"),
        pytest.param("open mail is down", IncidentRequest("open", HERE, None, ("mail", "is", "down")), id="a title"),
        pytest.param("open p0 x", IncidentRequest("open", HERE, Severity.P0, ("x",)), id="a severity in small letters"),
        pytest.param("ack INC-12", IncidentRequest("ack", Reference(id="INC-12")), id="ack by id"),
        pytest.param("ack inc-012", IncidentRequest("ack", Reference(id="INC-12")), id="an id written otherwise"),
        pytest.param("ack", IncidentRequest("ack", HERE), id="the channel implies the id"),
        pytest.param(
            "severity INC-1 P1", IncidentRequest("severity", Reference(id="INC-1"), Severity.P1), id="severity"
        ),
        pytest.param("update it drains", IncidentRequest("update", HERE, None, ("it", "drains")), id="update"),
        pytest.param("show INC-3", IncidentRequest("show", Reference(id="INC-3")), id="show"),
    ],
)
def test_what_is_understood(text: str, expected: IncidentRequest) -> None:
    """What a person types, as a request."""
    assert expected == parse(text, room="C1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("reslove INC-1", "did you mean resolve", id="a slip of the finger"),
        pytest.param("severity INC-1", "Which severity", id="no severity"),
        pytest.param("severity INC-1 P7", "P7 is no severity", id="a severity that does not exist"),
        pytest.param("open P9 x", "P9 is no severity", id="opening with one"),
    ],
)
def test_what_is_refused(text: str, reason: str) -> None:
    """The error says what to write instead."""
    with pytest.raises(UsageError, match=reason):
        parse(text)


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        pytest.param("list", Risk.READ, id="a list reads"),
        pytest.param("show INC-1", Risk.READ, id="so does one incident"),
        pytest.param("open", Risk.READ, id="and an empty form"),
        pytest.param("update INC-1", Risk.READ, id="and the form of an update"),
        pytest.param("open x", Risk.CHANGE, id="opening changes"),
        pytest.param("ack", Risk.CHANGE, id="acknowledging changes"),
        pytest.param("resolve INC-1", Risk.CHANGE, id="resolving changes"),
        pytest.param("update INC-1 x", Risk.CHANGE, id="an update changes"),
    ],
)
def test_the_risk_belongs_to_what_was_typed(text: str, risk: Risk) -> None:
    """A list and a form only read."""
    assert risk == parse(text).risk
