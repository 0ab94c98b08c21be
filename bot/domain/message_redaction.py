"""A message without secrets: each of its texts made presentable, whatever a handler put into it."""

import dataclasses
import operator
from typing import Any, TypeVar

from bot.domain import message as primitives
from bot.domain.redaction import presentable

T = TypeVar("T")

_IDS = frozenset({"action", "value", "style", "slack", "channel", "outcome", "form", "private", "id"})
"""Fields that programs read: names, ids and opaque values of ours. An initial value is text, but an id in a choice."""

# Looked up once: asking `dataclasses` for each value would take most of the time.
_TEXTS: dict[type, tuple[str, ...]] = {
    value: tuple(
        field.name
        for field in dataclasses.fields(value)
        if field.name not in _IDS
        and not (value in {primitives.ChoiceField, primitives.PersonField} and field.name == "initial")
    )
    for value in vars(primitives).values()
    if isinstance(value, type) and dataclasses.is_dataclass(value)
}


def redacted(value: T) -> T:
    """A message, a form or any part of one, with every text presentable; the same object where nothing changes."""
    found: T = _redacted(value)
    return found


def _redacted(value: Any) -> Any:  # noqa: ANN401 - any primitive, and tuples of them
    if isinstance(value, str):
        return presentable(value)
    if isinstance(value, tuple):
        items = tuple(map(_redacted, value))
        return value if all(map(operator.is_, items, value)) else items
    changes = {}
    for name in _TEXTS.get(type(value), ()):
        old = getattr(value, name)
        new = _redacted(old)
        if new is not old:
            changes[name] = new
    return dataclasses.replace(value, **changes) if changes else value
