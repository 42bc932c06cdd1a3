-- House rules, closures, quotas, series, holds, approvals and the waitlist.

ALTER TABLE centres
    ADD COLUMN shortest_minutes BIGINT NOT NULL DEFAULT 15 CHECK (shortest_minutes >= 1),
    -- Between two claims of one space, for cleaning.
    ADD COLUMN buffer_minutes BIGINT NOT NULL DEFAULT 0 CHECK (buffer_minutes BETWEEN 0 AND 240),
    -- Guests change and cancel by themselves until so many minutes before the start.
    ADD COLUMN cancel_minutes BIGINT NOT NULL DEFAULT 0 CHECK (cancel_minutes >= 0),
    -- How long a hold waits for its confirmation.
    ADD COLUMN hold_minutes BIGINT NOT NULL DEFAULT 10 CHECK (hold_minutes >= 1),
    -- How long what came free is kept for whoever waited for it.
    ADD COLUMN offer_minutes BIGINT NOT NULL DEFAULT 60 CHECK (offer_minutes >= 1),
    ADD COLUMN approval TEXT NOT NULL DEFAULT 'none' CHECK (approval IN ('none', 'rooms', 'all')),
    -- How long an approval is waited for.
    ADD COLUMN approval_minutes BIGINT NOT NULL DEFAULT 1440 CHECK (approval_minutes >= 1);

ALTER TABLE employers ADD COLUMN approves BOOLEAN NOT NULL DEFAULT FALSE;

-- Features as bits, see model::feature; spaces of one row with consecutive labels are neighbours.
ALTER TABLE spaces
    ADD COLUMN features BIGINT NOT NULL DEFAULT 0 CHECK (features >= 0),
    ADD COLUMN row_no BIGINT NOT NULL DEFAULT 0 CHECK (row_no >= 0);

-- A whole centre where there is no space; 'closed' shuts out what is booked too, 'no_new' only what
-- is not booked yet.
CREATE TABLE closures (
    id UUID NOT NULL PRIMARY KEY,
    centre_id UUID NOT NULL REFERENCES centres (id),
    space_id UUID REFERENCES spaces (id),
    kind TEXT NOT NULL CHECK (kind IN ('closed', 'no_new')),
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    reason_ja TEXT NOT NULL CHECK (length(reason_ja) <= 200),
    reason_en TEXT NOT NULL CHECK (length(reason_en) <= 200),
    made_by UUID REFERENCES persons (id),
    made_at TIMESTAMPTZ NOT NULL,
    CHECK (ends_at > starts_at)
);

CREATE INDEX closures_by_centre ON closures (centre_id, ends_at);

-- How much somebody may book: each person, each household, or all people of one employer together.
CREATE TABLE quotas (
    id UUID NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL CHECK (subject IN ('person', 'household', 'employer')),
    -- Only those whose visits this employer pays for; only bookings at this centre.
    employer_id UUID REFERENCES employers (id),
    centre_id UUID REFERENCES centres (id),
    measure TEXT NOT NULL CHECK (measure IN ('minutes_a_month', 'days_a_week', 'at_once')),
    most BIGINT NOT NULL CHECK (most >= 0),
    from_day DATE NOT NULL,
    until_day DATE,
    source_ja TEXT NOT NULL,
    source_en TEXT NOT NULL,
    CHECK (subject <> 'employer' OR employer_id IS NOT NULL)
);

-- Whoever books under a quota first locks whom it counts.
CREATE TABLE quota_locks (
    subject UUID NOT NULL PRIMARY KEY,
    rev BIGINT NOT NULL
);

CREATE TABLE series (
    id UUID NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES persons (id),
    centre_id UUID NOT NULL REFERENCES centres (id),
    -- RFC 5545, without DTSTART.
    rule TEXT NOT NULL CHECK (length(rule) <= 200),
    made_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX series_by_person ON series (person_id);

ALTER TABLE bookings DROP CONSTRAINT bookings_status_check;
ALTER TABLE bookings
    ADD CONSTRAINT bookings_status_check CHECK (status IN ('confirmed', 'held', 'asked', 'cancelled',
        'no_show', 'lapsed', 'declined')),
    ADD COLUMN lapses_at TIMESTAMPTZ,
    ADD COLUMN series_id UUID REFERENCES series (id) ON DELETE SET NULL,
    ADD COLUMN required BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN wanted BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN pinned BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN together BOOLEAN NOT NULL DEFAULT FALSE,
    ADD CONSTRAINT bookings_lapse CHECK ((status IN ('held', 'asked')) = (lapses_at IS NOT NULL));

-- Nobody has said which of the older bookings were picked: none of them moves.
UPDATE bookings SET pinned = TRUE;

CREATE INDEX bookings_lapsing ON bookings (lapses_at) WHERE lapses_at IS NOT NULL;
CREATE INDEX bookings_by_series ON bookings (series_id) WHERE series_id IS NOT NULL;
CREATE INDEX bookings_by_employer ON bookings (on_account_of, ends_at)
    WHERE on_account_of IS NOT NULL;

-- Who comes first where several wait; what an entry needs to be of a class.
CREATE TABLE waitlist_classes (
    rank BIGINT NOT NULL PRIMARY KEY,
    needs TEXT NOT NULL CHECK (needs IN ('care', 'any')),
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL
);

INSERT INTO waitlist_classes (rank, needs, name_ja, name_en) VALUES
    (1, 'care', '保育つき', 'With care'),
    (2, 'any', '一般', 'General');

CREATE TABLE waitlist (
    id UUID NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES persons (id),
    centre_id UUID NOT NULL REFERENCES centres (id),
    rank BIGINT NOT NULL,
    -- The whole wish as JSON, and its first start and last end.
    wish TEXT NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    on_account_of UUID REFERENCES employers (id),
    made_at TIMESTAMPTZ NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'offered', 'taken', 'left', 'over')),
    -- What was held for it last.
    booking_id UUID REFERENCES bookings (id) ON DELETE SET NULL,
    CHECK (ends_at > starts_at)
);

CREATE INDEX waitlist_by_centre ON waitlist (centre_id, rank, made_at) WHERE state = 'waiting';
CREATE INDEX waitlist_by_person ON waitlist (person_id, ends_at);
CREATE INDEX waitlist_by_booking ON waitlist (booking_id) WHERE booking_id IS NOT NULL;
