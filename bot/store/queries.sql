-- name: next_number
-- The next number of a series: OP-1, INC-1 …
insert into counter (name, value) values (:name, 1)
on conflict (name) do update set value = counter.value + 1
returning value;

-- name: try_ledger
-- Whether a row can be kept: a ledger that can be read may still be locked, or its disk full.
insert into counter (name, value) values ('ready', :at)
on conflict (name) do update set value = excluded.value;

-- name: postgres_now
-- The database's clock, which /readyz compares with the machine's. SQLite has none of its own and is not asked.
select 0 /*pg + cast(extract(epoch from clock_timestamp()) * 1000 as bigint) pg*/ as now;
