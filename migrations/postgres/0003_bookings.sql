-- Bookings and the claims they hold.

-- For the exclusion constraints: equality of ids in a GiST index.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE bookings (
    id UUID NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES persons (id),
    centre_id UUID NOT NULL REFERENCES centres (id),
    code TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('confirmed', 'cancelled', 'no_show')),
    on_account_of UUID REFERENCES employers (id),
    tariff_rev BIGINT NOT NULL,
    rule_rev BIGINT NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    -- The first start and last end of its claims.
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    -- When its guest first came, even where no space could be used.
    visited_at TIMESTAMPTZ,
    idempotency_key TEXT CHECK (length(idempotency_key) <= 200),
    idempotency_digest BYTEA CHECK (length(idempotency_digest) = 32),
    UNIQUE (person_id, idempotency_key),
    CHECK (ends_at > starts_at),
    CHECK ((idempotency_key IS NULL) = (idempotency_digest IS NULL))
);

CREATE INDEX bookings_by_person ON bookings (person_id, ends_at);
CREATE INDEX bookings_awaited ON bookings (starts_at)
    WHERE status = 'confirmed' AND visited_at IS NULL;

CREATE TABLE desk_claims (
    id UUID NOT NULL PRIMARY KEY,
    booking_id UUID NOT NULL REFERENCES bookings (id),
    centre_id UUID NOT NULL,
    space_id UUID NOT NULL REFERENCES spaces (id),
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    -- Null while the claim is live.
    released_at TIMESTAMPTZ,
    CHECK (ends_at > starts_at),
    CHECK (ends_at - starts_at <= INTERVAL '7 days'),
    CONSTRAINT desk_claims_no_overlap EXCLUDE USING gist
        (space_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (released_at IS NULL)
);

CREATE INDEX desk_claims_by_booking ON desk_claims (booking_id);
CREATE INDEX desk_claims_by_centre ON desk_claims (centre_id, starts_at)
    WHERE released_at IS NULL;

CREATE TABLE care_claims (
    id UUID NOT NULL PRIMARY KEY,
    booking_id UUID NOT NULL REFERENCES bookings (id),
    nursery_id UUID NOT NULL REFERENCES nurseries (id),
    child_id UUID NOT NULL REFERENCES children (id),
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    released_at TIMESTAMPTZ,
    CHECK (ends_at > starts_at),
    CHECK (ends_at - starts_at <= INTERVAL '7 days'),
    CONSTRAINT care_claims_no_overlap EXCLUDE USING gist
        (child_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (released_at IS NULL)
);

CREATE INDEX care_claims_by_booking ON care_claims (booking_id);
CREATE INDEX care_claims_by_nursery ON care_claims (nursery_id, starts_at)
    WHERE released_at IS NULL;

-- Whoever changes a centre's claims first counts up its local days, in order: rivals queue here.
CREATE TABLE centre_days (
    centre_id UUID NOT NULL REFERENCES centres (id),
    day DATE NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (centre_id, day)
);
