-- Finds messages that may be forgotten without reading those that may not.

create index message_settled on message (created_at) where state <> 'open';
