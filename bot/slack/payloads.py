"""Slack's payloads as `Incoming`: slash commands by hand, since they are the hot path; everything else by pydantic."""

import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.domain.invisible import without_unseen
from bot.requests.invocation import Incoming
from bot.requests.typed_text import typed

_ID = re.compile(r"[A-Z0-9]{1,40}\Z")
_COMMAND = re.compile(r"/\S{1,32}\Z")
Id = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,40}$")]
ORIGIN_END = "\n"


class Malformed(Exception):
    """A genuine request whose payload has not the documented shape; the text names the field, not its content."""


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _User(_Payload):
    id: Id


class _Channel(_Payload):
    id: Id


class _Option(_Payload):
    value: str


class _Action(_Payload):
    """One pressed element; `value` of a button, the option of a select."""

    action_id: str
    value: str | None = None
    selected_option: _Option | None = None
    selected_user: str | None = None


class _Container(_Payload):
    message_ts: str = ""
    channel_id: str = ""
    thread_ts: str = ""
    is_ephemeral: bool = False


class _View(_Payload):
    id: str = ""
    type: str = ""
    callback_id: str = ""
    hash: str = ""
    private_metadata: str = ""
    state: dict[str, Any] | None = None


class PlainMessage(_Payload):
    """The event of a message that somebody wrote."""

    user: str = Field(default="", pattern=r"^[A-Z0-9]{0,40}$")
    channel_type: str = ""
    subtype: str = ""
    bot_id: str = ""


P = TypeVar("P", bound=_Payload)


class BlockActions(_Payload):
    """A press on a button or a choice in a select, in a message, a form or the home tab."""

    user: _User
    actions: tuple[_Action, ...] = Field(min_length=1)
    trigger_id: str = ""
    response_url: str = ""
    channel: _Channel | None = None
    container: _Container = _Container()
    view: _View | None = None


class ViewSubmission(_Payload):
    """A form that was sent."""

    user: _User
    view: _View
    trigger_id: str = ""


class HomeOpened(_Payload):
    """The event that a person opened the bot's home tab."""

    user: Id
    tab: str = "home"


def command(body: Mapping[str, Any], now: int) -> Incoming:
    """A slash command."""
    name, user, channel = _text(body, "command"), _text(body, "user_id"), _text(body, "channel_id")
    if not _COMMAND.match(name):
        raise Malformed("command")
    if not _ID.match(user):
        raise Malformed("user_id")
    if channel and not _ID.match(channel):
        raise Malformed("channel_id")
    return Incoming(
        "command",
        name.lower(),
        typed(_text(body, "text")),
        user,
        channel=channel,
        thread_ts=_text(body, "thread_ts"),
        trigger=_text(body, "trigger_id"),
        response_url=_text(body, "response_url"),
        received_at=now,
        request_id=request_id(),
    )


def action(body: Mapping[str, Any], now: int) -> Incoming:
    """A pressed button or a choice. A number after `#` tells equal actions of one message apart; it means nothing."""
    payload = _parsed(BlockActions, body)
    pressed = payload.actions[0]
    value = pressed.value
    if value is None:
        value = pressed.selected_option.value if pressed.selected_option else pressed.selected_user or ""
    return Incoming(
        "button",
        pressed.action_id.partition("#")[0],
        without_unseen(value),
        payload.user.id,
        channel=payload.channel.id if payload.channel else payload.container.channel_id,
        message_ts=payload.container.message_ts,
        thread_ts=payload.container.thread_ts,
        trigger=payload.trigger_id,
        response_url=payload.response_url,
        view_id=payload.view.id if payload.view and payload.view.type == "modal" else "",
        view_hash=payload.view.hash if payload.view and payload.view.type == "modal" else "",
        received_at=now,
        request_id=request_id(),
        ephemeral=payload.container.is_ephemeral,
    )


def submission(body: Mapping[str, Any], now: int) -> Incoming:
    """A form that was sent, with the channel and address that its opening had carried along."""
    payload = _parsed(ViewSubmission, body)
    origin, end, private = payload.view.private_metadata.partition(ORIGIN_END)
    channel, _, response_url = origin.partition(" ") if end else ("", "", "")
    values = (payload.view.state or {}).get("values", {})
    if not isinstance(values, dict):
        raise Malformed("view.state.values")
    return Incoming(
        "form",
        payload.view.callback_id,
        "",
        payload.user.id,
        channel=channel,
        trigger=payload.trigger_id,
        response_url=response_url,
        fields={str(block): _field(elements) for block, elements in values.items()},
        private=without_unseen(private if end else payload.view.private_metadata),
        view_id=payload.view.id,
        received_at=now,
        request_id=request_id(),
    )


def home_opened(body: Mapping[str, Any]) -> HomeOpened:
    """The event of an opened home tab."""
    return _parsed(HomeOpened, body.get("event", {}))


def direct_message(body: Mapping[str, Any]) -> str:
    """Who wrote the bot a direct message; empty where it is none, or no person's own: an edit, or what a bot wrote."""
    message = _parsed(PlainMessage, body.get("event", {}))
    written = message.channel_type == "im" and not message.subtype and not message.bot_id
    return message.user if written else ""


def request_id() -> str:
    """What the person and the log name a request by."""
    return secrets.token_hex(4)


def _text(body: Mapping[str, Any], name: str) -> str:
    """A field of a command. A form holds nothing but text; JSON may hold anything, and null for what is empty."""
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise Malformed(name)
    return value


def _field(elements: object) -> str:
    """The value of a form's field: what was typed, or what was chosen."""
    if not isinstance(elements, dict) or len(elements) != 1:
        raise Malformed("view.state.values")
    element = next(iter(elements.values()))
    if not isinstance(element, dict):
        raise Malformed("view.state.values")
    option = element.get("selected_option")
    value = element.get("value") or element.get("selected_user") or (option or {}).get("value") or ""
    if not isinstance(value, str):
        raise Malformed("view.state.values")
    return typed(value)


def _parsed(model: type[P], body: object) -> P:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise Malformed(f"{model.__name__}.{place}") from None
