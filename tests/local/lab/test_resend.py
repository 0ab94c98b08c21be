"""Resend: who may list domains."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.local.lab.calls import CallLog
from bot.local.lab.resend import Resend
from tests.fakes.clock import FakeClock


@pytest.fixture
async def resend(port: int, clock: FakeClock) -> AsyncIterator[Resend]:
    """An account that is up."""
    made = Resend(port, clock, CallLog(clock))
    await made.enter("up")
    yield made
    await made.close()


async def test_a_full_key_lists_domains(resend: Resend, http: httpx.AsyncClient) -> None:
    """With the status that can be set."""
    await resend.apply({"set": {"domain_status": "failed"}})

    answer = await http.get(f"{resend.url}/domains", headers={"Authorization": f"Bearer {resend.key}"})

    assert (200, ["failed"]) == (answer.status_code, [each["status"] for each in answer.json()["data"]])


@pytest.mark.parametrize(
    ("state", "key", "path", "refusal"),
    [
        pytest.param("up", "", "/domains", (401, "missing_api_key"), id="no key"),
        pytest.param("up", "re_wrong", "/domains", (400, "validation_error"), id="a wrong key"),
        pytest.param("restricted", None, "/domains", (401, "restricted_api_key"), id="a key that may only send"),
        pytest.param("up", None, "/nothing", (404, "not_found"), id="an unknown path"),
    ],
)
async def test_it_refuses(
    resend: Resend, http: httpx.AsyncClient, *, state: str, key: str | None, path: str, refusal: tuple[int, str]
) -> None:
    """In Resend's words, so that "not allowed" differs from "down"."""
    await resend.enter(state)
    used = resend.key if key is None else key

    answer = await http.get(f"{resend.url}{path}", headers={"Authorization": f"Bearer {used}"} if used else {})

    assert refusal == (answer.status_code, answer.json()["name"])
