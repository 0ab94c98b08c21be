-- What every part stands on: numbers, the inbox, the outbox, the audit.

create table counter (
    name text primary key,
    value bigint not null
);

-- One row per state-changing request, keyed by signature, envelope or event id. state: waiting | claimed | done | lost
create table inbox (
    key text primary key,
    call text not null,
    received_at bigint not null,
    state text not null,
    owner text,
    lease_until bigint
);
create index inbox_open on inbox (received_at) where state in ('waiting', 'claimed');

-- One row per message that must arrive. Posted where ts is null, else updated. lane: page | rest
-- route: slack | pagerduty. guard_incident/guard_epoch: sent only while the incident still has that epoch.
-- position: the order in which messages were written. state: open | sent | withdrawn | failed
-- sending_since: a send is under way, or was when its sender died; doubtful_since: it may have arrived, so look it up first.
create table message (
    key text primary key,
    position bigint not null,
    route text not null,
    channel text not null,
    thread_key text,
    lane text not null,
    body text not null,
    wanted_revision bigint not null,
    sent_revision bigint not null,
    ts text,
    posted_channel text,
    not_before bigint not null,
    created_at bigint not null,
    attempts bigint not null,
    sending_since bigint,
    sending_revision bigint,
    doubtful_since bigint,
    owner text,
    guard_incident text,
    guard_epoch bigint,
    fallback text,
    state text not null,
    last_error text
);
create index message_due on message (not_before) where state = 'open';
create index message_lane on message (channel, lane, position) where state = 'open';
create index message_thread on message (thread_key, position) where state = 'open';

-- A channel and lane is leased to one sender at a time, so that order holds.
create table channel_lease (
    channel text not null,
    lane text not null,
    owner text not null,
    lease_until bigint not null,
    primary key (channel, lane)
);

-- Append-only. sequence, previous and hash are filled by the sealing in the cycle. Ids sort by the time of writing.
create table audit (
    id text primary key,
    at bigint not null,
    actor text not null,
    via text not null,
    kind text not null,
    subject text not null,
    detail text not null,
    written bigint not null,
    sequence bigint,
    previous text,
    hash text
);
create unique index audit_sequence on audit (sequence);
create index audit_unsealed on audit (id) where sequence is null;
create index audit_subject on audit (subject);

-- One row: the end of the chain. Whoever seals holds it, so that one replica seals at a time. anchored_on: the day (UTC)
-- whose anchor was posted last.
create table audit_head (
    name text primary key,
    sequence bigint not null,
    hash text not null,
    anchored_on text not null
);
