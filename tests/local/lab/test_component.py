"""What may be said to a component."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from bot.local.lab.component import Component, Setting, flag, one_of, text, whole


class Lamp(Component):
    """The smallest component."""

    states: ClassVar[Mapping[str, str]] = {"on": "shines", "off": "is dark"}
    settings: ClassVar[Mapping[str, Setting]] = {
        "watts": Setting("how bright", whole(1, 60)),
        "color": Setting("which color", one_of("white", "red")),
        "blinking": Setting("whether it blinks", flag),
        "label": Setting("what it says", text),
    }

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}
        self.now = "off"

    @property
    def url(self) -> str:
        return ""

    @property
    def state(self) -> str:
        return self.now

    def values(self) -> dict[str, object]:
        return self.kept

    async def enter(self, state: str) -> None:
        self.now = state

    async def put(self, key: str, value: object) -> None:
        self.kept[key] = value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({}, 'takes "state" or "set", not nothing', id="an empty body"),
        pytest.param({"stat": "on"}, 'takes "state" or "set", not stat', id="a misspelled word"),
        pytest.param({"state": "broken"}, "no state 'broken'; it can be on, off", id="an unknown state"),
        pytest.param({"state": ["on"]}, "no state ['on']", id="a state that is no text"),
        pytest.param({"set": "watts"}, "takes an object", id="settings that are no object"),
        pytest.param({"set": {"volts": 1}}, "settable are watts, color, blinking, label", id="an unknown key"),
        pytest.param({"set": {"watts": 61}}, "watts: give a whole number from 1 to 60, not 61", id="a number too high"),
        pytest.param({"set": {"watts": True}}, "watts: give a whole number", id="a flag for a number"),
        pytest.param({"set": {"color": "blue"}}, "color: give one of white, red", id="a word that is not offered"),
        pytest.param({"set": {"blinking": "maybe"}}, "blinking: give true or false", id="neither true nor false"),
        pytest.param({"set": {"label": ""}}, "label: give a text", id="an empty text"),
        pytest.param({"state": "on", "set": {"watts": 0}}, "watts:", id="a good state with a bad key"),
    ],
)
async def test_a_wrong_body_is_refused_and_changes_nothing(body: dict[str, object], said: str) -> None:
    """The text names what is wrong and what is possible; no part of the body takes effect."""
    lamp = Lamp()

    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the text is asserted below
        await lamp.apply(body)

    assert said in str(refusal.value)
    assert ("off", {}) == (lamp.state, lamp.values())


async def test_a_state_and_keys_are_applied_together() -> None:
    """A form's texts are read as the numbers and flags that they mean."""
    lamp = Lamp()

    await lamp.apply({"state": "on", "set": {"watts": "40", "blinking": "on", "color": "red", "label": "exit"}})

    assert "on" == lamp.state
    assert {"watts": 40, "blinking": True, "color": "red", "label": "exit"} == lamp.values()


def test_it_describes_itself() -> None:
    """A page or a script learns from it what can be done."""
    described = Lamp().describe()

    assert {"url", "states", "state", "set", "values"} == set(described)
    assert ["on", "off"] == described["states"]
