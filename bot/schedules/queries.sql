-- name: schedules
select name, cron, zone, next_run_at, last_run_at, digest from schedule order by last_run_at nulls first, name;

-- name: insert_schedule
insert into schedule (name, cron, zone, next_run_at, last_run_at, digest)
values (:name, :cron, :zone, cast(:next_run_at as bigint), null, '')
on conflict (name) do nothing;

-- name: change_schedule
-- Another phrase or zone: its next run is computed anew. Does nothing where another replica did it already.
update schedule set cron = :cron, zone = :zone, next_run_at = cast(:next_run_at as bigint)
where name = :name and (cron <> :cron or zone <> :zone);

-- name: due_schedules
select name, next_run_at, last_run_at from schedule where next_run_at <= :now order by next_run_at, name;

-- name: next_schedule
select min(next_run_at) as at from schedule where next_run_at is not null;

-- name: claim_schedule
-- Exactly once: only one transaction finds the run that it expects.
update schedule set next_run_at = cast(:next_run_at as bigint), last_run_at = :now, digest = :digest
where name = :name and next_run_at = :due;

-- name: incidents_since
select * from incident where opened_at >= :since order by severity, number limit :n;
