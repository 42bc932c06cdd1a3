-- What is personal: sealed under each person's or child's own key; consents; how long things are
-- kept.

-- Their telephone number, sealed; and since when they are nobody any more.
ALTER TABLE persons ADD COLUMN sealed BYTEA;
ALTER TABLE persons ADD COLUMN erased_at TIMESTAMPTZ;

-- Allergies, health, contacts and doctor, sealed; the name and birth date stand in `sealed`.
ALTER TABLE children ADD COLUMN health BYTEA;

-- Old visits are counted, and are nobody's: the person's id has given way to a pseudonym.
ALTER TABLE visits ADD COLUMN pseudonymous BIGINT NOT NULL DEFAULT 0
    CHECK (pseudonymous IN (0, 1));
CREATE INDEX visits_with_a_person ON visits (checked_in_at) WHERE pseudonymous = 0;

-- With a one-time code (kept as its SHA-256) another guardian joins a household.
CREATE TABLE guardian_codes (
    secret BYTEA NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    household_id UUID NOT NULL REFERENCES households (id),
    made_by UUID NOT NULL REFERENCES persons (id),
    ends_at TIMESTAMPTZ NOT NULL,
    taken_at TIMESTAMPTZ
);

CREATE TABLE consents (
    id UUID NOT NULL PRIMARY KEY,
    child_id UUID NOT NULL REFERENCES children (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('care', 'health')),
    -- Which words they agreed to.
    wording TEXT NOT NULL,
    given_by UUID NOT NULL REFERENCES persons (id),
    given_at TIMESTAMPTZ NOT NULL,
    withdrawn_at TIMESTAMPTZ,
    CHECK (withdrawn_at >= given_at)
);

-- One of a kind in force for each child.
CREATE UNIQUE INDEX consents_in_force ON consents (child_id, purpose) WHERE withdrawn_at IS NULL;
CREATE INDEX consents_by_child ON consents (child_id, given_at);

CREATE TABLE retention (
    what TEXT NOT NULL PRIMARY KEY,
    days BIGINT NOT NULL CHECK (days >= 1),
    -- Why so long.
    source TEXT NOT NULL
);

INSERT INTO retention (what, days, source) VALUES
    ('audit', 1095, 'Three years: as long as claims about a misuse are usually raised'),
    ('bookings', 1095, 'Three years after their end: bills and questions about them'),
    ('cancelled_bookings', 365, 'A year after their end: questions about a cancellation'),
    ('device_codes', 30, 'A month after their end: to see who enrolled what'),
    ('guardian_codes', 7, 'A week after their end: nobody needs a used code'),
    ('site_events', 365, 'A year: questions about a day at a centre'),
    ('visits', 1095, 'Three years: bills of visits; afterwards only their figures count');

