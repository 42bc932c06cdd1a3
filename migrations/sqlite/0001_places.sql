-- Municipalities, centres and what stands in them.

CREATE TABLE municipalities (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE centres (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    slug TEXT NOT NULL UNIQUE,
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL,
    municipality_id BLOB NOT NULL REFERENCES municipalities (id),
    kind TEXT NOT NULL,
    address_ja TEXT NOT NULL,
    address_en TEXT NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    source_note_ja TEXT NOT NULL,
    source_note_en TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    grain_minutes INTEGER NOT NULL CHECK (grain_minutes IN (5, 10, 15)),
    no_show_minutes INTEGER NOT NULL CHECK (no_show_minutes >= 0),
    early_minutes INTEGER NOT NULL CHECK (early_minutes >= 0),
    horizon_days INTEGER NOT NULL CHECK (horizon_days >= 0),
    longest_minutes INTEGER NOT NULL CHECK (longest_minutes BETWEEN 1 AND 10080),
    -- Counts changes of the centre itself, its spaces, doors and devices.
    rev INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE INDEX centres_by_municipality ON centres (municipality_id);

CREATE TABLE opening_hours (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    position INTEGER NOT NULL,
    -- 'Mon' to 'Sun', or 'holiday'.
    day TEXT NOT NULL,
    opens INTEGER NOT NULL CHECK (opens >= 0),
    closes INTEGER NOT NULL,
    PRIMARY KEY (centre_id, position),
    CHECK (closes > opens)
) STRICT, WITHOUT ROWID;

CREATE TABLE holidays (
    date TEXT NOT NULL PRIMARY KEY CHECK (date GLOB '????-??-??'),
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL,
    source TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE spaces (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    centre_id BLOB NOT NULL REFERENCES centres (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    zone_ja TEXT NOT NULL,
    zone_en TEXT NOT NULL,
    terminal TEXT,
    UNIQUE (centre_id, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE nurseries (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    centre_id BLOB NOT NULL REFERENCES centres (id),
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL,
    places INTEGER NOT NULL CHECK (places >= 0),
    walking_minutes INTEGER NOT NULL CHECK (walking_minutes >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX nurseries_by_centre ON nurseries (centre_id);

CREATE TABLE doors (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    device TEXT NOT NULL,
    name_ja TEXT NOT NULL,
    name_en TEXT NOT NULL,
    unlock_seconds INTEGER NOT NULL CHECK (unlock_seconds >= 0),
    PRIMARY KEY (centre_id, device)
) STRICT, WITHOUT ROWID;
