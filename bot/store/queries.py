"""Reads the named SQL statements of each folder's `queries.sql`: `-- name: claim_due_incidents` starts one."""

import functools
import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
# A parameter is `:name`, but not the second colon of a PostgreSQL cast `::text`.
_PARAMETER = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
_CHANGES = re.compile(r"^(insert|update|delete)\b", re.MULTILINE)
_POSTGRES_ONLY = re.compile(r"/\*pg(.*?)pg\*/", re.DOTALL)


@functools.cache
def statements() -> dict[str, str]:
    """All statements by name, as written. A name used twice is an error of ours."""
    found: dict[str, str] = {}
    for folder in sorted(resources.files("bot").iterdir(), key=lambda entry: entry.name):
        file = folder / "queries.sql"
        if not file.is_file():
            continue
        pieces = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
            if name in found:
                raise ValueError(f"bot/{folder.name}/queries.sql: a second statement is named {name}")
            found[name] = _COMMENT.sub("", text).strip().rstrip(";")
    return found


@functools.cache
def for_sqlite(name: str) -> str:
    """One statement for SQLite: what only PostgreSQL knows stands in comments there."""
    return _POSTGRES_ONLY.sub("", statements()[name])


@functools.cache
def for_postgres(name: str) -> bytes:
    """One statement for PostgreSQL: `:name` becomes `%(name)s`, and what only it knows is switched on."""
    text = _POSTGRES_ONLY.sub(r"\1", statements()[name]).replace("%", "%%")
    return _PARAMETER.sub(r"%(\1)s", text).encode()


@functools.cache
def writes(name: str) -> bool:
    """Whether the statement changes rows; it may begin with what it chooses them by."""
    return _CHANGES.search(statements()[name]) is not None
