"""Slack's limits on what a message or form may hold, and how text is cut to them.

Source: https://docs.slack.dev/reference/block-kit/blocks and, for the total, measurements (`msg_blocks_too_long`).
"""

from bot.domain.invisible import without_unseen
from bot.slack.values import Json

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
CHARACTERS = 9_000
FALLBACK = 3_000
SECTION, FIELD, FIELDS = 3_000, 2_000, 10
HEADING, BUTTON, OPTION, OPTION_VALUE, OPTIONS = 150, 75, 75, 150, 100
ACTIONS, ACTION_ID, VALUE, URL = 25, 255, 2_000, 3_000
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
PLACEHOLDER, TITLE, LABEL, INITIAL, PRIVATE, ALT = 150, 24, 2_000, 3_000, 3_000, 2_000


def cut(text: str, limit: int) -> str:
    """The text, or its beginning and `…`."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain(text: str, limit: int) -> Json:
    """A text object that Slack shows as it is: no formatting, no `:emoji:`, no mention. Never empty."""
    shown = without_unseen(text)
    return {"type": "plain_text", "text": cut(shown, limit) if shown.strip() else "–", "emoji": False}
