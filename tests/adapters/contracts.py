"""What every implementation of a port keeps to: the memory twin and the real one run the same tests."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.timing import HOUR, MINUTE
from bot.ports import ClearableQueue, Deployments, Restartable, RetriableQueue

NOW = 1_777_777_200_000


class ClearableWorld(Protocol):
    """A queue of two places, and hands to put entries there."""

    queue: ClearableQueue

    async def put(self, place: str, name: str, since: int) -> None:
        """Put an entry into `processing` or `waiting`, or move it in time."""
        ...

    async def names(self, place: str) -> set[str]:
        """The entries there."""
        ...


class ClearableContract:
    """`ClearableQueue`."""

    async def test_only_old_entries_are_stuck(self, clearable: ClearableWorld) -> None:
        """Entries younger than the limit are being worked on; the oldest comes first."""
        await clearable.put("processing", "young", NOW - 5 * MINUTE)
        await clearable.put("processing", "old", NOW - HOUR)
        await clearable.put("processing", "oldest", NOW - 2 * HOUR)

        stuck = await clearable.queue.stuck(NOW, 30 * MINUTE)

        assert ["oldest", "old"] == [job.id for job in sorted(stuck, key=lambda job: job.since or 0)]

    async def test_an_entry_is_removed_once(self, clearable: ClearableWorld) -> None:
        """Removing tells exactly what it removed; the rest stays."""
        await clearable.put("processing", "young", NOW)
        await clearable.put("processing", "old", NOW - HOUR)
        stuck = await clearable.queue.stuck(NOW, 30 * MINUTE)

        first, second = await clearable.queue.remove(stuck), await clearable.queue.remove(stuck)

        assert (["old"], []) == (list(first), list(second))
        assert {"young"} == await clearable.names("processing")

    async def test_an_entry_that_was_taken_up_again_stays(self, clearable: ClearableWorld) -> None:
        """A score that has changed since the plan means that a worker has it."""
        await clearable.put("processing", "old", NOW - HOUR)
        stuck = await clearable.queue.stuck(NOW, 30 * MINUTE)
        await clearable.put("processing", "old", NOW)

        assert [] == list(await clearable.queue.remove(stuck))
        assert {"old"} == await clearable.names("processing")

    async def test_removed_entries_can_be_put_back_exactly(self, clearable: ClearableWorld) -> None:
        """Afterwards they are stuck as before; putting back twice changes nothing."""
        await clearable.put("processing", "old", NOW - HOUR)
        stuck = await clearable.queue.stuck(NOW, 30 * MINUTE)
        await clearable.queue.remove(stuck)

        first, second = await clearable.queue.put_back(stuck), await clearable.queue.put_back(stuck)

        assert (["old"], []) == (list(first), list(second))
        assert list(stuck) == list(await clearable.queue.stuck(NOW, 30 * MINUTE))

    async def test_expired_entries_are_discarded_from_waiting_alone(self, clearable: ClearableWorld) -> None:
        """What is being worked on is not touched, however old it is."""
        await clearable.put("waiting", "expired", NOW - 30 * HOUR)
        await clearable.put("waiting", "fresh", NOW - HOUR)
        await clearable.put("processing", "worked", NOW - 30 * HOUR)

        expired = await clearable.queue.expired(NOW, 24 * HOUR)
        gone = await clearable.queue.discard(expired)

        assert ["expired"] == list(gone)
        assert ({"fresh"}, {"worked"}) == (await clearable.names("waiting"), await clearable.names("processing"))


class RetriableWorld(Protocol):
    """A queue with three failed jobs."""

    queue: RetriableQueue

    async def failed(self) -> Sequence[str]:
        """Ids of the failed jobs, newest first."""
        ...


class RetriableContract:
    """`RetriableQueue`."""

    async def test_failed_jobs_are_listed_up_to_a_limit(self, retriable: RetriableWorld) -> None:
        """Newest first, with the reason."""
        names = await retriable.failed()

        assert list(names[:2]) == [job.id for job in await retriable.queue.failed(2)]
        assert list(names) == [job.id for job in await retriable.queue.failed(10)]
        assert all(job.reason for job in await retriable.queue.failed(10))

    async def test_named_jobs_are_found_however_many_failed_after_them(self, retriable: RetriableWorld) -> None:
        """Those of them that are failed now, in the order of the question."""
        first, second, _ = await retriable.failed()
        await retriable.queue.retry(second)

        found = await retriable.queue.still_failed([second, "no-such-job", first])

        assert [first] == [job.id for job in found]
        assert [] == list(await retriable.queue.still_failed([]))

    async def test_a_job_is_retried_once(self, retriable: RetriableWorld) -> None:
        """The second retry finds it no longer failed and does nothing."""
        first, *rest = await retriable.failed()

        assert (True, False) == (await retriable.queue.retry(first), await retriable.queue.retry(first))
        assert rest == list(await retriable.failed())

    async def test_a_job_that_is_gone_is_not_retried(self, retriable: RetriableWorld) -> None:
        """Nothing is made up for it."""
        names = list(await retriable.failed())

        assert await retriable.queue.retry("no-such-job") is False
        assert names == list(await retriable.failed())

    async def test_an_ordinary_queue_may_be_retried(self, retriable: RetriableWorld) -> None:
        """Only a danger to jobs is a reason to refuse."""
        assert await retriable.queue.refusal() is None


class DeploymentsContract:
    """`Deployments`."""

    async def test_one_release_is_current(self, deployments: Deployments) -> None:
        """The newest comes first, and exactly one runs."""
        releases = await deployments.releases()
        created = [release.created or 0 for release in releases]

        assert 1 == sum(release.current for release in releases)
        assert sorted(created, reverse=True) == created

    async def test_rolling_back_makes_the_target_current(self, deployments: Deployments) -> None:
        """And doing it again changes nothing."""
        target = (await deployments.releases())[1]

        for _ in range(2):
            await deployments.roll_back(target)

            assert [target.id] == [release.id for release in await deployments.releases() if release.current]

    async def test_the_plan_names_the_calls_and_what_stays(self, deployments: Deployments) -> None:
        """The target stands in the calls; what is not reverted is said."""
        target = (await deployments.releases())[1]

        assert any(target.id in call.text for call in deployments.calls(target))
        assert deployments.not_reverted()


class RestartableContract:
    """`Restartable`."""

    async def test_units_are_listed_by_service(self, restartable: Restartable) -> None:
        """A service may have several."""
        everything, workers = await restartable.units(), await restartable.units("worker")

        assert 2 == len(workers)
        assert {"worker"} == {unit.service for unit in workers}
        assert set(workers) < set(everything)
        assert [] == list(await restartable.units("no-such-service"))

    async def test_a_restarted_unit_is_told_by_its_start(self, restartable: Restartable) -> None:
        """The others go on as they were."""
        first, second = await restartable.units("worker")

        await restartable.restart(first)
        after = {unit.service + unit.id: unit for unit in await restartable.units("worker")}

        assert (first.started or 0) < (after["worker" + first.id].started or 0)
        assert second == after["worker" + second.id]

    async def test_the_plan_names_one_call_per_unit(self, restartable: Restartable) -> None:
        """A reader sees how many there are."""
        units = await restartable.units("worker")

        assert len(units) == len(restartable.calls(units))
