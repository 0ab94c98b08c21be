-- name: insert_operation
insert into operation (number, token, action, parameters, system, targets, risk, state, requester, requester_slack,
    requester_via, on_call, reason, incident, severity, channel, plan, fingerprint, approvals_needed, approver_roles,
    approvers, created_at, expires_at, next_ping_at, decided_at, decided_by, note, emergency, reviewed_by, observations,
    verified, verification, undo_of)
values (:number, :token, :action, :parameters, :system, :targets, :risk, :state, :requester, :requester_slack,
    :requester_via, :on_call, :reason, :incident, :severity, :channel, :plan, :fingerprint, :approvals_needed,
    :approver_roles, :approvers, :created_at, cast(:expires_at as bigint), cast(:next_ping_at as bigint),
    cast(:decided_at as bigint), :decided_by, '', 0, '', 0, '', '', cast(:undo_of as bigint));

-- name: operation_by_number
select * from operation where number = :number;

-- name: operation_by_token
select * from operation where token = :token;

-- name: approvals_of_operation
select person, at from operation_approval where operation = :number order by at, person;

-- name: approve_operation
insert into operation_approval (operation, person, at, via) values (:number, :person, :at, :via)
on conflict (operation, person) do nothing;

-- name: operation_agreed
-- From pending (enough approvals, or an emergency run) or draft (confirmed by the requester).
update operation set state = 'approved', decided_at = :now, decided_by = :person, expires_at = :expires_at,
    next_ping_at = null, emergency = :emergency, review_at = cast(:review_at as bigint)
where number = :number and state = :was;

-- name: ask_for_approval
-- From draft to pending: the policy was raised since it was planned.
update operation set state = 'pending', risk = :risk, approvals_needed = :approvals_needed,
    approver_roles = :approver_roles, approvers = :approvers, expires_at = :expires_at,
    next_ping_at = cast(:next_ping_at as bigint)
where number = :number and state = 'draft';

-- name: withdraw_approval
delete from operation_approval where operation = :number and person = :person;

-- name: operation_ended_undecided
-- To denied, expired, cancelled or void, while nothing has run.
update operation set state = :state, decided_at = :now, decided_by = :person, note = :note, expires_at = null,
    next_ping_at = null, owner = null, lease_until = null, review_at = null
where number = :number and state = :was;

-- name: due_expiries
select number from operation
where state in ('draft', 'pending', 'approved') and expires_at <= :now
order by expires_at, number limit 50;

-- name: postpone_expiry
update operation set expires_at = :later where number = :number and expires_at = :was
    and state in ('draft', 'pending', 'approved');

-- name: due_pings
select number from operation where state = 'pending' and next_ping_at <= :now order by next_ping_at, number limit 50;

-- name: move_ping
update operation set next_ping_at = cast(:later as bigint)
where number = :number and state = 'pending' and next_ping_at <= :now;

-- name: claimable_operations
select number from operation
where state = 'approved' and (retry_at is null or retry_at <= :now)
order by decided_at, number limit :n;

-- name: claim_operation
update operation set state = 'claimed', owner = :owner, lease_until = :lease_until, retry_at = null
where number = :number and state = 'approved';

-- name: wait_for_lock
update operation set retry_at = :retry_at where number = :number and state = 'approved';

-- name: note_wait
update operation set note = :note where number = :number and state = 'approved' and note <> :note;

-- name: postpone_claim
-- What it was planned from cannot be read now: tried again at :retry_at.
update operation set state = 'approved', owner = null, lease_until = null, retry_at = :retry_at, note = :note
where number = :number and state = 'claimed' and owner = :owner;

-- name: take_operation_lock
insert into operation_lock (name, operation, since) values (:name, :number, :now) on conflict (name) do nothing;

-- name: operation_lock_holder
select name, operation, since from operation_lock where name = :name;

-- name: release_operation_locks
delete from operation_lock where operation = :number;

-- name: start_operation
update operation set state = 'running', started_at = :now, lease_until = :lease_until, note = '', expires_at = null
where number = :number and state = 'claimed' and owner = :owner;

-- name: extend_operation_lease
update operation set lease_until = :lease_until
where number = :number and owner = :owner and state in ('claimed', 'running');

-- name: begin_operation_step
-- The intent of a step: only while the lease is the owner's own. The note tells how far it is.
update operation set lease_until = :lease_until, busy_until = :busy_until, note = :note
where number = :number and owner = :owner and state = 'running';

-- name: shorten_busy_operation
-- An answer came: nothing, or nothing for longer than that, is under way any more.
update operation set busy_until = cast(:busy_until as bigint)
where number = :number and state in ('running', 'unknown')
    and (cast(:busy_until as bigint) is null or busy_until > cast(:busy_until as bigint));

-- name: journal_operation
insert into operation_journal (operation, step, phase, at, data, text) values (:number, :step, :phase, :at, :data, :text)
on conflict (operation, step, phase) do nothing;

-- name: journal_of_operation
select step, phase, at, data, text from operation_journal where operation = :number order by step, phase;

-- name: finish_operation
-- A running operation by its owner, an unknown one by observation or by a person.
update operation set state = :state, finished_at = :now, note = :note, owner = null, lease_until = null,
    busy_until = null, observe_at = null, undo_until = cast(:undo_until as bigint), verified = :verified,
    verify_at = cast(:verify_at as bigint), left_to_do = :left_to_do
where number = :number and state = :was and (:was <> 'running' or owner = :owner);

-- name: lose_track_of_operation
-- Only its owner, or anyone once its lease has lapsed.
update operation set state = 'unknown', note = :note, cause = :note, owner = null, lease_until = null, observe_at = :now
where number = :number and state = 'running' and (owner = :owner or lease_until <= :wall);

-- name: lapsed_operations
select number, state from operation where state in ('claimed', 'running') and lease_until <= :wall order by number limit 50;

-- name: return_lapsed_claim
update operation set state = 'approved', owner = null, lease_until = null
where number = :number and state = 'claimed' and lease_until <= :wall;

-- name: due_observations
select number from operation where state = 'unknown' and observe_at <= :now order by observe_at, number limit 20;

-- name: move_observation
-- Also the claim of it: one replica looks at a time.
update operation set observe_at = cast(:later as bigint), observations = observations + 1
where number = :number and state = 'unknown' and observe_at <= :now;

-- name: ask_for_observation
update operation set observe_at = :now where number = :number and state = 'unknown';

-- name: note_unknown
update operation set note = :note where number = :number and state = 'unknown';

-- name: due_verifications
select number from operation where verify_at <= :now order by verify_at, number limit 20;

-- name: move_verification
update operation set verify_at = :later where number = :number and verify_at <= :now;

-- name: settle_verification
update operation set verify_at = null, verified = :verified, verification = :verification
where number = :number and verify_at is not null;

-- name: due_reviews
select number from operation where review_at <= :now order by review_at, number limit 20;

-- name: open_reviews
select * from operation where review_at is not null order by number;

-- name: move_review
update operation set review_at = :later where number = :number and review_at <= :now;

-- name: sign_review
update operation set review_at = null, reviewed_by = :person
where number = :number and emergency = 1 and reviewed_by = '';

-- name: mark_undone
update operation set undone_by = :by where number = :number and undone_by is null;

-- name: unmark_undone
-- The undo came to nothing, so it may be tried again.
update operation set undone_by = null where number = :number and undone_by = :by;

-- name: next_due_operation
select min(due) as due from (
    select min(expires_at) as due from operation where state in ('draft', 'pending', 'approved')
    union all select min(next_ping_at) as due from operation where state = 'pending'
    union all select min(observe_at) as due from operation where state = 'unknown'
    union all select min(coalesce(retry_at, decided_at)) as due from operation where state = 'approved'
    union all select min(verify_at) as due from operation where verify_at is not null
    union all select min(review_at) as due from operation where review_at is not null
) as times;

-- name: pending_operations
select * from operation where state = 'pending' order by number;

-- name: operations_with_something_left
select number from operation where system = :system and targets = :targets and left_to_do <> '' order by number;

-- name: nothing_left_to_do
update operation set left_to_do = '' where number = :number;

-- name: unknown_operations
select * from operation where state = 'unknown' order by number;

-- name: same_request
-- A request for exactly this change, in the same incident, that is still under way.
select * from operation
where system = :system and action = :action and parameters = :parameters and incident = :incident
    and state in ('pending', 'approved', 'claimed', 'running', 'unknown')
order by number limit 1;

-- name: recent_operations
select * from operation where system = :system order by number desc limit :n;

-- name: last_change_of_system
-- What moves entries of a queue explains no outage.
select * from operation where system = :system and state in ('succeeded', 'failed') and started_at is not null
    and action not in ('retry_failed', 'remove_expired', 'clear_stuck', 'put_back')
order by number desc limit 1;

-- name: open_incident_for_operation
select id, severity, title from incident where system = :system and state <> 'resolved' order by severity, number limit 1;

-- name: severity_of_open_incident
select severity from incident where id = :id and state <> 'resolved';

-- name: lock_operation
-- Two approvals of the same moment must see one another, or neither would be the one that completes.
select number from operation where number = :number /*pg for update pg*/;
