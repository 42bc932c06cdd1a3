-- Who decides about a centre's bookings is asked with each one that waits for a decision.
CREATE INDEX roles_by_centre ON roles (centre_id) WHERE centre_id IS NOT NULL;
