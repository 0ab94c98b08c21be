-- Who has an incident since when and from whom, the verdicts on its clocks, and when its checks were read.

alter table incident add column owned_at bigint;
alter table incident add column taken_from text not null default '';

-- JSON list of [clock, severity, start, limit, done]: what stands whatever becomes of the severity later.
alter table incident add column verdicts text not null default '[]';

-- failing: which checks fail, and how badly; a header is edited when this changes.
alter table incident add column checks_at bigint;
alter table incident add column failing text not null default '';
