import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.local.page import page_routes
from tests.local.page.scene import night

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """The page alone, served."""
    application = web.Application()
    application.add_routes(page_routes(night()))
    async with TestClient(TestServer(application)) as client:
        yield client


async def test_the_page_loads_nothing_from_outside(client: Client) -> None:
    """The policy allows this server only, and no script or style stands in the page itself."""
    answer = await client.get("/")
    html = await answer.text()
    policy = answer.headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(
        r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)|(?:src|href)=\"(?:https?:)?//(?![^\"]*\" target)", html
    )


@pytest.mark.parametrize("name", ["page.css", "page.js", "morph.js", "steward.svg"])
async def test_static_files_are_served_with_their_type(client: Client, name: str) -> None:
    """Scripts, styles and pictures come with a type that the browser may not guess."""
    answer = await client.get(f"/page/static/{name}")

    kind = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
    assert (200, kind, "nosniff") == (answer.status, answer.content_type, answer.headers["X-Content-Type-Options"])


@pytest.mark.parametrize("name", ["..%2froutes.py", "%2e%2e%2froutes.py", "nothing.css", "__init__.py", ".."])
async def test_nothing_else_is_served(client: Client, name: str) -> None:
    """No name leads out of the folder of static files."""
    assert 404 == (await client.get(f"/page/static/{name}")).status


async def test_the_live_part_is_the_page_without_its_frame(client: Client) -> None:
    """What updates fetch is the same markup that the page began with."""
    page = await (await client.get("/?as=sre")).text()
    part = await (await client.get("/page/view?as=sre")).text()

    assert part.strip() in page
    assert part.lstrip().startswith('<div id="app"')
