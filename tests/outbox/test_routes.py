"""A route is its own module and one line in the table: here a third one, which only these tests bring."""

import json
from collections.abc import AsyncIterator

import pytest

from bot.domain.errors import OutcomeUnknown, Rejected, TargetError, Unreachable
from bot.outbox import service as outbox
from bot.outbox.message import Delayed, Delivered, Doubtful, Lane, NotThere, OutboxMessage, Outcome
from bot.outbox.routes import Route
from bot.ports import Posted
from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.outbox.world import Post

pytestmark = pytest.mark.ledger


class MailRoute(Route):
    """Mail in memory. `faults` come first, one per call; with `arrives` what failed has arrived all the same."""

    def __init__(self, *, idempotent: bool = False, name: str = "mail") -> None:
        self.name = name
        self.idempotent = idempotent
        self.arrived: list[tuple[str, str]] = []
        self.looked_up: list[str] = []
        self.faults: list[Exception | Outcome] = []
        self.arrives = False
        self.answers_look_ups = True

    async def send(self, message: OutboxMessage) -> Outcome:
        if message.doubtful_since is not None and not message.repeat:
            return self._look_up(message, message.doubtful_since)
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or self.arrives:
            again = "again: " if message.posted else "perhaps again: " if message.repeat else ""
            self.arrived.append((message.key, f"{again}{message.body}"))
        if isinstance(fault, Exception):
            raise fault
        return fault or Delivered(Posted(message.queue.channel, message.key), message.revision)

    def _look_up(self, message: OutboxMessage, since: int) -> Outcome:
        self.looked_up.append(message.key)
        if not self.answers_look_ups:
            return Doubtful("the mailbox does not answer", since=since, pause=1_000)
        if message.key in dict(self.arrived):
            return Delivered(Posted(message.queue.channel, message.key), message.attempted or 0)
        return NotThere()


@pytest.fixture
def mail() -> MailRoute:
    """A route where a message must not arrive twice."""
    return MailRoute()


@pytest.fixture
def events() -> MailRoute:
    """A route where a message may arrive twice."""
    return MailRoute(idempotent=True, name="events")


@pytest.fixture
async def post(ledger: Ledger, clock: FakeClock, mail: MailRoute, events: MailRoute) -> AsyncIterator[Post]:
    """A sender that runs, with the tests' routes beside Slack and PagerDuty."""
    running = Post(ledger, clock, further=(mail, events))
    await running.start()
    yield running
    await running.stop()


async def put(
    post: Post, body: str, *, route: str = "mail", lane: Lane = "rest", channel: str = "ops@acme.dev"
) -> None:
    """Write one message for a route, under the key `a`."""
    now = post.clock.now()
    await post.ledger.write(
        lambda tx: outbox.put(tx, route=route, key="a", channel=channel, body=body, now=now, lane=lane)
    )
    await post.sender.settle()


async def test_a_message_is_sent_once(post: Post, mail: MailRoute) -> None:
    """By the route that its row names, and by no other; the ledger knows where it stands."""
    await put(post, "hello")
    await post.passes(5_000)

    assert ([("a", "hello")], [], []) == (mail.arrived, post.chat.texts(), post.pager.sent)
    assert Posted("ops@acme.dev", "a") == await post.ledger.read(lambda tx: outbox.sent_at(tx, "a"))


async def test_a_second_put_reaches_the_route_as_an_edit(post: Post, mail: MailRoute) -> None:
    """The route is told where the message stands, and what an edit is like there."""
    await put(post, "first")
    await put(post, "second")

    assert [("a", "first"), ("a", "again: second")] == mail.arrived


@pytest.mark.parametrize(
    ("fault", "early", "late"),
    [
        pytest.param(Unreachable("no connection"), 500, 1_000, id="by our own back-off"),
        pytest.param(Delayed("greylisted", pause=60_000), 59_000, 2_000, id="as the other side asks"),
    ],
)
async def test_a_delayed_message_goes_later(
    post: Post, mail: MailRoute, fault: Exception | Outcome, early: int, late: int
) -> None:
    """It was not sent, for sure, so it is sent again without a look-up."""
    mail.faults = [fault]
    await put(post, "hello")
    await post.passes(early)
    before = list(mail.arrived)
    await post.passes(late)

    assert ([], [("a", "hello")], []) == (before, mail.arrived, mail.looked_up)


@pytest.mark.parametrize("arrives", [pytest.param(True, id="it arrived"), pytest.param(False, id="it did not arrive")])
@pytest.mark.parametrize("lane", ["page", "rest"])
async def test_a_doubtful_message_is_looked_up_by_its_route(
    post: Post, mail: MailRoute, lane: Lane, *, arrives: bool
) -> None:
    """Where two would do harm, a lost answer is cleared up first: it arrives once."""
    mail.arrives, mail.faults = arrives, [OutcomeUnknown("no answer")]
    await put(post, "hello", lane=lane)
    await post.passes(8_000)

    assert ([("a", "hello")], ["a"], "sent") == (mail.arrived, mail.looked_up, await post.state("a"))


async def test_a_page_whose_look_up_fails_is_repeated(post: Post, mail: MailRoute) -> None:
    """After ten seconds; the route is told that it may be a repeat, and so is the audit."""
    mail.arrives, mail.faults, mail.answers_look_ups = True, [OutcomeUnknown("no answer")], False
    await put(post, "P0!", lane="page")
    await post.passes(20_000)

    assert [("a", "P0!"), ("a", "perhaps again: P0!")] == mail.arrived
    assert ["page.repeated"] == await post.audited()


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OutcomeUnknown("no answer"), id="a lost answer"),
        pytest.param(RuntimeError("a defect"), id="a defect in the route"),
    ],
)
async def test_an_idempotent_route_simply_repeats(post: Post, events: MailRoute, error: Exception) -> None:
    """Twice does no harm there, so nobody waits for a look-up."""
    events.arrives, events.faults = True, [error]
    await put(post, "hello", route="events")
    await post.passes(2_000)

    assert ([("a", "hello")] * 2, []) == (events.arrived, events.looked_up)


@pytest.mark.parametrize(
    ("route", "error", "told"),
    [
        pytest.param("mail", Rejected("no such mailbox"), "no such mailbox", id="the route refuses it"),
        pytest.param("fax", None, 'there is no route "fax"', id="nobody has brought the route"),
    ],
)
async def test_what_no_route_takes_is_told(
    post: Post, mail: MailRoute, route: str, error: TargetError | None, told: str
) -> None:
    """The message ends and the audit says why; everything else is sent."""
    mail.faults = [error] if error else []
    await put(post, "hello", route=route)
    await post.put("b", "hello")
    await post.sender.settle()
    rows = await post.ledger.read(lambda tx: tx.all("read_audit", after="", n=10))

    assert ("failed", ["message.undeliverable"]) == (await post.state("a"), [row["kind"] for row in rows])
    assert told == json.loads(rows[0]["detail"])["reason"]
    assert ["hello"] == post.chat.texts()


async def test_a_page_of_an_unknown_route_is_kept(post: Post) -> None:
    """A replica of the next version may know the route; the audit tells of it once."""
    await put(post, "P0!", route="fax", lane="page")
    await post.passes(30_000)

    assert ("open", ["page.undeliverable"]) == (await post.state("a"), await post.audited())


async def test_routes_do_not_share_a_channel_of_the_same_name(post: Post, mail: MailRoute) -> None:
    """What one route asks for, or takes long to do, holds no other up."""
    mail.faults = [Delayed("greylisted", pause=60_000)]
    await put(post, "mail", channel="C0ALERTS")
    await post.put("b", "slack")
    await post.sender.settle()

    assert (["slack"], []) == (post.chat.texts("C0ALERTS"), mail.arrived)
