-- An incident's channel is made in steps, each of which is written down when it is done.

-- room_wanted: 1 for P0, P1 and where somebody asked for it, 0 once it was given up. room_guests: JSON list of Slack ids.
-- room_attempts counts the failures of the step at hand.
alter table incident add column room_wanted bigint not null default 1;
alter table incident add column room_topic text not null default '';
alter table incident add column room_guests text not null default '[]';
alter table incident add column room_archived_at bigint;
