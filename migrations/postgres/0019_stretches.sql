-- How many stretches of desks and of care a booking has had at most: calendars know each by its number,
-- and are told which of them a change has dropped.

ALTER TABLE bookings
    ADD COLUMN desk_stretches BIGINT NOT NULL DEFAULT 0 CHECK (desk_stretches >= 0),
    ADD COLUMN care_stretches BIGINT NOT NULL DEFAULT 0 CHECK (care_stretches >= 0);

UPDATE bookings SET
    desk_stretches =
        (SELECT COUNT(DISTINCT starts_at) FROM desk_claims WHERE booking_id = bookings.id),
    care_stretches =
        (SELECT COUNT(DISTINCT starts_at) FROM care_claims WHERE booking_id = bookings.id);
