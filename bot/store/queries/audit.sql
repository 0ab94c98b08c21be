-- name: append_audit
insert into audit (id, at, actor, via, kind, subject, detail, written)
values (:id, :at, :actor, :via, :kind, :subject, :detail, :written);
