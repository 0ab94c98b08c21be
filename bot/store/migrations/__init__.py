"""Reads the numbered migrations of this folder; each is applied once and only adds."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from importlib import resources


def pending(done: AbstractSet[str]) -> Iterator[tuple[str, list[str]]]:
    """Name and statements of each migration that is not in `done`, in order.

    A statement ends with a semicolon at the end of a line; `executescript` would commit the open transaction.
    """
    files = sorted(
        (file for file in resources.files(__package__).iterdir() if file.name.endswith(".sql")), key=lambda f: f.name
    )
    for file in files:
        if file.name not in done:
            text = "\n".join(
                line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("--")
            )
            yield file.name, [statement.strip() for statement in text.split(";\n") if statement.strip(" \n;")]
