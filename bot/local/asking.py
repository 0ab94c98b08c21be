"""`steward ask --demo`: types a command in a running demo as one of its people and prints what they then see."""

import asyncio
from collections.abc import Sequence
from typing import cast

import click
import httpx

from bot.domain.errors import Unavailable
from bot.domain.message import EXIT_CODES, OUTCOME_MARK, Outcome
from bot.local.block_text import block_text
from bot.local.workspace.directory import Directory
from bot.local.workspace.values import Json

CHANNEL = "#production-alerts"
PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.1
_PEOPLE = {user.id: user.name for user in Directory(0).users.values()}


async def ask_demo(url: str, user: str, line: str, patience: float = PATIENCE_SECONDS) -> int:
    """Type a command and print the reply; the exit code. Raises `Unavailable` where the demo or its bot is silent."""
    try:
        async with httpx.AsyncClient(base_url=url, timeout=patience, trust_env=False) as client:
            return await _Person(client, user).asks(line, patience)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        why = str(error) or type(error).__name__
        raise Unavailable(f"No demo answers at {url} ({why}); start one with make demo, or correct --demo.") from error


class _Misused(Exception):
    """The demo does not take it: its own words."""


class _Person:
    """One person of the demo, in front of the alerts channel."""

    def __init__(self, client: httpx.AsyncClient, user: str) -> None:
        self._client, self._user = client, user

    async def asks(self, line: str, patience: float) -> int:
        """Type it, and see the whole reply."""
        name, _, text = line.strip().partition(" ")
        try:
            known = {it["ts"] for it in await self._replies()} | {it["id"] for it in await self._forms()}
            command = {"channel": CHANNEL, "command": "/" + name.lstrip("/"), "text": text}
            delivered = await self._does("command", command)
        except _Misused as misuse:
            click.echo(str(misuse), err=True)
            return EXIT_CODES["usage"]
        if delivered["status"] >= 300:
            raise Unavailable(f"The demo's bot did not take it (status {delivered['status']}); is it running?")
        try:
            async with asyncio.timeout(patience):
                return await self._answer(known)
        except TimeoutError:
            raise Unavailable(f"The demo's bot said nothing within {patience:g} s; look at {self._page}.") from None

    async def _answer(self, known: set[str]) -> int:
        while True:
            for form in await self._forms():
                if form["id"] not in known:
                    return await self._told_by_form(form)
            replies = [it for it in await self._replies() if it["ts"] not in known]
            whole = [it for it in replies if _outcome(it) != "pending"]
            if whole:
                click.echo("\n\n".join(block_text(it["blocks"], _PEOPLE) or it["text"] for it in whole))
                return max(EXIT_CODES[_outcome(it)] for it in whole)
            await asyncio.sleep(_POLL_SECONDS)

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
        return _taken(await self._client.post(f"/local/{what}", json={"user": self._user, **body}))

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


def _outcome(message: Json) -> Outcome:
    blocks = message["blocks"] or [{}]
    mark = str(blocks[0].get("block_id", ""))
    name = mark.removeprefix(OUTCOME_MARK) if mark.startswith(OUTCOME_MARK) else "done"
    return cast("Outcome", name)
