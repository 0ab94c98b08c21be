-- Since when each check has been as it is, and what queues held, for trends.

create table reading (
    system text not null,
    check_name text not null,
    status text not null,
    since bigint not null,
    seen_at bigint not null,
    primary key (system, check_name)
);

create table sample (
    system text not null,
    check_name text not null,
    at bigint not null,
    value double precision not null,
    primary key (system, check_name, at)
);
create index sample_age on sample (at);
