-- Work that is due, claimed by whichever hub comes first.

CREATE TABLE jobs (
    job TEXT NOT NULL,
    due_at TEXT NOT NULL CHECK (due_at GLOB '????-??-??T??:??:??*+00:00'),
    taken_by TEXT,
    taken_at TEXT CHECK (taken_at GLOB '????-??-??T??:??:??*+00:00'),
    done_at TEXT CHECK (done_at GLOB '????-??-??T??:??:??*+00:00'),
    PRIMARY KEY (job, due_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_due ON jobs (due_at) WHERE done_at IS NULL;
