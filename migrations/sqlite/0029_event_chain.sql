-- The chain over what each site tells, who tells it, and what was noticed.

-- The hash of the event and all before it, as its site said it; nothing from edges without a chain.
ALTER TABLE site_events ADD COLUMN chain BLOB CHECK (length(chain) = 32);
-- Whether it was noticed when it came that it does not follow on what came before.
ALTER TABLE site_events ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0 CHECK (doubtful IN (0, 1));

-- Each chain of a site, one for each file that it kept its events in. The one that reaches farthest goes on.
CREATE TABLE site_chains (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    file BLOB NOT NULL CHECK (length(file) = 16),
    -- The place of the first event that came with it, and the hash before that.
    began INTEGER NOT NULL,
    before_hash BLOB NOT NULL CHECK (length(before_hash) = 32),
    -- The place of the last, and the hash there.
    place INTEGER NOT NULL,
    head BLOB NOT NULL CHECK (length(head) = 32),
    PRIMARY KEY (centre_id, file)
) STRICT, WITHOUT ROWID;

-- The runs of an edge that told something, by turns: one that has its turn again after another runs beside it.
CREATE TABLE site_boots (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    boot BLOB NOT NULL CHECK (length(boot) = 16),
    turn INTEGER NOT NULL,
    PRIMARY KEY (centre_id, boot)
) STRICT, WITHOUT ROWID;

CREATE TABLE site_alarms (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    -- A model::event_chain::SiteAlarmKind.
    kind TEXT NOT NULL,
    began_at TEXT NOT NULL CHECK (began_at GLOB '????-??-??T??:??:??*+00:00'),
    last_at TEXT NOT NULL CHECK (last_at GLOB '????-??-??T??:??:??*+00:00'),
    times INTEGER NOT NULL,
    -- The place of the first event that it is about.
    place INTEGER NOT NULL,
    detail TEXT NOT NULL CHECK (length(detail) <= 1000),
    -- When it was written into the record of who did what.
    recorded_at TEXT CHECK (recorded_at GLOB '????-??-??T??:??:??*+00:00'),
    PRIMARY KEY (centre_id, kind, began_at, detail)
) STRICT, WITHOUT ROWID;

CREATE INDEX site_alarms_to_record ON site_alarms (centre_id) WHERE recorded_at IS NULL;

-- Settings that the hub sends an edge, by version, and what became of them there.
CREATE TABLE edge_configs (
    centre_id BLOB NOT NULL REFERENCES centres (id),
    version INTEGER NOT NULL,
    -- A wire::edge_config::EdgeSettings as JSON.
    body TEXT NOT NULL,
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00'),
    in_force_at TEXT CHECK (in_force_at GLOB '????-??-??T??:??:??*+00:00'),
    rolled_back_at TEXT CHECK (rolled_back_at GLOB '????-??-??T??:??:??*+00:00'),
    why TEXT CHECK (length(why) <= 1000),
    PRIMARY KEY (centre_id, version)
) STRICT, WITHOUT ROWID;
