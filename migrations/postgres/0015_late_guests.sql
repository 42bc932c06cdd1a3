-- Guests who are late are told until when their desk is kept.

ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind IN ('made', 'changed', 'moved',
    'cancelled', 'late', 'released', 'held', 'hold_lapsed', 'waitlisted', 'approval_asked', 'approved',
    'declined', 'closure'));

-- What was given free at a centre is read for each of its sheets.
CREATE INDEX desk_claims_given_free ON desk_claims (centre_id, starts_at) WHERE released_at IS NOT NULL;
