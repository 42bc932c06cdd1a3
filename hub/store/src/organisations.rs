//! Employers' own sign-in, their directories, and the visits they pay for.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{BookingId, CentreId, EmployerId, PersonId, VisitId};
use model::interval::Interval;
use model::organisation::{MemberRole, RoleRule};
use model::people::Given;

use crate::Result;

/// What the hub keeps of employers beyond their names.
#[async_trait]
pub trait Organisations {
    /// How an employer's people sign in, if it has a provider.
    async fn sign_in_settings(&self, employer: EmployerId) -> Result<Option<SignInSettings>>;
    /// Replaces that.
    async fn set_sign_in_settings(&self, settings: &SignInSettings) -> Result<()>;
    /// Forgets it, with everybody's identity at the provider.
    async fn drop_sign_in_settings(&self, employer: EmployerId) -> Result<()>;
    /// The e-mail domains of an employer, by name.
    async fn domains_of(&self, employer: EmployerId) -> Result<Vec<String>>;
    /// Replaces them; one that is another employer's is a `Duplicate`.
    async fn set_domains(&self, employer: EmployerId, domains: &[String]) -> Result<()>;
    /// Whose a domain is.
    async fn employer_of_domain(&self, domain: &str) -> Result<Option<EmployerId>>;

    /// Notes a sign-in that leaves for a provider, and forgets those that never came back.
    async fn begin_trip(&self, trip: &ProviderTrip, now: DateTime<Utc>) -> Result<()>;
    /// Takes it back, once, if it has not ended and began in this browser. One that comes back in
    /// another browser is over as well.
    async fn end_trip(
        &self,
        state: &[u8; 32],
        browser: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<ProviderTrip>>;

    /// Whose an identity is.
    async fn person_of_identity(&self, identity: &Identity) -> Result<Option<PersonId>>;
    /// Notes whose it is; one that is noted, or a person who has another there, is a `Duplicate`.
    async fn add_identity(&self, identity: &Identity, person: PersonId) -> Result<()>;
    /// Gives exactly these of an employer's roles by claims: ends, at `at`, what claims gave before
    /// and give no longer, and leaves what was given by hand.
    async fn set_claimed_roles(
        &self,
        person: PersonId,
        employer: EmployerId,
        roles: &[MemberRole],
        at: DateTime<Utc>,
    ) -> Result<()>;

    /// Gives a person a role, unless they hold the same at `at`.
    async fn give_role(&self, person: PersonId, given: &Given, at: DateTime<Utc>) -> Result<()>;
    /// Ends a person's roles at an employer, and forgets who they are at its provider. Answers
    /// whether there was one to end.
    async fn end_membership(
        &self,
        person: PersonId,
        employer: EmployerId,
        at: DateTime<Utc>,
    ) -> Result<bool>;
    /// A person's confirmed bookings that have not ended by `now`, all of them.
    async fn open_bookings_of(
        &self,
        person: PersonId,
        now: DateTime<Utc>,
    ) -> Result<Vec<OpenBooking>>;
    /// Changes a person's e-mail address; one that somebody has is a `Duplicate`.
    async fn set_email(&self, person: PersonId, email: &str) -> Result<()>;

    /// What an employer's directory said of its people.
    async fn directory(&self, employer: EmployerId) -> Result<Vec<DirectoryEntry>>;
    /// Replaces what it said of one of them; an external id that another has is a `Duplicate`.
    async fn set_directory_entry(&self, employer: EmployerId, entry: &DirectoryEntry)
    -> Result<()>;

    /// The visits that an employer pays for and that began in the window, by their begin.
    async fn paid_visits(&self, employer: EmployerId, window: &Interval) -> Result<Vec<PaidVisit>>;
}

/// An employer's OpenID provider.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInSettings {
    /// Whose.
    pub employer: EmployerId,
    /// The provider's address.
    pub issuer: String,
    /// What the provider calls the hub.
    pub client_id: String,
    /// The client's secret, encrypted.
    pub secret: Vec<u8>,
    /// The claim that holds the e-mail address.
    pub email_claim: String,
    /// Which values of which claims give which role.
    pub rules: Vec<RoleRule>,
    /// Whether the employer says that its provider checks a second factor.
    pub checks_second: bool,
}

/// A sign-in on its way to a provider and back.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderTrip {
    /// SHA-256 of its state.
    pub state: [u8; 32],
    /// Whose provider.
    pub employer: EmployerId,
    /// SHA-256 of the token of the browser that it began in.
    pub browser: [u8; 32],
    /// What it needs when it comes back, encrypted.
    pub sealed: Vec<u8>,
    /// When it is worth nothing any more.
    pub ends_at: DateTime<Utc>,
}

/// Who somebody is at an employer's provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whose provider.
    pub employer: EmployerId,
    /// The provider.
    pub issuer: String,
    /// What it calls them, for ever.
    pub subject: String,
}

/// A booking that still holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenBooking {
    /// Its id.
    pub id: BookingId,
    /// Where.
    pub centre: CentreId,
    /// Who pays.
    pub on_account_of: Option<EmployerId>,
}

/// What an employer's directory said of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Who.
    pub person: PersonId,
    /// What the directory calls them.
    pub external_id: Option<String>,
    /// When it said so.
    pub changed_at: DateTime<Utc>,
    /// It has deleted them.
    pub deleted: bool,
}

/// A visit, for who pays for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidVisit {
    /// Its id.
    pub visit: VisitId,
    /// Who was there.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Where.
    pub centre: CentreId,
    /// From when.
    pub checked_in_at: DateTime<Utc>,
    /// Until when; none while they are there.
    pub checked_out_at: Option<DateTime<Utc>>,
}
