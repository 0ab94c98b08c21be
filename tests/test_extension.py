"""One adapter more is one entry more of the table: no file outside of the tests knows it, and all of it works."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from adapters.kind import Kind, kind
from bot.assembly import assemble
from bot.config.loader import Configuration, ConfigurationError, load
from bot.operations.actions import ACTIONS
from tests.extension import toy
from tests.smoke.alone import alone
from tests.smoke.world import World

ROOT = str(Path(__file__).parents[1])
SHIPPED = Path("config/steward.yaml").read_text(encoding="utf-8")
SYSTEM = """
system: boiler
title: Boiler
connections:
  box: {{toy: "{state}"}}
checks:
  pressure: {{measure: box.pressure, args: {{valve: top}}, warning: "> 80 %", critical: "> 95 %"}}
tables:
  gauges: {{table: box.readings, args: {{limit: 1}}}}
queues:
  orders: {{toy: box, depth: {{warning: "> 5", critical: "> 50"}}}}
components:
  web: {{deployment: {{toy: box, line: stable}}, restart: box.web, verify: [pressure]}}
"""
STATE = {
    "pressure": 50,
    "readings": {"north": 1, "south": 2},
    "releases": ["r3", "r2"],
    "release": "r3",
    "jobs": 7,
    "started": 1,
}


class Box:
    """What the provider holds."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.write_text(json.dumps(STATE))

    def __getitem__(self, name: str) -> object:
        return json.loads(self._file.read_text())[name]


@pytest.fixture
async def boiler(tmp_path: Path) -> AsyncIterator[tuple[World, Box]]:
    """A bot that operates a system of the toy provider alone."""
    box = Box(tmp_path / "state.json")
    systems = tmp_path / "config" / "systems"
    systems.mkdir(parents=True)
    (tmp_path / "demo").mkdir()
    shipped = SHIPPED.replace("[newsletter, target-list]", "[boiler]")
    (systems.parent / "steward.yaml").write_text(shipped, encoding="utf-8")
    (systems / "boiler.yaml").write_text(SYSTEM.format(state=tmp_path / "state.json"), encoding="utf-8")
    serve = ("-m", "tests.extension.serve")
    demo, config = tmp_path / "demo", str(systems.parent)
    async with alone(demo, serve=serve, STEWARD_CONFIG=config, PYTHONPATH=ROOT) as (_, world):
        yield world, box


async def test_another_provider_costs_its_own_module(boiler: tuple[World, Box]) -> None:
    """A measure, a table, a queue, a deployment, a restart and an action of an adapter that only the tests know."""
    world, box = boiler
    sre = world.user("sre")

    health = await sre.types("/health boiler").sees("Boiler")
    check = await sre.types("/health boiler pressure").sees("pressure")
    table = await health.click("gauges").sees("gauges of boiler: 1 row and 1 more")
    queue = await sre.types("/queue boiler orders").sees("7")
    await (await sre.types("/rollback boiler web to r2 because 503").sees("Needs 1 of")).click("Approve", by="lead")
    await world.sees("verified: pressure")
    form = await health.click("Restart…").form("Restart")
    plan = await sre.submits(form, first="web", reason="stuck").sees("Restart boiler/web")
    await plan.click("Run it").sees("web (web-1) restarted")
    form = await health.click("Open the valve…").form("Open the valve")
    asked = await sre.submits(form, reason="too hot").sees("Why: too hot")
    await asked.click("Approve", by="sre").sees("cannot approve your own request")
    await asked.click("Approve", by="lead")
    await world.sees("the valve is open")

    assert "pressure" in check.words
    assert "north" in table.words
    assert "> 5" in queue.words
    assert "Retry failed…" not in queue.buttons
    assert ("r2", 2, 0) == (box["release"], box["started"], box["pressure"])


def test_nothing_but_the_tests_knows_it() -> None:
    """No file outside of `tests/` names the kind."""
    sources = [file for folder in ("bot", "commands", "adapters") for file in Path(folder).rglob("*.py")]

    assert sources
    assert not [file for file in sources if f'"{toy.KIND}"' in file.read_text(encoding="utf-8")]


def loaded(folder: Path, system: str, kinds: Mapping[str, Kind]) -> Configuration:
    """The shipped channels and roles, with this system alone."""
    (folder / "systems").mkdir(parents=True)
    (folder / "steward.yaml").write_text(SHIPPED.replace("[newsletter, target-list]", "[boiler]"), encoding="utf-8")
    (folder / "systems" / "boiler.yaml").write_text(system, encoding="utf-8")
    return load(folder, kinds, ACTIONS, None)


def test_a_missing_argument_is_refused(tmp_path: Path) -> None:
    """Else every reading would fail for a reason that nobody on call can mend."""
    system = SYSTEM.format(state="x").replace("measure: box.pressure, args: {valve: top}", "measure: box.level")

    with pytest.raises(ConfigurationError, match=r"boiler\.yaml:7: box\.level needs gauge; add it to its args"):
        loaded(tmp_path, system.replace(', warning: "> 80 %", critical: "> 95 %"', ""), {toy.KIND: kind(toy)})


def test_a_restart_by_another_module_over_the_same_connection_is_made(tmp_path: Path) -> None:
    """A module that opens nothing may restart what another one's connection reaches."""
    crane = ModuleType("crane", "Restarts what the toy runs.")
    vars(crane).update(KIND="crane", PROVIDES={"restart": replace(toy.PROVIDES["restart"], on=toy.KIND)})
    plain = replace(kind(toy), provides={"queue": toy.PROVIDES["queue"], "deployment": toy.PROVIDES["deployment"]})
    kinds = {toy.KIND: plain, "crane": kind(crane)}

    assembly = assemble(loaded(tmp_path, SYSTEM.format(state="x"), kinds), kinds)

    assert isinstance(assembly.systems["boiler"].component("web").restarter, toy.ToyServices)
