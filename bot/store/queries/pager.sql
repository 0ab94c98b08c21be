-- name: note_pager_event
-- An event that was noted before changes nothing.
insert into pager_event (id, at) values (:id, :at) on conflict (id) do nothing;
