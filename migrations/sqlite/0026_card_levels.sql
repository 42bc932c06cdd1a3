-- What a card proves: 1 its identifier, which proves nothing, 2 a shared key, 3 a private key.

-- The highest level that the card was ever registered or seen at; it is refused below.
ALTER TABLE credentials ADD COLUMN level INTEGER NOT NULL DEFAULT 1 CHECK (level BETWEEN 1 AND 3);

-- A card with a key has two references under each card key: of its key and of its identifier.
ALTER TABLE credential_references RENAME TO credential_references_before;

CREATE TABLE credential_references (
    reference BLOB NOT NULL PRIMARY KEY CHECK (length(reference) = 32),
    credential_id BLOB NOT NULL REFERENCES credentials (id),
    generation INTEGER NOT NULL REFERENCES card_keys (generation),
    level INTEGER NOT NULL DEFAULT 1 CHECK (level BETWEEN 1 AND 3),
    UNIQUE (credential_id, generation, level)
) STRICT, WITHOUT ROWID;

INSERT INTO credential_references (reference, credential_id, generation)
SELECT reference, credential_id, generation FROM credential_references_before;

DROP TABLE credential_references_before;

-- What proves most stands in `reference`; beside a key, the identifier of the same card may stand.
ALTER TABLE card_offers ADD COLUMN level INTEGER NOT NULL DEFAULT 1 CHECK (level BETWEEN 1 AND 3);
ALTER TABLE card_offers ADD COLUMN beside BLOB CHECK (length(beside) = 32);
ALTER TABLE card_offers ADD COLUMN former_beside BLOB CHECK (length(former_beside) = 32);

-- The cards that were stopped last stand on every sheet.
CREATE INDEX credentials_stopped ON credentials (state_at) WHERE state IN ('lost', 'blocked');
