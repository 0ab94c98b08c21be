-- By which ways a page goes: one row per direct message and per alert at PagerDuty.

-- message: the outbox key of the direct message, or of the alert's newest trigger. subject: INC-12 | OP-88; number: which of
-- its pages. way: slack | pagerduty. target: the person, or the name of the routing key ('' the service's own). alert: the
-- deduplication key. told: what PagerDuty was asked last: trigger | acknowledge | resolve. seen_by: who acknowledged it there.
-- shown: the outcome that people were told last; settled: 1 once it is not expected to change.
create table page_way (
    message text primary key,
    subject text not null,
    number bigint not null,
    operation bigint,
    way text not null,
    target text not null,
    alert text not null,
    told text not null,
    seen_by text not null,
    shown text not null,
    settled bigint not null
);
create index page_way_subject on page_way (subject, number);
create index page_way_unsettled on page_way (subject) where settled = 0;
create index page_way_ringing on page_way (operation) where way = 'pagerduty' and told <> 'resolve';
