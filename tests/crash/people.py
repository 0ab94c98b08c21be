"""The load: people open and acknowledge incidents, ask for rollbacks and approve them, at whichever replica lives."""

import asyncio
import hashlib
import hmac
import itertools
import json
import random
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp

from bot.local.workspace.values import Json
from tests.crash.outside import DEPLOYS, Outside
from tests.crash.replicas import Fleet

_INCIDENT = re.compile(r"\bINC-\d+")
_RANDOM = random.Random()  # noqa: S311 - load, not a secret


@dataclass(slots=True)
class People:
    """What they asked for and what was acknowledged to them; only an acknowledged request may be counted as lost."""

    fleet: Fleet
    outside: Outside
    opened: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)
    hurried: bool = True
    """Whether incidents are opened as fast as the kills need them; later only as many as Slack takes messages of."""
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _deploy: int = 0

    async def work(self, ended: asyncio.Event) -> None:
        """Keep asking until `ended`."""
        async with aiohttp.ClientSession(trust_env=False) as session:
            await asyncio.gather(
                self._open(session, ended), self._acknowledge(session, ended), self._roll_back(session, ended)
            )

    async def _open(self, session: aiohttp.ClientSession, ended: asyncio.Event) -> None:
        while not ended.is_set():
            title = f"crash {next(self._numbers)}"
            if await self._command(session, "U0ENGINEER", "/incident", f"open P0 anyway shop {title}"):
                self.opened.add(title)
            await asyncio.sleep(_RANDOM.uniform(0.3, 0.9) if self.hurried else _RANDOM.uniform(8, 16))

    async def _acknowledge(self, session: aiohttp.ClientSession, ended: asyncio.Event) -> None:
        """Every other incident gets an owner, a moment after it was seen."""
        seen: set[str] = set()
        while not ended.is_set():
            for incident in self._incidents() - seen:
                seen.add(incident)
                if int(incident.removeprefix("INC-")) % 2 and await self._command(
                    session, "U0SRE", "/incident", f"ack {incident}"
                ):
                    self.acknowledged.add(incident)
            await asyncio.sleep(0.3)

    async def _roll_back(self, session: aiohttp.ClientSession, ended: asyncio.Event) -> None:
        """One rollback after another, each to the release before; two approvers press at the same moment."""
        while not ended.is_set() and self._deploy < DEPLOYS - 1:
            done = (int(name.removeprefix("dep-")) for name in self.outside.restored)
            self._deploy = max(done, default=0)
            wanted = f"dep-{self._deploy + 1}"
            await self._command(session, "U0ENGINEER", "/rollback", f"shop web to {wanted} because crash")
            for _ in range(30):
                if ended.is_set() or wanted in self.outside.restored:
                    break
                for token in self._approvable() - self.approved:
                    answers = await asyncio.gather(
                        *(self._press(session, who, token) for who in ("U0LEAD", "U0MANAGER", "U0LEAD"))
                    )
                    if any(answers):
                        self.approved.add(token)
                await asyncio.sleep(0.2)

    def _incidents(self) -> set[str]:
        return {found for seen in self.outside.posts for found in _INCIDENT.findall(seen.text)}

    def _approvable(self) -> set[str]:
        """Tokens of approval requests that stand in the channel."""
        tokens: set[str] = set()
        for seen in self.outside.posts:
            for block in json.loads(seen.blocks or "[]"):
                for element in block.get("elements", ()):
                    if str(element.get("action_id", "")).startswith("operation.approve"):
                        tokens.add(element["value"])
        return tokens

    async def _command(self, session: aiohttp.ClientSession, user: str, command: str, text: str) -> bool:
        body = {
            "team_id": "T0STEWARD",
            "api_app_id": "A0STEWARD",
            "channel_id": "C0ALERTS",
            "channel_name": "production-alerts",
            "user_id": user,
            "user_name": user.lower(),
            "command": command,
            "text": text,
            "trigger_id": f"{_RANDOM.random()}",
            "response_url": f"{self.outside.url}/answers/1",
        }
        return await self._deliver(session, body)

    async def _press(self, session: aiohttp.ClientSession, user: str, token: str) -> bool:
        payload: Json = {
            "type": "block_actions",
            "team": {"id": "T0STEWARD", "domain": "steward"},
            "api_app_id": "A0STEWARD",
            "user": {"id": user, "name": user.lower(), "team_id": "T0STEWARD"},
            "channel": {"id": "C0ALERTS", "name": "production-alerts"},
            "container": {"type": "message", "message_ts": "1.000001", "channel_id": "C0ALERTS"},
            "trigger_id": f"{_RANDOM.random()}",
            "response_url": f"{self.outside.url}/answers/1",
            "actions": [
                {"type": "button", "action_id": "operation.approve", "block_id": "b", "value": token, "action_ts": "1"}
            ],
        }
        return await self._deliver(session, {"payload": json.dumps(payload)})

    async def _deliver(self, session: aiohttp.ClientSession, body: dict[str, str]) -> bool:
        """Deliver as Slack does; now and then twice, to whichever replica lives. True: it was acknowledged."""
        raw = urlencode(body).encode()
        stamp = str(int(time.time()))
        digest = hmac.digest(self.fleet.secret.encode(), b"v0:" + stamp.encode() + b":" + raw, hashlib.sha256).hex()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
        }
        accepted = False
        for _ in range(2 if _RANDOM.random() < 0.2 else 1):
            if not self.fleet.ready:
                break
            url = _RANDOM.choice(self.fleet.ready).url
            try:
                async with session.post(url, data=raw, headers=headers, timeout=aiohttp.ClientTimeout(3)) as answer:
                    # Words in the acknowledgement say that nothing was done.
                    accepted = accepted or (answer.status == 200 and not await answer.read())
            except (aiohttp.ClientError, TimeoutError, OSError):
                continue
        return accepted
