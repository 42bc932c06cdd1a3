-- Rules of childcare as data, how a nursery is staffed, who works when, and what a care claim is counted by.

CREATE TABLE rule_sets (
    name TEXT NOT NULL PRIMARY KEY,
    -- A model::care::rule_set::RuleSet as JSON.
    body TEXT NOT NULL,
    added_at TEXT NOT NULL CHECK (added_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

-- A model::care::staffing::Staffing as JSON; without one the places alone count.
ALTER TABLE nurseries ADD COLUMN staffing TEXT;

-- Where the child is, and how old it counts; unknown counts as the youngest.
ALTER TABLE care_claims ADD COLUMN room_id BLOB CHECK (length(room_id) = 16);
ALTER TABLE care_claims ADD COLUMN age INTEGER CHECK (age >= 0);
ALTER TABLE care_claims ADD COLUMN school_age INTEGER CHECK (school_age >= 0);
-- The same for who waits: ages by child, as JSON.
ALTER TABLE waitlist ADD COLUMN ages TEXT NOT NULL DEFAULT '{}';

CREATE TABLE shifts (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    nursery_id BLOB NOT NULL REFERENCES nurseries (id),
    -- As the roster names them.
    caregiver TEXT NOT NULL,
    kind TEXT NOT NULL,
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    -- Intervals as JSON.
    breaks TEXT NOT NULL,
    CHECK (ends_at > starts_at),
    CHECK (julianday(ends_at) - julianday(starts_at) < 1.00001)
) STRICT, WITHOUT ROWID;

CREATE INDEX shifts_by_nursery ON shifts (nursery_id, starts_at);

CREATE TRIGGER shifts_no_overlap_insert BEFORE INSERT ON shifts
BEGIN
    SELECT RAISE(ABORT, 'shifts_no_overlap')
    WHERE EXISTS (
        SELECT 1 FROM shifts
        WHERE nursery_id = NEW.nursery_id AND caregiver = NEW.caregiver
            AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at
    );
END;

CREATE TRIGGER shifts_no_overlap_update BEFORE UPDATE ON shifts
BEGIN
    SELECT RAISE(ABORT, 'shifts_no_overlap')
    WHERE EXISTS (
        SELECT 1 FROM shifts
        WHERE nursery_id = NEW.nursery_id AND caregiver = NEW.caregiver AND id <> OLD.id
            AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at
    );
END;

CREATE TRIGGER rule_sets_changed_by_insert AFTER INSERT ON rule_sets
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER rule_sets_changed_by_update AFTER UPDATE ON rule_sets
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER rule_sets_changed_by_delete AFTER DELETE ON rule_sets
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
