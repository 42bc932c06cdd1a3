-- What nurseries keep of a child beside its health: who may collect it and who may not, documents; and interviews.

-- A model::care::file::CareFile, sealed; it is changed only by whoever has seen its last version.
ALTER TABLE children ADD COLUMN care_file BLOB;
ALTER TABLE children ADD COLUMN care_file_version INTEGER NOT NULL DEFAULT 0;

-- A code may be for somebody who only collects one child.
ALTER TABLE guardian_codes ADD COLUMN child_id BLOB CHECK (length(child_id) = 16);
ALTER TABLE guardian_codes ADD COLUMN collector_id BLOB CHECK (length(collector_id) = 16);

-- Whom a bar shuts out by their account: guardians among them answer for the child no more.
CREATE TABLE barred_accounts (
    child_id BLOB NOT NULL REFERENCES children (id),
    person_id BLOB NOT NULL REFERENCES persons (id),
    PRIMARY KEY (child_id, person_id)
) STRICT, WITHOUT ROWID;

-- The talk before a child's first day: asked for, then fixed, then held.
CREATE TABLE interviews (
    child_id BLOB NOT NULL REFERENCES children (id),
    nursery_id BLOB NOT NULL REFERENCES nurseries (id),
    asked_at TEXT CHECK (asked_at GLOB '????-??-??T??:??:??*+00:00'),
    fixed_for TEXT CHECK (fixed_for GLOB '????-??-??T??:??:??*+00:00'),
    held_on TEXT CHECK (held_on GLOB '????-??-??'),
    held_by BLOB REFERENCES persons (id),
    PRIMARY KEY (child_id, nursery_id),
    CHECK ((held_on IS NULL) = (held_by IS NULL)),
    CHECK (asked_at IS NOT NULL OR fixed_for IS NOT NULL OR held_on IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX interviews_to_come ON interviews (nursery_id) WHERE held_on IS NULL;

INSERT INTO retention (what, days, source) VALUES
    ('interviews', 365, 'A year after its time: a talk that was asked for and never held');
