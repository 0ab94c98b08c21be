"""Messages as a list to read: who, when, which follow one another, where a day begins, how many replies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from bot.local.page import dates
from bot.local.page.kit import Json, render_blocks, text_object
from bot.local.page.names import Names

_SAME_BREATH: Final = 300  # Seconds within which the next message of the same author needs no name again.
_QUIET: Final = {
    "channel_join": "joined the channel",
    "channel_leave": "left the channel",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One message and how it stands among the others."""

    message: Json
    author: str
    bot: bool
    day: str
    follows: bool
    body: Markup
    replies: int
    last_reply: str
    repliers: Sequence[tuple[str, str]]
    mine: bool

    @property
    def quiet(self) -> bool:
        """Whether it is a line of the workspace's own rather than something said."""
        return self.message.get("subtype") in _QUIET


def is_reply(message: Json) -> bool:
    """Whether it stands in a thread, below another message."""
    return bool(message.get("thread_ts")) and message["thread_ts"] != message["ts"]


def in_channel(messages: Sequence[Json]) -> list[Json]:
    """What the channel itself shows: no replies, unless they were also sent to the channel."""
    return [each for each in messages if not is_reply(each) or each.get("subtype") == "thread_broadcast"]


def in_thread(messages: Sequence[Json], ts: str) -> list[Json]:
    """A message and its replies."""
    return [each for each in messages if ts and (each["ts"] == ts or each.get("thread_ts") == ts)]


def entries(shown: Sequence[Json], everything: Sequence[Json], names: Names, *, days: bool = True) -> list[Entry]:
    """The messages to show, oldest first, with what is said about each."""
    today = dates.present(names).date()
    replies: dict[str, list[Json]] = {}
    for message in everything:
        if is_reply(message):
            replies.setdefault(message["thread_ts"], []).append(message)
    out: list[Entry] = []
    before: Json | None = None
    for message in shown:
        when = dates.moment(message["ts"], names.zone)
        new_day = before is None or dates.moment(before["ts"], names.zone).date() != when.date()
        follows = before is not None and not new_day and _follows(before, message)
        answers = replies.get(message["ts"], [])
        out.append(
            Entry(
                message=message,
                author=_author(message, names),
                bot=bool(message.get("bot_id")),
                day=dates.day_name(when.date(), today) if days and new_day else "",
                follows=follows,
                body=_body(message, names),
                replies=len(answers),
                last_reply=dates.ago(dates.moment(answers[-1]["ts"], names.zone), dates.present(names))
                if answers
                else "",
                repliers=_repliers(answers, names),
                mine=message.get("user") == names.viewer,
            )
        )
        before = message
    return out


def _author(message: Json, names: Names) -> str:
    return names.user(str(message.get("user") or "")) or str(message.get("username") or "")


def _repliers(answers: Sequence[Json], names: Names) -> list[tuple[str, str]]:
    known = dict.fromkeys((str(each.get("user") or ""), bool(each.get("bot_id"))) for each in answers)
    return [(user, "" if bot else names.user(user)) for user, bot in known][:3]


def _follows(before: Json, message: Json) -> bool:
    if message.get("blocks"):  # What has buttons stands for itself, or one could press those of its neighbour.
        return False
    same = all(before.get(key) == message.get(key) for key in ("user", "bot_id", "ephemeral", "subtype"))
    return same and float(message["ts"]) - float(before["ts"]) < _SAME_BREATH


def _body(message: Json, names: Names) -> Markup:
    quiet = _QUIET.get(str(message.get("subtype")))
    if quiet:
        return Markup("{}").format(quiet)
    if message.get("blocks"):
        return render_blocks(message["blocks"], names)
    text = text_object({"type": "mrkdwn", "text": message.get("text") or ""}, names)
    return Markup('<div class="block mrkdwn">{}</div>').format(text)
