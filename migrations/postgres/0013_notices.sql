-- Mails that tell people of their bookings, written with what they tell of; and the private addresses
-- of their calendars.

CREATE TABLE notices (
    id UUID NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES persons (id),
    kind TEXT NOT NULL CHECK (kind IN ('made', 'changed', 'moved', 'cancelled', 'released', 'held',
        'hold_lapsed', 'waitlisted', 'approval_asked', 'approved', 'declined', 'closure')),
    booking_id UUID REFERENCES bookings (id) ON DELETE CASCADE,
    -- JSON: what the words need and no booking holds.
    body TEXT NOT NULL CHECK (length(body) <= 10000),
    made_at TIMESTAMPTZ NOT NULL,
    -- Nobody else tries before this.
    next_try_at TIMESTAMPTZ NOT NULL,
    tries BIGINT NOT NULL CHECK (tries >= 0),
    sent_at TIMESTAMPTZ,
    gave_up_at TIMESTAMPTZ,
    CHECK (sent_at IS NULL OR gave_up_at IS NULL)
);

CREATE INDEX notices_due ON notices (next_try_at) WHERE sent_at IS NULL AND gave_up_at IS NULL;
CREATE INDEX notices_by_booking ON notices (booking_id);

-- The token is kept as its SHA-256.
CREATE TABLE calendar_feeds (
    person_id UUID NOT NULL PRIMARY KEY REFERENCES persons (id),
    token BYTEA NOT NULL UNIQUE CHECK (length(token) = 32),
    made_at TIMESTAMPTZ NOT NULL
);

INSERT INTO retention (what, days, source) VALUES
    ('notices', 90, 'Three months after a mail was sent: questions about what was told');
