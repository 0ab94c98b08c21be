"""`/oncall`: who is on call now, per level, and who follows when."""

from dataclasses import dataclass

from bot.domain.errors import UsageError
from bot.domain.message import Bold, Line, Message, Moment, Paragraph, Small
from bot.domain.policy import Risk
from bot.requests.invocation import Incoming, Invocation, Listener, command
from bot.requests.services import Services

USAGE = "/oncall [LEVEL]"
DESCRIPTION = "Who is on call now and next"


@dataclass(frozen=True, slots=True)
class OnCallRequest:
    """All levels, or one."""

    level: str = ""
    risk: Risk = Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "OnCallRequest":
        """No word, or the name of one level."""
        words = incoming.text.split()
        if len(words) > 1:
            raise UsageError(f"One level at most. Usage: {USAGE}")
        return cls(words[0].lower() if words else "")


@command("/oncall", usage=USAGE, description=DESCRIPTION, parse=OnCallRequest.parse)
async def oncall(call: Invocation[OnCallRequest], services: Services) -> Message:
    """A line per level: the person, until when, and who follows."""
    now = services.clock.now()
    level = call.request.level
    people = [(level, services.oncall.now(level, now))] if level else services.oncall.levels(now)
    rows: list[Line] = []
    for role, person in people:
        following, at = services.oncall.next(role, now)
        then: Line = (
            ("; nobody else is in this rotation",)
            if following.person == person.person
            else (f", then @{following.person} from ", Moment(at, "date"))
        )
        rows.append((Bold(role), f" @{person.person}", *then))
    text = "On call: " + ", ".join(f"{role} @{person.person}" for role, person in people)
    return Message(text, (Paragraph(tuple(rows)), Small(("As of ", Moment(now)))))


LISTENERS: tuple[Listener, ...] = (oncall,)
