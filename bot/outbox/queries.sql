-- name: put_message
-- One row per message. A second put of the same key is an edit: the sender updates what stands in the channel.
insert into message (key, position, route, channel, thread_key, lane, body, wanted_revision, sent_revision, not_before,
    created_at, attempts, guard_incident, guard_epoch, fallback, state)
values (:key, :position, :route, :channel, cast(:thread_key as text), :lane, :body, 1, 0, :not_before,
    :now, 0, cast(:guard_incident as text), cast(:guard_epoch as bigint), cast(:fallback as text), 'open')
on conflict (key) do update set
    body = excluded.body,
    wanted_revision = message.wanted_revision + 1,
    not_before = excluded.not_before,
    attempts = 0,
    guard_incident = excluded.guard_incident,
    guard_epoch = excluded.guard_epoch,
    state = 'open';

-- name: message_place
select posted_channel, ts from message where key = :key;

-- name: message_progress
-- Whether a message has left, or is leaving right now.
select state, sent_revision, sending_since from message where key = :key;

-- name: withdraw_message
update message set state = 'withdrawn' where key = :key and sent_revision = 0 and state = 'open' and sending_since is null;

-- name: due_lanes
-- What stands there already is edited beside what does not, see ChannelQueue.
select route, channel, lane, case when ts is null then 0 else 1 end as edits from message
where state = 'open' and not_before <= :now
group by route, channel, lane, case when ts is null then 0 else 1 end order by lane, edits;

-- name: next_message_due
select min(not_before) as at from message where state = 'open' and not_before > :now;

-- name: hold_lane
-- A queue belongs to one sender at a time; a sender that died loses it when the lease ends.
insert into channel_lease (channel, lane, owner, lease_until) values (:channel, :lane, :owner, :lease_until)
on conflict (channel, lane) do update set owner = excluded.owner, lease_until = excluded.lease_until
where channel_lease.lease_until <= :wall or channel_lease.owner = :owner;

-- name: free_lane
delete from channel_lease where channel = :channel and lane = :lane and owner = :owner;

-- name: next_message
-- The first message of a lane that may go now. Within a thread the order is strict. In the channel itself the rest lane
-- keeps its order until an earlier message has failed four times; a page waits for no other page. A reply waits for what it
-- answers to, a page for ten seconds at most. The rest lane lets fresh pages of its channel go first. Edits wait for nothing.
select m.key from message m
where m.route = :route and m.channel = :channel and m.lane = :lane and m.state = 'open' and m.not_before <= :now
  and case when m.ts is null then 0 else 1 end = :edits
  and (:lane = 'page' or m.ts is not null or not exists (
    select 1 from message p
    where p.channel = :channel and p.lane = 'page' and p.state = 'open' and p.ts is null and p.attempts = 0
      and p.not_before <= :now))
  and (m.ts is not null or (
    (m.thread_key is null or not exists (
      select 1 from message e
      where e.thread_key = m.thread_key and e.state = 'open' and e.position < m.position
        and e.channel = :channel and e.lane = :lane and e.ts is null
        and (e.not_before <= :now or e.attempts > 0 or e.sending_since is not null)))
    and (m.thread_key is not null or :lane = 'page' or not exists (
      select 1 from message e
      where e.channel = :channel and e.lane = :lane and e.state = 'open' and e.position < m.position
        and e.thread_key is null and e.ts is null and e.attempts < 4
        and (e.not_before <= :now or e.attempts > 0 or e.sending_since is not null)))
    and (m.thread_key is null or (m.lane = 'page' and m.created_at <= :now - 10000) or not exists (
      select 1 from message r where r.key = m.thread_key and r.state = 'open' and r.ts is null))))
order by m.position
limit 1;

-- name: read_message
select m.*, r.posted_channel as root_channel, r.ts as root_ts
from message m left join message r on r.key = m.thread_key
where m.key = :key;

-- name: guard_epoch
-- The fencing token: acknowledging, mitigating, changing the severity and passing on move the incident's epoch.
select epoch from incident where id = :id;

-- name: start_sending
update message set
    sending_since = :wall,
    sending_revision = wanted_revision,
    doubtful_since = cast(:doubtful_since as bigint),
    owner = :owner
where key = :key and state = 'open'
returning wanted_revision, body;

-- name: start_look_up
-- `sending_since` and `sending_revision` stay those of the attempt that is looked up.
update message set doubtful_since = :doubtful_since, owner = :owner
where key = :key and state = 'open'
returning wanted_revision, body;

-- name: message_delivered
-- The first sender that knows where the message stands says so, even if it lost the lane meanwhile.
update message set
    ts = :ts,
    posted_channel = :posted_channel,
    sent_revision = :revision,
    sending_since = null,
    sending_revision = null,
    doubtful_since = null,
    attempts = 0,
    last_error = null,
    state = case when wanted_revision > :revision then 'open' else 'sent' end
where key = :key and (owner = :owner or ts is null);

-- name: message_delayed
-- It was certainly not sent.
update message set
    not_before = :not_before,
    attempts = attempts + :failures,
    sending_since = null,
    sending_revision = null,
    doubtful_since = null,
    last_error = :error
where key = :key and owner = :owner;

-- name: message_doubtful
-- It may have been sent: `sending_since` stays, so the next attempt looks it up first.
update message set
    not_before = :not_before,
    attempts = attempts + 1,
    doubtful_since = cast(:doubtful_since as bigint),
    last_error = :error
where key = :key and owner = :owner;

-- name: message_unconfirmed
-- Its sender died or lost the answer less than a timeout ago; the look-up starts once it has passed.
update message set not_before = :not_before where key = :key;

-- name: message_withdrawn
update message set
    state = 'withdrawn', sending_since = null, sending_revision = null, doubtful_since = null
where key = :key and state = 'open';

-- name: message_failed
update message set
    state = 'failed', sending_since = null, sending_revision = null, doubtful_since = null, last_error = :error
where key = :key and owner = :owner;

-- name: message_rerouted
-- The channel is gone: the message takes its other way, as a new post.
update message set
    channel = :channel,
    thread_key = null,
    fallback = null,
    ts = null,
    posted_channel = null,
    sending_since = null,
    sending_revision = null,
    doubtful_since = null,
    attempts = 0,
    not_before = :now,
    last_error = :error
where key = :key and owner = :owner;

-- name: outbox_backlog
-- What has not left yet, edits included; the age is that of the oldest that nobody has seen at all.
select lane, count(*) as waiting, min(case when ts is null then created_at end) as oldest from message
where state = 'open' group by lane order by lane;

-- name: oldest_unsettled
-- When the oldest incident or operation began that may still edit its messages or post below them.
select min(at) as at from (
    select min(opened_at) as at from incident where state <> 'resolved'
    union all select min(created_at) as at from operation
        where state in ('draft', 'pending', 'approved', 'claimed', 'running', 'unknown')
    union all select min(created_at) as at from operation where verify_at is not null
    union all select min(created_at) as at from operation where review_at is not null
) as beginnings;

-- name: forget_messages
-- Written and last changed before that moment. What still has to leave stays, however old it is.
with due as materialized (
    select key from message where state <> 'open' and created_at < :before and not_before < :before
    order by created_at limit :n
    /*pg for update skip locked pg*/
)
delete from message
where key in (select key from due) and state <> 'open' and not_before < :before;

-- name: note_pager_event
-- An event that was noted before changes nothing.
insert into pager_event (id, at) values (:id, :at) on conflict (id) do nothing;

-- name: pager_backlog
-- Events that PagerDuty was offered and has not taken, and why the newest of them was not.
select count(*) as n, (select last_error from message
        where route = 'pagerduty' and state = 'open' and attempts > 0 order by position desc limit 1) as last_error
from message where route = 'pagerduty' and state = 'open' and attempts > 0;
