-- Sites: their devices, sheets, events and what these mean.

CREATE TABLE devices (
    device TEXT NOT NULL PRIMARY KEY,
    centre_id UUID NOT NULL REFERENCES centres (id),
    kind TEXT NOT NULL,
    -- SHA-256 of its certificate, once enrolled.
    fingerprint BYTEA CHECK (length(fingerprint) = 32)
);

CREATE INDEX devices_by_centre ON devices (centre_id);

-- The secret is kept as its SHA-256; names are a JSON array.
CREATE TABLE enrol_codes (
    secret BYTEA NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    device TEXT NOT NULL REFERENCES devices (device),
    names TEXT NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    taken_at TIMESTAMPTZ
);

CREATE TABLE sites (
    centre_id UUID NOT NULL PRIMARY KEY REFERENCES centres (id),
    -- The place of the last event taken in; the first event has place 1.
    reached BIGINT NOT NULL DEFAULT 0,
    told_until TIMESTAMPTZ,
    -- When its edge last began to run.
    started_at TIMESTAMPTZ,
    sheet_in_force BIGINT,
    heard_at TIMESTAMPTZ
);

CREATE TABLE sheets (
    centre_id UUID NOT NULL REFERENCES centres (id),
    version BIGINT NOT NULL,
    content BYTEA NOT NULL CHECK (length(content) = 32),
    made_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (centre_id, version)
);

CREATE TABLE site_events (
    centre_id UUID NOT NULL REFERENCES centres (id),
    place BIGINT NOT NULL,
    edge TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL,
    -- The whole event as JSON.
    body TEXT NOT NULL,
    taken_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (centre_id, place)
);

CREATE TABLE snapshots (
    centre_id UUID NOT NULL PRIMARY KEY REFERENCES centres (id),
    place BIGINT NOT NULL,
    body TEXT NOT NULL,
    taken_at TIMESTAMPTZ NOT NULL
);

-- What sites tell must never be refused for ever: person, booking and space are not foreign keys.
CREATE TABLE visits (
    id UUID NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL,
    centre_id UUID NOT NULL REFERENCES centres (id),
    booking_id UUID NOT NULL,
    space_id UUID NOT NULL,
    checked_in_at TIMESTAMPTZ NOT NULL,
    checked_out_at TIMESTAMPTZ,
    CHECK (checked_out_at >= checked_in_at)
);

CREATE INDEX visits_by_person ON visits (person_id, checked_in_at);
CREATE INDEX visits_by_centre ON visits (centre_id, checked_in_at);
CREATE INDEX visits_by_booking ON visits (booking_id);
