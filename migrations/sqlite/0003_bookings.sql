-- Bookings and the claims they hold.

CREATE TABLE bookings (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL REFERENCES persons (id),
    centre_id BLOB NOT NULL REFERENCES centres (id),
    code TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('confirmed', 'cancelled', 'no_show')),
    on_account_of BLOB REFERENCES employers (id),
    tariff_rev INTEGER NOT NULL,
    rule_rev INTEGER NOT NULL,
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00'),
    version INTEGER NOT NULL CHECK (version >= 1),
    -- The first start and last end of its claims.
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    -- When its guest first came, even where no space could be used.
    visited_at TEXT CHECK (visited_at GLOB '????-??-??T??:??:??*+00:00'),
    idempotency_key TEXT CHECK (length(idempotency_key) <= 200),
    idempotency_digest BLOB CHECK (length(idempotency_digest) = 32),
    UNIQUE (person_id, idempotency_key),
    CHECK (ends_at > starts_at),
    CHECK ((idempotency_key IS NULL) = (idempotency_digest IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX bookings_by_person ON bookings (person_id, ends_at);
CREATE INDEX bookings_awaited ON bookings (starts_at)
    WHERE status = 'confirmed' AND visited_at IS NULL;

CREATE TABLE desk_claims (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    booking_id BLOB NOT NULL REFERENCES bookings (id),
    centre_id BLOB NOT NULL,
    space_id BLOB NOT NULL REFERENCES spaces (id),
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    -- Null while the claim is live.
    released_at TEXT CHECK (released_at GLOB '????-??-??T??:??:??*+00:00'),
    CHECK (ends_at > starts_at),
    CHECK (julianday(ends_at) - julianday(starts_at) < 7.00001)
) STRICT, WITHOUT ROWID;

CREATE INDEX desk_claims_by_booking ON desk_claims (booking_id);
CREATE INDEX desk_claims_by_centre ON desk_claims (centre_id, starts_at)
    WHERE released_at IS NULL;
CREATE INDEX desk_claims_by_space ON desk_claims (space_id, starts_at)
    WHERE released_at IS NULL;

CREATE TABLE care_claims (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    booking_id BLOB NOT NULL REFERENCES bookings (id),
    nursery_id BLOB NOT NULL REFERENCES nurseries (id),
    child_id BLOB NOT NULL REFERENCES children (id),
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    released_at TEXT CHECK (released_at GLOB '????-??-??T??:??:??*+00:00'),
    CHECK (ends_at > starts_at),
    CHECK (julianday(ends_at) - julianday(starts_at) < 7.00001)
) STRICT, WITHOUT ROWID;

CREATE INDEX care_claims_by_booking ON care_claims (booking_id);
CREATE INDEX care_claims_by_nursery ON care_claims (nursery_id, starts_at)
    WHERE released_at IS NULL;
CREATE INDEX care_claims_by_child ON care_claims (child_id, starts_at)
    WHERE released_at IS NULL;

-- Live claims of one space lie one after the other. So the last that starts before the new one ends
-- is the only one that can reach into it, be it the new one's predecessor or its successor.
CREATE TRIGGER desk_claims_no_overlap_insert BEFORE INSERT ON desk_claims
WHEN NEW.released_at IS NULL
BEGIN
    SELECT RAISE(ABORT, 'desk_claims_no_overlap')
    WHERE NEW.starts_at < (
        SELECT ends_at FROM desk_claims
        WHERE space_id = NEW.space_id AND released_at IS NULL AND starts_at < NEW.ends_at
        ORDER BY starts_at DESC LIMIT 1
    );
END;

CREATE TRIGGER desk_claims_no_overlap_update
BEFORE UPDATE OF id, space_id, starts_at, ends_at, released_at ON desk_claims
WHEN NEW.released_at IS NULL
BEGIN
    SELECT RAISE(ABORT, 'desk_claims_no_overlap')
    WHERE NEW.starts_at < (
        SELECT ends_at FROM desk_claims
        WHERE space_id = NEW.space_id AND released_at IS NULL AND starts_at < NEW.ends_at
            AND id <> OLD.id
        ORDER BY starts_at DESC LIMIT 1
    );
END;

CREATE TRIGGER care_claims_no_overlap_insert BEFORE INSERT ON care_claims
WHEN NEW.released_at IS NULL
BEGIN
    SELECT RAISE(ABORT, 'care_claims_no_overlap')
    WHERE NEW.starts_at < (
        SELECT ends_at FROM care_claims
        WHERE child_id = NEW.child_id AND released_at IS NULL AND starts_at < NEW.ends_at
        ORDER BY starts_at DESC LIMIT 1
    );
END;

CREATE TRIGGER care_claims_no_overlap_update
BEFORE UPDATE OF id, child_id, starts_at, ends_at, released_at ON care_claims
WHEN NEW.released_at IS NULL
BEGIN
    SELECT RAISE(ABORT, 'care_claims_no_overlap')
    WHERE NEW.starts_at < (
        SELECT ends_at FROM care_claims
        WHERE child_id = NEW.child_id AND released_at IS NULL AND starts_at < NEW.ends_at
            AND id <> OLD.id
        ORDER BY starts_at DESC LIMIT 1
    );
END;

-- Whoever changes a centre's claims first counts up its local days, in order: rivals queue here.
CREATE TABLE centre_days (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    day TEXT NOT NULL CHECK (day GLOB '????-??-??'),
    rev INTEGER NOT NULL,
    PRIMARY KEY (centre_id, day)
) STRICT, WITHOUT ROWID;
