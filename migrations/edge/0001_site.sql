-- The sheets that were in force, the newest two, as they were signed.
CREATE TABLE sheet (
    version  INTEGER PRIMARY KEY,
    manifest TEXT NOT NULL
) STRICT;

CREATE TABLE sheet_section (
    version INTEGER NOT NULL REFERENCES sheet (version) ON DELETE CASCADE,
    sha256  TEXT NOT NULL,
    body    BLOB NOT NULL,
    PRIMARY KEY (version, sha256)
) STRICT;

-- What the hub has not confirmed yet, or the kept state does not hold yet.
CREATE TABLE outbox (
    place INTEGER PRIMARY KEY CHECK (place >= 1),
    body  TEXT NOT NULL
) STRICT;

-- One row: how far things are.
CREATE TABLE progress (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    last_place  INTEGER NOT NULL,
    committed   INTEGER NOT NULL,
    -- Whether the hub was asked how far it is, before it was told anything.
    met         INTEGER NOT NULL DEFAULT 0 CHECK (met IN (0, 1)),
    -- Microseconds since 1970; the site's clock was never before it.
    clock_floor INTEGER NOT NULL,
    -- The site's state after the event at state_place.
    state_place INTEGER NOT NULL,
    state       TEXT
) STRICT;

INSERT INTO progress (one, last_place, committed, clock_floor, state_place) VALUES (1, 0, 0, 0, 0);
