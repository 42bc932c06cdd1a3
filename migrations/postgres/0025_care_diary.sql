-- What happened to children in care, as their sites told it: for their guardians and their nursery.

-- The events of site_events that are about a child, by their place there. What they say of its health, or in
-- somebody's own words, is sealed with the child's key: it is gone with the key, here and in site_events. A site is
-- never refused for ever, so child, nursery and booking are not foreign keys.
CREATE TABLE care_diary (
    centre_id UUID NOT NULL REFERENCES centres (id),
    place BIGINT NOT NULL,
    child_id UUID NOT NULL,
    nursery_id UUID,
    booking_id UUID,
    at TIMESTAMPTZ NOT NULL,
    -- A model::care::day::CareEvent as JSON.
    what TEXT NOT NULL,
    PRIMARY KEY (centre_id, place)
);

CREATE INDEX care_diary_by_child ON care_diary (child_id, at);
-- What is old is looked for by this.
CREATE INDEX care_diary_by_time ON care_diary (at);

-- The children who are in care now, as the sites told it, whatever became of the booking that they came on: a site must
-- know who may collect a child for as long as it is there.
CREATE TABLE care_stays (
    centre_id UUID NOT NULL REFERENCES centres (id),
    child_id UUID NOT NULL,
    nursery_id UUID NOT NULL REFERENCES nurseries (id),
    booking_id UUID NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (centre_id, child_id)
);

CREATE INDEX care_stays_by_child ON care_stays (child_id);

-- Incidents: which of them need a report stands in what is sealed. Those that need none go when that was read.
CREATE TABLE care_incidents (
    centre_id UUID NOT NULL,
    place BIGINT NOT NULL,
    nursery_id UUID,
    child_id UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    first_reported_at TIMESTAMPTZ,
    second_reported_at TIMESTAMPTZ,
    PRIMARY KEY (centre_id, place),
    FOREIGN KEY (centre_id, place) REFERENCES care_diary (centre_id, place) ON DELETE CASCADE
);

CREATE INDEX care_incidents_by_nursery ON care_incidents (nursery_id, at)
    WHERE second_reported_at IS NULL;

-- When the child was brought and collected, and when its guardians were asked to collect it because it is ill: from
-- then on nothing is charged, for the desks that go with the care neither.
ALTER TABLE care_claims ADD COLUMN brought_at TIMESTAMPTZ;
ALTER TABLE care_claims ADD COLUMN collected_at TIMESTAMPTZ;
ALTER TABLE care_claims ADD COLUMN recalled_at TIMESTAMPTZ;
ALTER TABLE desk_claims ADD COLUMN refunded_at TIMESTAMPTZ;

INSERT INTO retention (what, days, source) VALUES
    ('care_diary', 1095, 'Three years: questions about a day in care, and about an incident');

-- Guardians are told that they should come.
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind IN ('made', 'changed', 'moved',
    'cancelled', 'late', 'released', 'held', 'hold_lapsed', 'waitlisted', 'approval_asked', 'approved',
    'declined', 'closure', 'recalled', 'collect_soon', 'collect_late'));
