-- What a person was refused lately: after so many rows an hour, further ones are left out.
create index audit_actor on audit (actor, at);
