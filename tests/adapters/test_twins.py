"""The memory twins keep to the ports' contracts as the real adapters do."""

from collections.abc import Sequence

import pytest

from bot.ports import Deployments, Job, Restartable
from tests.adapters.contracts import ClearableContract, DeploymentsContract, RestartableContract, RetriableContract
from tests.fakes.production import FakeDeployments, FakeQueue, FakeRestarter


class MemoryClearable:
    """Hands for the twin of a clearable queue."""

    def __init__(self) -> None:
        self.queue = FakeQueue()
        self._places = {"processing": self.queue.processing, "waiting": self.queue.waiting}

    async def put(self, place: str, name: str, since: int) -> None:
        entries = self._places[place]
        entries[:] = [job for job in entries if job.id != name]
        entries.append(Job(name, name, since=since, payload=name, score=float(since)))

    async def names(self, place: str) -> set[str]:
        return {job.id for job in self._places[place]}


class MemoryRetriable:
    """Hands for the twin of a retriable queue."""

    def __init__(self) -> None:
        self.queue = FakeQueue({name: Job(name, "send", reason="429") for name in ("3", "2", "1")})

    async def failed(self) -> Sequence[str]:
        return list(self.queue.failed_jobs)


class TestClearable(ClearableContract):
    @pytest.fixture
    def clearable(self) -> MemoryClearable:
        """An empty queue."""
        return MemoryClearable()


class TestRetriable(RetriableContract):
    @pytest.fixture
    def retriable(self) -> MemoryRetriable:
        """Three failed jobs."""
        return MemoryRetriable()


class TestDeployments(DeploymentsContract):
    @pytest.fixture
    def deployments(self) -> Deployments:
        """Three releases."""
        return FakeDeployments()


class TestRestartable(RestartableContract):
    @pytest.fixture
    def restartable(self) -> Restartable:
        """Two services of two units."""
        return FakeRestarter(["app", "worker"])
