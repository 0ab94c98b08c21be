"""`make crash`: thirty kills, ten standstills and ten late answers per database, a result line each; else exit 1."""

import asyncio
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from tests.crash.run import Result, Trouble, postgres, run

TROUBLE = Trouble(kills=30, standstills=10, late=10)


async def main() -> int:
    """Run on PostgreSQL with three replicas and on SQLite with one."""
    with tempfile.TemporaryDirectory(prefix="steward-crash-") as name:
        directory = Path(name)
        results = []
        async with postgres(directory / "cluster") as address:
            results.append(("PostgreSQL, 3 replicas", await run(address, directory, replicas=3, trouble=TROUBLE)))
            _show(*results[-1])
        address = f"sqlite:///{directory / 'steward.db'}"
        results.append(("SQLite, 1 replica", await run(address, directory, replicas=1, trouble=TROUBLE)))
        _show(*results[-1])
    return 0 if all(result.findings.clean and result.meaningful for _, result in results) else 1


def _show(title: str, result: Result) -> None:
    hit = f"{result.hit.sends} sends, {result.hit.requests} requests and {result.hit.steps} operations under way"
    met = f"{result.trouble.kills} kills and {result.trouble.standstills} standstills met {hit}"
    load = f"{met}; {result.incidents} incidents, {result.rollbacks} rollbacks, {result.late} of them answered late"
    if not result.meaningful:
        print(f"{title}: the kills met too little work to prove anything", file=sys.stderr)  # noqa: T201 - as below
    print(f"{title} ({load}):\n{result.findings}", flush=True)  # noqa: T201 - its purpose
    found = result.findings
    for each in fields(found):
        for name in getattr(found, each.name):
            print(f"  {name}", file=sys.stderr)  # noqa: T201 - what to look at


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
