"""Health by HTTP: what each answer of a target means, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from adapters import http, outgoing
from adapters.http import HttpTarget
from bot.domain.errors import BadAnswer, TargetError, Unreachable
from bot.domain.quantity import in_base_unit
from bot.local.lab.certificate import Authority
from bot.local.lab.services import App, SecureSite
from bot.ports import Measurement
from tests.adapters.serving import serving


@pytest.fixture
async def target(app: App) -> AsyncIterator[HttpTarget]:
    """The adapter's client of the app."""
    made = http.open(http.Config(http=app.url))
    yield made
    await made.close()


async def test_the_status_and_what_the_answer_says_of_itself_are_measured(target: HttpTarget) -> None:
    """A healthy app shows its status, its version and its own word."""
    assert Measurement(200.0, "status", "v41, ok") == await target.status(path="/api/health")


async def test_an_unhealthy_app_tells_its_error(app: App, target: HttpTarget) -> None:
    """A 503 is a measurement like any other; whoever expects 200 judges it."""
    await app.enter("bad_release")

    assert Measurement(503.0, "status", "v41, error, migration 0032 is missing") == await target.status(
        path="/api/health"
    )


async def test_a_redirect_to_another_site_is_what_is_measured() -> None:
    """A target that leads elsewhere does not answer itself, and the bot does not go where it is sent."""
    asked: list[str] = []

    async def metadata(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"status": "ok"})

    async with serving(metadata) as inner:

        async def redirect(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{inner}/latest/meta-data")

        async with serving(redirect) as address:
            target = http.open(http.Config(http=address))
            measured = await target.status(path="/api/health")
            await target.close()

    assert Measurement(302.0, "status", "redirects to another site") == measured
    assert [] == asked


async def test_a_page_at_the_root_is_fine(target: HttpTarget) -> None:
    """A frontend answers with a page."""
    measured = await target.status(path="/")

    assert 200 == measured.value


async def test_a_page_must_hold_what_it_is_known_by(target: HttpTarget) -> None:
    """A parked domain answers 200 too; the text that only the real page holds tells them apart."""
    assert 200 == (await target.status(path="/", contains="<title>")).value
    with pytest.raises(Unreachable, match="answered 200 without “Welcome to the shop”"):
        await target.status(path="/", contains="Welcome to the shop")


async def test_an_answer_nested_too_deep_says_nothing_of_itself() -> None:
    """Its code still counts."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"[" * 100_000)

    async with serving(answer) as address:
        target = http.open(http.Config(http=address))
        measured = await target.status(path="/api/health")
        await target.close()

    assert (200, ()) == (measured.value, measured.notes)


@pytest.mark.parametrize(
    ("said", "notes"), [("ok", ()), ("degraded", ("calls itself degraded",)), ("Error", ("calls itself Error",))]
)
async def test_an_answer_that_calls_itself_ill_is_no_better_than_it_says(said: str, notes: tuple[str, ...]) -> None:
    """`200 {"status": "error"}` is not healthy."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"status": said})

    async with serving(answer) as address:
        target = http.open(http.Config(http=address))
        measured = await target.status(path="/api/health")
        await target.close()

    assert (said, notes) == (measured.detail, measured.notes)


@pytest.mark.parametrize(
    ("state", "error", "text"),
    [
        pytest.param("down", Unreachable, "refuses the connection", id="down is its fault"),
        pytest.param("garbage", BadAnswer, "answered something that is not HTTP", id="garbage cannot be read"),
        pytest.param("huge", BadAnswer, "answered more than 1 MiB", id="10 MB are not read"),
        pytest.param(
            "html", Unreachable, "an HTML page, not with its health", id="a page at a health path is no health"
        ),
        pytest.param("redirect_loop", Unreachable, "redirects in a circle", id="a redirect loop serves nobody"),
    ],
)
async def test_a_broken_target_says_how(
    app: App, target: HttpTarget, state: str, error: type[TargetError], text: str
) -> None:
    """Its own trouble makes it unreachable, what we cannot read is unknown; neither breaks the bot."""
    await app.enter(state)

    with pytest.raises(error, match=text) as caught:
        await target.status(path="/api/health")

    assert str(app.port) not in str(caught.value)


async def test_a_slow_target_ends_by_the_total_time(app: App) -> None:
    """The limit covers the whole request, so a target that trickles cannot hold a check."""
    await app.enter("slow")
    slow = HttpTarget(outgoing.client(app.url, seconds=0.2))

    with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
        await slow.status(path="/api/health")

    await slow.close()


async def test_a_trickling_body_counts_against_the_total_time() -> None:
    """Bytes that keep arriving do not extend the limit."""

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while request.transport is not None:
            await response.write(b"x")
            await asyncio.sleep(0.02)
        return response

    async with serving(trickle) as address:
        slow = HttpTarget(outgoing.client(address, seconds=0.3))
        with pytest.raises(Unreachable, match="no answer"):
            await slow.status(path="/api/health")
        await slow.close()


async def test_the_answer_of_a_target_is_one_short_line_without_credentials() -> None:
    """A target may answer anything: it is shown as one line, and a key in it is not."""

    async def leaky(_: web.Request) -> web.Response:
        return web.json_response(
            {"status": "down\n<!channel>", "error": "connect postgres://app:hunter2@db/app failed"}
        )

    async with serving(leaky) as address:
        target = http.open(http.Config(http=address))
        measured = await target.status(path="/api/health")
        await target.close()

    assert "down <!channel>, connect postgres://•••@db/app failed" == measured.detail


@pytest.fixture
async def site(tmp_path: Path, port: int) -> AsyncIterator[SecureSite]:
    """An https site whose certificate lives 61 days."""
    made = SecureSite(port, Authority(tmp_path / "authority.pem"))
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture
async def secure(site: SecureSite, tmp_path: Path) -> AsyncIterator[HttpTarget]:
    """The adapter's client of the site, which trusts its authority."""
    made = http.open(http.Config(http=site.url, ca_file=str(tmp_path / "authority.pem")))
    yield made
    await made.close()


@pytest.mark.parametrize(("days", "words"), [(61, "61 d"), (6, "6 d"), (0, "30 min")])
async def test_the_days_of_a_certificate_are_counted(
    site: SecureSite, secure: HttpTarget, days: int, words: str
) -> None:
    """Whole days until it ends, as the handshake showed it; the last half hour is not nothing."""
    await site.put("certificate_days", days)
    measured = await secure.certificate_days()

    assert words == str(in_base_unit(measured.value or 0, measured.unit))


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("days", "state", "text"),
    [
        pytest.param(-1, "up", "certificate has expired", id="expired"),
        pytest.param(61, "bad_certificate", "unable to get local issuer certificate", id="from a stranger"),
    ],
)
async def test_a_certificate_that_is_not_valid_is_the_targets_trouble(
    site: SecureSite, secure: HttpTarget, days: int, state: str, text: str
) -> None:
    """Users cannot reach it either; the reason is OpenSSL's."""
    await site.put("certificate_days", days)
    await site.enter(state)

    with pytest.raises(Unreachable, match=text):
        await secure.certificate_days()


async def test_a_plain_address_has_no_certificate(target: HttpTarget) -> None:
    """Asking http:// for its certificate is a mistake of the configuration, not of the target."""
    with pytest.raises(BadAnswer, match="not https"):
        await target.certificate_days()
