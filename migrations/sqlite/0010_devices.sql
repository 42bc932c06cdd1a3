-- Devices over their whole life: every certificate that one was given, and what became of it.

-- Hosts and addresses that an edge's certificates are good for: a JSON array.
ALTER TABLE devices ADD COLUMN names TEXT NOT NULL DEFAULT '[]';
ALTER TABLE devices ADD COLUMN enrolled_at TEXT
    CHECK (enrolled_at GLOB '????-??-??T??:??:??*+00:00');
ALTER TABLE devices ADD COLUMN revoked_at TEXT
    CHECK (revoked_at GLOB '????-??-??T??:??:??*+00:00');
ALTER TABLE devices ADD COLUMN revoked_for TEXT
    CHECK (revoked_for IN ('lost', 'broken', 'retired'));
ALTER TABLE devices ADD COLUMN last_seen_at TEXT
    CHECK (last_seen_at GLOB '????-??-??T??:??:??*+00:00');

CREATE TABLE device_certificates (
    -- SHA-256 of the certificate.
    fingerprint BLOB NOT NULL PRIMARY KEY CHECK (length(fingerprint) = 32),
    device TEXT NOT NULL REFERENCES devices (device),
    -- What a revocation list names it by; unknown of those from before there was one.
    serial BLOB CHECK (length(serial) BETWEEN 1 AND 20),
    -- SHA-256 of its public key.
    public_key BLOB CHECK (length(public_key) = 32),
    from_at TEXT NOT NULL CHECK (from_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    first_used_at TEXT CHECK (first_used_at GLOB '????-??-??T??:??:??*+00:00'),
    -- Another was given in its place: good until then at the latest.
    until_at TEXT CHECK (until_at GLOB '????-??-??T??:??:??*+00:00'),
    -- No good since.
    withdrawn_at TEXT CHECK (withdrawn_at GLOB '????-??-??T??:??:??*+00:00'),
    CHECK (from_at < ends_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX device_certificates_by_device ON device_certificates (device);

-- The certificates from before are 90 days good from a day that nobody wrote down.
INSERT INTO device_certificates (fingerprint, device, from_at, ends_at, first_used_at)
SELECT fingerprint, device, '2026-11-23T00:00:00+00:00', '2027-02-21T00:00:00+00:00',
    '2026-11-23T00:00:00+00:00'
FROM devices WHERE fingerprint IS NOT NULL;

UPDATE devices SET enrolled_at = '2026-11-23T00:00:00+00:00',
    names = COALESCE((SELECT c.names FROM enrol_codes c
        WHERE c.device = devices.device AND c.taken_at IS NOT NULL
        ORDER BY c.taken_at DESC LIMIT 1), '[]')
WHERE fingerprint IS NOT NULL;

ALTER TABLE devices DROP COLUMN fingerprint;
