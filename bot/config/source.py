"""One YAML file as plain data that remembers its lines; `${NAME}` is replaced from the environment."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bot.domain.one_line import one_line

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
Place = tuple[str | int, ...]
_LONGEST, _DEEPEST = 200_000, 32
_NO_DIGITS = re.compile(r"[-+]?0[box]_+|[-+]_+")
UNSET = "UNSET_"
"""Before the name of a variable whose value is not known."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where it is, and what, which, and what to do."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """`FILE:LINE: what, which, what to do`."""
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(slots=True)
class Source:
    """A read file: its data, the line of every place in it, and which places came from the environment."""

    file: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    secret: set[Place] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, place: Place, text: str) -> Problem:
        """A problem at a place, or at the nearest place above it that the file has."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                return Problem(self.file, self.lines[place[:length]], text)
        return Problem(self.file, 1, text)

    def strings(self) -> Iterator[tuple[Place, str]]:
        """Every text in the data, lists of texts joined as one command line as well."""
        yield from _strings(self.data, ())


class _UnreadableError(Exception):
    """The file is no plain YAML."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def read(path: Path, shown: str, environment: Mapping[str, str] | None) -> Source:
    """Read one file. `environment=None`: secrets stay unread and a placeholder stands for each."""
    source = Source(shown, lines={(): 1})
    try:
        tree = _loaded(path)
    except _UnreadableError as error:
        source.problems.append(Problem(shown, error.line, str(error)))
        return source
    source.data = _plain(tree, (), source, environment)
    return source


def _loaded(path: Path) -> Any:  # noqa: ANN401 - YAML
    try:
        text = path.read_text(encoding="utf-8")
        _look_through(text)
        return YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "?"
        raise _UnreadableError(_line(error), f"the key {key} appears twice; keep one of them") from error
    except MarkedYAMLError as error:
        raise _UnreadableError(_line(error), f"this is not YAML: {error.problem}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _UnreadableError(1, f"the file cannot be read: {type(error).__name__}") from error
    except (YAMLError, ValueError) as error:  # A character that YAML forbids, the 31st of February.
        raise _UnreadableError(1, f"this is not YAML: {one_line(str(error), most=200)}") from error


def _line(error: MarkedYAMLError) -> int:
    return error.problem_mark.line + 1 if error.problem_mark else 1


def _look_through(text: str) -> None:
    """Refuse, before it is built, what plain configuration never needs and what could keep the reader busy for ever."""
    if len(text) > _LONGEST:
        raise _UnreadableError(1, f"the file is longer than {_LONGEST:,} characters; divide it")
    depth = 0
    for event in YAML(typ="rt").parse(text):
        line = event.start_mark.line + 1
        tag = getattr(event, "tag", None)
        if isinstance(event, AliasEvent):
            raise _UnreadableError(line, f"an alias (*{event.anchor}) is not taken; write out what it stands for")
        if isinstance(event, ScalarEvent) and event.style is None:
            if event.value == "<<":
                raise _UnreadableError(line, "a merge (<<) is not taken; write out what it stands for")
            if _NO_DIGITS.fullmatch(event.value):
                raise _UnreadableError(line, f"{event.value} is a number without digits; put quotes around a text")
        if tag is not None:
            raise _UnreadableError(line, f"the tag {tag} is not taken; write the value alone")
        depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
        depth -= isinstance(event, MappingEndEvent | SequenceEndEvent)
        if depth > _DEEPEST:
            raise _UnreadableError(line, f"this stands deeper than {_DEEPEST} levels; take levels away")


def _plain(node: Any, place: Place, source: Source, environment: Mapping[str, str] | None) -> Any:  # noqa: ANN401 - YAML
    if isinstance(node, CommentedMap):
        for key in node:
            source.lines[(*place, key)] = node.lc.key(key)[0] + 1
        return {key: _plain(value, (*place, key), source, environment) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            source.lines[(*place, index)] = node.lc.item(index)[0] + 1
        return [_plain(value, (*place, index), source, environment) for index, value in enumerate(node)]
    if isinstance(node, str):
        return _expanded(str(node), place, source, environment)
    return node


def _expanded(text: str, place: Place, source: Source, environment: Mapping[str, str] | None) -> str:
    if VARIABLE.search(text):
        source.secret.add(place)

    def value(match: re.Match[str]) -> str:
        if environment is None:
            return _placeholder(match[1])
        if match[1] not in environment:
            source.problems.append(
                source.problem(
                    place, f"the environment variable {match[1]} is not set; set it, or see config/example.env"
                )
            )
            return _placeholder(match[1])
        return environment[match[1]]

    return VARIABLE.sub(value, text)


def _placeholder(name: str) -> str:
    """A harmless value of the likely form, so that the rest of the file can still be checked."""
    if name.endswith("_TIMEZONE"):
        return "UTC"
    if name.endswith("DATABASE_URL"):
        return "postgresql://unset.invalid/unset"
    if name.endswith("REDIS_URL"):
        return "redis://unset.invalid"
    return "http://unset.invalid" if name.endswith("_URL") else f"{UNSET}{name}"


def _strings(node: Any, place: Place) -> Iterator[tuple[Place, str]]:  # noqa: ANN401 - YAML
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, list):
        if node and all(isinstance(item, str) for item in node):
            yield place, " ".join(node)
        for index, item in enumerate(node):
            yield from _strings(item, (*place, index))
    elif isinstance(node, dict):
        for key, item in node.items():
            yield from _strings(item, (*place, key))
