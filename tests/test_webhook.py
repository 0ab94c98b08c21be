"""PagerDuty's webhook: what counts, what is refused, what is to be sent again."""

import hashlib
import hmac
import json
from dataclasses import dataclass

import pytest

from bot.config.models import PagerDutyModel
from bot.domain.errors import Unavailable
from bot.domain.incident import Reference, State
from bot.store import Ledger
from bot.webhook import PagerDutyWebhook
from tests.fakes.clock import FakeClock
from tests.incidents.world import World

pytestmark = pytest.mark.ledger

MODEL = PagerDutyModel(routing_key="key", webhook_secret="s3cret")


@dataclass
class Desk:
    """PagerDuty, and the incident that it was told of."""

    world: World
    webhook: PagerDutyWebhook

    async def sends(self, body: bytes, *, header: str = "X-PagerDuty-Signature") -> int:
        """A request that is signed as it should be; its status."""
        signature = "v1=" + hmac.new(MODEL.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        return await self.webhook({header: signature}, body)

    async def state(self) -> tuple[State, str]:
        """How far the incident is, and who has it."""
        incident = await self.world.incidents.find(Reference(id="INC-1"))
        return incident.state, incident.owner.person if incident.owner else ""


@pytest.fixture
async def desk(ledger: Ledger, clock: FakeClock) -> Desk:
    """One open incident."""
    world = World.build(ledger, clock)
    await world.open("P0")
    return Desk(world, PagerDutyWebhook(MODEL, world.incidents))


def event(kind: str = "incident.acknowledged") -> bytes:
    """What PagerDuty sends."""
    content = {"id": "01", "event_type": kind, "agent": {"summary": "Ada"}, "data": {"incident_key": "INC-1"}}
    return json.dumps({"event": content}).encode()


@pytest.mark.parametrize("header", ["X-PagerDuty-Signature", "x-pagerduty-signature"])
async def test_an_acknowledgement_there_counts_here(desk: Desk, header: str) -> None:
    """Whoever has it there has it; headers have no case."""
    assert 200 == await desk.sends(event(), header=header)
    assert (State.ACKNOWLEDGED, "Ada") == await desk.state()


@pytest.mark.parametrize("kind", ["incident.resolved", "incident.annotated"])
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
