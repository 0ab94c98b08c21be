-- Incidents, who was told when, and their timeline.

-- state: open | acknowledged | mitigated | resolved. epoch is the fencing token of the outbox; next_step_at the timer:
-- acknowledging an incident is the update that moves it. room_due_at and evidence_due_at are null once that is done.
create table incident (
    id text primary key,
    number bigint not null,
    title text not null,
    system text not null,
    severity text not null,
    state text not null,
    epoch bigint not null,
    token text not null,
    channel text not null,
    opened_at bigint not null,
    opened_by text not null,
    opened_slack text not null,
    planned_from bigint not null,
    owner text,
    owner_slack text,
    acknowledged_at bigint,
    updated_at bigint,
    mitigated_at bigint,
    resolved_at bigint,
    paged bigint not null,
    paged_at bigint,
    informed bigint not null,
    informed_at bigint,
    nudged_at bigint,
    next_step_at bigint,
    impact text not null,
    room text not null,
    room_due_at bigint,
    room_attempts bigint not null,
    evidence_due_at bigint,
    checks text not null,
    suspect text not null
);
create unique index incident_token on incident (token);
create index incident_due on incident (next_step_at) where next_step_at is not null;
create index incident_room_due on incident (room_due_at) where room_due_at is not null;
create index incident_evidence_due on incident (evidence_due_at) where evidence_due_at is not null;
create index incident_unresolved on incident (system, number) where state <> 'resolved';
create index incident_room on incident (room) where room <> '';

-- Each time that people were told. people: JSON list of [person, slack]. The unique key is the law: once per epoch and level.
create table ping (
    incident text not null,
    number bigint not null,
    level bigint not null,
    kind text not null,
    at bigint not null,
    epoch bigint not null,
    people text not null,
    key text not null,
    primary key (incident, number)
);
create unique index ping_key on ping (key);
create unique index ping_once on ping (incident, level, epoch) where kind = 'page';

-- What people see as the timeline; the audit is the evidence.
create table incident_event (
    incident text not null,
    number bigint not null,
    at bigint not null,
    person text not null,
    kind text not null,
    text text not null,
    primary key (incident, number)
);
