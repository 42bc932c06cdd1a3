-- House rules, closures, quotas, series, holds, approvals and the waitlist.

ALTER TABLE centres ADD COLUMN shortest_minutes INTEGER NOT NULL DEFAULT 15 CHECK (shortest_minutes >= 1);
-- Between two claims of one space, for cleaning.
ALTER TABLE centres ADD COLUMN buffer_minutes INTEGER NOT NULL DEFAULT 0 CHECK (buffer_minutes BETWEEN 0 AND 240);
-- Guests change and cancel by themselves until so many minutes before the start.
ALTER TABLE centres ADD COLUMN cancel_minutes INTEGER NOT NULL DEFAULT 0 CHECK (cancel_minutes >= 0);
-- How long a hold waits for its confirmation.
ALTER TABLE centres ADD COLUMN hold_minutes INTEGER NOT NULL DEFAULT 10 CHECK (hold_minutes >= 1);
-- How long what came free is kept for whoever waited for it.
ALTER TABLE centres ADD COLUMN offer_minutes INTEGER NOT NULL DEFAULT 60 CHECK (offer_minutes >= 1);
ALTER TABLE centres ADD COLUMN approval TEXT NOT NULL DEFAULT 'none' CHECK (approval IN ('none', 'rooms', 'all'));
-- How long an approval is waited for.
ALTER TABLE centres ADD COLUMN approval_minutes INTEGER NOT NULL DEFAULT 1440 CHECK (approval_minutes >= 1);
ALTER TABLE employers ADD COLUMN approves INTEGER NOT NULL DEFAULT 0 CHECK (approves IN (0, 1));

-- Features as bits, see model::feature; spaces of one row with consecutive labels are neighbours.
ALTER TABLE spaces ADD COLUMN features INTEGER NOT NULL DEFAULT 0 CHECK (features >= 0);
ALTER TABLE spaces ADD COLUMN row_no INTEGER NOT NULL DEFAULT 0 CHECK (row_no >= 0);
-- A whole centre where there is no space; 'closed' shuts out what is booked too, 'no_new' only what
-- is not booked yet.
CREATE TABLE closures (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    centre_id BLOB NOT NULL REFERENCES centres (id),
    space_id BLOB REFERENCES spaces (id),
    kind TEXT NOT NULL CHECK (kind IN ('closed', 'no_new')),
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    reason_ja TEXT NOT NULL CHECK (length(reason_ja) <= 200),
    reason_en TEXT NOT NULL CHECK (length(reason_en) <= 200),
    made_by BLOB REFERENCES persons (id),
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00'),
    CHECK (ends_at > starts_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX closures_by_centre ON closures (centre_id, ends_at);

-- How much somebody may book: each person, each household, or all people of one employer together.
CREATE TABLE quotas (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    subject TEXT NOT NULL CHECK (subject IN ('person', 'household', 'employer')),
    -- Only those whose visits this employer pays for; only bookings at this centre.
    employer_id BLOB REFERENCES employers (id),
    centre_id BLOB REFERENCES centres (id),
    measure TEXT NOT NULL CHECK (measure IN ('minutes_a_month', 'days_a_week', 'at_once')),
    most INTEGER NOT NULL CHECK (most >= 0),
    from_day TEXT NOT NULL CHECK (from_day GLOB '????-??-??'),
    until_day TEXT CHECK (until_day GLOB '????-??-??'),
    source_ja TEXT NOT NULL,
    source_en TEXT NOT NULL,
    CHECK (subject <> 'employer' OR employer_id IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Whoever books under a quota first locks whom it counts.
CREATE TABLE quota_locks (
    subject BLOB NOT NULL PRIMARY KEY,
    rev INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE series (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL REFERENCES persons (id),
    centre_id BLOB NOT NULL REFERENCES centres (id),
    -- RFC 5545, without DTSTART.
    rule TEXT NOT NULL CHECK (length(rule) <= 200),
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

CREATE INDEX series_by_person ON series (person_id);

-- SQLite changes no check: another column takes the place of the first.
DROP INDEX bookings_awaited;
ALTER TABLE bookings ADD COLUMN status_now TEXT NOT NULL DEFAULT 'confirmed'
    CHECK (status_now IN ('confirmed', 'held', 'asked', 'cancelled', 'no_show', 'lapsed', 'declined'));
UPDATE bookings SET status_now = status;
ALTER TABLE bookings DROP COLUMN status;
ALTER TABLE bookings RENAME COLUMN status_now TO status;
ALTER TABLE bookings ADD COLUMN lapses_at TEXT
    CHECK (lapses_at GLOB '????-??-??T??:??:??*+00:00')
    CHECK ((status IN ('held', 'asked')) = (lapses_at IS NOT NULL));
ALTER TABLE bookings ADD COLUMN series_id BLOB REFERENCES series (id) ON DELETE SET NULL;
ALTER TABLE bookings ADD COLUMN required INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bookings ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bookings ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
ALTER TABLE bookings ADD COLUMN together INTEGER NOT NULL DEFAULT 0 CHECK (together IN (0, 1));
CREATE INDEX bookings_awaited ON bookings (starts_at)
    WHERE status = 'confirmed' AND visited_at IS NULL;

-- Nobody has said which of the older bookings were picked: none of them moves.
UPDATE bookings SET pinned = 1;

CREATE INDEX bookings_lapsing ON bookings (lapses_at) WHERE lapses_at IS NOT NULL;
CREATE INDEX bookings_by_series ON bookings (series_id) WHERE series_id IS NOT NULL;
CREATE INDEX bookings_by_employer ON bookings (on_account_of, ends_at)
    WHERE on_account_of IS NOT NULL;

-- Who comes first where several wait; what an entry needs to be of a class.
CREATE TABLE waitlist_classes (
    rank INTEGER NOT NULL PRIMARY KEY,
    needs TEXT NOT NULL CHECK (needs IN ('care', 'any')),
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO waitlist_classes (rank, needs, name_ja, name_en) VALUES
    (1, 'care', '保育つき', 'With care'),
    (2, 'any', '一般', 'General');

CREATE TABLE waitlist (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL REFERENCES persons (id),
    centre_id BLOB NOT NULL REFERENCES centres (id),
    rank INTEGER NOT NULL,
    -- The whole wish as JSON, and its first start and last end.
    wish TEXT NOT NULL,
    starts_at TEXT NOT NULL CHECK (starts_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    on_account_of BLOB REFERENCES employers (id),
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00'),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'offered', 'taken', 'left', 'over')),
    -- What was held for it last.
    booking_id BLOB REFERENCES bookings (id) ON DELETE SET NULL,
    CHECK (ends_at > starts_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX waitlist_by_centre ON waitlist (centre_id, rank, made_at) WHERE state = 'waiting';
CREATE INDEX waitlist_by_person ON waitlist (person_id, ends_at);
CREATE INDEX waitlist_by_booking ON waitlist (booking_id) WHERE booking_id IS NOT NULL;
