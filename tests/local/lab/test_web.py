"""Each way in which an HTTP service can misbehave, as a plain client sees it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import httpx
import pytest
from aiohttp import web

from bot.local.lab.calls import CallLog
from bot.local.lab.web import HUGE_BYTES, VENDOR_STATES, WebService
from tests.fakes.clock import FakeClock


class Counter(WebService):
    """Counts what it was asked to do."""

    states: ClassVar[Mapping[str, str]] = VENDOR_STATES
    done = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/work", self._work), web.get("/work", self._look)]

    async def _look(self, _: web.Request) -> web.Response:
        return web.json_response({"done": self.done})

    async def _work(self, _: web.Request) -> web.Response:
        self.done += 1
        return web.json_response({"done": self.done})


@pytest.fixture
async def counter(port: int, clock: FakeClock) -> AsyncIterator[Counter]:
    """A service that is up."""
    service = Counter(port, calls=CallLog(clock))
    await service.enter("up")
    yield service
    await service.close()


async def test_it_answers_when_up(counter: Counter, http: httpx.AsyncClient) -> None:
    """Nothing is in the way of its routes."""
    answer = await http.post(f"{counter.url}/work")

    assert (200, {"done": 1}) == (answer.status_code, answer.json())


@pytest.mark.parametrize(
    ("state", "status", "header"),
    [
        pytest.param("error", 503, ("content-type", "application/json; charset=utf-8"), id="error is a 503"),
        pytest.param("auth", 401, ("content-type", "application/json; charset=utf-8"), id="auth is a 401"),
        pytest.param("rate_limited", 429, ("retry-after", "2"), id="rate_limited says when to come back"),
        pytest.param("html", 200, ("content-type", "text/html; charset=utf-8"), id="html is a page with a 200"),
        pytest.param("redirect_loop", 302, ("location", "/work"), id="redirect_loop points at itself"),
        pytest.param("huge", 200, ("content-length", str(HUGE_BYTES)), id="huge is 10 MB"),
    ],
)
async def test_it_gives_a_wrong_answer(
    counter: Counter, http: httpx.AsyncClient, state: str, status: int, header: tuple[str, str]
) -> None:
    """The answer is wrong and the work is not done."""
    await counter.enter(state)

    answer = await http.post(f"{counter.url}/work")

    assert (status, header[1], 0) == (answer.status_code, answer.headers[header[0]], counter.done)


@pytest.mark.parametrize(
    ("state", "error", "done"),
    [
        pytest.param("down", httpx.ConnectError, 0, id="down refuses the connection"),
        pytest.param("garbage", httpx.RemoteProtocolError, 0, id="garbage is not HTTP"),
        pytest.param("timeout", httpx.ReadTimeout, 0, id="timeout does nothing and never answers"),
        pytest.param("timeout_after", httpx.ReadTimeout, 1, id="timeout_after does the work and never answers"),
        pytest.param("drop", httpx.TransportError, 1, id="drop does the work and closes the connection"),
    ],
)
async def test_it_gives_no_answer(counter: Counter, state: str, error: type[Exception], done: int) -> None:
    """The client learns nothing; whether the work was done is the state's meaning."""
    await counter.enter(state)

    async with httpx.AsyncClient(timeout=0.3) as client:
        with pytest.raises(error):
            await client.post(f"{counter.url}/work")

    assert done == counter.done


async def test_slow_answers_after_a_settable_time(counter: Counter, http: httpx.AsyncClient) -> None:
    """It does answer, only late."""
    await counter.apply({"state": "slow", "set": {"slow_seconds": 1}})

    started = asyncio.get_running_loop().time()
    answer = await http.post(f"{counter.url}/work")

    assert 200 == answer.status_code
    assert asyncio.get_running_loop().time() - started >= 0.9


async def test_a_fault_can_strike_changes_alone_and_say_what_it_is_told(
    counter: Counter, http: httpx.AsyncClient
) -> None:
    """A provider whose reads answer while its changes fail, in words of its own."""
    await counter.apply({"state": "error", "set": {"strikes": "changes", "error_text": "no room"}})

    read, change = await http.get(f"{counter.url}/work"), await http.post(f"{counter.url}/work")

    assert (200, 503, "no room") == (read.status_code, change.status_code, change.json()["message"])


async def test_going_down_ends_open_connections(counter: Counter, http: httpx.AsyncClient) -> None:
    """A kept connection does not outlive the service."""
    await http.post(f"{counter.url}/work")

    await counter.enter("down")

    with pytest.raises(httpx.TransportError):
        await http.post(f"{counter.url}/work")


async def test_it_comes_back_at_the_same_address(counter: Counter, http: httpx.AsyncClient) -> None:
    """What the bot was configured with stays right."""
    before = counter.url
    await counter.enter("down")
    await counter.enter("up")

    answer = await http.post(f"{before}/work")

    assert 200 == answer.status_code


async def test_calls_are_kept_without_secrets(counter: Counter, http: httpx.AsyncClient, clock: FakeClock) -> None:
    """Method, path, query, body and time; the values of secret keys and every header are left out."""
    body = {"routing_key": "r0uting", "dedup_key": "INC-12", "payload": [{"api_token": "t0ken", "summary": "down"}]}

    await http.post(f"{counter.url}/work?page=1", json=body, headers={"Authorization": "Bearer h1dden"})

    kept = {"routing_key": "(secret)", "dedup_key": "INC-12", "payload": [{"api_token": "(secret)", "summary": "down"}]}
    expected = {"at": clock.now(), "method": "POST", "path": "/work", "query": {"page": "1"}, "body": kept}
    assert [expected] == counter.calls()


async def test_calls_that_are_not_json_are_counted_by_size(counter: Counter, http: httpx.AsyncClient) -> None:
    """Bytes that nobody can redact are not kept."""
    await http.post(f"{counter.url}/work", content=b"\xff\xfe")

    assert ["(2 bytes)"] == [each["body"] for each in counter.calls()]
