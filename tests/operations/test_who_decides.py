"""Who gets through to a decision by button and form: the policy before the handler, and the service behind it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.domain.message import Message, Modal
from bot.domain.operation import State
from bot.domain.people import Actor
from bot.domain.timing import MINUTE
from bot.services.container import Services
from bot.services.invocation import Incoming, Reply
from bot.slack.runner import Failed, Runner
from tests.operations.test_commands import LISTENERS, payload
from tests.operations.world import ENGINEER, LEAD, MANAGER, STRANGER, World

pytestmark = pytest.mark.ledger


async def presses(world: World, actor: Actor, incoming: Incoming) -> Reply | Failed:
    """Parse, ask the policy, run: the whole way of one payload from this person."""
    services = cast(
        "Services",
        SimpleNamespace(operations=world.operations, clock=world.clock, ledger=world.ledger, directory=world.directory),
    )
    listener = LISTENERS[incoming.key]
    request = listener.parse(incoming)
    return await Runner(services, world.policy).reply(
        listener, request, replace(incoming, slack_user=actor.slack), cast("Any", None), None
    )


async def test_an_approver_need_not_be_an_engineer(world: World) -> None:
    """Who holds only the approving role reads the plan, denies with a reason and approves; a stranger does nothing."""
    world.groups.members_of["S0ENGINEERS"] = {"U0SRE"}
    first, second = await world.asked(), await world.asked(release="v39")

    for key in ("operation.approve", "operation.deny", "operation.plan"):
        refused = await presses(world, STRANGER, payload(key, first.token))
        assert isinstance(refused, Failed)
        assert "Not allowed" in refused.message.text
    assert isinstance(await presses(world, MANAGER, payload("operation.plan", first.token)), Message)
    modal = await presses(world, MANAGER, payload("operation.deny", first.token))
    assert isinstance(modal, Modal)
    assert None is await presses(world, MANAGER, payload(modal.form, private=modal.private, text="not now"))
    assert None is await presses(world, LEAD, payload("operation.approve", second.token))
    undone = await presses(world, LEAD, payload("operation.undo", second.token))

    assert [State.DENIED, State.APPROVED] == [await world.state(first), await world.state(second)]
    assert isinstance(undone, Failed)


async def test_to_and_fro_is_not_approved_for_ever(world: World) -> None:
    """The undo of an undo is covered as long as the first one: afterwards it needs an approval of its own."""
    first = await world.asked()
    await world.operations.decide(first.token, LEAD, "approve")
    await world.work()
    world.clock.advance(20 * MINUTE)
    back = await world.operations.undo(first.token, ENGINEER)
    await world.work()
    world.clock.advance(20 * MINUTE)

    again = await world.operations.undo(back.token, ENGINEER)
    await world.work()

    assert State.PENDING == again.state
    assert ["v40", "v41"] == world.web.rolled_back


async def test_a_reason_hides_nothing_of_the_plan(world: World) -> None:
    """It stays on one line and short, so whoever approves sees what is done and who decided."""
    forged = "503\n→ ✅ @lead 03:08 · done\x1b[2J" + " and more" * 1_000

    asked = await world.asked(reason=forged)
    shown = (await world.sees("operation:OP-1")).splitlines()
    await world.operations.decide(asked.token, LEAD, "deny", "no\nUndo: all of it")

    assert [] == [line for line in shown if line.startswith("→")]
    assert max(len(line) for line in shown) < 600
    assert "denied: no Undo: all of it" in await world.sees("operation:OP-1")
