-- The walk-in lease: spaces and hours that the hub has claimed for a site, which gives them to whoever comes without a
-- booking. They are desk claims like any other, so that the same constraint refuses to sell them; they have no booking.

ALTER TABLE centres
    ADD COLUMN walk_in_desks BIGINT NOT NULL DEFAULT 0 CHECK (walk_in_desks BETWEEN 0 AND 50),
    ADD COLUMN walk_in_hours BIGINT NOT NULL DEFAULT 72 CHECK (walk_in_hours BETWEEN 1 AND 72);

-- The sheet that the site's own events say is in force: what it gave away before that has been told.
ALTER TABLE sites ADD COLUMN sheet_told BIGINT;

-- `booking_id` is null while the space is the site's to give away.
ALTER TABLE desk_claims
    ALTER COLUMN booking_id DROP NOT NULL,
    -- Whether it is of the lease, or was until somebody walked in.
    ADD COLUMN leased BOOLEAN NOT NULL DEFAULT FALSE,
    -- The newest sheet on which the site was told that it may give this away.
    ADD COLUMN listed_on BIGINT,
    -- Why it stands on no sheet any more: fewer are kept, or a booking needs it.
    ADD COLUMN asked_back TEXT CHECK (asked_back IN ('fewer', 'wanted')),
    ADD CHECK (booking_id IS NOT NULL OR leased);

CREATE INDEX desk_claims_leased ON desk_claims (centre_id, starts_at) WHERE booking_id IS NULL;

-- When a site was on its own: what it did meanwhile are its events from `first_place` on that happened before
-- `back_at`.
CREATE TABLE site_absences (
    centre_id UUID NOT NULL REFERENCES centres (id),
    number BIGINT NOT NULL CHECK (number >= 1),
    gone_at TIMESTAMPTZ NOT NULL,
    back_at TIMESTAMPTZ NOT NULL,
    first_place BIGINT NOT NULL CHECK (first_place >= 1),
    -- When an operator said that they have read of it.
    read_at TIMESTAMPTZ,
    PRIMARY KEY (centre_id, number),
    CHECK (back_at >= gone_at)
);

-- A walk-in at a space that the hub had for somebody else at the same time. What the site did stands.
CREATE TABLE walk_in_conflicts (
    centre_id UUID NOT NULL REFERENCES centres (id),
    -- The event that tells of it.
    place BIGINT NOT NULL,
    space_id UUID NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    walk_in_id UUID NOT NULL,
    booking_id UUID NOT NULL,
    -- Where the booking's desk is now; null where it could not be moved.
    moved_to UUID,
    PRIMARY KEY (centre_id, place, booking_id, starts_at)
);
