-- Cards have a life, references under one or two generations of the region's card key, and are
-- offered at a kiosk before they are somebody's.

CREATE TABLE card_keys (
    generation BIGINT NOT NULL PRIMARY KEY CHECK (generation > 0),
    made_at TIMESTAMPTZ NOT NULL,
    -- Cards that were never tapped under a later key end then.
    retires_at TIMESTAMPTZ,
    retired_at TIMESTAMPTZ
);

INSERT INTO card_keys (generation, made_at) VALUES (1, '2026-11-23T00:00:00+00:00');

ALTER TABLE credentials
    ADD COLUMN state TEXT NOT NULL DEFAULT 'active'
        CHECK (state IN ('active', 'lost', 'blocked', 'replaced', 'expired')),
    -- Since when, by whom (nobody: the hub itself) and why it is in this state.
    ADD COLUMN state_at TIMESTAMPTZ NOT NULL DEFAULT '2026-11-23T00:00:00+00:00',
    ADD COLUMN state_by UUID REFERENCES persons (id),
    ADD COLUMN state_why TEXT NOT NULL DEFAULT '' CHECK (length(state_why) <= 200),
    -- Not from then on.
    ADD COLUMN valid_until TIMESTAMPTZ,
    ADD COLUMN added_at TIMESTAMPTZ NOT NULL DEFAULT '2026-11-23T00:00:00+00:00';

UPDATE credentials SET state = 'blocked' WHERE blocked;

ALTER TABLE credentials
    ALTER COLUMN state DROP DEFAULT,
    ALTER COLUMN state_at DROP DEFAULT,
    ALTER COLUMN state_why DROP DEFAULT,
    ALTER COLUMN added_at DROP DEFAULT,
    DROP COLUMN blocked;

-- A reference is an HMAC of the card's identifier under the card key of its generation.
CREATE TABLE credential_references (
    reference BYTEA NOT NULL PRIMARY KEY CHECK (length(reference) = 32),
    credential_id UUID NOT NULL REFERENCES credentials (id),
    generation BIGINT NOT NULL REFERENCES card_keys (generation),
    UNIQUE (credential_id, generation)
);

INSERT INTO credential_references (reference, credential_id, generation)
SELECT reference, id, 1 FROM credentials;

ALTER TABLE credentials DROP COLUMN reference;

-- The code is kept as an HMAC under a key that is not in the database.
CREATE TABLE card_offers (
    id UUID NOT NULL PRIMARY KEY,
    code BYTEA NOT NULL UNIQUE CHECK (length(code) = 32),
    centre_id UUID NOT NULL REFERENCES centres (id),
    kiosk TEXT NOT NULL,
    generation BIGINT NOT NULL REFERENCES card_keys (generation),
    reference BYTEA NOT NULL CHECK (length(reference) = 32),
    former_generation BIGINT REFERENCES card_keys (generation),
    former_reference BYTEA CHECK (length(former_reference) = 32),
    offered_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    taken_at TIMESTAMPTZ,
    CHECK ((former_generation IS NULL) = (former_reference IS NULL))
);

CREATE INDEX card_offers_by_kiosk ON card_offers (kiosk, offered_at);
