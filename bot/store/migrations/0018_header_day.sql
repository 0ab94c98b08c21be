-- When the header was last drawn again for a new day; null: not since the opening.
alter table incident add column dated_at bigint;
create index incident_dated on incident (coalesce(dated_at, opened_at)) where state <> 'resolved';
