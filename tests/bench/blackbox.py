"""Probes per second beside prometheus-blackbox-exporter, where Debian's package is installed; printed only."""

import asyncio
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from adapters import http
from bot.local.lab.child import Child, free_ports, listens
from tests.bench.figures import Figure
from tests.bench.processes import Process

EXPORTER = "prometheus-blackbox-exporter"
AT_ONCE = 64
_SECONDS = 1.0


async def measure(directory: Path, rounds: int) -> list[Figure]:
    """Both sides on the same targets; where the exporter is missing, how to install it."""
    program = shutil.which(EXPORTER)
    if program is None:
        sys.stdout.write(f"probes/s are printed beside {EXPORTER} where it is: apt-get install {EXPORTER}\n")
        return []
    settings = directory / "blackbox.yml"
    settings.write_text("modules: {http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n")
    port = free_ports(1)[0]
    exporter = Child(
        [program, f"--config.file={settings}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
        log=directory / "blackbox.log",
    )
    target = Process(("-m", "tests.bench.target"), directory, ready="/0")
    await exporter.start(lambda: listens(port))
    try:
        await target.start()
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(await _ours(target.port))
            theirs.append(await _theirs(port, target.port))
    finally:
        await target.stop()
        await exporter.stop()
    return [
        Figure("HTTP probes by the bot's adapter, 64 at once", ours, "/s"),
        Figure("HTTP probes by prometheus-blackbox-exporter, 64 at once", theirs, "/s"),
    ]


async def _ours(target: int) -> float:
    client = http.open(http.Config(http=f"http://127.0.0.1:{target}"))
    counts = await asyncio.gather(*(_repeat(lambda: client.status(path="/0")) for _ in range(AT_ONCE)))
    await client.close()
    return sum(counts) / _SECONDS


async def _theirs(port: int, target: int) -> float:
    url = f"http://127.0.0.1:{port}/probe?module=http_2xx&target=http://127.0.0.1:{target}/0"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE), trust_env=False) as session:

        async def probe() -> bytes:
            async with session.get(url) as answer:
                return await answer.read()

        return sum(await asyncio.gather(*(_repeat(probe) for _ in range(AT_ONCE)))) / _SECONDS


async def _repeat(probe: Callable[[], Awaitable[object]]) -> int:
    done, until = 0, time.perf_counter() + _SECONDS
    while time.perf_counter() < until:
        await probe()
        done += 1
    return done
