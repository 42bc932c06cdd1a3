-- What nurseries keep of a child beside its health: who may collect it and who may not, documents; and interviews.

-- A model::care::file::CareFile, sealed; it is changed only by whoever has seen its last version.
ALTER TABLE children ADD COLUMN care_file BYTEA;
ALTER TABLE children ADD COLUMN care_file_version BIGINT NOT NULL DEFAULT 0;

-- A code may be for somebody who only collects one child.
ALTER TABLE guardian_codes ADD COLUMN child_id UUID;
ALTER TABLE guardian_codes ADD COLUMN collector_id UUID;

-- Whom a bar shuts out by their account: guardians among them answer for the child no more.
CREATE TABLE barred_accounts (
    child_id UUID NOT NULL REFERENCES children (id),
    person_id UUID NOT NULL REFERENCES persons (id),
    PRIMARY KEY (child_id, person_id)
);

-- The talk before a child's first day: asked for, then fixed, then held.
CREATE TABLE interviews (
    child_id UUID NOT NULL REFERENCES children (id),
    nursery_id UUID NOT NULL REFERENCES nurseries (id),
    asked_at TIMESTAMPTZ,
    fixed_for TIMESTAMPTZ,
    held_on DATE,
    held_by UUID REFERENCES persons (id),
    PRIMARY KEY (child_id, nursery_id),
    CHECK ((held_on IS NULL) = (held_by IS NULL)),
    CHECK (asked_at IS NOT NULL OR fixed_for IS NOT NULL OR held_on IS NOT NULL)
);

CREATE INDEX interviews_to_come ON interviews (nursery_id) WHERE held_on IS NULL;

INSERT INTO retention (what, days, source) VALUES
    ('interviews', 365, 'A year after its time: a talk that was asked for and never held');
