-- Municipalities, centres and what stands in them.

CREATE TABLE municipalities (
    id UUID NOT NULL PRIMARY KEY,
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL
);

CREATE TABLE centres (
    id UUID NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL,
    municipality_id UUID NOT NULL REFERENCES municipalities (id),
    kind TEXT NOT NULL,
    address_ja TEXT NOT NULL,
    address_en TEXT NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    source_note_ja TEXT NOT NULL,
    source_note_en TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    grain_minutes BIGINT NOT NULL CHECK (grain_minutes IN (5, 10, 15)),
    no_show_minutes BIGINT NOT NULL CHECK (no_show_minutes >= 0),
    early_minutes BIGINT NOT NULL CHECK (early_minutes >= 0),
    horizon_days BIGINT NOT NULL CHECK (horizon_days >= 0),
    longest_minutes BIGINT NOT NULL CHECK (longest_minutes BETWEEN 1 AND 10080),
    -- Counts changes of the centre itself, its spaces, doors and devices.
    rev BIGINT NOT NULL DEFAULT 1
);

CREATE INDEX centres_by_municipality ON centres (municipality_id);

CREATE TABLE opening_hours (
    centre_id UUID NOT NULL REFERENCES centres (id),
    position BIGINT NOT NULL,
    -- 'Mon' to 'Sun', or 'holiday'.
    day TEXT NOT NULL,
    opens BIGINT NOT NULL CHECK (opens >= 0),
    closes BIGINT NOT NULL,
    PRIMARY KEY (centre_id, position),
    CHECK (closes > opens)
);

CREATE TABLE holidays (
    date DATE NOT NULL PRIMARY KEY,
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL,
    source TEXT NOT NULL
);

CREATE TABLE spaces (
    id UUID NOT NULL PRIMARY KEY,
    centre_id UUID NOT NULL REFERENCES centres (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    zone_ja TEXT NOT NULL,
    zone_en TEXT NOT NULL,
    terminal TEXT,
    UNIQUE (centre_id, label)
);

CREATE TABLE nurseries (
    id UUID NOT NULL PRIMARY KEY,
    centre_id UUID NOT NULL REFERENCES centres (id),
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL,
    places BIGINT NOT NULL CHECK (places >= 0),
    walking_minutes BIGINT NOT NULL CHECK (walking_minutes >= 0)
);

CREATE INDEX nurseries_by_centre ON nurseries (centre_id);

CREATE TABLE doors (
    centre_id UUID NOT NULL REFERENCES centres (id),
    device TEXT NOT NULL,
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL,
    unlock_seconds BIGINT NOT NULL CHECK (unlock_seconds >= 0),
    PRIMARY KEY (centre_id, device)
);
