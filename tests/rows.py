"""`make rows`: `ID passed|failed|missing N tests` per row of the requirements; exit 1 unless every asked row passes."""

import sys
from collections import defaultdict

import pytest

ASKED = (
    *("A1", "A2", "A3", "A4", "A6", "A7", "A8", "A9", "A11", "A13", "A14"),
    *("T1", "T4", "T5", "T8"),
    *("N1", "N2", "N3", "N4", "N6"),
    "C7",
)
"""The rows that the first release asked for."""


class Rows:
    """Collects the outcome of each test that is marked with a row."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[bool]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts once: when it ran, or when it could not even start."""
        if report.when == "call" or report.outcome != "passed":
            for name, row in report.user_properties:
                if name == "row":
                    self.outcomes[str(row)].append(report.passed)


def main() -> int:
    """Run the marked tests and print the table."""
    rows = Rows()
    pytest.main(["-m", "row", "-q", "--no-header", "-n", "2", "--dist", "loadgroup", "tests/smoke"], plugins=[rows])
    print()
    failed = False
    for row in ASKED:
        outcomes = rows.outcomes.get(row, [])
        state = "missing" if not outcomes else "passed" if all(outcomes) else "failed"
        failed = failed or state != "passed"
        print(f"{row} {state} {len(outcomes)} tests")
    for row in sorted(set(rows.outcomes) - set(ASKED)):
        state = "passed" if all(rows.outcomes[row]) else "failed"
        print(f"{row} {state} {len(rows.outcomes[row])} tests")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
