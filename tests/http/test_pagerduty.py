"""PagerDuty's webhook: what counts, what is refused, what is to be sent again."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from adapters.pagerduty_webhook import verified_event
from bot.config.models import StewardModel
from bot.domain.errors import Conflict, Unavailable
from bot.http.pagerduty import PagerDutyWebhook
from bot.incidents.model import Reference, State
from bot.store import Ledger
from tests.fakes.clock import FakeClock
from tests.incidents.world import PEOPLE, SRE, World, configuration, text_of

pytestmark = pytest.mark.ledger

SECRET = "s3cret"


def users() -> StewardModel:
    """The shipped configuration, where sre and lead are known at PagerDuty by their users' ids."""
    known = {"sre": "P0SRE", "lead": "P0LEAD"}
    people = {name: {"slack": [f"U0{name.upper()}"], "pagerduty": known.get(name, "")} for name in PEOPLE}
    return configuration(people=people, pagerduty={"routing_key": "key", "webhook_secret": SECRET})


@dataclass
class Desk:
    """PagerDuty, and the incident that it was told of."""

    world: World
    webhook: PagerDutyWebhook

    async def sends(self, body: bytes, *, header: str = "X-PagerDuty-Signature") -> int:
        """A request that is signed as it should be; its status."""
        signature = "v1=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return await self.webhook({header: signature}, body)

    async def state(self) -> tuple[State, str]:
        """How far the incident is, and who has it."""
        incident = await self.world.incidents.find(Reference(id="INC-1"))
        return incident.state, incident.owner.person if incident.owner else ""


@pytest.fixture
async def desk(ledger: Ledger, clock: FakeClock) -> Desk:
    """One open incident."""
    world = World.build(ledger, clock, users())
    await world.open("P0")
    return Desk(world, PagerDutyWebhook(users(), world.incidents, verified_event))


def event(
    kind: str = "incident.acknowledged",
    *,
    key: object = "steward-test:INC-1",
    user: object = "P0SRE",
    name: str = "Ada",
    occurred_at: object = None,
) -> bytes:
    """What PagerDuty sends."""
    agent = {"id": user, "type": "user_reference", "summary": name}
    content = {
        "id": "01",
        "event_type": kind,
        "agent": agent,
        "data": {"incident_key": key},
        "occurred_at": occurred_at,
    }
    return json.dumps({"event": content}).encode()


@pytest.mark.parametrize("header", ["X-PagerDuty-Signature", "x-pagerduty-signature"])
async def test_an_acknowledgement_there_counts_here(desk: Desk, header: str) -> None:
    """Whoever has it there has it; headers have no case."""
    assert 200 == await desk.sends(event(), header=header)
    assert (State.ACKNOWLEDGED, "sre") == await desk.state()


async def test_a_display_name_is_never_a_person(desk: Desk) -> None:
    """Who calls themselves sre there is somebody: sre cannot pass on what they did not take."""
    await desk.sends(event(user="P0EVE", name="sre"))

    assert (State.ACKNOWLEDGED, "somebody at PagerDuty") == await desk.state()
    with pytest.raises(Conflict, match="somebody at PagerDuty has INC-1; only they can pass it on"):
        await desk.world.incidents.pass_on(Reference(id="INC-1"), SRE)


async def test_a_somebody_who_falls_silent_has_the_paged_ones_asked(desk: Desk) -> None:
    """Nobody can ask them in Slack, so those who were paged are asked whether they are on it."""
    await desk.sends(event(user="P0EVE"))
    await desk.world.passes(15.1)

    assert "<@sre>, still on it?" in text_of(await desk.world.message("still:INC-1:1"))


@pytest.mark.parametrize(
    "key",
    [
        *(None, "", "INC-1", ":INC-1", "steward-test", "steward-test:", "steward-test:INC-01", "steward-test:INC-1 "),
        *("other:INC-1", "steward-test:INC-2", "steward-test:INC-1:", "steward-test:INC-1:x", "steward-test:OP-1"),
        *("STEWARD-TEST:INC-1", "steward-test:inc-1", "steward-test:INC-١", "xsteward-test:INC-1", "steward-test:1"),
    ],
)
async def test_only_our_own_incidents_count(desk: Desk, key: object) -> None:
    """A key that is missing, empty or foreign is not taken for the only open incident."""
    assert 200 == await desk.sends(event(key=key))
    assert (State.OPEN, "") == await desk.state()


async def test_a_repeated_event_silences_nobody(desk: Desk) -> None:
    """PagerDuty repeats its webhooks: what was heard before the incident was passed on is not heard again."""
    await desk.sends(event())
    await desk.world.incidents.pass_on(Reference(id="INC-1"), SRE)

    repeated = await desk.sends(event())
    untouched = await desk.state()
    await desk.sends(event().replace(b'"01"', b'"02"'))

    assert (200, (State.OPEN, "")) == (repeated, untouched)
    assert (State.ACKNOWLEDGED, "sre") == await desk.state()


@pytest.mark.parametrize("kind", ["incident.acknowledged", "incident.resolved"])
@pytest.mark.parametrize(
    ("ago", "expected"),
    [pytest.param(40, (State.OPEN, ""), id="before"), pytest.param(10, (State.ACKNOWLEDGED, "sre"), id="after")],
)
async def test_what_was_done_before_it_was_passed_on_silences_nobody(
    desk: Desk, kind: str, ago: int, expected: tuple[State, str]
) -> None:
    """Refused while the bot was stopping, an event is sent again; what counts is when it was done."""
    clock = desk.world.clock
    clock.advance(20_000)
    await desk.world.incidents.pass_on(Reference(id="INC-1"), SRE)
    clock.advance(20_000)

    at = datetime.fromtimestamp((clock.now() - ago * 1_000) / 1_000, UTC).isoformat()

    assert 200 == await desk.sends(event(kind, occurred_at=at))
    assert expected == await desk.state()


@pytest.mark.parametrize("kind", ["incident.annotated", "incident.unacknowledged"])
async def test_what_else_happens_there_changes_nothing(desk: Desk, kind: str) -> None:
    """It is taken, so that it is not sent again."""
    assert 200 == await desk.sends(event(kind))
    assert (State.OPEN, "") == await desk.state()


@pytest.mark.parametrize("headers", [{}, {"X-PagerDuty-Signature": "v1=" + "0" * 64}, {"Signature": "v1=x"}])
async def test_what_is_not_signed_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    """Nobody else may stop the paging."""
    assert 401 == await desk.webhook(headers, event())
    assert (State.OPEN, "") == await desk.state()


async def test_what_is_no_event_is_refused(desk: Desk) -> None:
    """Sending it again would not help."""
    assert 400 == await desk.sends(b"[]")


async def test_what_cannot_be_kept_is_to_be_sent_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """PagerDuty repeats what is answered with 5xx."""

    async def silent(*_: object, **__: object) -> bool:
        raise Unavailable("The ledger's database does not answer.")

    monkeypatch.setattr(desk.world.incidents, "acknowledged_elsewhere", silent)

    assert 503 == await desk.sends(event())
