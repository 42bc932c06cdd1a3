-- Sites: their devices, sheets, events and what these mean.

CREATE TABLE devices (
    device TEXT NOT NULL PRIMARY KEY,
    centre_id BLOB NOT NULL REFERENCES centres (id),
    kind TEXT NOT NULL,
    -- SHA-256 of its certificate, once enrolled.
    fingerprint BLOB CHECK (length(fingerprint) = 32)
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_by_centre ON devices (centre_id);

-- The secret is kept as its SHA-256; names are a JSON array.
CREATE TABLE enrol_codes (
    secret BLOB NOT NULL PRIMARY KEY CHECK (length(secret) = 32),
    device TEXT NOT NULL REFERENCES devices (device),
    names TEXT NOT NULL,
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    taken_at TEXT CHECK (taken_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

CREATE TABLE sites (
    centre_id BLOB NOT NULL PRIMARY KEY REFERENCES centres (id),
    -- The place of the last event taken in; the first event has place 1.
    reached INTEGER NOT NULL DEFAULT 0,
    told_until TEXT CHECK (told_until GLOB '????-??-??T??:??:??*+00:00'),
    -- When its edge last began to run.
    started_at TEXT CHECK (started_at GLOB '????-??-??T??:??:??*+00:00'),
    sheet_in_force INTEGER,
    heard_at TEXT CHECK (heard_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

CREATE TABLE sheets (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    version INTEGER NOT NULL,
    content BLOB NOT NULL CHECK (length(content) = 32),
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00'),
    PRIMARY KEY (centre_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE site_events (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    place INTEGER NOT NULL,
    edge TEXT NOT NULL,
    at TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??*+00:00'),
    kind TEXT NOT NULL,
    -- The whole event as JSON.
    body TEXT NOT NULL,
    taken_at TEXT NOT NULL CHECK (taken_at GLOB '????-??-??T??:??:??*+00:00'),
    PRIMARY KEY (centre_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    centre_id BLOB NOT NULL PRIMARY KEY REFERENCES centres (id),
    place INTEGER NOT NULL,
    body TEXT NOT NULL,
    taken_at TEXT NOT NULL CHECK (taken_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

-- What sites tell must never be refused for ever: person, booking and space are not foreign keys.
CREATE TABLE visits (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL,
    centre_id BLOB NOT NULL REFERENCES centres (id),
    booking_id BLOB NOT NULL,
    space_id BLOB NOT NULL,
    checked_in_at TEXT NOT NULL CHECK (checked_in_at GLOB '????-??-??T??:??:??*+00:00'),
    checked_out_at TEXT CHECK (checked_out_at GLOB '????-??-??T??:??:??*+00:00'),
    CHECK (checked_out_at >= checked_in_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX visits_by_person ON visits (person_id, checked_in_at);
CREATE INDEX visits_by_centre ON visits (centre_id, checked_in_at);
CREATE INDEX visits_by_booking ON visits (booking_id);
