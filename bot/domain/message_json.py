"""A `Message` as JSON and back, for the outbox: each primitive carries its class name, and no text holds a secret."""

import dataclasses
import json
from typing import Any

from bot.domain import message as primitives
from bot.domain.message import Message
from bot.domain.message_redaction import redacted

_CLASSES = {
    name: value
    for name, value in vars(primitives).items()
    if isinstance(value, type) and dataclasses.is_dataclass(value)
}
# Looked up once: a page writes three messages, and asking `dataclasses` for each value took most of its time.
_FIELDS: dict[type, tuple[str, ...]] = {
    cls: tuple(field.name for field in dataclasses.fields(cls)) for cls in _CLASSES.values()
}


def dump(message: Message) -> str:
    """The message as one line of JSON, redacted."""
    return json.dumps(_plain(redacted(message)), ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> Message:
    """The message from `dump`'s text."""
    loaded = _value(json.loads(text))
    if not isinstance(loaded, Message):
        raise TypeError("the stored text is not a message")
    return loaded


def _plain(value: object) -> object:
    fields = _FIELDS.get(type(value))
    if fields is not None:
        return {"is": type(value).__name__, **{name: _plain(getattr(value, name)) for name in fields}}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _value(value: Any) -> Any:  # noqa: ANN401 - JSON's own shape
    if isinstance(value, dict):
        return _CLASSES[value["is"]](**{name: _value(item) for name, item in value.items() if name != "is"})
    if isinstance(value, list):
        return tuple(_value(item) for item in value)
    return value
