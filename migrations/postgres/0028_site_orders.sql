-- What operators ordered of sites, and what became of it: done at once, at most once, or not at all.

CREATE TABLE site_orders (
    id UUID NOT NULL PRIMARY KEY,
    centre_id UUID NOT NULL REFERENCES centres (id),
    -- A model::site_order::SiteOrder as JSON.
    what TEXT NOT NULL CHECK (length(what) <= 1000),
    ordered_by UUID NOT NULL REFERENCES persons (id),
    asked_at TIMESTAMPTZ NOT NULL,
    -- The site does not act on it from then on, and nobody tells it of it any more.
    not_after TIMESTAMPTZ NOT NULL,
    idempotency_key TEXT CHECK (length(idempotency_key) BETWEEN 1 AND 200),
    idempotency_digest BYTEA CHECK (length(idempotency_digest) = 32),
    -- A model::site_order::OrderAnswer; none while the site has not said anything.
    answer TEXT CHECK (length(answer) BETWEEN 1 AND 40),
    answered_at TIMESTAMPTZ,
    CHECK (asked_at < not_after),
    CHECK ((answer IS NULL) = (answered_at IS NULL)),
    CHECK ((idempotency_key IS NULL) = (idempotency_digest IS NULL)),
    UNIQUE (ordered_by, idempotency_key)
);

CREATE INDEX site_orders_by_centre ON site_orders (centre_id, asked_at);
-- What is old is looked for by this.
CREATE INDEX site_orders_by_time ON site_orders (asked_at);

INSERT INTO retention (what, days, source) VALUES
    ('site_orders', 365, 'A year: questions about who had a door opened or a house locked');
