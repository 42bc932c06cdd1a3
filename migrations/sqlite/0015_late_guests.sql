-- Guests who are late are told until when their desk is kept. SQLite changes no CHECK in place.

CREATE TABLE notices_new (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL REFERENCES persons (id),
    kind TEXT NOT NULL CHECK (kind IN ('made', 'changed', 'moved', 'cancelled', 'late', 'released',
        'held', 'hold_lapsed', 'waitlisted', 'approval_asked', 'approved', 'declined', 'closure')),
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

INSERT INTO notices_new SELECT id, person_id, kind, booking_id, body, made_at, next_try_at, tries,
    sent_at, gave_up_at FROM notices;
DROP TABLE notices;
ALTER TABLE notices_new RENAME TO notices;
CREATE INDEX notices_due ON notices (next_try_at) WHERE sent_at IS NULL AND gave_up_at IS NULL;
CREATE INDEX notices_by_booking ON notices (booking_id);

-- What was given free at a centre is read for each of its sheets.
CREATE INDEX desk_claims_given_free ON desk_claims (centre_id, starts_at) WHERE released_at IS NOT NULL;
