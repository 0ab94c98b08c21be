-- name: put_way
insert into page_way (message, subject, number, operation, way, target, alert, told, seen_by, shown, settled)
values (:message, :subject, :number, cast(:operation as bigint), :way, :target, :alert, 'trigger', '', 'waiting', 0)
on conflict (message) do nothing;

-- name: ways_of
-- The outcome of each way of a subject's pages. What the outbox has forgotten was sent; given up is what was withdrawn
-- after it had failed.
select w.*, m.sent_revision, m.last_error,
    case when w.seen_by <> '' then 'seen'
        when m.key is null or m.sent_revision > 0 then 'sent'
        when m.state = 'failed' then 'failed'
        when m.state = 'withdrawn' and m.attempts > 0 then 'given up'
        when m.state = 'withdrawn' then 'withdrawn'
        when m.attempts > 0 then 'failing'
        else 'waiting' end as outcome
from page_way w left join message m on m.key = w.message
where w.subject = :subject
order by w.number, w.way desc, w.target;

-- name: unsettled_subjects
select distinct subject from page_way where settled = 0 order by subject limit :n;

-- name: way_shown
update page_way set shown = :shown, settled = :settled where message = :message;

-- name: ringing_alerts
-- The alerts that are not resolved, by their newest trigger.
select message, subject, number, target, alert, told from page_way
where subject = :subject and way = 'pagerduty' and told <> 'resolve'
order by number, target;

-- name: alert_told
update page_way set told = :told where message = :message;

-- name: alert_renewed
update page_way set message = :renewed, settled = 0 where message = :message;

-- name: alert_seen
-- Somebody acknowledged it there, so it needs no acknowledgement of ours.
update page_way set seen_by = :seen_by, told = case when told = 'trigger' then 'acknowledge' else told end, settled = 0
where alert = :alert and seen_by = '';

-- name: alert_resolved
update page_way set told = 'resolve' where alert = :alert;

-- name: pages_of_subject
select coalesce(max(number), 0) as number from page_way where subject = :subject;

-- name: answered_operations
-- Operations whose alerts are answered: the request is decided, and after an emergency run the review is signed.
select distinct w.subject from page_way w join operation o on o.number = w.operation
where w.way = 'pagerduty' and w.told <> 'resolve' and o.state <> 'pending' and (o.emergency = 0 or o.review_at is null);

-- name: pager_backlog
-- Events that PagerDuty was offered and has not taken, and why the newest of them was not.
select count(*) as n, (select last_error from message
        where route = 'pagerduty' and state = 'open' and attempts > 0 order by position desc limit 1) as last_error
from message where route = 'pagerduty' and state = 'open' and attempts > 0;
