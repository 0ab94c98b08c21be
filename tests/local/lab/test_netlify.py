"""Netlify: what it refuses, and what restoring, locking and pushing do."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.local.lab.calls import CallLog
from bot.local.lab.netlify import SITE, Netlify
from tests.fakes.clock import FakeClock

MINUTE_MS = 60_000


@pytest.fixture
async def netlify(port: int, clock: FakeClock) -> AsyncIterator[Netlify]:
    """An account that is up."""
    made = Netlify(port, clock, CallLog(clock))
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture
async def api(netlify: Netlify) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the right token."""
    headers = {"Authorization": f"Bearer {netlify.token}"}
    async with httpx.AsyncClient(base_url=netlify.url, headers=headers, timeout=0.5) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/sites/other", 404, id="a site of someone else"),
        pytest.param("GET", "/sites/other/deploys", 404, id="deploys of someone else"),
        pytest.param("GET", f"/sites/{SITE}/deploys/dep-99", 404, id="an unknown deploy"),
        pytest.param("GET", "/deploys/dep-99", 404, id="an unknown deploy by its short path"),
        pytest.param("GET", f"/sites/{SITE}/deploys?page=first", 422, id="a page that is no number"),
        pytest.param("POST", f"/sites/{SITE}/deploys/dep-99/restore", 404, id="restoring an unknown deploy"),
        pytest.param("POST", "/sites/other/deploys/dep-40/restore", 404, id="restoring on another site"),
        pytest.param("POST", "/deploys/dep-40/lock", 422, id="locking a deploy that is not published"),
        pytest.param("POST", "/deploys/dep-99/unlock", 404, id="unlocking an unknown deploy"),
        pytest.param("DELETE", f"/sites/{SITE}", 404, id="a call that this stand-in does not know"),
    ],
)
async def test_it_refuses(api: httpx.AsyncClient, netlify: Netlify, method: str, path: str, status: int) -> None:
    """A refusal is JSON with its code, and changes nothing."""
    answer = await api.request(method, path)

    assert (status, status) == (answer.status_code, answer.json()["code"])
    assert ("dep-41", []) == (netlify.live, netlify.restored)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no token"),
        pytest.param({"Authorization": "Bearer nfp_wrong"}, id="a wrong token"),
        pytest.param({"Authorization": "Basic bmZw"}, id="another scheme"),
    ],
)
async def test_it_refuses_who_is_not_known(netlify: Netlify, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Without the token nothing is told and nothing done."""
    answer = await http.post(f"{netlify.url}/sites/{SITE}/deploys/dep-40/restore", headers=headers)

    assert (401, []) == (answer.status_code, netlify.restored)


async def test_deploys_are_listed_newest_first(api: httpx.AsyncClient) -> None:
    """Four deploys, with what a person chooses by."""
    answer = await api.get(f"/sites/{SITE}/deploys", params={"production": "true", "state": "ready"})

    listed = answer.json()
    assert ["dep-41", "dep-40", "dep-39", "dep-38"] == [each["id"] for each in listed]
    assert all(each["commit_ref"] and each["title"] and each["published_at"] for each in listed)


async def test_pages_are_cut(api: httpx.AsyncClient) -> None:
    """The second page goes on where the first ended."""
    answer = await api.get(f"/sites/{SITE}/deploys", params={"page": "2", "per_page": "3"})

    assert ["dep-38"] == [each["id"] for each in answer.json()]


async def test_restore_publishes_and_is_remembered(api: httpx.AsyncClient, netlify: Netlify) -> None:
    """The site then serves the restored deploy."""
    answer = await api.post(f"/sites/{SITE}/deploys/dep-40/restore")

    site = (await api.get(f"/sites/{SITE}")).json()
    assert (201, "dep-40") == (answer.status_code, answer.json()["id"])
    assert ("dep-40", ["dep-40"]) == (site["published_deploy"]["id"], netlify.restored)


@pytest.mark.parametrize(
    ("lock", "live"),
    [
        pytest.param(True, "dep-40", id="a locked site keeps the rollback"),
        pytest.param(False, "dep-42", id="an unlocked site publishes over the rollback"),
    ],
)
async def test_a_push_after_a_rollback(api: httpx.AsyncClient, netlify: Netlify, lock: bool, live: str) -> None:
    """That is what the lock is for."""
    await api.post(f"/sites/{SITE}/deploys/dep-40/restore")
    if lock:
        locked = await api.post("/deploys/dep-40/lock")
        assert (200, True) == (locked.status_code, locked.json()["locked"])

    await netlify.apply({"set": {"push": "Fix the grid"}})

    assert live == netlify.live
    assert "dep-42" == (await api.get(f"/sites/{SITE}/deploys")).json()[0]["id"]


async def test_unlock_lets_pushes_through_again(api: httpx.AsyncClient, netlify: Netlify) -> None:
    """The undo of a rollback ends with it."""
    await api.post("/deploys/dep-41/lock")
    await api.post("/deploys/dep-41/unlock")

    await netlify.apply({"set": {"push": "Fix the grid"}})

    assert "dep-42" == netlify.live


async def test_timeout_after_has_done_the_work(api: httpx.AsyncClient, netlify: Netlify) -> None:
    """The caller must observe, not repeat."""
    await netlify.enter("timeout_after")

    with pytest.raises(httpx.ReadTimeout):
        await api.post(f"/sites/{SITE}/deploys/dep-40/restore")

    assert ("dep-40", ["dep-40"]) == (netlify.live, netlify.restored)


async def test_someone_else_may_publish(api: httpx.AsyncClient, netlify: Netlify, clock: FakeClock) -> None:
    """The world moves on between a plan and its approval."""
    clock.advance(5 * MINUTE_MS)

    await netlify.apply({"set": {"published": "dep-39"}})

    live = (await api.get(f"/sites/{SITE}")).json()["published_deploy"]
    assert ("dep-39", []) == (live["id"], netlify.restored)


async def test_an_unknown_deploy_cannot_be_published(netlify: Netlify) -> None:
    """The text names those that exist."""
    with pytest.raises(ValueError, match="no deploy dep-7; there are dep-38, dep-39, dep-40, dep-41"):
        await netlify.apply({"set": {"published": "dep-7"}})
