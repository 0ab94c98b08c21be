-- Where the running bot listens for the command line, whatever the environment of the command line says.

-- socket: an absolute path; empty where it does not listen.
alter table service add column socket text not null default '';
