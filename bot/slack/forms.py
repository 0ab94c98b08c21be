"""Turns a `Modal` into a view, and a message into a person's home tab."""

from zoneinfo import ZoneInfo

from bot.domain.message import ChoiceField, Field, Message, Modal, PersonField, TextField
from bot.domain.message_redaction import redacted
from bot.requests.invocation import Incoming
from bot.slack import elements, inlines, limits
from bot.slack.blocks import empty, render_parts
from bot.slack.limits import cut, plain
from bot.slack.payloads import ORIGIN_END
from bot.slack.values import Json

_INTRO_BLOCKS = 60


def modal_view(modal: Modal, incoming: Incoming, zone: ZoneInfo) -> Json:
    """The view of a form. Where it was asked for travels with it, so that the answer to its submission gets there."""
    modal = redacted(modal)
    private = f"{incoming.channel} {incoming.response_url}{ORIGIN_END}{modal.private}"
    if len(private) > limits.PRIVATE:
        raise ValueError(f"the private text of the form {modal.form} has {len(private)} characters, with its origin")
    fields = [_field(field) for field in modal.fields[: limits.VIEW_BLOCKS - _INTRO_BLOCKS]]
    return {
        "type": "modal",
        "callback_id": modal.form,
        "title": plain(modal.title, limits.TITLE),
        "submit": plain(modal.submit, limits.TITLE),
        "close": plain("Cancel", limits.TITLE),
        "private_metadata": private,
        "blocks": [*render_parts(modal.intro, zone, _INTRO_BLOCKS), *fields] or [empty()],
    }


def reading_view(message: Message, zone: ZoneInfo) -> Json:
    """The view of a message that has no channel to stand in: the reply to a press on the home tab."""
    return {
        "type": "modal",
        "callback_id": "reading",
        "title": plain("Steward", limits.TITLE),
        "close": plain("Close", limits.TITLE),
        "blocks": render_parts(message.parts or Message.plain(message.text).parts, zone, limits.VIEW_BLOCKS)
        or [empty(message.text)],
    }


def home_view(message: Message, zone: ZoneInfo) -> Json:
    """The view of a home tab."""
    return {"type": "home", "blocks": render_parts(message.parts, zone, limits.VIEW_BLOCKS) or [empty(message.text)]}


def _field(field: Field) -> Json:
    element = _element(field)
    if element is None:
        return {"type": "section", "text": plain(f"{field.label}: there is nothing to choose from", limits.SECTION)}
    hint = field.hint if isinstance(field, TextField | ChoiceField) else ""
    return {
        "type": "input",
        "block_id": field.id,
        "label": plain(field.label, limits.LABEL),
        "element": element,
        "optional": field.optional,
    } | ({"hint": plain(hint, limits.LABEL)} if hint else {})


def _element(field: Field) -> Json | None:
    match field:
        case TextField():
            typed: Json = {"type": "plain_text_input", "action_id": field.id, "multiline": field.multiline}
            if field.initial:
                typed["initial_value"] = cut(field.initial, limits.INITIAL)
            if field.placeholder:
                typed["placeholder"] = plain(field.placeholder, limits.PLACEHOLDER)
            return typed
        case ChoiceField():
            offered = elements.options(field.options)
            if not offered:
                return None
            initial = next((option for option in offered if option["value"] == field.initial), None)
            chosen: Json = {"initial_option": initial} if initial else {}
            return {"type": "static_select", "action_id": field.id, "options": offered} | chosen
        case PersonField():
            known: Json = {"initial_user": field.initial} if inlines.is_user(field.initial) else {}
            return {"type": "users_select", "action_id": field.id} | known
