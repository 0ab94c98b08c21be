"""Who holds a role, when many ask at once."""

import asyncio

import pytest

from bot.domain.timing import MINUTE
from bot.services.directory import Directory
from bot.services.group_copies import GroupCopies
from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.fakes.groups import FakeGroups
from tests.operations.world import configuration


class SlowGroups:
    """Answers when it is told to, and counts the questions."""

    def __init__(self, member: str) -> None:
        self.asked = 0
        self.answer = asyncio.Event()
        self._member = member

    async def members(self, _: str) -> frozenset[str]:
        self.asked += 1
        await self.answer.wait()
        return frozenset({self._member})


@pytest.mark.ledger
async def test_many_who_ask_at_once_cost_one_question(ledger: Ledger, clock: FakeClock) -> None:
    """Slack allows 20 such calls a minute: 200 clicks of a moment share one; one who gives up ends it for nobody."""
    model = configuration()
    groups = SlowGroups("U0ANYONE")
    directory = Directory(model, groups, clock, ledger)
    grouped = [role for role, each in model.roles.items() if each.group]
    actor = directory.actor("U0ANYONE")

    waiting = [asyncio.create_task(directory.access(actor)) for _ in range(200)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.pop(0).cancel()
    groups.answer.set()
    found = await asyncio.gather(*waiting)

    assert grouped
    assert {frozenset(grouped)} == {access.roles for access in found}
    assert len({model.roles[role].group for role in grouped}) == groups.asked


@pytest.mark.ledger
async def test_a_silent_slack_is_told_apart_from_not_holding_a_role(ledger: Ledger, clock: FakeClock) -> None:
    """On the command line as in Slack."""
    model = configuration()
    groups = FakeGroups({})
    groups.broken = True
    directory = Directory(model, groups, clock, ledger)
    grouped = frozenset(role for role, each in model.roles.items() if each.group)

    here = await directory.access(directory.person("sre", via="cli"))
    there = await directory.access(directory.person("sre"))

    assert grouped
    assert [grouped, grouped] == [it.unread for it in (here, there)]
    assert not here.roles & grouped


@pytest.mark.ledger
async def test_a_copy_is_there_when_slack_falls_silent_at_night(ledger: Ledger, clock: FakeClock) -> None:
    """Nobody has typed anything for hours; whoever approves from the machine still can, for the hour of a copy."""
    model = configuration()
    group = next(each.group for each in model.roles.values() if each.group)
    groups = FakeGroups({group: {"U0ANYONE"}})
    copies = GroupCopies(Directory(model, groups, clock, ledger), clock)

    for _ in range(180):
        await copies.run(clock.now())
        clock.advance(MINUTE)
    groups.broken = True
    later = Directory(model, groups, clock, ledger)
    access = await later.access(later.actor("U0ANYONE"))

    assert (True, True) == (bool(access.roles), access.stale)
