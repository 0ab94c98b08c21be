-- name: append_audit
insert into audit (id, at, actor, via, kind, subject, detail, written)
values (:id, :at, :actor, :via, :kind, :subject, :detail, :written);

-- name: refusals_of
select count(*) as n from (
    select 1 from audit where actor = :actor and at > :since and kind in ('request.refused', 'operation.refused') limit :most
) as refusals;

-- name: audit_head
-- Whoever seals holds this row until the commit, so the chain has one end.
select sequence, hash, anchored_on from audit_head where name = 'head' /*pg for update pg*/;

-- name: start_audit_head
insert into audit_head (name, sequence, hash, anchored_on) values ('head', 0, '', :anchored_on)
on conflict (name) do nothing;

-- name: move_audit_head
update audit_head set sequence = :sequence, hash = :hash where name = 'head';

-- name: mark_anchored
update audit_head set anchored_on = :day where name = 'head' and anchored_on <> :day;

-- name: unsealed_audit
select id, at, actor, via, kind, subject, detail, written from audit where sequence is null order by id limit :n;

-- name: any_unsealed_audit
select count(*) as n from audit where sequence is null;

-- name: seal_audit
update audit set sequence = :sequence, previous = :previous, hash = :hash where id = :id and sequence is null;

-- name: sealed_audit
select id, at, actor, via, kind, subject, detail, written, sequence, previous, hash from audit
where sequence > :after order by sequence limit :n;

-- name: read_audit
select id, at, actor, via, kind, subject, detail, written, sequence, previous, hash from audit
where id > :after order by id limit :n;

-- name: read_audit_head
select sequence, hash from audit_head where name = 'head';
