"""Who is who and who holds which role: Slack groups, read at the click.

Cached for a minute; the last good copy, kept in the ledger, serves for an hour while Slack cannot be asked.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from bot.config.models import StewardModel
from bot.domain.errors import BotError, NotFound, TargetError
from bot.domain.nearest import nearest
from bot.domain.people import Access, Actor, Via
from bot.domain.timing import HOUR, MINUTE
from bot.ports import Clock, Groups
from bot.store import Ledger

_log = structlog.get_logger(__name__)
_Members = tuple[frozenset[str] | None, bool]
_FIRST_ANSWER = 2.0
"""Seconds that a page waits for a group of which no copy is known; other levels are not held up any longer."""


@dataclass(frozen=True, slots=True)
class _Copy:
    members: frozenset[str]
    read_at: int


class Directory:
    """People and roles. Fails closed: an empty group grants nothing, nor does one whose copy is an hour old."""

    def __init__(
        self, config: StewardModel, groups: Groups, clock: Clock, ledger: Ledger, *, keeps: bool = True
    ) -> None:
        self._keeps = keeps  # Not by the command line: only what the bot itself was told counts for others.
        self._config = config
        self._groups = groups
        self._clock = clock
        self._ledger = ledger
        self._copies: dict[str, _Copy] = {}
        self._asking: dict[str, asyncio.Task[_Members]] = {}
        self._accounts = {name: frozenset(model.slack) for name, model in config.people.items()}
        self._person_of = {slack: name for name, model in config.people.items() for slack in model.slack}

    def actor(self, slack_user: str, via: Via = "slack") -> Actor:
        """The person behind a Slack user; one that the configuration does not name is a person of their own."""
        return Actor(self._person_of.get(slack_user, slack_user), slack_user, via)

    def actor_of_os_user(self, os_user: str) -> Actor:
        """The one configured person whom the OS user maps to; raises `NotFound`."""
        names = [name for name, model in self._config.people.items() if model.os_user == os_user and os_user]
        if len(names) != 1:
            people = ", ".join(names or self._config.people)
            raise NotFound(
                f"The OS user {os_user} is {'several people' if names else 'nobody'} here; "
                f"set os_user: {os_user} for exactly one of {people} under people in steward.yaml."
            )
        return self.person(names[0], via="cli")

    def person(self, name: str, via: Via = "slack") -> Actor:
        """A configured person by name; raises `NotFound` with the nearest name."""
        model = self._config.people.get(name)
        if model is None:
            near = nearest(name, self._config.people)
            raise NotFound(f"Nobody is called {name}" + (f"; did you mean {near}?" if near else "."))
        return Actor(name, model.slack[0], via)

    async def access(self, actor: Actor) -> Access:
        """The roles a person holds now."""
        roles, unread, stale = set[str](), set[str](), False
        accounts = self._accounts.get(actor.person) or frozenset({actor.slack})
        for role, model in self._config.roles.items():
            if actor.person in model.people:
                roles.add(role)
            elif model.group:
                members, old = await self._members(model.group)
                if members is None:
                    unread.add(role)
                elif members & accounts:
                    roles.add(role)
                    stale = stale or old
        return Access(frozenset(roles), stale, frozenset(unread))

    async def holders(self, roles: frozenset[str]) -> tuple[Actor, ...]:
        """Everyone who holds one of these roles now, in the order of the configuration."""
        groups = {group: (await self._members(group))[0] or frozenset() for group in self._groups_of(roles)}
        return self._in_order(roles, groups)

    async def holders_to_page(self, roles: frozenset[str]) -> tuple[Actor, ...]:
        """As `holders`, by the last good copy of a group, however old: it decides at once, and is renewed afterwards.

        Whom to page is no question of rights, and nobody's phone may wait for Slack.
        """
        groups = self._groups_of(roles)
        members = await asyncio.gather(*(self._members_to_page(group) for group in groups))
        return self._in_order(roles, dict(zip(groups, members, strict=True)))

    def _groups_of(self, roles: frozenset[str]) -> list[str]:
        return sorted({self._config.roles[role].group for role in roles if role in self._config.roles} - {""})

    def _in_order(self, roles: frozenset[str], groups: Mapping[str, frozenset[str]]) -> tuple[Actor, ...]:
        found: dict[str, Actor] = {}
        for role in sorted(roles):
            model = self._config.roles.get(role)
            if model is None:
                continue
            for name in model.people:
                found.setdefault(name, self.person(name))
            for slack in groups.get(model.group, ()):
                actor = self.actor(slack)
                found.setdefault(actor.person, actor)
        order: Mapping[str, int] = {name: place for place, name in enumerate(self._config.people)}
        return tuple(sorted(found.values(), key=lambda actor: (order.get(actor.person, len(order)), actor.person)))

    async def read_groups(self) -> None:
        """Read every group that gives a role, where no copy is a minute young."""
        for group in sorted({model.group for model in self._config.roles.values() if model.group}):
            await self._members(group)

    async def _members(self, group: str) -> _Members:
        """Members of a group and whether they come from a stale copy; None where it cannot be known."""
        copy = self._copies.get(group)
        if copy is not None and self._clock.now() - copy.read_at <= MINUTE:
            return copy.members, False
        # Shielded: one who gives up must not end the question for the others.
        return await asyncio.shield(self._question(group))

    async def _members_to_page(self, group: str) -> frozenset[str]:
        copy = self._copies.get(group) or await self._kept(group)
        if copy is not None:
            self._copies.setdefault(group, copy)
            if self._clock.now() - copy.read_at > MINUTE:
                self._question(group)
            return copy.members
        try:
            async with asyncio.timeout(_FIRST_ANSWER):
                return (await self._members(group))[0] or frozenset()
        except TimeoutError:
            return frozenset()

    def _question(self, group: str) -> "asyncio.Task[_Members]":
        """The question to Slack that is under way, or a new one."""
        asking = self._asking.get(group)
        if asking is None:
            asking = asyncio.create_task(self._ask(group))
            self._asking[group] = asking
            asking.add_done_callback(lambda _: self._asking.pop(group, None))
        return asking

    async def _ask(self, group: str) -> _Members:
        """As `_members`, asking Slack: once for everybody who wants to know at the same time."""
        now, copy = self._clock.now(), self._copies.get(group)
        try:
            members = await self._groups.members(group)
        except TargetError:
            copy = copy or await self._kept(group)
            if copy is not None and now - copy.read_at <= HOUR:
                return copy.members, True
            return None, False
        self._copies[group] = _Copy(members, now)
        if self._keeps:
            await self._keep(group, members, now)
        return members, False

    async def _keep(self, group: str, members: frozenset[str], now: int) -> None:
        """Keep the copy for a restart and for the command line; without a ledger the answer still holds."""
        try:
            text = " ".join(sorted(members))
            await self._ledger.write(lambda tx: tx.run("keep_group", name=group, members=text, read_at=now))
        except BotError:
            _log.warning("a group's members could not be kept", group=group)

    async def _kept(self, group: str) -> _Copy | None:
        try:
            row = await self._ledger.read(lambda tx: tx.one("kept_group", name=group))
        except BotError:
            return None
        return _Copy(frozenset(str(row["members"]).split()), int(row["read_at"])) if row else None
