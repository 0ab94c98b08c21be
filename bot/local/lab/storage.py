"""Object storage: a moto S3 server with one bucket; permissions can be switched on, the bucket can go missing."""

import re
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
            async with self._owner() as client:
                await _check_permissions(client, _UNCHECKED)
                if state == "missing_bucket":
                    await self._remove(client)
                else:
                    await self._fill(client, self._objects)
                if state == "forbidden":
                    await _check_permissions(client, _CHECKED)
        self._state = state

    async def put(self, key: str, value: object) -> None:
        """Put or delete objects until the bucket holds as many."""
        self._objects = int(str(value))
        if key == "objects" and self._state == "up":
            async with self._owner() as client:
                await self._fill(client, self._objects)

    async def _fill(self, client: httpx.AsyncClient, objects: int) -> None:
        (await client.put(f"/{self.name}")).raise_for_status()
        held = await self._keys(client)
        wanted = {f"uploads/{number:05}.csv" for number in range(objects)}
        for key in sorted(wanted - set(held)):
            answer = await client.put(f"/{self.name}/{key}", content=f"company\nExample {key}\n".encode())
            answer.raise_for_status()
        for key in held:
            if key.startswith("uploads/") and key not in wanted:
                (await client.delete(f"/{self.name}/{key}")).raise_for_status()

    async def _remove(self, client: httpx.AsyncClient) -> None:
        for key in await self._keys(client):
            (await client.delete(f"/{self.name}/{key}")).raise_for_status()
        await client.delete(f"/{self.name}")

    async def _keys(self, client: httpx.AsyncClient) -> list[str]:
        listing = await client.get(f"/{self.name}", params={"list-type": "2", "max-keys": "1000"})
        return re.findall("<Key>([^<]*)</Key>", listing.text)

    def _owner(self) -> httpx.AsyncClient:
        """A client that may do everything while permissions are not checked; without a name moto deletes nothing."""
        scope = f"{self.access_key_id}/20260101/us-east-1/s3/aws4_request"
        name = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=unchecked"
        return httpx.AsyncClient(base_url=self.url, timeout=20, headers={"Authorization": name})


async def _check_permissions(client: httpx.AsyncClient, after: str) -> None:
    answer = await client.post("/moto-api/reset-auth", content=after)
    answer.raise_for_status()
