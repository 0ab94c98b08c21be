"""`/rollback`: return a component to an earlier release, once someone else approved."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.actions.roll_back import RollBack, deployments, label
from bot.domain import operation_replies
from bot.domain.errors import BotError, FieldErrors, NotFound, Unreachable, UsageError
from bot.domain.message import ChoiceField, Message, Modal, Option, Part, TextField, lines
from bot.domain.policy import Risk
from bot.ports import Release
from bot.services.container import Services
from bot.services.invocation import Incoming, Invocation, button, command, form
from bot.services.systems import Component, System

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


async def _form(request: RollbackRequest, services: Services) -> Modal:
    """Releases to choose from, the reason prefilled from the open incident."""
    places = _places(services, request)
    found = await asyncio.gather(*(_releases(system, component) for system, component in places))
    options = [
        Option(
            _short(f"{system.name}/{component.name}: {label(release)}"), f"{system.name} {component.name} {release.id}"
        )
        for (system, component), releases in zip(places, found, strict=True)
        if not isinstance(releases, BotError)
        for release in releases
        if not release.current
    ]
    if not options:
        raise next(
            (each for each in found if isinstance(each, BotError)),
            NotFound("There is no earlier release to go back to."),
        )
    incident = await services.operations.open_incident(request.system) if request.system else None
    wanted = next(
        (each.value for each in options if request.release and each.value.endswith(f" {request.release}")), ""
    )
    return Modal(
        "Roll back",
        "rollback.form",
        (
            ChoiceField("release", "To which release?", tuple(options[:_MOST_OPTIONS]), initial=wanted),
            TextField(
                "reason",
                "Why?",
                initial=request.reason or (incident.title if incident else ""),
                placeholder="503 since 02:41, 3 min after v41",
            ),
        ),
        "Plan it",
        intro=_running(places, found),
    )


def _running(places: Sequence[tuple[System, Component]], found: Sequence[list[Release] | BotError]) -> tuple[Part, ...]:
    """What runs now, and what could not be asked: a line per component."""
    told = []
    for (system, component), releases in zip(places, found, strict=True):
        name = f"{system.name}/{component.name}"
        if isinstance(releases, BotError):
            told.append(f"{name}: {releases}")
        else:
            told += [f"{name} runs {label(release)} now." for release in releases if release.current]
    return (lines(*told),) if told else ()


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


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"


LISTENERS = (rollback, choose, chosen)
