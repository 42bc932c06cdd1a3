-- Second factors, passkeys, and what a browser is asked before it may go on.

-- Nobody stays signed in over this change.
DROP TABLE sessions;

-- The token is kept as its SHA-256.
CREATE TABLE sessions (
    token BYTEA NOT NULL PRIMARY KEY CHECK (length(token) = 32),
    id UUID NOT NULL UNIQUE,
    person_id UUID NOT NULL REFERENCES persons (id),
    csrf TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('owes_second', 'one', 'two')),
    means TEXT NOT NULL CHECK (means IN ('password', 'code', 'recovery_code', 'passkey', 'organisation')),
    agent TEXT NOT NULL CHECK (length(agent) <= 200),
    started_at TIMESTAMPTZ NOT NULL,
    -- When they last showed that they are who they say.
    proved_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    CHECK (ends_at > started_at)
);

CREATE INDEX sessions_by_person ON sessions (person_id, started_at);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- What a telephone makes one-time codes from; the secret is encrypted.
CREATE TABLE code_makers (
    person_id UUID NOT NULL PRIMARY KEY REFERENCES persons (id),
    sealed BYTEA NOT NULL,
    -- The step of the last code that was accepted: none up to it is accepted again.
    last_step BIGINT NOT NULL CHECK (last_step >= 0),
    added_at TIMESTAMPTZ NOT NULL
);

-- Each is kept as its SHA-256, and works once.
CREATE TABLE recovery_codes (
    person_id UUID NOT NULL REFERENCES persons (id),
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    made_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ,
    PRIMARY KEY (person_id, digest)
);

CREATE TABLE passkeys (
    id UUID NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES persons (id),
    -- What the device calls it.
    credential BYTEA NOT NULL UNIQUE CHECK (length(credential) BETWEEN 1 AND 1023),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    -- The public key and what is known of the device, as JSON.
    public TEXT NOT NULL,
    added_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);

CREATE INDEX passkeys_by_person ON passkeys (person_id, added_at);

-- What a browser was asked with a passkey; the answer is taken once, from the same browser.
CREATE TABLE ceremonies (
    id UUID NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('add', 'show')),
    -- SHA-256 of the token that the browser's forms carry.
    holder BYTEA NOT NULL CHECK (length(holder) = 32),
    state TEXT NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX ceremonies_by_end ON ceremonies (ends_at);
