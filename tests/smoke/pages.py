"""Pages as the people who get them see them: opening an incident, finding one's page, counting who was paged."""

import re

from tests.smoke.reading import words
from tests.smoke.world import CHANNEL, Seen, World

REPEAT = "(may be a repeat)"


async def opens(world: World, title: str, severity: str = "P0", *, by: str = "engineer") -> Seen:
    """Somebody opens an incident of the newsletter; its header. Titles differ, since the workspace outlives a test."""
    await world.user(by).types(f"/incident open {severity} newsletter {title}").sees("INC-1 is open")
    return await header(world, title)


async def header(world: World, title: str) -> Seen:
    """The one message that stands for the incident."""
    return await world.sees(f"{title} Severity")


async def paged(world: World, person: str, title: str, asks: str = "", *, primary: str = "sre") -> Seen:
    """Wait for the page that this person got directly; the primary is on call, the others are next."""
    asks = asks or ("page: you are on call" if person == primary else "you are next")
    return await world.sees(f"{title} · @{person}, {asks}", by=person, channel=f"@{person}")


async def pages(world: World, person: str, title: str) -> list[str]:
    """The pages about an incident that a person got directly, oldest first; also those that were answered since."""
    found = [words(message) for message in await world.messages(person, f"@{person}")]
    return [text for text in found if title in text and text.startswith(("🚨", "✋", "🩹", "✅"))]


async def tally(world: World, title: str) -> dict[str, int]:
    """How often each person on call was paged about an incident."""
    return {person: len(await pages(world, person, title)) for person in ("sre", "lead", "manager", "cto")}


async def in_channel(world: World, pattern: str, channel: str = CHANNEL) -> list[str]:
    """The messages of a channel that match a pattern, oldest first."""
    found = [words(message) for message in await world.messages(channel=channel)]
    return [text for text in found if re.search(pattern, text)]


async def replied(seen: Seen, text: str) -> str:
    """Wait until a message's thread says this; the whole thread."""

    async def said() -> str:
        thread = await seen.thread()
        return thread if text in thread else ""

    return str(await seen.world.until(said, lambda: f"{text!r} is not in the thread"))


def fact(seen: Seen, name: str) -> str:
    """One fact of a header: `Clocks`, `State`, and so on."""
    names = ("Severity", "State", "Lead", "Impact", "Now", "Clocks")
    following = [*names, "Done", "Plan", "Checks:", "Opened by"]
    ends = "|".join(re.escape(each) for each in following[following.index(name) + 1 :])
    match = re.search(rf"\b{name}\s+(.*?)\s*(?:{ends}|$)", seen.words, re.DOTALL)
    assert match, f"there is no {name} in {seen.words}"
    return match[1]
