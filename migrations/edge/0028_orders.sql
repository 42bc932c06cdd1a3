-- The hub's orders that were taken, each before it was acted on, so that none is acted on twice.
CREATE TABLE orders (
    id        BLOB PRIMARY KEY CHECK (length(id) = 16),
    -- Microseconds since 1970; no order with this id can count long after it.
    not_after INTEGER NOT NULL,
    -- A model::site_order::OrderAnswer; none while the centre has not answered, or never will
    -- because the power went meanwhile.
    answer    TEXT,
    -- Whether the hub has the answer.
    told      INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1))
) STRICT;
