-- Cards have a life, references under one or two generations of the region's card key, and are
-- offered at a kiosk before they are somebody's.

CREATE TABLE card_keys (
    generation INTEGER NOT NULL PRIMARY KEY CHECK (generation > 0),
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00'),
    -- Cards that were never tapped under a later key end then.
    retires_at TEXT CHECK (retires_at GLOB '????-??-??T??:??:??*+00:00'),
    retired_at TEXT CHECK (retired_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

INSERT INTO card_keys (generation, made_at) VALUES (1, '2026-11-23T00:00:00+00:00');

DROP INDEX credentials_by_person;
ALTER TABLE credentials RENAME TO credentials_before;

CREATE TABLE credentials (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL REFERENCES persons (id),
    label TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'lost', 'blocked', 'replaced', 'expired')),
    -- Since when, by whom (nobody: the hub itself) and why it is in this state.
    state_at TEXT NOT NULL CHECK (state_at GLOB '????-??-??T??:??:??*+00:00'),
    state_by BLOB REFERENCES persons (id),
    state_why TEXT NOT NULL CHECK (length(state_why) <= 200),
    -- Not from then on.
    valid_until TEXT CHECK (valid_until GLOB '????-??-??T??:??:??*+00:00'),
    added_at TEXT NOT NULL CHECK (added_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

CREATE INDEX credentials_by_person ON credentials (person_id);

INSERT INTO credentials (id, person_id, label, state, state_at, state_why, added_at)
SELECT id, person_id, label, CASE blocked WHEN 1 THEN 'blocked' ELSE 'active' END,
    '2026-11-23T00:00:00+00:00', '', '2026-11-23T00:00:00+00:00'
FROM credentials_before;

-- A reference is an HMAC of the card's identifier under the card key of its generation.
CREATE TABLE credential_references (
    reference BLOB NOT NULL PRIMARY KEY CHECK (length(reference) = 32),
    credential_id BLOB NOT NULL REFERENCES credentials (id),
    generation INTEGER NOT NULL REFERENCES card_keys (generation),
    UNIQUE (credential_id, generation)
) STRICT, WITHOUT ROWID;

INSERT INTO credential_references (reference, credential_id, generation)
SELECT reference, id, 1 FROM credentials_before;

DROP TABLE credentials_before;

-- The code is kept as an HMAC under a key that is not in the database.
CREATE TABLE card_offers (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    code BLOB NOT NULL UNIQUE CHECK (length(code) = 32),
    centre_id BLOB NOT NULL REFERENCES centres (id),
    kiosk TEXT NOT NULL,
    generation INTEGER NOT NULL REFERENCES card_keys (generation),
    reference BLOB NOT NULL CHECK (length(reference) = 32),
    former_generation INTEGER REFERENCES card_keys (generation),
    former_reference BLOB CHECK (length(former_reference) = 32),
    offered_at TEXT NOT NULL CHECK (offered_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    taken_at TEXT CHECK (taken_at GLOB '????-??-??T??:??:??*+00:00'),
    CHECK ((former_generation IS NULL) = (former_reference IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX card_offers_by_kiosk ON card_offers (kiosk, offered_at);
