"""The fencing token: what an incident has outgrown is not sent any more."""

from collections.abc import AsyncIterator

import pytest

from bot.domain.errors import Unreachable
from bot.store import Ledger, Tx
from tests.fakes.clock import FakeClock
from tests.outbox.world import Post, poll

pytestmark = pytest.mark.ledger

_UNSET = (
    *("owner", "owner_slack", "acknowledged_at", "updated_at", "mitigated_at", "resolved_at"),
    *("paged_at", "informed_at", "nudged_at", "next_step_at", "owned_at"),
)
_TEXTS = ("title", "system", "severity", "state", "token", "channel", "opened_by", "opened_slack", "impact")


@pytest.fixture
async def post(ledger: Ledger, clock: FakeClock) -> AsyncIterator[Post]:
    """A sender that runs, beside one open incident at epoch 1."""
    running = Post(ledger, clock)
    texts = dict.fromkeys(_TEXTS, "x")
    now = clock.now()

    def open_incident(tx: Tx) -> None:
        tx.run(
            "insert_incident",
            id="INC-1",
            number=1,
            epoch=1,
            opened_at=now,
            planned_from=now,
            next_step_at=None,
            due_at=None,
            room_wanted=0,
            **texts,
        )

    await ledger.write(open_incident)
    await running.start()
    yield running
    await running.stop()


async def test_a_page_of_the_present_epoch_is_sent(post: Post) -> None:
    """As long as nobody has acknowledged, the ping goes out."""
    await post.put("escalation:INC-1:1", "you are next", lane="page", guard=("INC-1", 1))
    await post.sender.settle()

    assert post.chat.texts() == ["you are next"]


async def test_a_page_of_an_earlier_epoch_is_withdrawn(post: Post) -> None:
    """After an acknowledgement, a ping that was decided on before it stays unsent."""
    await post.put("escalation:INC-1:1", "you are next", lane="page", guard=("INC-1", 0))
    await post.sender.settle()

    assert post.chat.texts() == []
    assert await post.state("escalation:INC-1:1") == "withdrawn"


async def test_the_epoch_is_read_again_before_every_attempt(post: Post) -> None:
    """A ping that waits for Slack is dropped when somebody acknowledges meanwhile."""
    post.chat.fault("post", Unreachable("refused"), times=3)
    await post.put("escalation:INC-1:1", "you are next", lane="page", guard=("INC-1", 1))
    await post.sender.settle()
    await post.ledger.write(_acknowledge)
    await post.passes(20_000)

    assert post.chat.texts() == []


async def test_nobody_is_paged_after_the_acknowledgement_however_slow_their_channel_opens(post: Post) -> None:
    """The direct messages are looked up before the epoch is read, so that nothing lies between it and the send."""
    post.chat.hold("open")
    await post.put("escalation:INC-1:1:U0SRE", "you are next", channel="@U0SRE", lane="page", guard=("INC-1", 1))
    await poll(lambda: "open U0SRE" in post.chat.calls)
    await post.ledger.write(_acknowledge)
    post.chat.release()
    await post.sender.settle()

    assert ([], "withdrawn") == (post.chat.texts(), await post.state("escalation:INC-1:1:U0SRE"))


async def test_a_page_that_cannot_be_said_makes_nothing_up(post: Post) -> None:
    """PagerDuty was told beside Slack: where none is configured, an archived channel does not invent a page for it."""
    post.chat.gone.add("C0ALERTS")
    await post.put("escalation:INC-1:1", "P0!", lane="page", guard=("INC-1", 1))
    await post.sender.settle()
    await post.passes(30_000)

    assert ([], 1) == (post.pager.sent, await post.waiting())


def _acknowledge(tx: Tx) -> None:
    tx.run(
        "save_incident",
        id="INC-1",
        epoch=2,
        planned_from=0,
        paged=0,
        informed=0,
        room_wanted=0,
        verdicts="[]",
        **dict.fromkeys(("title", "severity", "state", "impact", "taken_from"), "x"),
        **dict.fromkeys(_UNSET),
    )
