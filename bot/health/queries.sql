-- name: readings_of
select check_name, status, since, seen_at from reading where system = :system;

-- name: remember_reading
-- An older round that ends late does not overwrite a newer one.
insert into reading (system, check_name, status, since, seen_at)
values (:system, :check_name, :status, :since, :at)
on conflict (system, check_name) do update set status = excluded.status, since = excluded.since, seen_at = excluded.seen_at
where reading.seen_at <= excluded.seen_at;

-- name: add_sample
insert into sample (system, check_name, at, value) values (:system, :check_name, :at, :value)
on conflict (system, check_name, at) do update set value = excluded.value;

-- name: sample_before
-- The newest sample that is at least this old, else the oldest one.
select value from sample where system = :system and check_name = :check_name and at <= :at
order by at desc limit 1;

-- name: recent_samples
select at, value from sample where system = :system and check_name = :check_name and at >= :since order by at;

-- name: forget_samples
delete from sample where at < :before;
