-- Whose approval a booking waits for: the centre's, that of the employer who pays, or both.

ALTER TABLE bookings
    ADD COLUMN awaits_centre BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN awaits_employer BOOLEAN NOT NULL DEFAULT FALSE;

UPDATE bookings SET awaits_employer = TRUE
WHERE status = 'asked' AND on_account_of IN (SELECT id FROM employers WHERE approves);
UPDATE bookings SET awaits_centre = TRUE WHERE status = 'asked' AND NOT awaits_employer;
