-- What a nursery gives and asks besides places and staff, and the schemes that care is given under.

-- A model::care::terms::Terms as JSON.
ALTER TABLE nurseries ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';

CREATE TABLE care_schemes (
    name TEXT NOT NULL PRIMARY KEY,
    -- A model::care::scheme::Scheme as JSON.
    body TEXT NOT NULL,
    added_at TEXT NOT NULL CHECK (added_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

-- The scheme that the care is given under; what was booked before is under none.
ALTER TABLE care_claims ADD COLUMN scheme TEXT;

CREATE TRIGGER care_schemes_changed_by_insert AFTER INSERT ON care_schemes
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER care_schemes_changed_by_update AFTER UPDATE ON care_schemes
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER care_schemes_changed_by_delete AFTER DELETE ON care_schemes
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
