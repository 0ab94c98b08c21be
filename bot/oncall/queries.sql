-- name: keep_group
insert into group_copy (name, members, read_at) values (:name, :members, :read_at)
on conflict (name) do update set members = excluded.members, read_at = excluded.read_at
where group_copy.read_at <= excluded.read_at;

-- name: kept_group
select members, read_at from group_copy where name = :name;
