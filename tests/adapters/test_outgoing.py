"""The one way out by HTTP: how many at once, what is sent along, what a status means."""

import asyncio
import gzip

import httpx
import pytest
from aiohttp import web

from adapters import outgoing
from bot.domain.errors import (
    BadAnswer,
    NotDone,
    OutcomeUnknown,
    Rejected,
    TargetError,
    Unauthorized,
    Unreachable,
)
from tests.adapters.serving import serving


async def test_no_more_than_64_reads_are_out_at_once() -> None:
    """All targets share one gate, since httpx's pool collapses beyond about 100."""
    out, most, everybody = 0, 0, asyncio.Event()

    async def count(_: web.Request) -> web.Response:
        nonlocal out, most
        out += 1
        most = max(most, out)
        if out == outgoing.AT_ONCE:
            everybody.set()
        await everybody.wait()
        out -= 1
        return web.Response()

    async with serving(count) as address:
        clients = [outgoing.client(address) for _ in range(10)]
        await asyncio.gather(*(outgoing.exchange(client, "GET", "/") for client in clients for _ in range(10)))
        for client in clients:
            await client.aclose()

    assert outgoing.AT_ONCE == most


async def test_a_page_does_not_wait_behind_checks() -> None:
    """However many targets hang, an event or a change goes out at once."""
    hanging, release = asyncio.Semaphore(0), asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        if request.method == "GET":
            hanging.release()
            await release.wait()
        return web.Response()

    async with serving(hang) as address:
        client, pager = outgoing.client(address, seconds=30), outgoing.client(address)
        checks = [asyncio.create_task(outgoing.exchange(client, "GET", "/")) for _ in range(outgoing.AT_ONCE + 10)]
        for _ in range(outgoing.AT_ONCE):
            await hanging.acquire()

        answer = await outgoing.exchange(pager, "POST", "/v2/enqueue", body={})

        release.set()
        await asyncio.gather(*checks)
        await client.aclose()
        await pager.aclose()

    assert 200 == answer.status


async def test_a_request_says_who_asks_and_goes_to_no_other_site() -> None:
    """The user agent names Steward; a redirect to another host or port is an answer, and is not followed."""
    seen: list[tuple[str, str | None]] = []

    async def elsewhere(_: web.Request) -> web.Response:
        seen.append(("elsewhere", None))
        return web.Response()

    async with serving(elsewhere) as other:

        async def redirect(request: web.Request) -> web.Response:
            seen.append((request.headers["User-Agent"].split("/")[0], request.headers.get("Authorization")))
            match request.path:
                case "/host":
                    raise web.HTTPFound(other.replace("127.0.0.1", "localhost"))
                case "/port":
                    raise web.HTTPFound(other)
                case "/scheme":
                    raise web.HTTPFound(str(request.url.with_scheme("ftp")))
                case "/here":
                    raise web.HTTPFound("/there")
            return web.Response(text=request.path)

        async with serving(redirect) as address:
            client = outgoing.client(address, headers={"Authorization": "Bearer nfp_secret"})
            statuses = [
                (await outgoing.exchange(client, "GET", path, follow=True)).status
                for path in ("/host", "/port", "/scheme")
            ]
            here = await outgoing.exchange(client, "GET", "/here", follow=True)
            await client.aclose()

    assert [302, 302, 302] == statuses
    assert (200, b"/there") == (here.status, here.body)
    assert [("steward", "Bearer nfp_secret")] * 5 == seen


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip", "br", "x-unknown"])
@pytest.mark.parametrize(
    ("changing", "error"),
    [pytest.param(False, BadAnswer, id="a read"), pytest.param(True, OutcomeUnknown, id="a change")],
)
async def test_nothing_is_unpacked(encoding: str, changing: bool, error: type[TargetError]) -> None:
    """Plain answers are asked for; a kilobyte that would unpack to a gigabyte is refused without being read."""
    asked: list[str | None] = []

    async def bomb(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Accept-Encoding"))
        packed = gzip.compress(gzip.compress(b"{}" * 1000))
        return web.Response(body=packed, headers={"Content-Encoding": encoding})

    async with serving(bomb) as address:
        client = outgoing.client(address)
        with pytest.raises(TargetError, match="lock: answered in an encoding that was not asked for") as caught:
            await outgoing.call(client, "POST", "/", what="lock", changing=changing)
        await client.aclose()

    assert error is type(caught.value)
    assert ["identity"] == asked


@pytest.mark.parametrize(
    ("status", "changing", "error"),
    [
        pytest.param(401, False, Unauthorized, id="401 is about our credentials"),
        pytest.param(403, True, Unauthorized, id="403 is about our credentials"),
        pytest.param(404, False, Rejected, id="404 is final"),
        pytest.param(409, True, Rejected, id="409 is final"),
        pytest.param(422, True, Rejected, id="422 is final"),
        pytest.param(429, False, BadAnswer, id="asking too often is our own trouble"),
        pytest.param(429, True, NotDone, id="a change refused for its pace was not made"),
        pytest.param(500, False, Unreachable, id="500 of a read is down"),
        pytest.param(500, True, OutcomeUnknown, id="500 of a change may have happened"),
        pytest.param(502, True, OutcomeUnknown, id="a gateway may have lost the answer"),
        pytest.param(503, True, OutcomeUnknown, id="503 does not prove that nothing was done"),
        pytest.param(302, False, BadAnswer, id="an API does not redirect"),
    ],
)
async def test_a_status_means(status: int, changing: bool, error: type[TargetError]) -> None:
    """Each refusal is one error of the tree, and names what was asked."""
    client = httpx.AsyncClient(
        base_url="http://api", transport=httpx.MockTransport(lambda _: httpx.Response(status, json={"message": "no"}))
    )

    with pytest.raises(TargetError, match=r"^restore deploy 7: ") as caught:
        await outgoing.call(client, "POST", "/", what="restore deploy 7", changing=changing)

    assert error is type(caught.value)
    await client.aclose()


@pytest.mark.parametrize(
    ("raised", "changing", "error"),
    [
        pytest.param(httpx.ConnectError("refused"), True, NotDone, id="what never left has not happened"),
        pytest.param(httpx.ConnectTimeout("slow"), True, NotDone, id="a slow connection never left"),
        pytest.param(httpx.PoolTimeout("full"), True, NotDone, id="our own queue never left"),
        pytest.param(httpx.ReadTimeout("slow"), False, Unreachable, id="a read without an answer is down"),
        pytest.param(httpx.ReadTimeout("slow"), True, OutcomeUnknown, id="a change without an answer is unknown"),
        pytest.param(httpx.ReadError("reset"), True, OutcomeUnknown, id="a change broken off is unknown"),
        pytest.param(httpx.RemoteProtocolError("garbage"), True, OutcomeUnknown, id="so is one answered by garbage"),
        pytest.param(
            httpx.RemoteProtocolError("Server disconnected without sending a response."),
            False,
            Unreachable,
            id="a read broken off is down",
        ),
    ],
)
async def test_a_failure_means(raised: Exception, changing: bool, error: type[TargetError]) -> None:
    """What may have happened is never called down, and what cannot have happened is never called unknown."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    client = httpx.AsyncClient(base_url="http://api", transport=httpx.MockTransport(fail))

    with pytest.raises(TargetError) as caught:
        await outgoing.call(client, "POST", "/", changing=changing)

    assert error is type(caught.value)
    await client.aclose()


async def test_a_providers_words_are_shown_without_its_secrets() -> None:
    """A provider may repeat our token in its refusal; nobody reads it in the channel."""
    token = "nfp_0123456789abcdef"

    def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(422, json={"message": f"token {token} may not do this", "errors": ["password=hunter2"]})

    client = httpx.AsyncClient(
        base_url="http://api", headers={"Authorization": f"Bearer {token}"}, transport=httpx.MockTransport(refuse)
    )

    with pytest.raises(Rejected) as caught:
        await outgoing.call(client, "POST", "/", what="lock")

    assert token not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "may not do this" in str(caught.value)
    await client.aclose()


async def test_a_refusal_nested_too_deep_is_a_refusal_without_words() -> None:
    """What cannot be read is not shown."""
    client = httpx.AsyncClient(
        base_url="http://api", transport=httpx.MockTransport(lambda _: httpx.Response(422, content=b"[" * 100_000))
    )

    with pytest.raises(Rejected) as caught:
        await outgoing.call(client, "POST", "/", what="lock")

    assert "[[" not in str(caught.value)
    await client.aclose()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b"<!doctype html><title>Just a moment", "answered an HTML page", id="a page"),
        pytest.param(b'{"secret": "hunter2"}', "something else than its API describes", id="another object"),
        pytest.param(b"\xff\xfe", "something else than its API describes", id="no text at all"),
    ],
)
def test_an_answer_that_cannot_be_read_is_not_repeated(body: bytes, text: str) -> None:
    """The error says what kind of thing came, never the thing."""
    with pytest.raises(TargetError, match=text) as caught:
        outgoing.read(outgoing.Answer(200, body, "", None), list[int], what="list")

    assert "hunter2" not in str(caught.value)
