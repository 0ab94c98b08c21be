-- name: insert_incident
insert into incident (id, number, title, system, severity, state, epoch, token, channel, opened_at, opened_by,
    opened_slack, planned_from, owner, owner_slack, acknowledged_at, updated_at, mitigated_at, resolved_at, paged,
    paged_at, informed, informed_at, nudged_at, next_step_at, impact, room, room_due_at, room_attempts,
    evidence_due_at, checks, suspect, room_wanted)
values (:id, :number, :title, :system, :severity, :state, :epoch, :token, :channel, :opened_at, :opened_by,
    :opened_slack, :planned_from, null, null, null, null, null, null, 0,
    null, 0, null, null, cast(:next_step_at as bigint), :impact, '', cast(:due_at as bigint), 0,
    cast(:due_at as bigint), '', '', :room_wanted);

-- name: save_incident
-- Everything that may change in its life, but for what the room and evidence duties write.
update incident set title = :title, severity = :severity, state = :state, epoch = :epoch, planned_from = :planned_from,
    owner = cast(:owner as text), owner_slack = cast(:owner_slack as text),
    acknowledged_at = cast(:acknowledged_at as bigint), updated_at = cast(:updated_at as bigint),
    mitigated_at = cast(:mitigated_at as bigint), resolved_at = cast(:resolved_at as bigint),
    paged = :paged, paged_at = cast(:paged_at as bigint),
    informed = :informed, informed_at = cast(:informed_at as bigint), nudged_at = cast(:nudged_at as bigint),
    next_step_at = cast(:next_step_at as bigint), impact = :impact, room_wanted = :room_wanted,
    owned_at = cast(:owned_at as bigint), taken_from = :taken_from, verdicts = :verdicts
where id = :id;

-- name: lock_incident
select * from incident where id = :id /*pg for update pg*/;

-- name: lock_incident_by_token
select * from incident where token = :token /*pg for update pg*/;

-- name: incident
select * from incident where id = :id;

-- name: incident_by_token
select * from incident where token = :token;

-- name: incident_in_room
select * from incident where room = :room and room <> '';

-- name: unresolved_incidents
-- Of one severity, what nobody has comes first, and of that the newest.
select * from incident where state <> 'resolved'
order by severity, case state when 'open' then 0 when 'acknowledged' then 1 else 2 end, number desc limit :n;

-- name: claim_due_incidents
-- The due condition stands in the outer where again: without it two replicas claim the same row (the trap of ADR 0003).
-- The row stays locked until the step and the next due time are committed, so no lease is needed.
with due as materialized (
    select id from incident where next_step_at <= :now order by next_step_at limit :n
    /*pg for update skip locked pg*/
)
update incident set next_step_at = :now
where id in (select id from due) and next_step_at <= :now
returning *;

-- name: next_incident_step
select min(next_step_at) as at from incident where next_step_at is not null;

-- name: insert_ping
insert into ping (incident, number, level, kind, at, epoch, people, key)
values (:incident, :number, :level, :kind, :at, :epoch, :people, :key);

-- name: pings_of
select p.number, p.level, p.kind, p.at, p.people, p.key from ping p where p.incident = :incident order by p.number;

-- name: insert_incident_event
insert into incident_event (incident, number, at, person, kind, text)
select cast(:incident as text), coalesce(max(number), 0) + 1, cast(:at as bigint), cast(:person as text),
    cast(:kind as text), cast(:text as text)
from incident_event where incident = :incident
returning number;

-- name: incident_events
select at, person, kind, text from incident_event where incident = :incident order by number desc limit :n;

-- name: event_told
select number from incident_event where incident = :incident and kind = :kind and text = :text limit 1;

-- name: asked_anew
-- When it was last passed on, and when this alert of it rang.
select (select max(at) from incident_event where incident = :incident and kind = 'passed_on') as passed_on_at,
    (select max(p.at) from page_way w join ping p on p.incident = w.subject and p.number = w.number
        where w.subject = :incident and w.alert = :alert) as rang_at;

-- name: incident_updates
select at, person, kind, text from incident_event
where incident = :incident and kind in ('update', 'mitigated', 'resolved', 'severity', 'reopened')
order by number desc limit :n;

-- name: questions_and_answers
-- Whether it is over, asked after a resolution at PagerDuty, and what answers that.
select at, person, kind, text from incident_event
where incident = :incident
    and kind in ('resolved_there', 'acknowledged', 'passed_on', 'mitigated', 'resolved', 'reopened')
order by number;

-- name: claim_room
-- One replica at a time: whoever moves the due time on takes the next step of the channel.
with due as materialized (
    select id from incident where room_due_at <= :now order by room_due_at limit 1
    /*pg for update skip locked pg*/
)
update incident set room_due_at = :again
where id in (select id from due) and room_due_at <= :now
returning *;

-- name: next_room
select min(room_due_at) as at from incident where room_due_at is not null;

-- name: wake_room
-- Something has changed that may concern the channel. A step that failed keeps the time at which it is tried again.
update incident set room_due_at = :at where id = :id and (room_attempts = 0 or room_due_at is null);

-- name: rest_room
-- Nothing is left to do before `due_at`, unless something has changed since the claim.
update incident set room_due_at = cast(:due_at as bigint) where id = :id and room_due_at = :claimed;

-- name: postpone_room
update incident set room_due_at = :due_at, room_attempts = room_attempts + :failures where id = :id;

-- name: record_room
update incident set room = :room, room_topic = '', room_guests = '[]', room_archived_at = null, room_attempts = 0,
    room_due_at = :now
where id = :id;

-- name: give_room_up
-- It was not made, or is gone. Not asked for again by itself: by the button, or by a severity that has channels.
update incident set room_wanted = 0, room_attempts = 0, room_due_at = :now,
    room_archived_at = case when room = '' then null else cast(:now as bigint) end
where id = :id;

-- name: record_room_topic
update incident set room_topic = :topic, room_attempts = 0, room_due_at = :now where id = :id;

-- name: record_room_guests
update incident set room_guests = :guests, room_attempts = 0, room_due_at = :now where id = :id;

-- name: record_room_archived
update incident set room_archived_at = :now, room_attempts = 0, room_due_at = :now where id = :id;

-- name: set_checks
update incident set checks = :checks, failing = :failing, checks_at = :at where id = :id;

-- name: concerned_incident
select id from incident where system = :system and state <> 'resolved' limit 1;

-- name: followed_incidents
-- Those that are shown with what the checks of their system say.
select * from incident where system = :system and state <> 'resolved' order by number /*pg for update pg*/;

-- name: oldest_dated
select coalesce(dated_at, opened_at) as at from incident where state <> 'resolved'
order by coalesce(dated_at, opened_at) limit 1;

-- name: claim_undated
with due as materialized (
    select id from incident where state <> 'resolved' and coalesce(dated_at, opened_at) < :midnight order by number limit :n
    /*pg for update skip locked pg*/
)
update incident set dated_at = :now
where id in (select id from due) and coalesce(dated_at, opened_at) < :midnight
returning *;

-- name: due_systems
select distinct system from incident where next_step_at <= :now and system <> '';

-- name: claim_evidence
with due as materialized (
    select id from incident where evidence_due_at <= :now order by evidence_due_at limit 1
    /*pg for update skip locked pg*/
)
update incident set evidence_due_at = :again
where id in (select id from due) and evidence_due_at <= :now
returning *;

-- name: next_evidence
select min(evidence_due_at) as at from incident where evidence_due_at is not null;

-- name: want_evidence
-- What is suspected is read anew.
update incident set evidence_due_at = :now where id = :id;

-- name: want_evidence_of_system
update incident set evidence_due_at = :now where system = :system and state <> 'resolved';

-- name: finish_evidence
-- Wanted again since the claim, it stays due.
update incident set suspect = :suspect, suspect_at = cast(:at as bigint),
    evidence_due_at = case when evidence_due_at = :claimed then null else evidence_due_at end
where id = :id;

-- name: put_way
insert into page_way (message, subject, number, operation, way, target, alert, told, seen_by, shown, settled)
values (:message, :subject, :number, cast(:operation as bigint), :way, :target, :alert, 'trigger', '', 'waiting', 0)
on conflict (message) do nothing;

-- name: ways_of
-- The outcome of each way of a subject's pages. What the outbox has forgotten was sent; given up is what was withdrawn
-- after it had failed.
select w.*, m.sent_revision, m.last_error,
    case when w.seen_by <> '' and 1 = (select count(*) from page_way a where a.subject = w.subject and a.alert = w.alert)
        then 'seen'
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
-- Somebody acknowledged it there, so it needs no acknowledgement of ours. Where it rings at several services, nobody knows
-- at which: all of them are told. `shown` is reset to have the header say it.
update page_way set seen_by = :seen_by, shown = 'waiting', settled = 0,
    told = case when told = 'trigger'
        and 1 = (select count(*) from page_way a where a.subject = :subject and a.alert = :alert)
        then 'acknowledge' else told end
where subject = :subject and way = 'pagerduty' and alert = :alert and seen_by = '';

-- name: alert_resolved
-- As of `alert_seen`: of several services, all are told when it is over here.
update page_way set told = 'resolve'
where subject = :subject and way = 'pagerduty' and alert = :alert
    and 1 = (select count(*) from page_way a where a.subject = :subject and a.alert = :alert);

-- name: pages_of_subject
select coalesce(max(number), 0) as number from page_way where subject = :subject;

-- name: answered_operations
-- Operations whose alerts are answered: the request is decided, and after an emergency run the review is signed.
select distinct w.subject from page_way w join operation o on o.number = w.operation
where w.way = 'pagerduty' and w.told <> 'resolve' and o.state <> 'pending' and (o.emergency = 0 or o.review_at is null);
