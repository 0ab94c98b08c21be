"""Health of Resend's sending domains, against its stand-in."""

from collections.abc import AsyncIterator

import httpx
import pytest

from adapters import resend
from adapters.resend import ResendAccount
from bot.domain.errors import BadAnswer, TargetError, Unauthorized, Unreachable
from bot.local.lab.calls import CallLog
from bot.local.lab.resend import Resend
from bot.ports import Measurement
from tests.fakes.clock import FakeClock


@pytest.fixture
async def vendor(port: int, clock: FakeClock, calls: CallLog) -> AsyncIterator[Resend]:
    """An account whose domain is verified."""
    made = Resend(port, clock, calls)
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture
async def account(vendor: Resend) -> AsyncIterator[ResendAccount]:
    """The adapter, as wiring opens it."""
    made = resend.open(resend.Config.model_validate({"resend": vendor.url, "api_key": vendor.key}))
    yield made
    await made.close()


async def test_verified_domains_are_well(account: ResendAccount) -> None:
    """None of one is bad."""
    assert Measurement(0.0, "", "all verified", count=1) == await account.domains()


@pytest.mark.parametrize("status", ["pending", "failed", "not_started", "partially_failed"])
async def test_a_domain_that_is_not_verified_is_counted_and_named(
    vendor: Resend, account: ResendAccount, status: str
) -> None:
    """Mail from it bounces or waits."""
    await vendor.put("domain_status", status)

    assert Measurement(1.0, "", f"news.example.com {status}", count=1) == await account.domains()


async def test_a_key_that_may_only_send_is_unknown(vendor: Resend, account: ResendAccount) -> None:
    """Nothing is wrong with Resend."""
    await vendor.enter("restricted")

    with pytest.raises(Unauthorized, match=r"key may not list domains \(401\)"):
        await account.domains()


async def test_a_wrong_key_is_unknown_and_not_shown(vendor: Resend) -> None:
    """Resend answers 400 to a key that does not exist."""
    wrong = resend.open(resend.Config.model_validate({"resend": vendor.url, "api_key": "re_wrong"}))

    with pytest.raises(Unauthorized, match="key is not valid") as caught:
        await wrong.domains()

    assert "re_wrong" not in str(caught.value)
    await wrong.close()


@pytest.mark.parametrize(
    ("state", "error"),
    [
        pytest.param("down", Unreachable, id="down"),
        pytest.param("error", Unreachable, id="503"),
        pytest.param("drop", Unreachable, id="a broken connection"),
        pytest.param("rate_limited", BadAnswer, id="we ask too often"),
        pytest.param("html", Unreachable, id="a page of somebody else"),
        pytest.param("garbage", BadAnswer, id="garbage"),
        pytest.param("huge", BadAnswer, id="10 MB"),
        pytest.param("redirect_loop", BadAnswer, id="a redirect"),
    ],
)
async def test_a_broken_resend_is(vendor: Resend, account: ResendAccount, state: str, error: type[TargetError]) -> None:
    """Its own trouble is down, what we cannot read is unknown."""
    await vendor.enter(state)

    with pytest.raises(TargetError) as caught:
        await account.domains()

    assert error is type(caught.value)


async def test_an_account_without_a_domain_cannot_send() -> None:
    """An empty list is not "all verified"."""
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"object": "list", "data": []}))
    client = httpx.AsyncClient(base_url="http://resend", transport=answer)

    with pytest.raises(Unreachable, match="no sending domain"):
        await ResendAccount(client).domains()
    await client.aclose()
