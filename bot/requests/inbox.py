"""The inbox: state-changing requests, kept before they are acknowledged; it refuses replays and survives a crash."""

import asyncio
import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.timing import HOUR, MINUTE
from bot.ports import Clock
from bot.requests.invocation import Incoming
from bot.store import Ledger, Row, Tx

LEASE = 4_000
"""How long a request stays with a process that went silent, ms."""

AT_ONCE = 20
"""How many abandoned requests a process takes over in one go."""

_KEPT = HOUR  # Longer than any replay that the guard lets through.
_FIELDS = tuple(field.name for field in dataclasses.fields(Incoming))


_Wait = tuple[str, str, asyncio.Future[bool]]
"""A key, JSON to keep with it, and whoever waits for the commit."""

_NOTHING = "null"


@dataclass(slots=True)
class _Batch:
    """What the next commit holds, and who waits for it."""

    arrivals: list[_Wait] = dataclasses.field(default_factory=list)
    finished: list[_Wait] = dataclasses.field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.arrivals or self.finished)


class Inbox:
    """Accepts requests once. Those of a moment share one commit: alone, each would cost two thirds of the speed."""

    def __init__(self, ledger: Ledger, clock: Clock, *, owner: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._owner = owner
        self._batch = _Batch()
        self._committing: asyncio.Task[None] | None = None
        self._held: set[str] = set()
        # Nobody may run them any more, and the ledger, which did not answer, may hold them as open: their people were
        # told that nothing happens, or have their answer.
        self._given_up: set[str] = set()
        self._forget_at = 0

    async def accept(self, key: str, incoming: Incoming) -> bool:
        """Keep a request; True: it is new. Returns once it is committed. Raises `Unavailable`; then nobody runs it."""
        return await self._commit_with(self._batch.arrivals, key, json.dumps(_dump(incoming)))

    async def finish(self, key: str) -> None:
        """The request was answered; its key stays, against replays. Raises `Unavailable`."""
        self._held.discard(key)
        await self._commit_with(self._batch.finished, key, _NOTHING)

    async def claim_abandoned(self, most: int = AT_ONCE) -> list[tuple[str, Incoming, int]]:
        """Take over `most` requests whose process died: key, request, time of arrival. They are then ours to finish.

        The engine calls this every second, so it also renews what this process still works on, and forgets old keys.
        """
        now, wall = self._clock.now(), self._clock.wall()
        held = _by_key((key, _NOTHING) for key in self._held)
        given_up = frozenset(self._given_up)
        forget = now >= self._forget_at

        def renew_and_claim(tx: Tx) -> list[Row]:
            if given_up:
                tx.run("give_up_inbox", keys=_by_key((key, _NOTHING) for key in given_up), owner=self._owner)
            tx.run("renew_inbox", keys=held, owner=self._owner, lease_until=wall + LEASE)
            if forget:
                tx.run("forget_inbox", before=now - _KEPT)
            return tx.all("claim_inbox", owner=self._owner, wall=wall, lease_until=wall + LEASE, n=most)

        rows = await self._ledger.write(renew_and_claim)
        self._given_up -= given_up
        if forget:
            self._forget_at = now + MINUTE
        self._held.update(row["key"] for row in rows)
        return [(row["key"], _load(row["call"]), row["received_at"]) for row in rows]

    async def _commit_with(self, part: list[_Wait], key: str, kept: str) -> bool:
        """Have the next batch commit this too; whether the key is a new one."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        part.append((key, kept, answer))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit(), name="inbox")
        return await answer

    async def _commit(self) -> None:
        """Commit batch after batch until none has gathered meanwhile."""
        try:
            while self._batch:
                batch, self._batch = self._batch, _Batch()
                await self._keep(batch)
        finally:
            self._committing = None

    async def _keep(self, batch: _Batch) -> None:
        # Of two with the same key the first one counts; one that is finished was there before.
        requests = _by_key((key, kept) for key, kept, _ in (*reversed(batch.arrivals), *batch.finished))
        try:
            rows = await self._ledger.run(
                "keep_inbox",
                requests=requests,
                received_at=self._clock.now(),
                owner=self._owner,
                lease_until=self._clock.wall() + LEASE,
            )
        except Exception as error:  # noqa: BLE001 - raised again, in everyone who waits for this commit
            # A repeated delivery takes nothing from the first one, which is at work.
            self._given_up.update({key for key, _, _ in (*batch.arrivals, *batch.finished)} - self._held)
            for _, _, answer in (*batch.arrivals, *batch.finished):
                if not answer.done():
                    answer.set_exception(error)
            return
        self._given_up.difference_update(key for key, _, _ in (*batch.arrivals, *batch.finished))
        new = {row["key"] for row in rows if row["state"] == "claimed"}
        for key, _, answer in batch.arrivals:
            if key in new and answer.cancelled():
                # The person was told that nothing happens, so nobody may run it later.
                self._batch.finished.append((key, _NOTHING, answer))
            elif key in new:
                self._held.add(key)
            if not answer.done():
                answer.set_result(key in new)
            new.discard(key)  # Whoever brought the same one is too late.
        for _, _, answer in batch.finished:
            if not answer.done():
                answer.set_result(False)


def _by_key(entries: Iterable[tuple[str, str]]) -> str:
    """JSON of what belongs to each key, in the keys' order, so that replicas do not wait for one another in a ring."""
    return "{" + ",".join(f"{json.dumps(key)}:{kept}" for key, kept in sorted(dict(entries).items())) + "}"


def _dump(incoming: Incoming) -> str:
    values = {name: getattr(incoming, name) for name in _FIELDS}
    values["fields"] = dict(incoming.fields)
    # In ASCII: half a character, which JSON can carry, would fail the commit of everybody who shares it.
    return json.dumps(values, separators=(",", ":"))


def _load(call: str) -> Incoming:
    return Incoming(**json.loads(call))
