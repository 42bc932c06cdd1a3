-- Employers' own sign-in, who is on their books, and what programs may do.

-- An employer's OpenID provider.
CREATE TABLE sign_in_settings (
    employer_id BLOB NOT NULL PRIMARY KEY REFERENCES employers (id),
    issuer TEXT NOT NULL CHECK (length(issuer) <= 500),
    client_id TEXT NOT NULL CHECK (length(client_id) <= 500),
    -- The client's secret, encrypted.
    secret BLOB NOT NULL,
    email_claim TEXT NOT NULL CHECK (length(email_claim) <= 100),
    -- JSON: which values of which claims give which role.
    role_rules TEXT NOT NULL,
    checks_second INTEGER NOT NULL CHECK (checks_second IN (0, 1))
) STRICT, WITHOUT ROWID;

-- The e-mail domains that an employer's provider speaks for; each is one employer's.
CREATE TABLE employer_domains (
    domain TEXT NOT NULL PRIMARY KEY CHECK (length(domain) <= 253 AND domain = lower(domain)),
    employer_id BLOB NOT NULL REFERENCES employers (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX employer_domains_by_employer ON employer_domains (employer_id);

-- Who somebody is at their employer's provider.
CREATE TABLE identities (
    employer_id BLOB NOT NULL REFERENCES employers (id),
    issuer TEXT NOT NULL CHECK (length(issuer) <= 500),
    subject TEXT NOT NULL CHECK (length(subject) <= 255),
    person_id BLOB NOT NULL REFERENCES persons (id),
    PRIMARY KEY (employer_id, issuer, subject),
    UNIQUE (employer_id, issuer, person_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_by_person ON identities (person_id);

-- Which of a person's roles came from their provider's claims; those given by hand are not here.
CREATE TABLE claimed_roles (
    person_id BLOB NOT NULL REFERENCES persons (id),
    employer_id BLOB NOT NULL REFERENCES employers (id),
    role TEXT NOT NULL CHECK (role IN ('worker', 'employer_admin')),
    PRIMARY KEY (person_id, employer_id, role)
) STRICT, WITHOUT ROWID;

-- Sign-ins on their way to a provider and back. The state and the browser's token are kept as their
-- SHA-256, the rest is encrypted.
CREATE TABLE provider_trips (
    state BLOB NOT NULL PRIMARY KEY CHECK (length(state) = 32),
    employer_id BLOB NOT NULL REFERENCES employers (id),
    browser BLOB NOT NULL CHECK (length(browser) = 32),
    sealed BLOB NOT NULL,
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00')
) STRICT, WITHOUT ROWID;

CREATE INDEX provider_trips_by_end ON provider_trips (ends_at);

-- What an employer's directory says of its people.
CREATE TABLE directory_entries (
    employer_id BLOB NOT NULL REFERENCES employers (id),
    person_id BLOB NOT NULL REFERENCES persons (id),
    external_id TEXT CHECK (length(external_id) <= 255),
    changed_at TEXT NOT NULL CHECK (changed_at GLOB '????-??-??T??:??:??*+00:00'),
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    PRIMARY KEY (employer_id, person_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX directory_entries_by_external_id
    ON directory_entries (employer_id, external_id) WHERE external_id IS NOT NULL;

-- Programs' tokens, of a person or of an employer, kept as their SHA-256.
CREATE TABLE api_tokens (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    token BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
    person_id BLOB REFERENCES persons (id),
    employer_id BLOB REFERENCES employers (id),
    name TEXT NOT NULL CHECK (length(name) <= 100),
    -- JSON.
    scopes TEXT NOT NULL,
    -- How far the sign-in had come in which it was made.
    stage TEXT NOT NULL CHECK (stage IN ('one', 'two')),
    made_at TEXT NOT NULL CHECK (made_at GLOB '????-??-??T??:??:??*+00:00'),
    ends_at TEXT NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??*+00:00'),
    last_used_on TEXT CHECK (last_used_on GLOB '????-??-??'),
    CHECK ((person_id IS NULL) <> (employer_id IS NULL)),
    CHECK (ends_at > made_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_tokens_by_person ON api_tokens (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX api_tokens_by_employer ON api_tokens (employer_id) WHERE employer_id IS NOT NULL;

CREATE INDEX bookings_by_payer ON bookings (on_account_of) WHERE on_account_of IS NOT NULL;
