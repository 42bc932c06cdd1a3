-- The walk-in lease: spaces and hours that the hub has claimed for a site, which gives them to whoever comes without a
-- booking. They are desk claims like any other, so that the same triggers refuse to sell them; they have no booking.

ALTER TABLE centres ADD COLUMN walk_in_desks INTEGER NOT NULL DEFAULT 0 CHECK (walk_in_desks BETWEEN 0 AND 50);
ALTER TABLE centres ADD COLUMN walk_in_hours INTEGER NOT NULL DEFAULT 72 CHECK (walk_in_hours BETWEEN 1 AND 72);

-- The sheet that the site's own events say is in force: what it gave away before that has been told.
ALTER TABLE sites ADD COLUMN sheet_told INTEGER;

-- SQLite drops no NOT NULL in place.
CREATE TABLE desk_claims_new (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- Null while the space is the site's to give away.
    booking_id BLOB REFERENCES bookings (id),
    centre_id BLOB NOT NULL,
    space_id BLOB NOT NULL REFERENCES spaces (id),
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    -- Null while the claim is live.
    released_at TEXT CHECK (released_at GLOB '????-??-??T??:??:??*+00:00'),
    refunded_at TEXT CHECK (refunded_at GLOB '????-??-??T??:??:??*+00:00'),
    -- Whether it is of the lease, or was until somebody walked in.
    leased INTEGER NOT NULL DEFAULT 0 CHECK (leased IN (0, 1)),
    -- The newest sheet on which the site was told that it may give this away.
    listed_on INTEGER,
    -- Why it stands on no sheet any more: fewer are kept, or a booking needs it.
    asked_back TEXT CHECK (asked_back IN ('fewer', 'wanted')),
    CHECK (ends_at > starts_at),
    CHECK (julianday(ends_at) - julianday(starts_at) < 7.00001),
    CHECK (booking_id IS NOT NULL OR leased = 1)
) STRICT, WITHOUT ROWID;

INSERT INTO desk_claims_new (id, booking_id, centre_id, space_id, starts_at, ends_at, released_at, refunded_at)
SELECT id, booking_id, centre_id, space_id, starts_at, ends_at, released_at, refunded_at FROM desk_claims;
DROP TABLE desk_claims;
ALTER TABLE desk_claims_new RENAME TO desk_claims;

CREATE INDEX desk_claims_by_booking ON desk_claims (booking_id);
CREATE INDEX desk_claims_by_centre ON desk_claims (centre_id, starts_at)
    WHERE released_at IS NULL;
CREATE INDEX desk_claims_by_space ON desk_claims (space_id, starts_at)
    WHERE released_at IS NULL;
CREATE INDEX desk_claims_given_free ON desk_claims (centre_id, starts_at) WHERE released_at IS NOT NULL;
CREATE INDEX desk_claims_leased ON desk_claims (centre_id, starts_at) WHERE booking_id IS NULL;

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

-- When a site was on its own: what it did meanwhile are its events from `first_place` on that happened before
-- `back_at`.
CREATE TABLE site_absences (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    gone_at TEXT NOT NULL CHECK (gone_at GLOB '????-??-??T??:??:??*+00:00'),
    back_at TEXT NOT NULL CHECK (back_at GLOB '????-??-??T??:??:??*+00:00'),
    first_place INTEGER NOT NULL CHECK (first_place >= 1),
    -- When an operator said that they have read of it.
    read_at TEXT CHECK (read_at GLOB '????-??-??T??:??:??*+00:00'),
    PRIMARY KEY (centre_id, number),
    CHECK (back_at >= gone_at)
) STRICT, WITHOUT ROWID;

-- A walk-in at a space that the hub had for somebody else at the same time. What the site did stands.
CREATE TABLE walk_in_conflicts (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    -- The event that tells of it.
    place INTEGER NOT NULL,
    space_id BLOB NOT NULL,
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    walk_in_id BLOB NOT NULL CHECK (length(walk_in_id) = 16),
    booking_id BLOB NOT NULL CHECK (length(booking_id) = 16),
    -- Where the booking's desk is now; null where it could not be moved.
    moved_to BLOB CHECK (length(moved_to) = 16),
    PRIMARY KEY (centre_id, place, booking_id, starts_at)
) STRICT, WITHOUT ROWID;
