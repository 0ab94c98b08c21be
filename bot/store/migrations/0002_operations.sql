-- Everything that changes a system: requests, who agreed, what ran, what is locked meanwhile.

-- state: draft | pending | approved | claimed | running | unknown | succeeded | failed | denied | expired | cancelled | void
-- lease_until is the machine's time, every other time is people's. Due times: expires_at, next_ping_at, retry_at (locked by
-- another), observe_at (unknown), verify_at (succeeded, checks not seen healthy yet), review_at (emergency run, not signed).
create table operation (
    number bigint primary key,
    token text not null unique,
    action text not null,
    parameters text not null,
    system text not null,
    targets text not null,
    risk text not null,
    state text not null,
    requester text not null,
    requester_slack text not null,
    requester_via text not null,
    on_call bigint not null,
    reason text not null,
    incident text not null,
    severity text not null,
    channel text not null,
    plan text not null,
    fingerprint text not null,
    approvals_needed bigint not null,
    approver_roles text not null,
    approvers text not null,
    created_at bigint not null,
    expires_at bigint,
    next_ping_at bigint,
    decided_at bigint,
    decided_by text not null,
    note text not null,
    emergency bigint not null,
    review_at bigint,
    reviewed_by text not null,
    owner text,
    lease_until bigint,
    retry_at bigint,
    started_at bigint,
    finished_at bigint,
    observe_at bigint,
    observations bigint not null,
    verify_at bigint,
    verified text not null,
    verification text not null,
    undo_of bigint,
    undone_by bigint,
    undo_until bigint
);
create index operation_state on operation (state);
create index operation_verify on operation (verify_at) where verify_at is not null;
create index operation_review on operation (review_at) where review_at is not null;
create index operation_system on operation (system, number);

-- One row per person who agreed; the second click of a person changes nothing.
create table operation_approval (
    operation bigint not null,
    person text not null,
    at bigint not null,
    via text not null,
    primary key (operation, person)
);

-- Written before and after each step. An intent without a result is a step whose outcome must be observed.
create table operation_journal (
    operation bigint not null,
    step bigint not null,
    phase text not null,
    at bigint not null,
    data text not null,
    text text not null,
    primary key (operation, step, phase)
);

create table operation_lock (
    name text primary key,
    operation bigint not null,
    since bigint not null
);
create index operation_lock_of on operation_lock (operation);
