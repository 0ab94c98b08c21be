"""Object storage: a moto S3 server with one bucket; permissions can be switched on, the bucket can go missing."""

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import httpx

from bot.local.lab.child import Child, listens
from bot.local.lab.component import Component, Setting, whole

# With permissions checked from the first call on, and from a call that never comes.
_CHECKED, _UNCHECKED = "0", "1000000000"


class Bucket(Component):
    """One bucket on a server of its own, so that breaking one system's storage leaves the other's alone."""

    states: ClassVar[Mapping[str, str]] = {
        "up": "answers",
        "down": "refuses the connection",
        "forbidden": "the keys may not use the bucket (403)",
        "missing_bucket": "the bucket does not exist (404)",
    }
    settings: ClassVar[Mapping[str, Setting]] = {
        "objects": Setting("how many objects the bucket holds", whole(0, 1000)),
    }

    def __init__(self, directory: Path, name: str, port: int, *, objects: int) -> None:
        """Describe the server; start nothing."""
        self.name = name
        self.access_key_id = f"AKIA{secrets.token_hex(8).upper()}"
        self.secret_access_key = secrets.token_urlsafe(30)
        self._port = port
        self._objects = objects
        self._state = "down"
        self._child = Child(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            log=directory / f"{name}.log",
        )

    @property
    def url(self) -> str:
        """The endpoint for any S3 client."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._child.pid

    @property
    def state(self) -> str:
        """Which of `states` it is in now."""
        return self._state

    def values(self) -> dict[str, object]:
        """How many objects were put."""
        return {"objects": self._objects}

    async def enter(self, state: str) -> None:
        """Change the server; leaving "down" starts it anew, with its objects."""
        if state == "down":
            await self._child.stop()
        else:
            if not self._child.running:
                await self._child.start(lambda: listens(self._port))
            async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
                await _check_permissions(client, _UNCHECKED)
                await self._fill(client, 0 if state == "missing_bucket" else self._objects)
                if state == "missing_bucket":
                    await client.delete(f"/{self.name}")
                if state == "forbidden":
                    await _check_permissions(client, _CHECKED)
        self._state = state

    async def put(self, key: str, value: object) -> None:
        """Put or delete objects until the bucket holds as many."""
        self._objects = int(str(value))
        if key == "objects" and self._state == "up":
            async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
                await self._fill(client, self._objects)

    async def _fill(self, client: httpx.AsyncClient, objects: int) -> None:
        await client.put(f"/{self.name}")
        listing = await client.get(f"/{self.name}", params={"list-type": "2", "max-keys": "1000"})
        held = listing.text.count("<Key>")
        for number in range(held, objects):
            await client.put(f"/{self.name}/uploads/{number:05}.csv", content=f"company\nExample {number}\n".encode())
        for number in range(objects, held):
            await client.delete(f"/{self.name}/uploads/{number:05}.csv")


async def _check_permissions(client: httpx.AsyncClient, after: str) -> None:
    answer = await client.post("/moto-api/reset-auth", content=after)
    answer.raise_for_status()
