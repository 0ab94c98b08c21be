"""PagerDuty as a check of its own, in one more system: does it answer, and does it take our events?"""

from bot.domain.errors import Unreachable
from bot.domain.reading import Thresholds
from bot.ports import Measurement, Pager
from bot.store import Ledger
from bot.systems import Check, System, Systems

OWN = "steward"
"""The bot's own name among the systems; no other may have it."""

_TIMEOUT = 4_000


def with_pager(systems: Systems, pager: Pager, ledger: Ledger) -> Systems:
    """The systems, and the bot's own with this one check."""

    async def measure() -> Measurement:
        waiting = await ledger.read(lambda tx: tx.one("pager_backlog"))
        if waiting is not None and waiting["n"]:
            reason = str(waiting["last_error"]).partition(" at PagerDuty: ")[2] or str(waiting["last_error"])
            events = "event is" if waiting["n"] == 1 else "events are"
            raise Unreachable(f"{waiting['n']} {events} not taken: {reason}")
        await pager.answers()
        return Measurement(detail="answers")

    check = Check("pagerduty", "PagerDuty", measure, Thresholds(), _TIMEOUT)
    own = System(OWN, "Steward", {check.name: check})
    return Systems({**{system.name: system for system in systems.all()}, OWN: own})
