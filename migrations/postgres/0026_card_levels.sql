-- What a card proves: 1 its identifier, which proves nothing, 2 a shared key, 3 a private key.

-- The highest level that the card was ever registered or seen at; it is refused below.
ALTER TABLE credentials ADD COLUMN level BIGINT NOT NULL DEFAULT 1 CHECK (level BETWEEN 1 AND 3);

-- A card with a key has two references under each card key: of its key and of its identifier.
ALTER TABLE credential_references
    ADD COLUMN level BIGINT NOT NULL DEFAULT 1 CHECK (level BETWEEN 1 AND 3),
    DROP CONSTRAINT credential_references_credential_id_generation_key,
    ADD UNIQUE (credential_id, generation, level);

-- What proves most stands in `reference`; beside a key, the identifier of the same card may stand.
ALTER TABLE card_offers
    ADD COLUMN level BIGINT NOT NULL DEFAULT 1 CHECK (level BETWEEN 1 AND 3),
    ADD COLUMN beside BYTEA CHECK (length(beside) = 32),
    ADD COLUMN former_beside BYTEA CHECK (length(former_beside) = 32);

-- The cards that were stopped last stand on every sheet.
CREATE INDEX credentials_stopped ON credentials (state_at) WHERE state IN ('lost', 'blocked');
