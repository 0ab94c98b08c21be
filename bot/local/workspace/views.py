"""Views: each person's stack of modals and home tab, with the state of their inputs."""

import secrets
from dataclasses import dataclass, field

from bot.local.workspace.directory import APP, BOT, TEAM
from bot.local.workspace.values import Json, Refusal

STACK_DEPTH = 3


@dataclass(slots=True)
class View:
    """A modal or a home tab. `content` is what the app sent, `values` what the person has put in, `errors` by block."""

    id: str
    user: str
    content: Json
    hash: str
    root: str
    previous: str | None = None
    values: dict[str, Json] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def external_id(self) -> str:
        """The app's own name for it."""
        return str(self.content.get("external_id") or "")

    def payload(self) -> Json:
        """The view object of the Web API and of payloads."""
        return {
            "id": self.id,
            "team_id": TEAM,
            "app_id": APP,
            "app_installed_team_id": TEAM,
            "bot_id": BOT,
            "title": {"type": "plain_text", "text": "", "emoji": True},
            "close": None,
            "submit": None,
            "private_metadata": "",
            "callback_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **self.content,
            "external_id": self.external_id,
            "state": {"values": self.values},
            "hash": self.hash,
            "root_view_id": self.root,
            "previous_view_id": self.previous,
        }

    def shown(self) -> Json:
        """The view as its person sees it: the payload and the errors at its fields."""
        return {**self.payload(), "user": self.user, "errors": dict(self.errors)}


class Views:
    """Every open view of the workspace."""

    def __init__(self) -> None:
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}
        self._changes = 0

    def _hash(self, now: int) -> str:
        self._changes += 1
        return f"{now // 1000}.{self._changes:08x}"

    def stack(self, user: str) -> list[View]:
        """A person's open modals, the lowest first."""
        return list(self._stacks.get(user, []))

    def home(self, user: str) -> View | None:
        """A person's home tab."""
        return self._homes.get(user)

    def find(self, view_id: str) -> View | None:
        """An open view by id, home tabs included."""
        everything = [view for stack in self._stacks.values() for view in stack] + list(self._homes.values())
        return next((view for view in everything if view.id == view_id), None)

    def find_external(self, external_id: str) -> View | None:
        """An open view by the app's own name."""
        everything = [view for stack in self._stacks.values() for view in stack] + list(self._homes.values())
        return next((view for view in everything if external_id and view.external_id == external_id), None)

    def _refuse_duplicate(self, content: Json, but: str = "") -> None:
        known = self.find_external(str(content.get("external_id") or ""))
        if known is not None and known.id != but:
            raise Refusal("duplicate_external_id")

    def open(self, user: str, content: Json, now: int) -> View:
        """Open a modal; a stack that was open gives way to it."""
        self._stacks[user] = []
        self._refuse_duplicate(content)
        view_id = _view_id()
        view = View(view_id, user, content, self._hash(now), view_id)
        self._stacks[user] = [view]
        return view

    def push(self, user: str, content: Json, now: int) -> View:
        """Put a modal on top of the stack: `push_limit_reached` beyond three, `not_found` without one below."""
        stack = self._stacks.get(user, [])
        if not stack:
            raise Refusal("not_found")
        if len(stack) >= STACK_DEPTH:
            raise Refusal("push_limit_reached")
        self._refuse_duplicate(content)
        view = View(_view_id(), user, content, self._hash(now), stack[0].id, previous=stack[-1].id)
        stack.append(view)
        return view

    def update(self, view: View, content: Json, now: int, expected: str | None = None) -> View:
        """Replace what a view shows; inputs that stay keep their state. `hash_conflict`: changed since `expected`."""
        if expected and expected != view.hash:
            raise Refusal("hash_conflict")
        if content.get("type") != view.content.get("type"):
            raise Refusal("invalid_arguments", ["view type cannot be changed [json-pointer:/view/type]"])
        self._refuse_duplicate(content, but=view.id)
        kept = {str(block.get("block_id")) for block in content.get("blocks", [])}
        view.values = {block_id: values for block_id, values in view.values.items() if block_id in kept}
        view.content, view.hash, view.errors = content, self._hash(now), {}
        return view

    def publish(self, user: str, content: Json, now: int, expected: str | None = None) -> View:
        """Set a person's home tab."""
        view = self._homes.get(user)
        if view is not None:
            return self.update(view, content, now, expected)
        if expected:
            raise Refusal("hash_conflict")
        view_id = _view_id()
        view = View(view_id, user, content, self._hash(now), view_id)
        self._homes[user] = view
        return view

    def close(self, view: View) -> None:
        """Close one modal; what lay below shows again."""
        stack = self._stacks.get(view.user, [])
        if view in stack:
            stack.remove(view)

    def clear(self, user: str) -> list[View]:
        """Close all of a person's modals; returns them, the top one first."""
        return list(reversed(self._stacks.pop(user, [])))


def _view_id() -> str:
    return f"V0{secrets.token_hex(5).upper()}"
