"""The outbox sender: what arrives, in which order, and what happens when Slack or a replica fails."""

from collections.abc import AsyncIterator

import pytest

from bot.domain.errors import OutcomeUnknown, Rejected, TargetError, Unauthorized, Unreachable
from bot.domain.message import Message
from bot.outbox import service as outbox
from bot.outbox.message import Lane
from bot.ports import PersonGone, RateLimited
from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.outbox.world import Post, poll

pytestmark = pytest.mark.ledger


@pytest.fixture
async def post(ledger: Ledger, clock: FakeClock) -> AsyncIterator[Post]:
    """A sender that runs."""
    running = Post(ledger, clock)
    await running.start()
    yield running
    running.chat.release()
    await running.stop()


async def test_a_message_is_posted_once(post: Post) -> None:
    """What was committed arrives, and looking again sends nothing twice."""
    await post.put("a", "hello")
    await post.sender.settle()
    await post.passes(5_000)

    assert post.chat.texts("C0ALERTS") == ["hello"]
    assert await post.state("a") == "sent"
    assert await post.ledger.read(lambda tx: outbox.sent_at(tx, "a")) == post.chat.said[0].posted


async def test_a_second_put_edits_what_stands_there(post: Post) -> None:
    """The same key again is an edit in place, not another message."""
    await post.put("a", "first")
    await post.sender.settle()
    await post.put("a", "second")
    await post.sender.settle()

    assert post.chat.texts() == ["second"]


async def test_edits_made_during_a_send_are_coalesced(post: Post) -> None:
    """Ten edits while Slack is slow cost one update, with the last text."""
    post.chat.hold()
    await post.put("a", "0")
    for number in range(1, 11):
        await post.put("a", str(number))
    post.chat.release()
    await post.sender.settle()

    assert post.chat.texts() == ["10"]
    assert len(post.chat.calls) <= 2


async def test_order_holds_in_a_channel(post: Post) -> None:
    """Messages of one lane arrive in the order in which they were written."""
    for number in range(20):
        await post.put(f"m{number}", str(number))
    await post.sender.settle()

    assert post.chat.texts() == [str(number) for number in range(20)]


async def test_a_reply_waits_for_what_it_answers_to(post: Post) -> None:
    """A reply goes into the thread of its root, also when the root's first attempt failed."""
    post.chat.fault("post", Unreachable("Slack refuses the connection"))
    await post.put("root", "root")
    await post.put("reply", "reply", thread="root")
    await post.sender.settle()
    await post.passes(3_000)

    assert post.chat.texts() == ["root", "reply"]
    assert post.chat.said[1].thread == post.chat.said[0].posted.ts


async def test_a_page_goes_before_the_rest(post: Post) -> None:
    """Pages of a channel do not queue behind its other messages."""
    post.chat.hold()
    await post.put("first", "first")
    await poll(lambda: bool(post.chat.calls))
    for number in range(5):
        await post.put(f"r{number}", f"rest {number}")
    await post.put("p", "page", lane="page")
    post.chat.release()
    await post.sender.settle()

    assert post.chat.texts().index("page") <= 2


async def test_a_slow_channel_holds_no_other(post: Post) -> None:
    """Channels are served at once, so a limited one delays nobody else."""
    post.chat.fault("post", RateLimited(30_000))
    await post.put("a", "limited", channel="C0ALERTS")
    await poll(lambda: bool(post.chat.calls))
    await post.put("b", "free", channel="C0GENERAL")
    await post.sender.settle()

    assert post.chat.texts() == ["free"]


async def test_retry_after_is_obeyed_by_both_lanes(post: Post) -> None:
    """Slack's pause is kept to the end, and then the page goes first."""
    post.chat.fault("post", RateLimited(3_000))
    await post.put("a", "rest")
    await poll(lambda: bool(post.chat.calls))
    await post.sender.settle()
    await post.put("p", "page", lane="page")
    await post.passes(2_000)
    early = post.chat.texts()
    await post.passes(2_000)

    assert early == []
    assert post.chat.texts() == ["page", "rest"]


async def test_a_page_never_waits_for_an_edit(post: Post) -> None:
    """A limit of edits is kept for edits alone, and an edit that hangs holds no page up."""
    await post.put("a", "first")
    await post.put("b", "slow")
    await post.sender.settle()
    post.chat.fault("update", RateLimited(30_000))
    await post.put("a", "second")
    await post.sender.settle()
    post.chat.hold("update")
    await post.put("old", "answered", lane="page")
    await poll(lambda: "answered" in post.chat.texts())
    await post.put("p", "P0!", lane="page")
    await poll(lambda: "P0!" in post.chat.texts())
    await post.passes(29_000)
    early = post.chat.calls.count("update a")
    post.chat.release()
    await post.passes(2_000)

    assert 1 == early
    assert ["second", "slow", "answered", "P0!"] == post.chat.texts()


async def test_an_edit_of_a_page_that_hangs_holds_no_page_up(post: Post) -> None:
    """The answered pages of a channel are edited beside the new one, not before it."""
    await post.put("old", "you are next", lane="page")
    await post.sender.settle()
    post.chat.hold("update")
    await post.put("old", "sre has it", lane="page")
    await poll(lambda: "update old" in post.chat.calls)
    await post.put("p", "P0!", lane="page")

    await poll(lambda: "P0!" in post.chat.texts())

    assert ["you are next", "P0!"] == post.chat.texts()


async def test_slacks_pause_for_opening_direct_messages_is_kept(post: Post) -> None:
    """As for every other method: 30 seconds are 30 seconds, and then the page goes."""
    post.chat.fault("open", RateLimited(30_000))
    await post.put("p", "P0!", channel="@U0SRE", lane="page")
    await post.sender.settle()
    await post.passes(29_000)
    early = post.chat.calls.count("open U0SRE")
    await post.passes(2_000)

    assert (1, ["P0!"]) == (early, post.chat.texts("D0SRE"))


async def test_a_disabled_account_is_not_tried_again(post: Post) -> None:
    """Nobody waits for a person whom Slack will never reach; the audit tells it, and the other ways go on."""
    post.chat.fault("open", PersonGone("Slack says user_disabled"), times=100)
    await post.put("p", "P0!", lane="page")
    await post.put("p:U0SRE", "P0!", channel="@U0SRE", lane="page")
    await post.sender.settle()
    await post.passes(30_000)

    assert 1 == post.chat.calls.count("open U0SRE")
    assert ("failed", ["message.undeliverable"]) == (await post.state("p:U0SRE"), await post.audited())
    assert ["P0!"] == post.chat.texts("C0ALERTS")


async def test_a_slack_whose_clock_goes_behind_is_looked_up_all_the_same(post: Post) -> None:
    """Slack stamps messages by its own clock: the look-up reaches back before the moment of writing."""
    post.chat.clock = lambda: post.clock.now() - 45_000
    post.chat.fault("post", OutcomeUnknown("no answer"), done=True)
    await post.put("a", "hello")
    await post.sender.settle()
    await post.passes(8_000)

    assert (["hello"], "sent") == (post.chat.texts(), await post.state("a"))


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unreachable("refused"), id="Slack cannot be reached"),
        pytest.param(Unauthorized("invalid_auth"), id="the token is refused"),
    ],
)
async def test_what_was_surely_not_sent_is_sent_again_without_a_look_up(post: Post, error: TargetError) -> None:
    """A refused send is repeated after a growing pause; nothing is lost, nothing doubled."""
    post.chat.fault("post", error, times=3)
    await post.put("a", "hello")
    await post.sender.settle()
    await post.passes(10_000)

    assert post.chat.texts() == ["hello"]
    assert "find a" not in post.chat.calls


@pytest.mark.parametrize("done", [pytest.param(True, id="it arrived"), pytest.param(False, id="it did not arrive")])
@pytest.mark.parametrize("lane", ["page", "rest"])
async def test_a_lost_answer_is_looked_up_before_anything_is_repeated(post: Post, lane: Lane, *, done: bool) -> None:
    """After a send without an answer the message stands there once, whether the send had worked or not."""
    post.chat.fault("post", OutcomeUnknown("no answer"), done=done)
    await post.put("a", "hello", lane=lane)
    await post.sender.settle()
    await post.passes(8_000)

    assert post.chat.texts() == ["hello"]
    assert "find a" in post.chat.calls
    assert await post.state("a") == "sent"


async def test_the_look_up_waits_for_the_clients_timeout(post: Post) -> None:
    """Before the client's timeout has passed, the first send may still happen."""
    post.chat.fault("post", OutcomeUnknown("no answer"))
    await post.put("a", "hello")
    await post.sender.settle()
    await post.passes(4_000)

    assert "find a" not in post.chat.calls


async def test_a_page_whose_look_up_fails_goes_out_marked(post: Post) -> None:
    """A page waits ten seconds for a look-up, then it is sent again and says that it may be a repeat."""
    post.chat.fault("post", OutcomeUnknown("no answer"), done=True)
    post.chat.fault("find", Unreachable("refused"), times=100)
    await post.put("p", "P0!", lane="page")
    await post.sender.settle()
    await post.passes(14_000)
    waiting = post.chat.texts()
    await post.passes(6_000)

    assert waiting == ["P0!"]
    assert post.chat.texts() == ["P0!", "P0! (may be a repeat)"]
    assert "page.repeated" in await post.audited()


async def test_the_rest_waits_for_its_look_up_however_long(post: Post) -> None:
    """Only pages may be doubled; other messages wait until it is known whether they arrived."""
    post.chat.fault("post", OutcomeUnknown("no answer"), done=True)
    post.chat.fault("find", Unreachable("refused"), times=20)
    await post.put("a", "hello")
    await post.sender.settle()
    await post.passes(60_000)

    assert post.chat.texts() == ["hello"]
    assert await post.state("a") == "sent"


async def test_an_edit_made_while_the_answer_was_lost_is_shown(post: Post) -> None:
    """What is found in the channel is brought up to date."""
    post.chat.fault("post", OutcomeUnknown("no answer"), done=True)
    await post.put("a", "first")
    await post.sender.settle()
    await post.put("a", "second")
    await post.passes(8_000)

    assert post.chat.texts() == ["second"]


async def test_a_layout_that_slack_refuses_is_said_in_plain_words(post: Post) -> None:
    """A message is never lost to `invalid_blocks`."""
    post.chat.fault("post", Rejected("invalid_blocks"))
    await post.put("a", "hello")
    await post.sender.settle()

    assert post.chat.texts() == ["hello"]


async def test_an_archived_channel_leads_to_the_direct_message(post: Post) -> None:
    """A message takes the way that it names when its channel is gone, and the audit tells."""
    post.chat.gone.add("C0ALERTS")
    await post.put("p", "P0!", lane="page", fallback="@U0SRE")
    await post.sender.settle()

    assert post.chat.texts("D0SRE") == ["P0!"]
    assert await post.audited() == ["message.rerouted"]


async def test_a_page_without_another_way_is_kept(post: Post) -> None:
    """A page is never given up: it arrives when the channel is back."""
    post.chat.gone.add("C0ALERTS")
    await post.put("p", "P0!", lane="page")
    await post.sender.settle()
    await post.passes(30_000)
    post.chat.gone.clear()
    await post.passes(15_000)

    assert post.chat.texts() == ["P0!"]
    assert await post.audited() == ["page.undeliverable"]


async def test_what_cannot_be_said_anywhere_is_audited(post: Post) -> None:
    """An ordinary message to a channel that is gone ends, and the audit says so."""
    post.chat.gone.add("C0ALERTS")
    await post.put("a", "hello")
    await post.sender.settle()

    assert await post.state("a") == "failed"
    assert await post.audited() == ["message.undeliverable"]


async def test_a_withdrawn_message_is_not_sent(post: Post) -> None:
    """What was taken back before its time stays unsent."""
    now = post.clock.now()
    await post.ledger.write(
        lambda tx: outbox.post(
            tx, key="a", channel="C0ALERTS", message=Message.plain("later"), now=now, not_before=now + 60_000
        )
    )
    await post.ledger.write(lambda tx: outbox.withdraw(tx, "a"))
    await post.passes(61_000)

    assert post.chat.texts() == []


async def test_pager_events_of_an_incident_keep_their_order(post: Post) -> None:
    """A trigger that had to wait is not overtaken by the resolve: it would open what was closed."""
    post.pager.faults.extend([Unreachable("refused"), OutcomeUnknown("no answer")])
    await post.page("trigger")
    await post.page("resolve")
    await post.sender.settle()
    await post.passes(10_000)

    assert [page.event for page in post.pager.sent] == ["trigger", "resolve"]


async def test_what_the_pager_refuses_for_ever_is_not_sent_for_ever(post: Post) -> None:
    """An acknowledgement or a resolution that PagerDuty refuses ends, and the audit says so."""
    post.pager.faults.extend([Rejected("Invalid routing key")] * 100)
    await post.page("resolve")
    await post.sender.settle()
    await post.passes(30_000)

    assert ("failed", ["message.undeliverable"]) == (await post.state("INC-1:resolve"), await post.audited())
    assert 99 == len(post.pager.faults)


async def test_a_killed_senders_message_is_looked_up_by_the_next(ledger: Ledger, clock: FakeClock) -> None:
    """A message that was in mid-send when its replica died arrives once, within fifteen seconds."""
    first = Post(ledger, clock)
    second = Post(ledger, clock, chat=first.chat, owner="replica-2")
    await first.start()
    first.chat.hold()
    await first.put("a", "hello")
    await poll(lambda: "post a" in first.chat.calls)
    await first.die()
    first.chat.release()
    # Slack had the request already, and carries it out after the sender's death.
    await first.chat.post("C0ALERTS", Message.plain("hello"), thread=None, key="a")
    await second.start()
    await second.passes(15_000)
    await second.stop()

    assert second.chat.texts() == ["hello"]
    assert "find a" in second.chat.calls


async def test_two_senders_share_the_queues_without_doubling(ledger: Ledger, clock: FakeClock) -> None:
    """Replicas that look at the same outbox send each message once."""
    first = Post(ledger, clock)
    second = Post(ledger, clock, chat=first.chat, owner="replica-2")
    await first.start()
    await second.start()
    for number in range(30):
        await first.put(f"m{number}", str(number), channel=f"C{number % 5}")
    await first.sender.settle()
    await second.sender.settle()
    await first.passes(2_000)
    await first.stop()
    await second.stop()

    assert sorted(first.chat.texts(), key=int) == [str(number) for number in range(30)]
