"""Rollbacks as the smoke tests ask for them, and what the provider and the Docker Engine say afterwards."""

import httpx

from tests.smoke.reading import Json
from tests.smoke.world import Seen, World

ASK = "/rollback target-list web to previous because 503 since the preview grid"


async def before_any_rollback(world: World) -> None:
    """dep-41 is live and publishing is open, and the newsletter runs v41, whatever an earlier test left."""
    await world.lab("target-list", "netlify", locked=False, published="dep-41")
    async with httpx.AsyncClient(base_url=await world.url("newsletter", "docker"), trust_env=False) as engine:
        up = {"arguments": ["compose", "up", "-d", "--no-deps", "app"], "environment": {"NEWSLETTER_TAG": "v41"}}
        assert 0 == (await engine.post("/compose", json=up)).json()["exit"]


async def asked(world: World, line: str = ASK, by: str = "sre") -> Seen:
    """The request in the channel."""
    return await world.user(by).types(line).sees("Needs 1 of")


async def netlify(world: World) -> Json:
    """What Netlify is set to now."""
    values: Json = (await world.client.get("/local/lab")).json()["target-list"]["netlify"]["values"]
    return values


async def changes(world: World, since: int) -> list[str]:
    """The calls since a moment that changed something at Netlify."""
    found = await world.calls("target-list", "netlify")
    return [call["path"].removeprefix("/api/v1") for call in found if call["method"] == "POST" and call["at"] >= since]


async def image(world: World, service: str = "app") -> str:
    """The image that a service of the compose project runs, as the Docker Engine tells it."""
    async with httpx.AsyncClient(base_url=await world.url("newsletter", "docker"), trust_env=False) as engine:
        containers = (await engine.get("/containers/json")).json()
    return next(str(each["Image"]) for each in containers if each["Labels"]["com.docker.compose.service"] == service)
