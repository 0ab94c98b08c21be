"""A demo of a test's own, for what must be started differently: mostly without a lab, which takes seconds."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from bot.checkup import DEMO_SETTINGS, app_manifest
from bot.local.bot_process import SERVE
from bot.local.demo import Demo, DemoOptions
from tests.smoke.world import World

_SHIPPED = Path(__file__).parents[2] / "config"
_EXAMPLE = _SHIPPED / "example.env"
_SYSTEMS = ("NEWSLETTER_", "TARGET_LIST_", "PAGERDUTY_")


@asynccontextmanager
async def alone(
    directory: Path,
    *,
    socket_mode: bool = False,
    without_scope: str = "",
    with_lab: bool = False,
    serve: Sequence[str] = (),
    **settings: str,
) -> AsyncIterator[tuple[Demo, World]]:
    """A workspace and a bot; without a lab its systems are addresses at which nobody listens."""
    lines = [line for line in _EXAMPLE.read_text().splitlines() if line.startswith(_SYSTEMS)]
    nobody = {} if with_lab else dict(line.split("=", 1) for line in lines)
    manifest = app_manifest("http://127.0.0.1", socket_mode=socket_mode)
    scopes = manifest["oauth_config"]["scopes"]
    scopes["bot"] = [scope for scope in scopes["bot"] if scope != without_scope]
    options = DemoOptions(
        port=0,
        limits=False,
        directory=directory,
        socket_mode=socket_mode,
        with_lab=with_lab,
        manifest=manifest,
        serve=(sys.executable, *serve) if serve else SERVE,
        settings={**DEMO_SETTINGS, **nobody, **settings},
    )
    async with (
        Demo(options) as demo,
        httpx.AsyncClient(base_url=demo.url, timeout=15, trust_env=False) as client,
    ):
        yield demo, World(client, restart=demo.restart_bot, kill=demo.kill_bot)


def configured(directory: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the shipped configuration with a change of the test's own; its address for `STEWARD_CONFIG`."""
    copied = directory / "config"
    (copied / "systems").mkdir(parents=True)
    for file in _SHIPPED.rglob("*.yaml"):
        (copied / file.relative_to(_SHIPPED)).write_text(file.read_text())
    yaml = YAML()
    steward = yaml.load(copied / "steward.yaml")
    change(steward)
    yaml.dump(steward, copied / "steward.yaml")
    return copied
