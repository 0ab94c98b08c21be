"""`steward ask --demo`, `decide --demo`: type or press in a running demo as one of its people, and print the answer."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

import click
import httpx

from bot.domain.errors import Unavailable
from bot.domain.message import EXIT_CODES, OUTCOME_MARK, Outcome
from bot.local.block_text import block_text
from bot.local.workspace.directory import Directory
from bot.local.workspace.values import Json

T = TypeVar("T")

CHANNEL = "#production-alerts"
PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.1
_EDIT_SECONDS = 2.0
"""How long an edit that leaves the pressed button is not taken for the answer."""
_PEOPLE = {user.id: user.name for user in Directory(0).users.values()}


async def ask_demo(url: str, user: str, line: str, patience: float = PATIENCE_SECONDS) -> int:
    """Type a command and print the reply; the exit code. Raises `Unavailable` where the demo or its bot is silent."""
    return await _in_demo(url, user, lambda person: person.asks(line), patience)


async def decide_demo(url: str, user: str, operation: str, verdict: str, reason: str) -> int:
    """Press the operation's button and print what then stands there; the exit code. Raises as `ask_demo`."""
    return await _in_demo(
        url, user, lambda person: person.decides(operation.upper(), verdict, reason), PATIENCE_SECONDS
    )


async def _in_demo(url: str, user: str, work: "Callable[[_Person], Awaitable[int]]", patience: float) -> int:
    try:
        async with httpx.AsyncClient(base_url=url, timeout=patience, trust_env=False) as client:
            return await work(_Person(client, user, patience))
    except _Misused as misuse:
        click.echo(str(misuse), err=True)
        return EXIT_CODES["usage"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        why = str(error) or type(error).__name__
        raise Unavailable(f"No demo answers at {url} ({why}); start one with make demo, or correct --demo.") from error


class _Misused(Exception):
    """The demo does not take it: its own words."""


class _Person:
    """One person of the demo, in front of the alerts channel."""

    def __init__(self, client: httpx.AsyncClient, user: str, patience: float) -> None:
        self._client, self._user, self._patience = client, user, patience

    async def asks(self, line: str) -> int:
        """Type it, and see the whole reply."""
        name, _, text = line.strip().partition(" ")
        known = await self._known()
        await self._does("command", {"channel": CHANNEL, "command": "/" + name.lstrip("/"), "text": text})
        return await self._waits(lambda: self._answer(known))

    async def decides(self, operation: str, verdict: str, reason: str) -> int:
        """Press its button, say why where the form asks, and see what becomes of the request."""
        found = await self._button(operation, f"operation.{verdict}")
        if found is None:
            click.echo(f"{self._user} sees no button to {verdict} {operation} in {CHANNEL}.", err=True)
            return EXIT_CODES["refused"]
        request, action = found
        known = await self._known()
        await self._does("click", {"channel": CHANNEL, "ts": request["ts"], "action_id": action})
        if verdict == "deny":
            form = await self._waits(lambda: self._next_form(known))
            if form is not None:
                values = {
                    it["block_id"]: {it["element"]["action_id"]: reason} for it in form["blocks"] if "element" in it
                }
                await self._does("submit", {"view_id": form["id"], "values": values})
        settled = asyncio.get_running_loop().time() + _EDIT_SECONDS
        return await self._waits(lambda: self._verdict(request, action, known, settled))

    async def _button(self, operation: str, action: str) -> tuple[Json, str] | None:
        for message in reversed(await self._reads("messages", {"channel": CHANNEL})):
            pressed = next((each for each in _actions(message) if each.split(":")[0] == action), None)
            if pressed and re.search(rf"\b{re.escape(operation)}\b", json.dumps(message["blocks"])):
                return message, pressed
        return None

    async def _verdict(self, request: Json, action: str, known: set[str], settled: float) -> int | None:
        """The bot's word to this person, or the request as it stands after the click.

        An edit that leaves the button may be another one (somebody was pinged) or tell that more people must approve.
        """
        code = await self._reply(known)
        if code is not None:
            return code
        seen = await self._reads("messages", {"channel": CHANNEL})
        now = next((it for it in seen if it["ts"] == request["ts"]), None)
        if now is None or now["blocks"] == request["blocks"]:
            return None
        waits = action in _actions(now)
        if waits and asyncio.get_running_loop().time() < settled:
            return None
        click.echo(block_text(now["blocks"], _PEOPLE))
        return EXIT_CODES["pending" if waits else _outcome(now)]

    async def _waits(self, look: "Callable[[], Awaitable[T | None]]") -> T:
        """What `look` finds, as soon as it does."""
        try:
            async with asyncio.timeout(self._patience):
                while (found := await look()) is None:  # noqa: ASYNC110 - what is looked at is in another process
                    await asyncio.sleep(_POLL_SECONDS)
                return found
        except TimeoutError:
            raise Unavailable(
                f"The demo's bot said nothing within {self._patience:g} s; look at {self._page}."
            ) from None

    async def _known(self) -> set[str]:
        return {it["ts"] for it in await self._replies()} | {it["id"] for it in await self._forms()}

    async def _next_form(self, known: set[str]) -> Json | None:
        return next((form for form in await self._forms() if form["id"] not in known), None)

    async def _answer(self, known: set[str]) -> int | None:
        form = await self._next_form(known)
        return await self._told_by_form(form) if form is not None else await self._reply(known)

    async def _reply(self, known: set[str]) -> int | None:
        """The exit code of a new, whole reply, which is printed."""
        replies = [it for it in await self._replies() if it["ts"] not in known]
        whole = [it for it in replies if _outcome(it) != "pending"]
        if not whole:
            return None
        click.echo("\n\n".join(block_text(it["blocks"], _PEOPLE) or it["text"] for it in whole))
        return max(EXIT_CODES[_outcome(it)] for it in whole)

    async def _told_by_form(self, form: Json) -> int:
        """A terminal has no forms: it is closed again, and the words that it asks for are named."""
        labels = [it["label"]["text"] for it in form["blocks"] if it["type"] == "input" and not it.get("optional")]
        await self._does("close", {"view_id": form["id"]})
        click.echo(f"Say it in one line; the form asks for: {', '.join(labels)}.", err=True)
        return EXIT_CODES["usage"]

    async def _replies(self) -> Sequence[Json]:
        """What only this person sees."""
        seen = await self._reads("messages", {"channel": CHANNEL})
        return [message for message in seen if message["ephemeral"]]

    async def _forms(self) -> Sequence[Json]:
        return [view for view in await self._reads("views", {}) if view["type"] == "modal"]

    async def _reads(self, what: str, query: dict[str, str]) -> Sequence[Json]:
        answer = await self._client.get(f"/local/{what}", params={"user": self._user, **query})
        found: Sequence[Json] = _taken(answer)[what]
        return found

    async def _does(self, what: str, body: Json) -> Json:
        done = _taken(await self._client.post(f"/local/{what}", json={"user": self._user, **body}))
        if done.get("status", 200) >= 300:
            raise Unavailable(f"The demo's bot did not take it (status {done['status']}); is it running?")
        return done

    @property
    def _page(self) -> str:
        return str(self._client.base_url)


def _taken(answer: httpx.Response) -> Json:
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("it is no demo")  # noqa: TRY004 - it goes the way of an answer that is no JSON
    if answer.is_error:
        raise _Misused(str(found.get("error", answer.status_code)))
    return found


def _actions(message: Json) -> list[str]:
    """What the message's buttons do."""
    return [it.get("action_id", "") for block in message["blocks"] or () for it in block.get("elements", ())]


def _outcome(message: Json) -> Outcome:
    blocks = message["blocks"] or [{}]
    mark = str(blocks[0].get("block_id", ""))
    name = mark.removeprefix(OUTCOME_MARK) if mark.startswith(OUTCOME_MARK) else "done"
    return cast("Outcome", name)
