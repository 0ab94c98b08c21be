-- name: keep_inbox
-- What arrives and what is finished at one moment, as one statement. `requests`: by key, the call of a request or null for
-- one that is finished without having written anything else (refused, a form was opened). It tells whose keys are new: a
-- replay finds its key taken and changes nothing. So does what is sent again because its answer was lost, but that finds its
-- own call, and is new. SQLite wants a `where` before this `on conflict`.
insert into inbox (key, call, received_at, state, owner, lease_until)
select key, coalesce(value, ''), :received_at,
    case when value is null then 'done' else 'claimed' end,
    case when value is null then null else :owner end,
    case when value is null then null else cast(:lease_until as bigint) end
from json_each/*pg_textpg*/(:requests) where 1 = 1
on conflict (key) do update set state = excluded.state, owner = excluded.owner, lease_until = excluded.lease_until
    where (excluded.state = 'done' and inbox.state <> 'done')
        or (inbox.state = 'claimed' and inbox.owner = excluded.owner and inbox.call = excluded.call)
returning key, state;

-- name: settle_receipt
-- In the transaction of what the request decided: a request is carried out once, whoever claims it again.
update inbox set state = 'done', owner = null, lease_until = null where key = :key and state in ('waiting', 'claimed');

-- name: give_up_inbox
update inbox set state = 'done', owner = null, lease_until = null
where key in (select key from json_each(:keys)) and owner = :owner and state = 'claimed';

-- name: claim_inbox
-- Entries whose owner died. The due condition stands in the outer where again: see the trap in ADR 0003.
with due as materialized (
    select key from inbox
    where state in ('waiting', 'claimed') and lease_until <= :wall
    order by received_at
    limit :n
    /*pg for update skip locked pg*/
)
update inbox set state = 'claimed', owner = :owner, lease_until = :lease_until
where key in (select key from due) and state in ('waiting', 'claimed') and lease_until <= :wall
returning key, call, received_at;

-- name: renew_inbox
-- What is locked at this moment is being finished; waiting for it could end in a deadlock, and the next second comes soon.
with due as materialized (
    select key from inbox where key in (select key from json_each(:keys)) and owner = :owner and state = 'claimed'
    /*pg for update skip locked pg*/
)
update inbox set lease_until = :lease_until where key in (select key from due);

-- name: count_open_inbox
select count(*) as n from inbox where state in ('waiting', 'claimed');

-- name: forget_inbox
-- Replays older than the signature window are refused by the guard, so old keys may go.
delete from inbox where state = 'done' and received_at < :before;
