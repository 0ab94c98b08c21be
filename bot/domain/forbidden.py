"""What is never run, with the reason and the safe way: a pure look at an argument list or at a line of text."""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is refused, and what to do instead."""

    what: str
    reason: str
    instead: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.what}: {self.reason}; instead, {self.instead}."


_PRISMA_PUSH = Refusal(
    "prisma db push",
    "it changes the schema to match a file, and drops what does not fit",
    "run SELECT 1 to see whether the database answers, or apply a reviewed migration with prisma migrate deploy",
)
_PRISMA_RESET = Refusal(
    "prisma migrate reset",
    "it drops the whole database",
    "restore a branch or a backup into a new database, look at it, then switch over",
)
_FLUSHALL = Refusal(
    "FLUSHALL",
    "it deletes every key of every database, queued jobs included",
    "delete keys by a prefix, or clear stuck jobs with /queue",
)
_FLUSHDB = Refusal(
    "FLUSHDB",
    "queue keys live in that database, so queued jobs would be lost",
    "delete cache keys by their prefix, or clear stuck jobs with /queue",
)
_PRUNE = Refusal(
    "docker volume prune",
    "it deletes the data of every stopped container, databases included",
    "list volumes with docker volume ls, and remove one by its name once its data is backed up",
)

_SPLIT = re.compile(r"&&|\|\||[;|\n`()]")
_NAMED = re.compile("prisma|flush|docker", re.IGNORECASE)
"""What every rule speaks of: nearly no line that people type does, and taking one apart costs more than all else."""

_UNQUOTED = str.maketrans("", "", "'\"\\")
_LUA_CALL = re.compile(r"redis\.p?call\(\s*['\"](flushall|flushdb)['\"]", re.IGNORECASE)


def refusal_of_arguments(arguments: Sequence[str], *, holds_queues: bool = True) -> Refusal | None:
    """Why this argument list is refused; None where nothing speaks against it.

    `holds_queues`: whether queue keys live in the Redis database that it would reach; unknown counts as yes.
    """
    for argument in arguments:
        script = _LUA_CALL.search(argument)
        if script is not None and (script[1].lower() == "flushall" or holds_queues):
            return _FLUSHALL if script[1].lower() == "flushall" else _FLUSHDB
    words = [argument.lower().rsplit("/", 1)[-1] for argument in arguments]
    plain = [word for word in words if not word.startswith("-")]
    for rule, found in _RULES:
        if rule(plain):
            return None if found is _FLUSHDB and not holds_queues else found
    # A wrapper (sh -c, ssh, docker exec, npx, xargs) hides the command in one argument.
    for argument in arguments:
        if len(argument.split()) > 1 and (inner := refusal(argument, holds_queues=holds_queues)):
            return inner
    return None


def refusal(text: str, *, holds_queues: bool = True) -> Refusal | None:
    """As `refusal_of_arguments`, for a line that a person wrote; each command of a chain counts."""
    if not _NAMED.search(text.translate(_UNQUOTED)):
        return None
    for command in _SPLIT.split(text):
        try:
            arguments = shlex.split(command)
        except ValueError:  # An open quote: look at the words as they are.
            arguments = command.replace("'", " ").replace('"', " ").split()
        if arguments == [text]:
            arguments = text.split()
        found = refusal_of_arguments(arguments, holds_queues=holds_queues) if len(arguments) > 0 else None
        if found is not None:
            return found
    return None


def _command(program: str, *following: str) -> Callable[[Sequence[str]], bool]:
    """Whether a program is given these words side by side, wherever its options stand."""

    def found(words: Sequence[str]) -> bool:
        names = [word.partition("@")[0] for word in words]  # npx takes prisma@5.
        places = range(names.index(program) + 1, len(words)) if program in names else ()
        return any(tuple(words[place : place + len(following)]) == following for place in places)

    return found


def _word(wanted: str) -> Callable[[Sequence[str]], bool]:
    return lambda words: wanted in words


_RULES: tuple[tuple[Callable[[Sequence[str]], bool], Refusal], ...] = (
    (_command("prisma", "db", "push"), _PRISMA_PUSH),
    (_command("prisma", "migrate", "reset"), _PRISMA_RESET),
    (_word("flushall"), _FLUSHALL),
    (_word("flushdb"), _FLUSHDB),
    (_command("docker", "volume", "prune"), _PRUNE),
)
