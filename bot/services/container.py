"""Everything a handler may use, built once by wiring."""

from dataclasses import dataclass

from bot.config.models import StewardModel
from bot.ports import Clock
from bot.services.directory import Directory
from bot.services.health import Health
from bot.services.incidents import Incidents
from bot.services.oncall import OnCall
from bot.services.operations import Operations
from bot.services.queues import Queues
from bot.services.situation import Situation
from bot.services.systems import Systems
from bot.store import Ledger


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
