"""Ports of a production system that keep state: releases, restartable services, queues, checks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.domain.errors import TargetError
from bot.domain.reading import Reading, Status
from bot.domain.timing import DAY, MINUTE, SECOND
from bot.ports import Call, Job, QueueState, Release, ServiceUnit


class Faulty:
    """Raises once what a test sets: before or after doing the work."""

    def __init__(self) -> None:
        self.before: TargetError | None = None
        self.after: TargetError | None = None

    def fail_before(self) -> None:
        """Raise the error set for before the work, once."""
        error, self.before = self.before, None
        if error is not None:
            raise error

    def fail_after(self) -> None:
        """Raise the error set for after the work, once."""
        error, self.after = self.after, None
        if error is not None:
            raise error


class FakeDeployments(Faulty):
    """Releases v41 (current), v40, v39."""

    patience = 60 * SECOND

    def __init__(self, names: Sequence[str] = ("v41", "v40", "v39")) -> None:
        super().__init__()
        self.names = list(names)
        self.current = names[0]
        self.rolled_back: list[str] = []
        self.left_to_do = ""
        self.exits = ""
        """How what is rolled back to ends at once; empty while it runs on."""

    async def releases(self) -> Sequence[Release]:
        return [self._release(name) for name in self.names]

    def _release(self, name: str) -> Release:
        if name != self.current:
            return Release(name, name)
        note = self.exits if name in self.rolled_back else ""
        return Release(name, name, current=True, note=note, running=not note, left_to_do=self.left_to_do)

    def lock_calls(self, release: Release) -> Sequence[Call]:
        return (Call(f"POST /deploys/{release.id}/lock"),)

    async def lock(self, release: Release) -> None:
        del release
        self.left_to_do = ""

    def calls(self, target: Release) -> Sequence[Call]:
        return (Call(f"POST /deploys/{target.id}/restore"),)

    async def roll_back(self, target: Release) -> None:
        self.fail_before()
        self.rolled_back.append(target.id)
        self.current = target.id
        self.fail_after()

    def not_reverted(self) -> Sequence[str]:
        return ("environment variables",)


class FakeRestarter(Faulty):
    """Services with units; each restart makes `started` one later."""

    patience = 60 * SECOND

    def __init__(self, services: Sequence[str]) -> None:
        super().__init__()
        self.all = {
            f"{service}-{place}": ServiceUnit(f"{service}-{place}", service, "running", started=1_000)
            for service in services
            for place in (1, 2)
        }
        self.restarted: list[str] = []
        self.becomes = "running"
        """The state of a unit that was restarted."""

    async def units(self, service: str | None = None) -> Sequence[ServiceUnit]:
        return [unit for unit in self.all.values() if service in (None, unit.service)]

    async def restart(self, unit: ServiceUnit) -> None:
        self.fail_before()
        self.restarted.append(unit.id)
        known = self.all[unit.id]
        self.all[unit.id] = replace(known, state=self.becomes, started=(known.started or 0) + 1)
        self.fail_after()

    def calls(self, units: Sequence[ServiceUnit]) -> Sequence[Call]:
        return tuple(Call(f"POST /containers/{unit.id}/restart") for unit in units)


@dataclass
class FakeQueue(Faulty):
    """Failed jobs that can be retried; entries in processing and waiting that can be removed and put back."""

    failed_jobs: dict[str, Job] = field(default_factory=dict)
    processing: list[Job] = field(default_factory=list)
    waiting: list[Job] = field(default_factory=list)
    lossy: str | None = None
    stuck_after: int = 30 * MINUTE
    expire_after: int = DAY
    idle: bool = False
    before: TargetError | None = None
    after: TargetError | None = None

    async def state(self, now: int) -> QueueState:
        del now
        state = QueueState(len(self.waiting), len(self.processing), None, len(self.failed_jobs), None)
        return replace(state, paused=True, workers=0) if self.idle else state

    async def failed(self, limit: int) -> Sequence[Job]:
        return list(self.failed_jobs.values())[:limit]

    async def still_failed(self, ids: Sequence[str]) -> Sequence[Job]:
        return [self.failed_jobs[each] for each in ids if each in self.failed_jobs]

    async def refusal(self) -> str | None:
        return self.lossy

    async def retry(self, job_id: str) -> bool:
        self.fail_before()
        retried = self.failed_jobs.pop(job_id, None) is not None
        self.fail_after()
        return retried

    async def stuck(self, now: int, older_than: int) -> Sequence[Job]:
        return [job for job in self.processing if now - (job.since or 0) >= older_than]

    async def expired(self, now: int, older_than: int) -> Sequence[Job]:
        return [job for job in self.waiting if now - (job.since or 0) >= older_than]

    async def remove(self, jobs: Sequence[Job]) -> Sequence[str]:
        return self._take(self.processing, jobs)

    async def discard(self, jobs: Sequence[Job]) -> Sequence[str]:
        return self._take(self.waiting, jobs)

    async def put_back(self, jobs: Sequence[Job]) -> Sequence[str]:
        absent = [job for job in jobs if job not in self.processing]
        self.processing += absent
        return [job.id for job in absent]

    def _take(self, place: list[Job], jobs: Sequence[Job]) -> list[str]:
        self.fail_before()
        taken = [job for job in jobs if job in place]
        for job in taken:
            place.remove(job)
        self.fail_after()
        return [job.id for job in taken]


@dataclass
class FakeHealth:
    """Every check reads what `status` says."""

    status: Status = Status.HEALTHY
    value: str = "200"

    async def readings(self, system: str, names: Sequence[str] = ()) -> list[Reading]:
        del system
        return [Reading(name, name, self.status, self.value) for name in names]
