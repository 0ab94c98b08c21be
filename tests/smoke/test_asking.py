"""`steward ask --demo`: a running demo from a shell, with the exit codes of `steward ask`."""

import pytest

from bot.domain.errors import Unavailable
from bot.local.asking import ask_demo, decide_demo
from tests.smoke.world import World


async def _asked(world: World, line: str, user: str = "sre") -> int:
    return await ask_demo(str(world.client.base_url), user, line)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        pytest.param("/health target-list", 0, "🟢 9 healthy: ", id="healthy"),
        pytest.param("/health nope", 1, "There is no system nope", id="refused"),
        pytest.param("/oncall a b", 2, "One level at most. Usage: /oncall", id="misunderstood"),
        pytest.param("/nope", 2, "/nope is not a valid command.", id="no such command"),
        pytest.param("/rollback newsletter", 2, "the form asks for: To which release?, Why?", id="words are missing"),
        pytest.param("/rollback newsletter app to previous because 503", 3, "needs approval: OP-1", id="waits"),
    ],
)
async def test_the_exit_code_says_what_came_of_it(
    world: World, capsys: pytest.CaptureFixture[str], line: str, code: int, said: str
) -> None:
    """0 healthy or done, 1 unhealthy or refused, 2 usage, 3 awaits approval; the whole reply is printed."""
    assert code == await _asked(world, line)

    printed = capsys.readouterr()
    assert said in printed.out + printed.err
    assert [] == await world.modals("sre")


async def test_a_request_is_decided_from_a_shell(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody decides on their own; a denial says why; an approval runs it; what was decided cannot be decided again."""
    url = str(world.client.base_url)
    await _asked(world, "/rollback newsletter app to previous because 503")
    own = await decide_demo(url, "sre", "OP-1", "approve", "")
    denied = await decide_demo(url, "lead", "op-1", "deny", "wait for the fix")
    await world.until(lambda: _decided(world), lambda: "OP-1 still has its buttons")
    late = await decide_demo(url, "lead", "OP-1", "approve", "")
    await _asked(world, "/rollback newsletter app to previous because 503")
    approved = await decide_demo(url, "lead", "OP-2", "approve", "")
    printed = capsys.readouterr()

    assert (1, 0, 1, 0) == (own, denied, late, approved)
    assert "you cannot approve your own request" in printed.out
    assert "wait for the fix" in printed.out
    assert "lead sees no button to approve OP-1" in printed.err


async def _decided(world: World) -> bool:
    """Whether nothing in the channel can be approved any more; the edit follows the answer to who pressed."""
    return "operation.approve" not in str(await world.messages("lead"))


async def test_a_slow_target_is_waited_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The first half of an answer is not the answer."""
    await world.lab("newsletter", "app", state="slow")

    assert 1 == await _asked(world, "/health newsletter")

    assert "🔴 app  gave no answer" in capsys.readouterr().out


async def test_who_is_not_in_the_demo_is_told_who_is(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name ends in a sentence."""
    assert 2 == await _asked(world, "/health", user="nobody")

    assert "name one of engineer, sre, lead, manager, cto" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "garbage"])
async def test_no_demo_ends_in_a_sentence(url: str) -> None:
    """An address where no demo answers is named, with what to do."""
    with pytest.raises(Unavailable, match="start one with make demo"):
        await ask_demo(url, "sre", "/health")
