-- People, what they were given to do, and what they sign in or tap with.

CREATE TABLE employers (
    id UUID NOT NULL PRIMARY KEY,
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL
);

CREATE TABLE persons (
    id UUID NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE CHECK (length(email) <= 254 AND email = lower(email COLLATE "C")),
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    -- Argon2id, PHC strings.
    password TEXT,
    pin TEXT,
    employer_id UUID REFERENCES employers (id)
);

CREATE TABLE grants (
    person_id UUID NOT NULL REFERENCES persons (id),
    position BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('worker', 'parent', 'operator', 'municipal_admin')),
    centre_id UUID REFERENCES centres (id),
    municipality_id UUID REFERENCES municipalities (id),
    PRIMARY KEY (person_id, position),
    CHECK ((role = 'operator') = (centre_id IS NOT NULL)),
    CHECK ((role = 'municipal_admin') = (municipality_id IS NOT NULL))
);

-- The token is kept as its SHA-256.
CREATE TABLE sessions (
    token BYTEA NOT NULL PRIMARY KEY CHECK (length(token) = 32),
    person_id UUID NOT NULL REFERENCES persons (id),
    csrf TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    CHECK (ends_at > started_at)
);

-- The reference is an HMAC of the card's identifier under the region's card key.
CREATE TABLE credentials (
    id UUID NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES persons (id),
    reference BYTEA NOT NULL UNIQUE CHECK (length(reference) = 32),
    label TEXT NOT NULL,
    blocked BOOLEAN NOT NULL
);

CREATE INDEX credentials_by_person ON credentials (person_id);

-- Name and birth date are encrypted.
CREATE TABLE children (
    id UUID NOT NULL PRIMARY KEY,
    guardian_id UUID NOT NULL REFERENCES persons (id),
    position BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

CREATE INDEX children_by_guardian ON children (guardian_id, position);

-- Counters of changes that belong to no centre alone.
CREATE TABLE revisions (
    name TEXT NOT NULL PRIMARY KEY,
    rev BIGINT NOT NULL
);

INSERT INTO revisions (name, rev) VALUES ('people', 1);
