"""`make crash`: thirty kills per database, a result line each; exit 1 where anything was lost or done twice."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.crash.run import Result, postgres, run

KILLS = 30


async def main() -> int:
    """Run on PostgreSQL with three replicas and on SQLite with one."""
    with tempfile.TemporaryDirectory(prefix="steward-crash-") as name:
        directory = Path(name)
        results = []
        async with postgres(directory / "cluster") as address:
            results.append(("PostgreSQL, 3 replicas", await run(address, directory, replicas=3, kills=KILLS)))
            _show(*results[-1])
        address = f"sqlite:///{directory / 'steward.db'}"
        results.append(("SQLite, 1 replica", await run(address, directory, replicas=1, kills=KILLS)))
        _show(*results[-1])
    return 0 if all(result.findings.clean and result.meaningful for _, result in results) else 1


def _show(title: str, result: Result) -> None:
    hit = f"{result.hit.sends} sends, {result.hit.requests} requests and {result.hit.steps} operations under way"
    load = f"{result.kills} kills met {hit}; {result.incidents} incidents, {result.rollbacks} rollbacks"
    if not result.meaningful:
        print(f"{title}: the kills met too little work to prove anything", file=sys.stderr)  # noqa: T201 - as below
    print(f"{title} ({load}):\n{result.findings}", flush=True)  # noqa: T201 - its purpose
    found = result.findings
    for name in (*found.lost, *found.twice, *found.paged, *found.messages, *found.duplicates):
        print(f"  {name}", file=sys.stderr)  # noqa: T201 - what to look at


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
