"""What passes between the workspace's parts: JSON objects as Slack spells them, and the two ways to say no."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]  # Slack's own objects (blocks, views, payloads) stay as Slack spells them.


class Refusal(Exception):
    """The Web API says no: `code` is Slack's, `messages` explain it as `response_metadata.messages` does."""

    def __init__(self, code: str, messages: Sequence[str] = (), extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.messages = tuple(messages)
        self.extra = dict(extra or {})

    def answer(self) -> Json:
        """The JSON body that Slack sends."""
        body: Json = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return body


class Misuse(Exception):
    """A `/local` call cannot be done as asked; the text says what, which and what to do."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status
