-- What is left to do although the operation took effect, such as a lock that is missing; empty where nothing is.
alter table operation add column left_to_do text not null default '';

-- Why nobody knew what came of it: later looks must not take its place.
alter table operation add column cause text not null default '';
