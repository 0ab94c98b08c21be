-- name: put_message
-- One row per message. A second put of the same key is an edit: the sender updates what stands in the channel.
insert into message (key, route, channel, thread_key, lane, body, wanted_revision, sent_revision, not_before, created_at,
    attempts, guard_incident, guard_epoch, fallback, state)
values (:key, :route, :channel, cast(:thread_key as text), :lane, :body, 1, 0, :not_before, :now,
    0, cast(:guard_incident as text), cast(:guard_epoch as bigint), cast(:fallback as text), 'open')
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

-- name: withdraw_message
update message set state = 'withdrawn' where key = :key and sent_revision = 0 and state = 'open' and sending_since is null;
