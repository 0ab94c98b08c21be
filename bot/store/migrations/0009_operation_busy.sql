-- Until when a step that was begun may still be under way, here or at the provider: by the machine's time, as leases are.
-- Until then nobody may believe that it did not happen.

alter table operation add column busy_until bigint;
