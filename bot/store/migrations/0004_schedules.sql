-- Posts by the bot itself. Moving next_run_at is the claim: who moves it puts the post into the outbox.

-- cron: what next_run_at was computed from. digest: JSON of status by "system/check" at the last run.
create table schedule (
    name text primary key,
    cron text not null,
    zone text not null,
    next_run_at bigint,
    last_run_at bigint,
    digest text not null
);
create index schedule_due on schedule (next_run_at) where next_run_at is not null;
