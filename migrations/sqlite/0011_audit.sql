-- The record of who did what: a chain over sealed entries, and the keys they are sealed with.

-- Each key is sealed itself by a key outside the database; the owner is a person, a child, or the
-- hub (under the nil id). Destroying a row makes what it sealed unreadable for good.
CREATE TABLE person_keys (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('person', 'child', 'hub')),
    owner_id BLOB NOT NULL CHECK (length(owner_id) = 16),
    ring_key INTEGER NOT NULL CHECK (ring_key >= 1),
    wrapped BLOB NOT NULL,
    UNIQUE (owner_kind, owner_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_keys_by_ring_key ON person_keys (ring_key);

CREATE TABLE audit_entries (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- Given after the commit, 1, 2, 3 …; the hash covers the entry and the hash before it.
    place INTEGER UNIQUE CHECK (place >= 1),
    hash BLOB CHECK (length(hash) = 32),
    at TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??*+00:00'),
    action TEXT NOT NULL,
    centre_id BLOB CHECK (length(centre_id) = 16),
    -- Whom it is about and who did it, by their keys: nobody's once the key is destroyed.
    subject_key BLOB CHECK (length(subject_key) = 16),
    actor_key BLOB CHECK (length(actor_key) = 16),
    seal_key BLOB NOT NULL CHECK (length(seal_key) = 16),
    sealed BLOB NOT NULL,
    CHECK ((place IS NULL) = (hash IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_entries_unplaced ON audit_entries (at, id) WHERE place IS NULL;
CREATE INDEX audit_entries_by_time ON audit_entries (at, id);
CREATE INDEX audit_entries_by_subject ON audit_entries (subject_key, at);
CREATE INDEX audit_entries_by_centre ON audit_entries (centre_id, at);

-- One row: where the chain begins (signed, as what was before is forgotten) and ends.
CREATE TABLE audit_chain (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    place INTEGER NOT NULL CHECK (place >= base_place),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    base_place INTEGER NOT NULL CHECK (base_place >= 0),
    base_hash BLOB NOT NULL CHECK (length(base_hash) = 32),
    base_signature BLOB NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO audit_chain (one, place, hash, base_place, base_hash, base_signature)
VALUES (1, 0, zeroblob(32), 0, zeroblob(32), x'');

-- The highest head that each site has seen on its sheets.
CREATE TABLE audit_site_heads (
    centre_id BLOB NOT NULL PRIMARY KEY REFERENCES centres (id),
    place INTEGER NOT NULL CHECK (place >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    heard_at TEXT NOT NULL CHECK (heard_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

-- A net, not a proof: whoever has the database can drop it, and verify-audit tells.
CREATE TRIGGER audit_entries_stay_as_they_are BEFORE UPDATE ON audit_entries
WHEN OLD.place IS NOT NULL OR NEW.place IS NULL OR NEW.sealed <> OLD.sealed OR NEW.id <> OLD.id
BEGIN
    SELECT RAISE(ABORT, 'audit_entries_stay_as_they_are');
END;

CREATE TRIGGER audit_entries_stay BEFORE DELETE ON audit_entries
WHEN OLD.place IS NULL OR OLD.place > (SELECT base_place FROM audit_chain)
BEGIN
    SELECT RAISE(ABORT, 'audit_entries_stay');
END;
