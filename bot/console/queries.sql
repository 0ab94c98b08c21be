-- name: note_service
insert into service (name, os_user, configuration, socket, started_at)
values ('bot', :os_user, :configuration, :socket, :at)
on conflict (name) do update
set os_user = excluded.os_user, configuration = excluded.configuration, socket = excluded.socket,
    started_at = excluded.started_at;

-- name: noted_service
select os_user, configuration, socket from service where name = 'bot';
