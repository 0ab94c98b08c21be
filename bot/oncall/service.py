"""On call: which person stands behind a level at a moment, and who follows."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from bot.config.models import StewardModel
from bot.domain.errors import NotFound
from bot.domain.people import Actor
from bot.oncall.directory import Directory
from bot.oncall.rotation import Rotation, Turn
from bot.ports import Clock

ON_CALL = "oncall"
"""The first level of the schedule: the first rotation of the configuration."""


class OnCall:
    """The rotations of the configuration, and the roles that escalation policies name beside them."""

    def __init__(self, config: StewardModel, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        zone = ZoneInfo(config.timezone)
        self._rotations = {
            name: Rotation(model.rotation, model.every, model.since, time.fromisoformat(model.at), zone)
            for name, model in config.oncall.items()
        }
        self._turns: dict[str, Turn] = {}
        named = {name for row in config.severities.values() for level in row.levels for name in level.notify}
        self._roles = frozenset(named - self._rotations.keys() - {ON_CALL})

    def turn(self, role: str, at: int | None = None) -> Turn:
        """The turn of one rotation at a moment (default: now); raises `NotFound` for a name that has no rotation."""
        moment = self._clock.now() if at is None else at
        latest = self._turns.get(role)
        # A turn lasts for days, and computing one goes through the calendar; the same one is asked for all day.
        if latest is not None and latest.starts <= moment < latest.ends:
            return latest
        rotation = self._rotations.get(next(iter(self._rotations)) if role == ON_CALL else role)
        if rotation is None:
            raise NotFound(f"Nobody is on call as {role}; the rotations are {', '.join(self._rotations)}.")
        turn = self._turns[role] = rotation.turn(moment)
        return turn

    def now(self, role: str, at: int | None = None) -> Actor:
        """Who is on call in this rotation."""
        return self._directory.person(self.turn(role, at).person)

    def next(self, role: str, at: int | None = None) -> tuple[Actor, int]:
        """Who follows in this rotation, and when (epoch ms)."""
        turn = self.turn(role, at)
        return self._directory.person(turn.following), turn.ends

    def levels(self, at: int | None = None) -> list[tuple[str, Actor]]:
        """Every rotation with the person on call, in the order of the configuration."""
        return [(role, self.now(role, at)) for role in self._rotations]

    def knows(self, name: str) -> bool:
        """Whether a rotation has this name."""
        return name in self._rotations or name == ON_CALL

    async def roster(self) -> "Roster":
        """What a transaction needs to name people, without waiting for Slack where a copy of its groups is known."""
        roles = sorted(self._roles)
        holders = await asyncio.gather(*(self._directory.holders_to_page(frozenset({role})) for role in roles))
        return Roster(self, dict(zip(roles, holders, strict=True)))


@dataclass(frozen=True, slots=True)
class Roster:
    """Names of an escalation policy as people, without asking anybody."""

    oncall: OnCall
    holders: Mapping[str, tuple[Actor, ...]]

    def who(self, notify: tuple[str, ...], at: int) -> tuple[Actor, ...]:
        """The people behind these names at a moment, each once; nobody where a role has no holder."""
        found: dict[str, Actor] = {}
        for name in notify:
            people = (self.oncall.now(name, at),) if self.oncall.knows(name) else self.holders.get(name, ())
            for actor in people:
                found.setdefault(actor.person, actor)
        return tuple(found.values())
