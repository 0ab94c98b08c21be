"""Everything a handler may use, built once by wiring."""

from dataclasses import dataclass

from bot.config.models import StewardModel
from bot.health.service import Health
from bot.incidents.service import Incidents
from bot.oncall.directory import Directory
from bot.oncall.service import OnCall
from bot.operations.service import Operations
from bot.ports import Clock
from bot.queues.service import Queues
from bot.situation.service import Situation
from bot.store import Ledger
from bot.systems import Systems


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases and what they stand on."""

    clock: Clock
    ledger: Ledger
    config: StewardModel
    systems: Systems
    directory: Directory
    oncall: OnCall
    health: Health
    queues: Queues
    operations: Operations
    incidents: Incidents
    situation: Situation
