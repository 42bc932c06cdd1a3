-- People, what they were given to do, and what they sign in or tap with.

CREATE TABLE employers (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE persons (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email TEXT NOT NULL UNIQUE CHECK (length(email) <= 254 AND email = lower(email)),
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    -- Argon2id, PHC strings.
    password TEXT,
    pin TEXT,
    employer_id BLOB REFERENCES employers (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    person_id BLOB NOT NULL REFERENCES persons (id),
    position INTEGER NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('worker', 'parent', 'operator', 'municipal_admin')),
    centre_id BLOB REFERENCES centres (id),
    municipality_id BLOB REFERENCES municipalities (id),
    PRIMARY KEY (person_id, position),
    CHECK ((role = 'operator') = (centre_id IS NOT NULL)),
    CHECK ((role = 'municipal_admin') = (municipality_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The token is kept as its SHA-256.
CREATE TABLE sessions (
    token BLOB NOT NULL PRIMARY KEY CHECK (length(token) = 32),
    person_id BLOB NOT NULL REFERENCES persons (id),
    csrf TEXT NOT NULL,
    started_at TEXT NOT NULL CHECK (started_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    CHECK (ends_at > started_at)
) STRICT, WITHOUT ROWID;

-- The reference is an HMAC of the card's identifier under the region's card key.
CREATE TABLE credentials (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL REFERENCES persons (id),
    reference BLOB NOT NULL UNIQUE CHECK (length(reference) = 32),
    label TEXT NOT NULL,
    blocked INTEGER NOT NULL CHECK (blocked IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX credentials_by_person ON credentials (person_id);

-- Name and birth date are encrypted.
CREATE TABLE children (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    guardian_id BLOB NOT NULL REFERENCES persons (id),
    position INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX children_by_guardian ON children (guardian_id, position);

-- Counters of changes that belong to no centre alone.
CREATE TABLE revisions (
    name TEXT NOT NULL PRIMARY KEY,
    rev INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO revisions (name, rev) VALUES ('people', 1);
