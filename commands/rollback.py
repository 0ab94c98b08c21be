"""`/rollback`: return a component to an earlier release, once someone else approved."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.errors import BotError, Conflict, FieldErrors, NotFound, Unreachable, UsageError
from bot.domain.message import ChoiceField, Line, Message, Modal, Moment, Option, Part, TextField, lines
from bot.domain.policy import Risk
from bot.operations import replies as operation_replies
from bot.operations.actions.roll_back import RollBack, deployments, meant
from bot.operations.model import ENDED, State
from bot.ports import Release
from bot.requests.invocation import Incoming, Invocation, button, command, form
from bot.requests.services import Services
from bot.systems import Component, System

USAGE = "/rollback SYSTEM [COMPONENT] [to RELEASE|previous] [because REASON]"
CHOICES_WITHIN = 2.0
"""Seconds: a form can be opened for 3 s only."""

_MOST_OPTIONS = 100
_MOST_LETTERS = 75


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """What to return to which release, and why; what is empty is asked for in a form."""

    system: str = ""
    component: str = ""
    release: str = ""
    reason: str = ""
    dry_run: bool = False

    @property
    def risk(self) -> Risk:
        """Only a complete request asks for the rollback itself; anything less opens the form."""
        return Risk.P0 if self.system and self.release and self.reason and not self.dry_run else Risk.READ

    @classmethod
    def parse(cls, incoming: Incoming) -> "RollbackRequest":
        """`target-list web to previous because 503`; `--dry-run` anywhere before the reason."""
        words = incoming.text.split()
        before, reason = _split(words, "because")
        dry_run = "--dry-run" in before
        place, release = _split([word for word in before if word != "--dry-run"], "to")
        if len(place) > 2:
            raise UsageError(f"I do not understand {place[2]}; a release comes after `to`. Usage: {USAGE}")
        if "to" in before and len(release) != 1:
            raise UsageError(f"Name one release after `to`, or `previous`. Usage: {USAGE}")
        if "because" in words and not reason:
            raise UsageError(f"Say why after `because`. Usage: {USAGE}")
        system, component = (*(word.lower() for word in place), "", "")[:2]
        return cls(system, component, release[0] if release else "", " ".join(reason), dry_run)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The submitted form."""

    system: str
    component: str
    release: str
    reason: str
    risk: Risk = Risk.P0

    @classmethod
    def parse(cls, incoming: Incoming) -> "Chosen":
        """Both fields are needed."""
        chosen = incoming.fields.get("release", "").split(" ", 2)
        reason = incoming.fields.get("reason", "").strip()
        problems = {} if len(chosen) == 3 else {"release": "Choose the release to go back to."}
        if not reason:
            problems["reason"] = "Say why: whoever approves needs to know."
        if problems:
            raise FieldErrors(problems)
        system, component, release = chosen
        return cls(system, component, release, reason)


@command("/rollback", usage=USAGE, description="Return a component to an earlier release", parse=RollbackRequest.parse)
async def rollback(call: Invocation[RollbackRequest], services: Services) -> Message | Modal:
    """Plan a rollback and ask for its approval; the approval is what runs it."""
    request = call.request
    if not request.release or not (request.reason or request.dry_run):
        return await _form(request, services)
    component = _component(services.systems[request.system], request.component)
    action = await RollBack.to(services.systems, request.system, component.name, request.release)
    operation = await services.operations.propose(
        action, call.actor, request.reason, receipt=call.receipt, dry_run=request.dry_run
    )
    return operation_replies.proposed(operation)


@button("rollback.choose", parse=lambda incoming: RollbackRequest(system=incoming.text.strip().lower()))
async def choose(call: Invocation[RollbackRequest], services: Services) -> Modal:
    """The form, from a button of a health message or an incident."""
    return await _form(call.request, services)


@form("rollback.form", parse=Chosen.parse)
async def chosen(call: Invocation[Chosen], services: Services) -> Message:
    """Plan what was chosen and ask for its approval."""
    request = call.request
    action = await RollBack.to(services.systems, request.system, request.component, request.release)
    operation = await services.operations.propose(action, call.actor, request.reason, receipt=call.receipt)
    return operation_replies.proposed(operation)


@dataclass(frozen=True, slots=True)
class _Offer:
    """The releases of one component, newest first, as choices of the form."""

    system: System
    component: Component
    releases: Sequence[Release]

    @property
    def named(self) -> str:
        return f"{self.system.name}/{self.component.name}"

    @property
    def current(self) -> int:
        """The place of the one that runs; -1 where none is told."""
        return next((place for place, each in enumerate(self.releases) if each.current), -1)

    @property
    def earlier(self) -> Sequence[Release]:
        return self.releases[self.current + 1 :]

    @property
    def newer(self) -> Sequence[Release]:
        return self.releases[: max(self.current, 0)]

    def option(self, release: Release, zone: ZoneInfo) -> Option:
        """The choice of a release: its name gives way to what tells when it was made, and that it is a newer one."""
        note = ", newer than what runs" if release in self.newer else ""
        if release.created is not None:
            note = f", {datetime.fromtimestamp(release.created / 1000, zone):%-d %b %H:%M}{note}"
        text = f"{self.named}: {release.label}"
        return Option(
            _short(text, _MOST_LETTERS - len(note)) + note, f"{self.system.name} {self.component.name} {release.id}"
        )


async def _form(request: RollbackRequest, services: Services) -> Modal:
    """Releases to choose from, what was typed preselected, the reason prefilled from the open incident."""
    places = _places(services, request)
    found = await asyncio.gather(*(_releases(system, component) for system, component in places))
    offers = [
        _Offer(system, component, releases)
        for (system, component), releases in zip(places, found, strict=True)
        if not isinstance(releases, BotError)
    ]
    zone = ZoneInfo(services.config.timezone)
    typed = _typed(offers, request.release, zone) if offers and request.release else []
    # What ran before what runs comes first: a newer release was taken back, so it is the last that anybody should get.
    options = [offer.option(each, zone) for offer in offers for each in offer.earlier]
    options += [offer.option(each, zone) for offer in offers for each in offer.newer]
    if len(typed) > 1:
        options = typed
    elif typed and typed[0] not in options[:_MOST_OPTIONS]:
        options = [*typed, *options]
    if not options:
        raise next(
            (each for each in found if isinstance(each, BotError)),
            NotFound("There is no earlier release to go back to."),
        )
    incident = await services.operations.open_incident(request.system) if request.system else None
    return Modal(
        "Roll back",
        "rollback.form",
        (
            ChoiceField(
                "release",
                "To which release?",
                tuple(options[:_MOST_OPTIONS]),
                initial=typed[0].value if len(typed) == 1 else "",
            ),
            TextField(
                "reason",
                "Why?",
                initial=request.reason or (incident.title if incident else ""),
                placeholder="503 since 02:41, 3 min after v41",
            ),
        ),
        "Plan it",
        intro=(*_running(places, found), *await _under_way(services, places)),
    )


def _typed(offers: Sequence[_Offer], wanted: str, zone: ZoneInfo) -> list[Option]:
    """What was typed, as choices: one of each component that has it. Raises `NotFound`, or `Conflict` where it runs."""
    options: list[Option] = []
    problem: BotError = NotFound(f"There is no release {wanted}.")
    for offer in offers:
        try:
            release = meant(offer.releases, wanted, offer.named)
        except NotFound as error:
            problem = error
            continue
        if release.current:
            problem = Conflict(f"{offer.named} already runs {release.label}; name another release.")
        else:
            options.append(offer.option(release, zone))
    if not options:
        raise problem
    return options


async def _under_way(services: Services, places: Sequence[tuple[System, Component]]) -> tuple[Part, ...]:
    """Requests for the same components that are not over: a second one is pointed out before it is made."""
    told = []
    for name in sorted({system.name for system, _ in places}):
        components = {component.name for system, component in places if system.name == name}
        told += [
            f"{each.id} is under way: {each.plan.title}, by @{each.requester.person} ({each.state.value})."
            for each in await services.operations.recent(name)
            if each.state not in ENDED and each.state is not State.DRAFT and components & set(each.targets)
        ]
    return (lines(*told),) if told else ()


def _running(places: Sequence[tuple[System, Component]], found: Sequence[list[Release] | BotError]) -> tuple[Part, ...]:
    """What runs now and since when it exists, and what could not be asked: a line per component."""
    told: list[Line] = []
    for (system, component), releases in zip(places, found, strict=True):
        name = f"{system.name}/{component.name}"
        if isinstance(releases, BotError):
            told.append((f"{name}: {releases}",))
        else:
            told += [(f"{name} runs {each.label} now", *_released(each), ".") for each in releases if each.current]
    return (lines(*told),) if told else ()


def _released(release: Release) -> Line:
    return () if release.created is None else (", of ", Moment(release.created, "date"))


def _places(services: Services, request: RollbackRequest) -> list[tuple[System, Component]]:
    """The components to offer releases of: the one named, or every deployable one."""
    if request.component:
        system = services.systems[request.system]
        return [(system, _component(system, request.component))]
    systems = [services.systems[request.system]] if request.system else services.systems.all()
    places = [
        (system, component)
        for system in systems
        for component in system.components.values()
        if component.deployments is not None
    ]
    if not places:
        raise NotFound(f"{request.system or 'No system'} has no component that could be rolled back.")
    return places


def _component(system: System, name: str) -> Component:
    """The component named, or the only one that can be rolled back."""
    if name:
        component = system.component(name)
        deployments(component, system.name)
        return component
    deployable = [component for component in system.components.values() if component.deployments is not None]
    if len(deployable) == 1:
        return deployable[0]
    names = ", ".join(component.name for component in deployable)
    if deployable:
        raise UsageError(f"{system.name} has several components that can be rolled back: {names}. Name one of them.")
    raise NotFound(f"{system.name} has no component that could be rolled back.")


async def _releases(system: System, component: Component) -> list[Release] | BotError:
    try:
        async with asyncio.timeout(CHOICES_WITHIN):
            return list(await deployments(component, system.name).releases())
    except TimeoutError:
        return Unreachable(f"{system.name}/{component.name} does not list its releases in time; name one: {USAGE}")
    except BotError as error:
        return error


def _split(words: list[str], at: str) -> tuple[list[str], list[str]]:
    if at not in words:
        return words, []
    place = words.index(at)
    return words[:place], words[place + 1 :]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


LISTENERS = (rollback, choose, chosen)
