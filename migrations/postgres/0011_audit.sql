-- The record of who did what: a chain over sealed entries, and the keys they are sealed with.

-- Each key is sealed itself by a key outside the database; the owner is a person, a child, or the
-- hub (under the nil id). Destroying a row makes what it sealed unreadable for good.
CREATE TABLE person_keys (
    id UUID NOT NULL PRIMARY KEY,
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('person', 'child', 'hub')),
    owner_id UUID NOT NULL,
    ring_key BIGINT NOT NULL CHECK (ring_key >= 1),
    wrapped BYTEA NOT NULL,
    UNIQUE (owner_kind, owner_id)
);

CREATE INDEX person_keys_by_ring_key ON person_keys (ring_key);

CREATE TABLE audit_entries (
    id UUID NOT NULL PRIMARY KEY,
    -- Given after the commit, 1, 2, 3 …; the hash covers the entry and the hash before it.
    place BIGINT UNIQUE CHECK (place >= 1),
    hash BYTEA CHECK (length(hash) = 32),
    at TIMESTAMPTZ NOT NULL,
    action TEXT NOT NULL,
    centre_id UUID,
    -- Whom it is about and who did it, by their keys: nobody's once the key is destroyed.
    subject_key UUID,
    actor_key UUID,
    seal_key UUID NOT NULL,
    sealed BYTEA NOT NULL,
    CHECK ((place IS NULL) = (hash IS NULL))
);

CREATE INDEX audit_entries_unplaced ON audit_entries (at, id) WHERE place IS NULL;
CREATE INDEX audit_entries_by_time ON audit_entries (at, id);
CREATE INDEX audit_entries_by_subject ON audit_entries (subject_key, at);
CREATE INDEX audit_entries_by_centre ON audit_entries (centre_id, at);

-- One row: where the chain begins (signed, as what was before is forgotten) and ends.
CREATE TABLE audit_chain (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    place BIGINT NOT NULL CHECK (place >= base_place),
    hash BYTEA NOT NULL CHECK (length(hash) = 32),
    base_place BIGINT NOT NULL CHECK (base_place >= 0),
    base_hash BYTEA NOT NULL CHECK (length(base_hash) = 32),
    base_signature BYTEA NOT NULL
);

INSERT INTO audit_chain (one, place, hash, base_place, base_hash, base_signature)
VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'), '');

-- The highest head that each site has seen on its sheets.
CREATE TABLE audit_site_heads (
    centre_id UUID NOT NULL PRIMARY KEY REFERENCES centres (id),
    place BIGINT NOT NULL CHECK (place >= 0),
    hash BYTEA NOT NULL CHECK (length(hash) = 32),
    heard_at TIMESTAMPTZ NOT NULL
);

-- A net, not a proof: whoever has the database can drop it, and verify-audit tells.
CREATE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.place IS NULL AND NEW.place IS NOT NULL AND NEW.sealed = OLD.sealed
            AND NEW.id = OLD.id
        THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF OLD.place <= (SELECT base_place FROM audit_chain) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_entries_stay';
END;
$$;

CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE ON audit_entries
FOR EACH ROW EXECUTE FUNCTION audit_entries_stay();

CREATE TRIGGER audit_entries_are_not_emptied BEFORE TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_stay();
