-- Work that is due, claimed by whichever hub comes first.

CREATE TABLE jobs (
    job TEXT NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    taken_by TEXT,
    taken_at TIMESTAMPTZ,
    done_at TIMESTAMPTZ,
    PRIMARY KEY (job, due_at)
);

CREATE INDEX jobs_due ON jobs (due_at) WHERE done_at IS NULL;
