-- What PagerDuty told us, by its event's id: PagerDuty repeats webhooks, and its signature holds no time.

create table pager_event (
    id text primary key,
    at bigint not null
);
