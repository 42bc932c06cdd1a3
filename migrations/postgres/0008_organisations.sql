-- Employers' own sign-in, who is on their books, and what programs may do.

-- An employer's OpenID provider.
CREATE TABLE sign_in_settings (
    employer_id UUID NOT NULL PRIMARY KEY REFERENCES employers (id),
    issuer TEXT NOT NULL CHECK (length(issuer) <= 500),
    client_id TEXT NOT NULL CHECK (length(client_id) <= 500),
    -- The client's secret, encrypted.
    secret BYTEA NOT NULL,
    email_claim TEXT NOT NULL CHECK (length(email_claim) <= 100),
    -- JSON: which values of which claims give which role.
    role_rules TEXT NOT NULL,
    checks_second BOOLEAN NOT NULL
);

-- The e-mail domains that an employer's provider speaks for; each is one employer's.
CREATE TABLE employer_domains (
    domain TEXT NOT NULL PRIMARY KEY CHECK (length(domain) <= 253 AND domain = lower(domain)),
    employer_id UUID NOT NULL REFERENCES employers (id)
);

CREATE INDEX employer_domains_by_employer ON employer_domains (employer_id);

-- Who somebody is at their employer's provider.
CREATE TABLE identities (
    employer_id UUID NOT NULL REFERENCES employers (id),
    issuer TEXT NOT NULL CHECK (length(issuer) <= 500),
    subject TEXT NOT NULL CHECK (length(subject) <= 255),
    person_id UUID NOT NULL REFERENCES persons (id),
    PRIMARY KEY (employer_id, issuer, subject),
    UNIQUE (employer_id, issuer, person_id)
);

CREATE INDEX identities_by_person ON identities (person_id);

-- Which of a person's roles came from their provider's claims; those given by hand are not here.
CREATE TABLE claimed_roles (
    person_id UUID NOT NULL REFERENCES persons (id),
    employer_id UUID NOT NULL REFERENCES employers (id),
    role TEXT NOT NULL CHECK (role IN ('worker', 'employer_admin')),
    PRIMARY KEY (person_id, employer_id, role)
);

-- Sign-ins on their way to a provider and back. The state and the browser's token are kept as their
-- SHA-256, the rest is encrypted.
CREATE TABLE provider_trips (
    state BYTEA NOT NULL PRIMARY KEY CHECK (length(state) = 32),
    employer_id UUID NOT NULL REFERENCES employers (id),
    browser BYTEA NOT NULL CHECK (length(browser) = 32),
    sealed BYTEA NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX provider_trips_by_end ON provider_trips (ends_at);

-- What an employer's directory says of its people.
CREATE TABLE directory_entries (
    employer_id UUID NOT NULL REFERENCES employers (id),
    person_id UUID NOT NULL REFERENCES persons (id),
    external_id TEXT CHECK (length(external_id) <= 255),
    changed_at TIMESTAMPTZ NOT NULL,
    deleted BOOLEAN NOT NULL,
    PRIMARY KEY (employer_id, person_id)
);

CREATE UNIQUE INDEX directory_entries_by_external_id
    ON directory_entries (employer_id, external_id) WHERE external_id IS NOT NULL;

-- Programs' tokens, of a person or of an employer, kept as their SHA-256.
CREATE TABLE api_tokens (
    id UUID NOT NULL PRIMARY KEY,
    token BYTEA NOT NULL UNIQUE CHECK (length(token) = 32),
    person_id UUID REFERENCES persons (id),
    employer_id UUID REFERENCES employers (id),
    name TEXT NOT NULL CHECK (length(name) <= 100),
    -- JSON.
    scopes TEXT NOT NULL,
    -- How far the sign-in had come in which it was made.
    stage TEXT NOT NULL CHECK (stage IN ('one', 'two')),
    made_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    last_used_on DATE,
    CHECK ((person_id IS NULL) <> (employer_id IS NULL)),
    CHECK (ends_at > made_at)
);

CREATE INDEX api_tokens_by_person ON api_tokens (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX api_tokens_by_employer ON api_tokens (employer_id) WHERE employer_id IS NOT NULL;

CREATE INDEX bookings_by_payer ON bookings (on_account_of) WHERE on_account_of IS NOT NULL;
