-- name: next_number
-- The next number of a series: OP-1, INC-1 …
insert into counter (name, value) values (:name, 1)
on conflict (name) do update set value = counter.value + 1
returning value;
