-- Whose ledger this is: what the bot last ran with, so that the command line alone cannot act on it with another one.

-- os_user: of the process. configuration: a digest of steward.yaml as it was read, and of the address of Slack.
create table service (
    name text primary key,
    os_user text not null,
    configuration text not null,
    started_at bigint not null
);
