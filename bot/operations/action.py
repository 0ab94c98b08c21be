"""What the operations service needs from an action: a plan, steps that run once, and a way to see what came of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from bot.domain.errors import NotFound
from bot.domain.policy import Risk
from bot.operations.plan import Plan, Step
from bot.ports import Clock
from bot.systems import Systems

OFFERED = "action.choose"
"""The listener behind the buttons of what adapters offer; the value names system, connection and action."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a step did, for people, and the action's own `data` (JSON) that an undo needs."""

    text: str
    data: str = "{}"


@dataclass(frozen=True, slots=True)
class Trace:
    """A step as the journal knows it: the state read just before it, and its result, if one was written."""

    step: Step
    baseline: str
    result: Result | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What observing found: whether the whole of it happened; None where that cannot be told.

    `left_to_do`: what is missing although it happened, in words.
    """

    happened: bool | None
    text: str
    left_to_do: str = ""


class Action(Protocol):
    """Something that changes a system: a value with frozen parameters, rebuilt from JSON after a restart."""

    @property
    def name(self) -> str:
        """Its name in the registry, the policy and the audit: `roll_back`."""
        ...

    @property
    def risk(self) -> Risk:
        """What it declares; configuration may raise it."""
        ...

    @property
    def system(self) -> str:
        """The system that it changes."""
        ...

    @property
    def targets(self) -> tuple[str, ...]:
        """Components or queues that it touches: they are locked meanwhile."""
        ...

    @property
    def checks(self) -> tuple[str, ...]:
        """Checks of the system that must be healthy afterwards."""
        ...

    @property
    def patience(self) -> int:
        """The longest time, ms, until nothing of a step is under way any more, here or at the provider.

        Until it has passed since a step was begun, nobody may believe that the step did not happen.
        """
        ...

    def parameters(self) -> str:
        """Its frozen parameters as JSON."""
        ...

    async def plan(self) -> Plan:
        """What it would do now. Raises `Refused` with the safe way, `Conflict` where there is nothing to do."""
        ...

    async def baseline(self, step: Step) -> str:
        """State read right before a step, so that `observe` can tell afterwards whether it took effect."""
        ...

    async def execute(self, step: Step) -> Result:
        """Carry out one step, once; the first thing that it does outside is the change.

        Raises a `TargetError`; `OutcomeUnknown` where the answer was lost.
        """
        ...

    async def observe(self, traces: Sequence[Trace]) -> Effect:
        """Look whether what was done stands; changes nothing."""
        ...

    def undo(self, traces: Sequence[Trace]) -> "Action | None":
        """The action that takes back what these steps did."""
        ...


class ActionKind(Protocol):
    """What an action's class tells before there is one."""

    @property
    def name(self) -> str:
        """In the policy, the ledger and the audit."""
        ...

    @property
    def least_risk(self) -> Risk:
        """What every one of them is at least; one may be more, and the configuration may raise it."""
        ...

    @property
    def emergency(self) -> bool:
        """Whether the person on call may run it without an approval while a P0 or P1 is open."""
        ...

    @property
    def label(self) -> str:
        """What its button says."""
        ...

    def load(self, systems: Systems, clock: Clock, parameters: str) -> Action:
        """Built again from what `parameters` gave."""
        ...


class ConnectionActionKind(ActionKind, Protocol):
    """An action that an adapter offers on each of its connections, by a button of the system."""

    async def of(self, systems: Systems, clock: Clock, system: str, connection: str) -> Action:
        """As of now, with its parameters frozen. Raises `Conflict` where there is nothing to do."""
        ...


class Actions:
    """Every action by name, built again from its stored parameters."""

    def __init__(self, kinds: Iterable[ActionKind], systems: Systems, clock: Clock) -> None:
        self._kinds: dict[str, ActionKind] = {}
        for kind in kinds:
            if kind.name in self._kinds or kind.least_risk is Risk.READ:
                raise ValueError(f"the action {kind.name} has the name of another one, or changes nothing")
            self._kinds[kind.name] = kind
        self._systems = systems
        self._clock = clock

    def load(self, name: str, parameters: str) -> Action:
        """The action as it was asked for; raises `NotFound` where this bot knows it no more."""
        return self._kind(name).load(self._systems, self._clock, parameters)

    async def of_connection(self, name: str, system: str, connection: str) -> Action:
        """What an adapter offers on a connection, as of now; raises `NotFound` where it is not offered there."""
        offered = {offer.value for offer in self._systems[system].offers if offer.listener == OFFERED}
        if f"{system} {connection} {name}" not in offered:
            raise NotFound(f"{system} offers no {name} on {connection}; type /health {system} again.")
        kind = cast("ConnectionActionKind", self._kind(name))
        return await kind.of(self._systems, self._clock, system, connection)

    def risk(self, action: Action) -> Risk:
        """What it risks: never less than its class declares."""
        kind = self._kinds.get(action.name)
        return max(action.risk, kind.least_risk, key=lambda risk: risk.rank) if kind else action.risk

    def label(self, name: str) -> str:
        """What its button says."""
        return self._kind(name).label

    def emergency(self, name: str) -> bool:
        """Whether it is listed for emergency runs; what is not known is not."""
        return name in self._kinds and self._kinds[name].emergency

    def _kind(self, name: str) -> ActionKind:
        if name not in self._kinds:
            raise NotFound(f"There is no action {name} any more; type the command again.")
        return self._kinds[name]
