"""Block Kit to HTML: the templates' environment and what they ask about options, texts and pictures.

The workspace has validated the blocks; here they are only read. Reference: https://docs.slack.dev/reference/block-kit
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jinja2
from markupsafe import Markup

from bot.local.page import dates
from bot.local.page.markdown import markdown
from bot.local.page.mrkdwn import emoji_text, mrkdwn, safe_url
from bot.local.page.names import Names
from bot.local.page.rich_text import rich_text

Json = Mapping[str, Any]  # Slack's own objects stay as Slack spells them.

_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Group:
    """Options under one label; an element without groups has one group without a label."""

    label: Markup
    options: Sequence[Json]


def plain(text: object) -> Markup:
    """Plain text with its shortcodes and line breaks."""
    return emoji_text(text if isinstance(text, str) else "").replace("\n", Markup("<br>"))


def text_object(value: object, names: Names) -> Markup:
    """A `mrkdwn` or `plain_text` object."""
    if not isinstance(value, Mapping):
        return Markup()
    text = value.get("text")
    if value.get("type") == "mrkdwn" and isinstance(text, str):
        return mrkdwn(text, names)
    return plain(text)


def own_url(url: object) -> str | None:
    """A picture that this server itself serves, as a path; the page fetches nothing else."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    own = parts.hostname in {"127.0.0.1", "localhost", None} and parts.path.startswith("/files/")
    return parts.path if own and parts.scheme in {"", "http"} else None


def choices(element: Json, names: Names) -> list[Group]:
    """What a select, a group of boxes or radio buttons offers; people and channels come from the workspace."""
    kind = str(element.get("type", ""))
    if "users_select" in kind:
        return [Group(Markup(), [_option(f"@{name}", key) for key, name in names.users.items()])]
    if "conversations_select" in kind or "channels_select" in kind:
        return [Group(Markup(), [_option(f"#{name}", key) for key, name in names.channels.items()])]
    groups = element.get("option_groups")
    if groups:
        return [Group(text_object(group.get("label"), names), group.get("options", ())) for group in groups]
    return [Group(Markup(), element.get("options") or ())]


def initial_values(element: Json) -> list[str]:
    """The values that an element starts with."""
    many = element.get("initial_options")
    if many:
        return [str(item.get("value", "")) for item in many]
    one = element.get("initial_option")
    if isinstance(one, Mapping):
        return [str(one.get("value", ""))]
    named = [element.get(f"initial_{kind}") for kind in ("user", "conversation", "channel")]
    listed = [item for kind in ("users", "conversations", "channels") for item in element.get(f"initial_{kind}") or ()]
    return [str(item) for item in (*named, *listed) if item]


def initial_label(element: Json, names: Names) -> Markup:
    """What a select shows as chosen at the start; nothing where it starts empty."""
    wanted = set(initial_values(element))
    offered = (item for group in choices(element, names) for item in group.options)
    return next((text_object(item.get("text"), names) for item in offered if item.get("value") in wanted), Markup())


def _option(label: str, value: str) -> Json:
    return {"text": {"type": "plain_text", "text": label}, "value": value}


@functools.cache
def environment() -> jinja2.Environment:
    """The templates; everything that is printed is escaped unless it is HTML of our own making."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        plain=plain,
        mrkdwn=mrkdwn,
        rich_text=rich_text,
        markdown=markdown,
        safe_url=safe_url,
        own_url=own_url,
        clock_time=dates.clock_time,
        full_time=dates.full_time,
    )
    return made


def vocabulary(names: Names) -> dict[str, object]:
    """What every template may call, for one person's view."""
    return {
        "names": names,
        "text": functools.partial(text_object, names=names),
        "choices": functools.partial(choices, names=names),
        "initial": functools.partial(initial_label, names=names),
        "initial_values": initial_values,
    }


def render_blocks(blocks: Sequence[Json], names: Names, errors: Mapping[str, str] | None = None) -> Markup:
    """Blocks of a message or a view as HTML."""
    template = environment().get_template("body.html")
    return Markup(template.render(vocabulary(names), items=blocks, errors=errors))  # noqa: S704 - autoescaped above
