"""`make mutants`: how many small defects, made one at a time in the modules that decide, the tests notice.

The modules and the tests that run against them stand in `[tool.mutmut]` of pyproject.toml. Prints a line per module and
every survivor as its change; those of `tests/survivors.toml` carry the reason why no test can or need tell them apart.
Exit 1 where a module's score is below the bar, or a survivor has no reason.
"""

import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

BAR = 90
_KILLED = frozenset({"killed", "timeout", "segfault", "caught by type check"})
_RESULT = re.compile(r"^\s+(?P<name>\S+): (?P<status>.+)$")
_NAME = re.compile(r"^(?P<module>.+)\.x(?:ǁ(?P<cls>\w+)ǁ|_)(?P<function>\w+)__mutmut_\d+$")
_LISTED = Path(__file__).with_name("survivors.toml")


def _mutmut(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "mutmut", *words], capture_output=True, text=True, check=False)
    return done.stdout


def place(name: str) -> tuple[str, str]:
    """A mutant's module and function: `bot.domain.policy`, `Policy.may_ask`."""
    found = _NAME.match(name)
    if found is None:
        return name, ""
    return found["module"], ".".join(part for part in (found["cls"], found["function"]) if part)


def change(diff: str) -> str:
    """What a mutant changes, on one line: `- was + is`."""
    return " ".join(
        f"{line[0]} {line[1:].strip()}" for line in diff.splitlines() if re.match(r"[-+](?![-+]{2} )", line)
    )


def _results() -> Iterator[tuple[str, str]]:
    for line in _mutmut("results", "--all", "true").splitlines():
        found = _RESULT.match(line)
        if found and found["status"] != "not checked":
            yield found["name"], found["status"]


def main(patterns: list[str]) -> int:
    """Make the defects (all, or those whose names match) and print the scores."""
    subprocess.run([sys.executable, "-m", "mutmut", "run", *patterns], stdout=subprocess.DEVNULL, check=True)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    survivors: list[str] = []
    for name, status in _results():
        module, _ = place(name)
        counts[module][1] += 1
        if status in _KILLED:
            counts[module][0] += 1
        else:
            survivors.append(name)
    unlisted = False
    reasons = tomllib.loads(_LISTED.read_text(encoding="utf-8")) if _LISTED.exists() else {}
    for name in survivors:
        module, function = place(name)
        made = change(_mutmut("show", name))
        reason = reasons.get(f"{module}:{function}", {}).get(made, "NOT LISTED")
        unlisted = unlisted or reason == "NOT LISTED"
        print(f"survived {module}:{function} {made}\n         {reason}")
    low = unlisted
    for module, (noticed, total) in sorted(counts.items()):
        score = 100 * noticed / total
        low = low or score < BAR
        print(f"{module} {noticed} of {total} killed, {score:.1f} %")
    return int(low)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
