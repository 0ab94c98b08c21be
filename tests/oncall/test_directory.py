"""Who holds a role, when many ask at once."""

import asyncio
from datetime import UTC, datetime

import pytest

from bot.domain.timing import HOUR, MINUTE
from bot.oncall.directory import Directory
from bot.oncall.group_copies import GroupCopies
from bot.oncall.service import OnCall
from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.fakes.groups import FakeGroups
from tests.incidents.world import configuration as incident_configuration
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


@pytest.mark.ledger
async def test_a_page_goes_to_the_last_good_copy_of_a_group_at_once(ledger: Ledger, clock: FakeClock) -> None:
    """A silent Slack holds no page up: the copy decides, however old, and is renewed once Slack answers."""
    levels = [{"notify": ["seniors"]}, {"notify": ["primary"], "after": "5m"}]
    row = {"respond": "5m", "escalate": "15m", "levels": levels}
    severities = dict.fromkeys(("P0", "P1", "P2", "P3"), row)
    roles = {"seniors": {"group": "S0SENIORS"}, "engineer": {"people": ["engineer"]}}
    model = incident_configuration(severities=severities, roles=roles)
    before = Directory(model, FakeGroups({"S0SENIORS": {"U0LEAD"}}), clock, ledger)
    await before.read_groups()
    clock.advance(26 * HOUR)
    groups = SlowGroups("U0MANAGER")
    directory = Directory(model, groups, clock, ledger)
    oncall = OnCall(model, directory, clock)

    async with asyncio.timeout(1):
        at_once = await oncall.roster()
        await oncall.roster()
    asked = groups.asked
    groups.answer.set()
    await asyncio.gather(*directory._asking.values())
    renewed = await oncall.roster()

    assert ["lead"] == [actor.person for actor in at_once.who(("seniors",), clock.now())]
    assert (1, ["manager"]) == (asked, [actor.person for actor in renewed.who(("seniors",), clock.now())])


@pytest.mark.ledger
async def test_a_group_that_was_never_read_holds_no_page_up(ledger: Ledger, clock: FakeClock) -> None:
    """Nobody is known to hold it, so the next level follows; Slack gets two seconds to say otherwise."""
    roles = {"seniors": {"group": "S0SENIORS"}, "engineer": {"people": ["engineer"]}}
    directory = Directory(incident_configuration(roles=roles), SlowGroups("U0LEAD"), clock, ledger)

    async with asyncio.timeout(4):
        assert () == await directory.holders_to_page(frozenset({"seniors"}))


@pytest.mark.ledger
async def test_a_turn_begins_by_the_configured_clock(ledger: Ledger, clock: FakeClock) -> None:
    """Nine in Berlin is seven in UTC: half an hour later the next person has the turn."""
    turns = {"rotation": ["sre", "lead"], "since": "2026-05-04"}
    alone = {name: {"rotation": [name]} for name in ("manager", "cto")}
    oncall = {"primary": turns, "secondary": {"rotation": ["lead"]}, **alone}
    model = incident_configuration(timezone="Europe/Berlin", oncall=oncall)
    rotations = OnCall(model, Directory(model, FakeGroups({}), clock, ledger), clock)

    before, after = (int(datetime(2026, 5, 11, hour, 30, tzinfo=UTC).timestamp() * 1000) for hour in (6, 7))

    assert ["sre", "lead"] == [rotations.now("primary", at).person for at in (before, after)]
