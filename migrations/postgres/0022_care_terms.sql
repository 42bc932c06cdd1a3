-- What a nursery gives and asks besides places and staff, and the schemes that care is given under.

-- A model::care::terms::Terms as JSON.
ALTER TABLE nurseries ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';

CREATE TABLE care_schemes (
    name TEXT NOT NULL PRIMARY KEY,
    -- A model::care::scheme::Scheme as JSON.
    body TEXT NOT NULL,
    added_at TIMESTAMPTZ NOT NULL
);

-- The scheme that the care is given under; what was booked before is under none.
ALTER TABLE care_claims ADD COLUMN scheme TEXT;

CREATE TRIGGER care_schemes_changed AFTER INSERT OR UPDATE OR DELETE ON care_schemes
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
