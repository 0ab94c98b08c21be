"""A person's view of the whole: type, press, fill in, see; move the clock, break the lab, kill the bot.

Every call goes through the local workspace's own contract (`/local/...`), as the page's do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.smoke.reading import Json, Pressable, pressables, words

CHANNEL = "#production-alerts"
PATIENCE = 12.0
LOOK_EVERY = 0.05


class World:
    """One running demo, as the people in it see it."""

    def __init__(
        self, client: httpx.AsyncClient, *, restart: Callable[[], Awaitable[None]], kill: Callable[[], Awaitable[None]]
    ) -> None:
        self.client = client
        self.restart_bot = restart
        self.kill_bot = kill
        self._undo: list[tuple[str, Json]] = []

    def user(self, name: str) -> "User":
        """One of the five."""
        return User(self, name)

    async def advance(self, duration: str) -> None:
        """Move the clock of bot, ledger and signing on; what falls due is committed afterwards."""
        (await self.client.post("/local/clock", json={"advance": duration}, timeout=60)).raise_for_status()

    async def now(self) -> int:
        """The workspace's time, epoch ms."""
        return int((await self.client.get("/local/clock")).json()["now"])

    async def advance_to(self, moment: int) -> None:
        """Move the clock to a moment (epoch ms)."""
        await self.advance(f"{max(0, -(-(moment - await self.now()) // 1000))}s")

    async def fault(self, method: str, kind: str, times: int = 1, **more: int) -> None:
        """Let Slack fail."""
        body = {"method": method, "kind": kind, "times": times, **more}
        (await self.client.post("/local/faults", json=body)).raise_for_status()

    async def lab(self, system: str, component: str, *, state: str = "", **values: object) -> None:
        """Break or set a component; it is put back when the test ends."""
        path = f"/local/lab/{system}/{component}"
        before = (await self.client.get("/local/lab")).json()[system][component]
        if state:
            self._undo.append((path, {"state": before.get("state", "up")}))
            (await self.client.post(path, json={"state": state}, timeout=30)).raise_for_status()
        kept = {name: value for name, value in before.get("values", {}).items() if name in values}
        if kept:
            self._undo.append((path, {"set": kept}))
        if values:
            (await self.client.post(path, json={"set": values}, timeout=30)).raise_for_status()

    async def url(self, system: str, component: str) -> str:
        """The address of a component, for any client."""
        return str((await self.client.get("/local/lab")).json()[system][component]["url"])

    async def calls(self, system: str, component: str) -> list[Json]:
        """What a vendor stand-in was asked."""
        answer = (await self.client.get(f"/local/lab/{system}/{component}/calls")).json()
        calls: list[Json] = answer["calls"] if isinstance(answer, dict) else answer
        return calls

    async def messages(self, user: str = "sre", channel: str = CHANNEL) -> list[Json]:
        """What a person sees in a channel, oldest first."""
        answer = await self.client.get("/local/messages", params={"user": user, "channel": channel})
        answer.raise_for_status()
        found: list[Json] = answer.json()["messages"]
        return found

    async def modals(self, user: str) -> list[Json]:
        """A person's open forms, the lowest first."""
        views = (await self.client.get("/local/views", params={"user": user})).json()["views"]
        return [view for view in views if view["type"] == "modal"]

    async def enters(self, user: str, channel: str) -> bool:
        """Whether the channel exists and this person is in it."""
        answer = await self.client.get("/local/messages", params={"user": user, "channel": channel})
        return answer.is_success

    async def sees(self, text: str, *, by: str = "sre", channel: str = CHANNEL, since: str = "") -> "Seen":
        """Wait until a person sees a text in a channel; the newest message that holds it."""

        async def look() -> "Seen | None":
            if not await self.enters(by, channel):
                return None
            for message in reversed(await self.messages(by, channel)):
                if _moment(message) > since and text in words(message):
                    return Seen(self, message, channel, by)
            return None

        found: Seen = await self.until(look, lambda: f"{by} never saw {text!r} in {channel}")
        return found

    async def until(
        self, look: Callable[[], Awaitable[Any]], failure: Callable[[], str], within: float = PATIENCE
    ) -> Any:  # noqa: ANN401 - whatever is looked for
        """Look until it is truthy, for a bounded time."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            found = await look()
            if found:
                return found
            await asyncio.sleep(LOOK_EVERY)
        shown = [words(message)[:200] for message in (await self.messages())[-12:]]
        raise AssertionError(failure() + "\nseen last:\n" + "\n".join(shown))

    async def restore(self) -> None:
        """Put back what the test broke."""
        await self.client.delete("/local/faults")
        for path, body in reversed(self._undo):
            await self.client.post(path, json=body, timeout=30)
        self._undo.clear()


@dataclass(frozen=True, slots=True)
class User:
    """A person at their keyboard."""

    world: World
    name: str

    def types(self, line: str, channel: str = CHANNEL) -> "Doing":
        """Type a slash command."""
        command, _, text = line.partition(" ")
        body = {"user": self.name, "channel": channel, "command": command, "text": text}
        return Doing(self.world, self.name, channel, "/local/command", body)

    async def home(self, *texts: str, without: str = "") -> Json:
        """Open one's home tab until it says all of this."""

        async def look() -> Json | None:
            opened = {"user": self.name, "type": "app_home_opened", "tab": "home"}
            await self.world.client.post("/local/event", json=opened)
            views = (await self.world.client.get("/local/views", params={"user": self.name})).json()["views"]
            view = next((view for view in views if view["type"] == "home"), None)
            said = words(view) if view else ""
            return view if view and all(text in said for text in texts) and not (without and without in said) else None

        failure = f"{self.name}'s home tab never said {texts} without {without!r}"
        home: Json = await self.world.until(look, lambda: failure, 20)
        return home

    def submits(self, view: Json, **values: str) -> "Doing":
        """Fill in a form by its field ids and send it."""
        filled: dict[str, dict[str, str]] = {name: {name: value} for name, value in values.items()}
        body = {"user": self.name, "view_id": view["id"], "values": filled}
        return Doing(self.world, self.name, CHANNEL, "/local/submit", body)


@dataclass(slots=True)
class Doing:
    """Something a person does; awaiting it does it, `sees` also waits for what comes of it."""

    world: World
    name: str
    channel: str
    path: str
    body: Json

    def __await__(self) -> Generator[Any, None, Json]:
        """Do it; Slack's side of the answer: status, milliseconds, body."""
        return self._do().__await__()

    async def _do(self) -> Json:
        answer = await self.world.client.post(self.path, json=self.body, timeout=15)
        found: Json = answer.json()
        return found

    async def sees(self, text: str, *, by: str = "", channel: str = "") -> "Seen":
        """Do it, and wait until a text is seen that was not there before."""
        who, where = by or self.name, channel or self.channel
        known = {_version(message) for message in await self.world.messages(who, where)}
        answer = await self._do()
        if answer.get("error"):
            raise AssertionError(f"{self.path} {self.body}: {answer['error']}")

        async def look() -> Seen | None:
            for message in reversed(await self.world.messages(who, where)):
                if _version(message) not in known and text in words(message):
                    return Seen(self.world, message, where, who)
            shown = _immediate(answer)
            return Seen(self.world, {"ts": "", "text": shown}, where, who) if text in shown else None

        found: Seen = await self.world.until(
            look, lambda: f"{who} never saw {text!r} after {self.path} {self.body}: {answer}"
        )
        return found

    async def form(self, title: str) -> Json:
        """Do it, and wait for the form that it opens."""
        known = {view["id"] for view in await self.world.modals(self.name)}
        answer = await self._do()

        async def look() -> Json | None:
            modals = [view for view in await self.world.modals(self.name) if title in view["title"]["text"]]
            return modals[-1] if modals and modals[-1]["id"] not in known else None

        view: Json = await self.world.until(look, lambda: f"{self.name} got no form {title!r}: {answer}")
        return view


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as a person sees it."""

    world: World
    message: Json
    channel: str
    by: str

    @property
    def words(self) -> str:
        """Its words."""
        return words(self.message)

    @property
    def buttons(self) -> list[str]:
        """The labels of what can be pressed."""
        return [each.label for each in pressables(self.message.get("blocks") or [])]

    def click(self, label: str, *, by: str = "") -> Doing:
        """Press what has this label, as somebody who sees the message."""
        found = [each for each in pressables(self.message.get("blocks") or []) if each.label.startswith(label)]
        assert found, f"there is no {label!r} among {self.buttons}"
        return self.press(found[0], by=by)

    def press(self, what: Pressable, *, by: str = "") -> Doing:
        """Press exactly this, also when the message no longer offers it."""
        body = {
            "user": by or self.by,
            "channel": self.channel,
            "ts": self.message["ts"],
            "action_id": what.action_id,
            "value": what.value,
        }
        return Doing(self.world, by or self.by, self.channel, "/local/click", body)

    async def again(self) -> "Seen":
        """The same message as it stands now."""
        for message in await self.world.messages(self.by, self.channel):
            if message["ts"] == self.message["ts"]:
                return Seen(self.world, message, self.channel, self.by)
        raise AssertionError("the message is gone")

    async def becomes(self, text: str, within: float = PATIENCE) -> "Seen":
        """Wait until the message is edited to hold a text."""

        async def look() -> "Seen | None":
            now = await self.again()
            return now if text in now.words else None

        found: Seen = await self.world.until(look, lambda: f"the message never said {text!r}: {self.words}", within)
        return found

    async def thread(self) -> str:
        """The words of its thread so far."""
        found = await self.world.messages(self.by, self.channel)
        return "\n".join(words(each) for each in found if each.get("thread_ts") == self.message["ts"] != each["ts"])


def _version(message: Json) -> tuple[str, str]:
    return message["ts"], repr(message.get("blocks")) + str(message.get("text"))


def _moment(message: Json) -> str:
    edited = message.get("edited") or {}
    return max(str(message["ts"]), str(edited.get("ts", "") if isinstance(edited, dict) else ""))


def _immediate(answer: Json) -> str:
    """What came with the acknowledgement itself."""
    body = answer.get("body")
    if isinstance(body, dict):
        return words(body) if body.get("blocks") else str(body.get("text", ""))
    return body if isinstance(body, str) else ""
