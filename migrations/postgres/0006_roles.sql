-- Roles with bounds and terms, households, and sessions that know how far their sign-in has come.

ALTER TABLE employers ADD COLUMN kind TEXT NOT NULL DEFAULT 'company'
    CHECK (kind IN ('company', 'public_body'));

CREATE TABLE roles (
    person_id UUID NOT NULL REFERENCES persons (id),
    position BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('worker', 'parent', 'resident', 'employer_admin', 'operator',
        'nursery_staff', 'municipal_admin', 'system_admin')),
    employer_id UUID REFERENCES employers (id),
    centre_id UUID REFERENCES centres (id),
    nursery_id UUID REFERENCES nurseries (id),
    municipality_id UUID REFERENCES municipalities (id),
    -- Not before; not from then on.
    from_at TIMESTAMPTZ,
    until_at TIMESTAMPTZ,
    -- So many calendar months from the first use.
    months_of_use BIGINT CHECK (months_of_use > 0),
    first_used_at TIMESTAMPTZ,
    PRIMARY KEY (person_id, position),
    -- A worker without an employer is a sole trader.
    CHECK (role = 'worker' OR (role = 'employer_admin') = (employer_id IS NOT NULL)),
    CHECK ((role = 'operator') = (centre_id IS NOT NULL)),
    CHECK ((role = 'nursery_staff') = (nursery_id IS NOT NULL)),
    CHECK ((role IN ('resident', 'municipal_admin')) = (municipality_id IS NOT NULL))
);

INSERT INTO roles (person_id, position, role, employer_id, centre_id, municipality_id)
SELECT g.person_id, g.position, g.role,
    CASE g.role WHEN 'worker' THEN p.employer_id END, g.centre_id, g.municipality_id
FROM grants g JOIN persons p ON p.id = g.person_id;

DROP TABLE grants;
ALTER TABLE persons DROP COLUMN employer_id;

CREATE INDEX roles_by_employer ON roles (employer_id) WHERE employer_id IS NOT NULL;

CREATE TABLE households (
    id UUID NOT NULL PRIMARY KEY
);

CREATE TABLE guardians (
    household_id UUID NOT NULL REFERENCES households (id),
    person_id UUID NOT NULL REFERENCES persons (id),
    joined_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (household_id, person_id)
);

CREATE INDEX guardians_by_person ON guardians (person_id, joined_at);

-- A guardian from before there were households gets one of their own, under their own id.
INSERT INTO households (id) SELECT DISTINCT guardian_id FROM children;
INSERT INTO guardians (household_id, person_id, joined_at)
SELECT id, id, '2026-11-23T00:00:00+00:00' FROM households;

ALTER TABLE children ADD COLUMN household_id UUID REFERENCES households (id);
UPDATE children SET household_id = guardian_id;
DROP INDEX children_by_guardian;
ALTER TABLE children DROP COLUMN guardian_id;
CREATE INDEX children_by_household ON children (household_id, position);

-- Nobody stays signed in over this change.
DROP TABLE sessions;

-- The token is kept as its SHA-256.
CREATE TABLE sessions (
    token BYTEA NOT NULL PRIMARY KEY CHECK (length(token) = 32),
    id UUID NOT NULL UNIQUE,
    person_id UUID NOT NULL REFERENCES persons (id),
    csrf TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('owes_second', 'one', 'two')),
    agent TEXT NOT NULL CHECK (length(agent) <= 200),
    started_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    CHECK (ends_at > started_at)
);

CREATE INDEX sessions_by_person ON sessions (person_id, started_at);
CREATE INDEX sessions_by_end ON sessions (ends_at);
