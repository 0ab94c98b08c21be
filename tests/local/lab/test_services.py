"""The plain services: releases, restarts and certificates."""

import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.local.lab.certificate import Authority
from bot.local.lab.services import App, SecureSite

DAY_S = 86_400


class Running:
    """What runs now."""

    release = "v41"


@pytest.fixture
def running() -> Running:
    """Release v41."""
    return Running()


@pytest.fixture
async def app(port: int, running: Running) -> AsyncIterator[App]:
    """An app that is up."""
    made = App(port, lambda: running.release)
    await made.begin()
    yield made
    await made.close()


async def test_health_names_the_release(app: App, http: httpx.AsyncClient) -> None:
    """A rollback is verified by what the app says it is."""
    answer = await http.get(f"{app.url}/api/health")

    assert (200, {"status": "ok", "version": "v41"}) == (answer.status_code, answer.json())


async def test_a_bad_release_is_healed_by_another_release(app: App, http: httpx.AsyncClient, running: Running) -> None:
    """Only the release that ran when it was declared bad answers 503; going forward again breaks it again."""
    await app.enter("bad_release")

    seen = []
    for release in ("v41", "v40", "v41"):
        running.release = release
        seen.append(((await http.get(f"{app.url}/api/health")).status_code, app.state))

    assert [(503, "bad_release"), (200, "up"), (503, "bad_release")] == seen


@pytest.mark.parametrize(
    ("state", "after"),
    [
        pytest.param("wedged", "up", id="a restart heals a wedged app"),
        pytest.param("down", "up", id="a restart brings back a dead app"),
        pytest.param("bad_release", "bad_release", id="a restart does not heal a bad release"),
        pytest.param("error", "error", id="a restart does not heal another fault"),
    ],
)
async def test_what_a_restart_heals(app: App, state: str, after: str) -> None:
    """Restarting is a remedy for what a fresh process does not have."""
    await app.enter(state)

    await app.close()
    await app.begin()

    assert after == app.state


async def test_a_stopped_app_is_down(app: App) -> None:
    """Its state is what a client sees, whoever stopped it."""
    await app.close()

    assert ("down", False) == (app.state, app.well)


@pytest.fixture
async def site(port: int, tmp_path: Path) -> AsyncIterator[SecureSite]:
    """An https site that is up."""
    made = SecureSite(port, Authority(tmp_path / "authority.pem"))
    await made.enter("up")
    yield made
    await made.close()


@pytest.mark.parametrize("days", [pytest.param(61, id="two months"), pytest.param(3, id="almost gone")])
async def test_the_certificate_expires_when_it_is_told_to(site: SecureSite, tmp_path: Path, days: int) -> None:
    """A client that trusts the bundle reads the days that are left."""
    await site.apply({"set": {"certificate_days": days}})

    trusting = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    async with httpx.AsyncClient(verify=trusting) as client, client.stream("GET", site.url) as answer:
        certificate = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()

    assert days == int((ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) // DAY_S)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({"state": "bad_certificate"}, "unable to get local issuer", id="an authority nobody trusts"),
        pytest.param({"set": {"certificate_days": -2}}, "certificate has expired", id="an expired certificate"),
    ],
)
async def test_a_bad_certificate_ends_the_handshake(
    site: SecureSite, tmp_path: Path, body: dict[str, object], said: str
) -> None:
    """The client sees why."""
    await site.apply(body)

    trusting = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    async with httpx.AsyncClient(verify=trusting) as client:
        with pytest.raises(httpx.ConnectError) as failure:
            await client.get(site.url)

    assert said in str(failure.value)


async def test_a_good_certificate_comes_back(site: SecureSite, tmp_path: Path) -> None:
    """After "up" the site is trusted again."""
    await site.enter("bad_certificate")
    await site.enter("up")

    trusting = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    async with httpx.AsyncClient(verify=trusting) as client:
        answer = await client.get(site.url)

    assert 200 == answer.status_code
