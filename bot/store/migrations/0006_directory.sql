-- The last good copy of each Slack user group's members, for an hour in which Slack cannot be asked.

create table group_copy (
    name text primary key,
    members text not null,
    read_at bigint not null
);
