-- Whose approval a booking waits for: the centre's, that of the employer who pays, or both.

ALTER TABLE bookings ADD COLUMN awaits_centre INTEGER NOT NULL DEFAULT 0 CHECK (awaits_centre IN (0, 1));
ALTER TABLE bookings ADD COLUMN awaits_employer INTEGER NOT NULL DEFAULT 0 CHECK (awaits_employer IN (0, 1));

UPDATE bookings SET awaits_employer = 1
WHERE status = 'asked' AND on_account_of IN (SELECT id FROM employers WHERE approves);
UPDATE bookings SET awaits_centre = 1 WHERE status = 'asked' AND NOT awaits_employer;
