-- Mails that tell people of their bookings, written with what they tell of; and the private addresses
-- of their calendars.

CREATE TABLE notices (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL REFERENCES persons (id),
    kind TEXT NOT NULL CHECK (kind IN ('made', 'changed', 'moved', 'cancelled', 'released', 'held',
        'hold_lapsed', 'waitlisted', 'approval_asked', 'approved', 'declined', 'closure')),
    booking_id BLOB REFERENCES bookings (id) ON DELETE CASCADE,
    -- JSON: what the words need and no booking holds.
    body TEXT NOT NULL CHECK (length(body) <= 10000),
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00'),
    -- Nobody else tries before this.
    next_try_at TEXT NOT NULL CHECK (next_try_at GLOB '????-??-??T??:??:??*+00:00'),
    tries INTEGER NOT NULL CHECK (tries >= 0),
    sent_at TEXT CHECK (sent_at GLOB '????-??-??T??:??:??*+00:00'),
    gave_up_at TEXT CHECK (gave_up_at GLOB '????-??-??T??:??:??*+00:00'),
    CHECK (sent_at IS NULL OR gave_up_at IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX notices_due ON notices (next_try_at) WHERE sent_at IS NULL AND gave_up_at IS NULL;
CREATE INDEX notices_by_booking ON notices (booking_id);

-- The token is kept as its SHA-256.
CREATE TABLE calendar_feeds (
    person_id BLOB NOT NULL PRIMARY KEY REFERENCES persons (id),
    token BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

INSERT INTO retention (what, days, source) VALUES
    ('notices', 90, 'Three months after a mail was sent: questions about what was told');
