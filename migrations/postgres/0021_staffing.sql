-- Rules of childcare as data, how a nursery is staffed, who works when, and what a care claim is counted by.

CREATE TABLE rule_sets (
    name TEXT NOT NULL PRIMARY KEY,
    -- A model::care::rule_set::RuleSet as JSON.
    body TEXT NOT NULL,
    added_at TIMESTAMPTZ NOT NULL
);

-- A model::care::staffing::Staffing as JSON; without one the places alone count.
ALTER TABLE nurseries ADD COLUMN staffing TEXT;

-- Where the child is, and how old it counts; unknown counts as the youngest.
ALTER TABLE care_claims ADD COLUMN room_id UUID;
ALTER TABLE care_claims ADD COLUMN age BIGINT CHECK (age >= 0);
ALTER TABLE care_claims ADD COLUMN school_age BIGINT CHECK (school_age >= 0);
-- The same for who waits: ages by child, as JSON.
ALTER TABLE waitlist ADD COLUMN ages TEXT NOT NULL DEFAULT '{}';

CREATE TABLE shifts (
    id UUID NOT NULL PRIMARY KEY,
    nursery_id UUID NOT NULL REFERENCES nurseries (id),
    -- As the roster names them.
    caregiver TEXT NOT NULL,
    kind TEXT NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    -- Intervals as JSON.
    breaks TEXT NOT NULL,
    CHECK (ends_at > starts_at),
    CHECK (ends_at - starts_at <= INTERVAL '24 hours'),
    CONSTRAINT shifts_no_overlap EXCLUDE USING gist
        (nursery_id WITH =, caregiver WITH =, tstzrange(starts_at, ends_at) WITH &&)
);

CREATE INDEX shifts_by_nursery ON shifts (nursery_id, starts_at);

CREATE TRIGGER rule_sets_changed AFTER INSERT OR UPDATE OR DELETE ON rule_sets
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
