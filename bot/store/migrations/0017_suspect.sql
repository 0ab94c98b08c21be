-- When the suspected change came; null where none is known.
alter table incident add column suspect_at bigint;
