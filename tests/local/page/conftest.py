"""A real Chromium for the tests marked `browser`: one for a module, a fresh profile and workspace for each test."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.local.page.scene import night
from tests.local.page.stage import Stage, served

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest_asyncio.fixture(loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """The night's workspace, served."""
    async with served(night()) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium. Without one the test is skipped; where CI is true it fails, so that nothing goes untested there."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        message = "No Chromium on the PATH; install Debian's chromium to drive the page in a real browser."
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh profile; whatever a page complains about in its console fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    complaints: list[str] = []
    # A refused call is part of some tests; a script error or a broken policy never is.
    context.on("console", lambda each: complaints.append(each.text) if each.type == "error" else None)
    context.on("weberror", lambda each: complaints.append(str(each.error)))
    yield context
    await context.close()
    assert [] == [each for each in complaints if "Failed to load resource" not in each]


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> Page:
    """A tab."""
    return await context.new_page()
