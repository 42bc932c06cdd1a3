-- What happened to children in care, as their sites told it: for their guardians and their nursery.

-- The events of site_events that are about a child, by their place there. What they say of its health, or in
-- somebody's own words, is sealed with the child's key: it is gone with the key, here and in site_events. A site is
-- never refused for ever, so child, nursery and booking are not foreign keys.
CREATE TABLE care_diary (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    place INTEGER NOT NULL,
    child_id BLOB NOT NULL CHECK (length(child_id) = 16),
    nursery_id BLOB CHECK (length(nursery_id) = 16),
    booking_id BLOB CHECK (length(booking_id) = 16),
    at TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??*+00:00'),
    -- A model::care::day::CareEvent as JSON.
    what TEXT NOT NULL,
    PRIMARY KEY (centre_id, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX care_diary_by_child ON care_diary (child_id, at);
-- What is old is looked for by this.
CREATE INDEX care_diary_by_time ON care_diary (at);

-- The children who are in care now, as the sites told it, whatever became of the booking that they came on: a site must
-- know who may collect a child for as long as it is there.
CREATE TABLE care_stays (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    child_id BLOB NOT NULL CHECK (length(child_id) = 16),
    nursery_id BLOB NOT NULL REFERENCES nurseries (id),
    booking_id BLOB NOT NULL CHECK (length(booking_id) = 16),
    since TEXT NOT NULL CHECK (since GLOB '????-??-??T??:??:??*+00:00'),
    until TEXT NOT NULL CHECK (until GLOB '????-??-??T??:??:??*+00:00'),
    PRIMARY KEY (centre_id, child_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX care_stays_by_child ON care_stays (child_id);

-- Incidents: which of them need a report stands in what is sealed. Those that need none go when that was read.
CREATE TABLE care_incidents (
    centre_id BLOB NOT NULL,
    place INTEGER NOT NULL,
    nursery_id BLOB CHECK (length(nursery_id) = 16),
    child_id BLOB NOT NULL CHECK (length(child_id) = 16),
    at TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??*+00:00'),
    first_reported_at TEXT CHECK (first_reported_at GLOB '????-??-??T??:??:??*+00:00'),
    second_reported_at TEXT CHECK (second_reported_at GLOB '????-??-??T??:??:??*+00:00'),
    PRIMARY KEY (centre_id, place),
    FOREIGN KEY (centre_id, place) REFERENCES care_diary (centre_id, place) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX care_incidents_by_nursery ON care_incidents (nursery_id, at)
    WHERE second_reported_at IS NULL;

-- When the child was brought and collected, and when its guardians were asked to collect it because it is ill: from
-- then on nothing is charged, for the desks that go with the care neither.
ALTER TABLE care_claims ADD COLUMN brought_at TEXT
    CHECK (brought_at GLOB '????-??-??T??:??:??*+00:00');
ALTER TABLE care_claims ADD COLUMN collected_at TEXT
    CHECK (collected_at GLOB '????-??-??T??:??:??*+00:00');
ALTER TABLE care_claims ADD COLUMN recalled_at TEXT
    CHECK (recalled_at GLOB '????-??-??T??:??:??*+00:00');
ALTER TABLE desk_claims ADD COLUMN refunded_at TEXT
    CHECK (refunded_at GLOB '????-??-??T??:??:??*+00:00');

INSERT INTO retention (what, days, source) VALUES
    ('care_diary', 1095, 'Three years: questions about a day in care, and about an incident');

-- Guardians are told that they should come. SQLite changes no CHECK in place.
CREATE TABLE notices_new (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    person_id BLOB NOT NULL REFERENCES persons (id),
    kind TEXT NOT NULL CHECK (kind IN ('made', 'changed', 'moved', 'cancelled', 'late', 'released',
        'held', 'hold_lapsed', 'waitlisted', 'approval_asked', 'approved', 'declined', 'closure',
        'recalled', 'collect_soon', 'collect_late')),
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
