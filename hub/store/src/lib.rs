//! What the hub keeps, and what it may ask of its database.
//!
//! The traits here are implemented twice, for SQLite and PostgreSQL; one contract suite in
//! `tests/` proves the same on both. `shared/` beside this file holds the code and SQL that both
//! implementations compile.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::booking::{Booking, BookingCode, BookingStatus};
use model::centre::{Centre, Door, Holiday, Nursery, Space};
use model::day_sheet::{DeviceKind, SiteDevice};
use model::id::{
    BookingId, CentreId, ChildId, ClaimId, CredentialId, DeviceId, EmployerId, MunicipalityId,
    NurseryId, PersonId, SpaceId,
};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::no_show::SiteWord;
use model::people::Person;
use model::report::Stay;
use model::site_event::SiteEvent;

/// Why the database could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or failed; worth trying again.
    #[error("the database failed: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A row holds what it never should.
    #[error("the database holds a value that cannot be read: {0}")]
    Corrupt(String),
    /// A value that must be one of its kind is there already (an e-mail address, a card, a slug).
    #[error("{0} is there already")]
    Duplicate(&'static str),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            other => Self::Unavailable(other),
        }
    }
}

/// An answer of the database.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Everything together: what the hub holds.
pub trait Store: People + Places + Bookings + Sites + Jobs + Reports + Send + Sync {}

impl<T: People + Places + Bookings + Sites + Jobs + Reports + Send + Sync> Store for T {}

/// Persons, their sessions, cards and children.
#[async_trait]
pub trait People {
    /// Adds an employer.
    async fn add_employer(&self, employer: &Employer) -> Result<()>;
    /// Every employer, by id.
    async fn employers(&self) -> Result<Vec<Employer>>;
    /// Adds a person; `password` is an Argon2id PHC string, none for one who cannot sign in.
    async fn add_person(&self, person: &Person, password: Option<&str>) -> Result<()>;
    /// A person, with their grants.
    async fn person(&self, id: PersonId) -> Result<Option<Person>>;
    /// What sign-in needs to know of an e-mail address (compared in lower case).
    async fn sign_in_record(&self, email: &str) -> Result<Option<SignInRecord>>;
    /// Changes the language a person is answered in.
    async fn set_language(&self, id: PersonId, language: Language) -> Result<()>;
    /// Sets (Argon2id PHC string) or forgets a person's PIN.
    async fn set_pin(&self, id: PersonId, pin: Option<&str>) -> Result<()>;
    /// A person's PIN as it is kept.
    async fn pin(&self, id: PersonId) -> Result<Option<String>>;

    /// Keeps a session.
    async fn start_session(&self, session: &Session) -> Result<()>;
    /// The session of this token, unless it has ended by `now`.
    async fn session(&self, token: &TokenHash, now: DateTime<Utc>) -> Result<Option<Session>>;
    /// Forgets a session.
    async fn end_session(&self, token: &TokenHash) -> Result<()>;

    /// Adds a card; its reference is one of its kind.
    async fn add_credential(&self, credential: &Credential) -> Result<()>;
    /// A person's cards.
    async fn credentials_of(&self, person: PersonId) -> Result<Vec<Credential>>;

    /// Adds a child.
    async fn add_child(&self, child: &SealedChild) -> Result<()>;
    /// A guardian's children, in the order they were added.
    async fn children_of(&self, guardian: PersonId) -> Result<Vec<SealedChild>>;
}

/// Who pays for a worker's visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employer {
    /// Its id.
    pub id: EmployerId,
    /// Its name.
    pub name: LocalText,
}

/// What sign-in needs.
#[derive(Clone)]
pub struct SignInRecord {
    /// Who.
    pub person: PersonId,
    /// Argon2id PHC string, if they have a password.
    pub password: Option<String>,
}

/// SHA-256 of a session's token; the token itself is only in the browser.
pub type TokenHash = [u8; 32];

/// Somebody signed in somewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// What it is found by.
    pub token: TokenHash,
    /// Whose.
    pub person: PersonId,
    /// What a form of theirs must carry.
    pub csrf: String,
    /// When they signed in.
    pub started_at: DateTime<Utc>,
    /// When it ends by itself.
    pub ends_at: DateTime<Utc>,
}

/// A card of somebody's, by `R = HMAC(region card key, identifier)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose.
    pub person: PersonId,
    /// `R`.
    pub reference: [u8; 32],
    /// What its holder calls it.
    pub label: String,
    /// Known and refused.
    pub blocked: bool,
}

/// A child with its particulars encrypted (`model::child::Particulars` as sealed JSON).
#[derive(Clone, PartialEq, Eq)]
pub struct SealedChild {
    /// Its id.
    pub id: ChildId,
    /// Who books for it.
    pub guardian: PersonId,
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
}

/// Municipalities, centres, and what stands in them.
#[async_trait]
pub trait Places {
    /// Adds a municipality.
    async fn add_municipality(&self, id: MunicipalityId, name: &LocalText) -> Result<()>;
    /// Every municipality, by id.
    async fn municipalities(&self) -> Result<Vec<(MunicipalityId, LocalText)>>;
    /// Adds national holidays; those already there are left.
    async fn add_holidays(&self, holidays: &[Holiday]) -> Result<()>;
    /// Adds a centre with its settings and opening hours (its holidays are those of the table).
    async fn add_centre(&self, centre: &Centre) -> Result<()>;
    /// Every centre by slug, holidays filled in.
    async fn centres(&self) -> Result<Vec<Centre>>;
    /// Adds a space.
    async fn add_space(&self, space: &Space) -> Result<()>;
    /// The spaces of every centre, by centre and label.
    async fn spaces(&self) -> Result<Vec<Space>>;
    /// Adds a nursery.
    async fn add_nursery(&self, nursery: &Nursery) -> Result<()>;
    /// Every nursery, by id.
    async fn nurseries(&self) -> Result<Vec<Nursery>>;
    /// Adds a door.
    async fn add_door(&self, centre: CentreId, door: &Door) -> Result<()>;
    /// A centre's doors, by device.
    async fn doors(&self, centre: CentreId) -> Result<Vec<Door>>;
}

/// Bookings and the claims they hold.
#[async_trait]
pub trait Bookings {
    /// Makes a booking, all of it or nothing, in one transaction: locks its centre-days in sorted
    /// order (which also counts their revision up), places desks with `model::capacity::place_desks`
    /// and care with `care_fits`, inserts. The database's own constraint refuses an overlap beneath.
    async fn book(&self, order: &BookingOrder) -> Result<BookResult>;
    /// How a request of this person's with this key was answered before, if it made a booking:
    /// `Before`, or `KeyReused` where the key was used for another request.
    async fn answered(
        &self,
        person: PersonId,
        idempotency: &Idempotency,
    ) -> Result<Option<BookResult>>;
    /// Gives a booking up: releases its claims that have not ended. Answers the booking as it
    /// stands now, and whether this call changed it; `None` when there is no such booking. A booking
    /// whose guest is inside stays: leaving is what gives its desk free.
    async fn cancel(
        &self,
        id: BookingId,
        centre: &Centre,
        at: DateTime<Utc>,
    ) -> Result<Option<(Booking, bool)>>;
    /// A booking with all its claims.
    async fn booking(&self, id: BookingId) -> Result<Option<Booking>>;
    /// Somebody's bookings that end after `from`, by first start; at most 200.
    async fn bookings_of(&self, person: PersonId, from: DateTime<Utc>) -> Result<Vec<Booking>>;
    /// A centre's bookings that hold a live claim overlapping `window`, by id.
    async fn bookings_at(&self, centre: CentreId, window: &Interval) -> Result<Vec<Booking>>;
    /// The live desk and care claims of every centre that overlap `window`.
    async fn claims_in(&self, window: &Interval) -> Result<LiveClaims>;
}

/// A booking to be made; the rules of `model::booking::check` have been asked before.
#[derive(Clone, Debug)]
pub struct BookingOrder {
    /// The new booking's id.
    pub id: BookingId,
    /// Whose.
    pub person: PersonId,
    /// Where.
    pub centre: Centre,
    /// When; in order, not overlapping.
    pub slots: Vec<Interval>,
    /// How many desks in each slot.
    pub desks: u32,
    /// The one space it must be.
    pub pinned: Option<SpaceId>,
    /// Whose care in each slot; they are the person's own children.
    pub children: Vec<ChildId>,
    /// Who pays.
    pub on_account_of: Option<EmployerId>,
    /// The code of the booking; where it is taken, the store answers `Duplicate("booking code")`.
    pub code: BookingCode,
    /// The revision of the prices.
    pub tariff_rev: u32,
    /// The revision of the rules.
    pub rule_rev: u32,
    /// Now.
    pub at: DateTime<Utc>,
    /// Ids for the claims are made by the store, from this seed and their place (UUID v5-like), so
    /// that no random source is needed below: `ClaimId` n is `Uuid::from_u128(id.as_u128() + n + 1)`.
    pub idempotency: Option<Idempotency>,
}

/// A key that makes a repeated request harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// As the client sent it; one person's keys are their own.
    pub key: String,
    /// SHA-256 of what was asked.
    pub digest: [u8; 32],
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookResult {
    /// Made now.
    Made(Booking),
    /// The same key and request made this one before.
    Before(Booking),
    /// There is no room.
    Refused(NoRoom),
    /// The key was used for another request.
    KeyReused,
}

/// What there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// Too few free desks in this slot.
    Desk(Interval),
    /// Too few care places in this slot.
    Care(Interval),
    /// The centre has no nursery.
    NoNursery,
    /// The child is in another booking in this slot.
    ChildElsewhere(ChildId, Interval),
}

/// What is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveClaims {
    /// Spaces.
    pub desks: Vec<(CentreId, SpaceId, Interval)>,
    /// Care places.
    pub care: Vec<(NurseryId, Interval)>,
}

/// Sites: their devices, sheets and events.
#[async_trait]
pub trait Sites {
    /// Adds a device of a centre.
    async fn add_device(&self, centre: CentreId, device: &SiteDevice) -> Result<()>;
    /// A device.
    async fn device(&self, device: &DeviceId) -> Result<Option<DeviceRecord>>;
    /// A centre's devices, by id.
    async fn devices_of(&self, centre: CentreId) -> Result<Vec<SiteDevice>>;
    /// Keeps the fingerprint (SHA-256) of the certificate that a device has now.
    async fn set_certificate(&self, device: &DeviceId, fingerprint: &[u8; 32]) -> Result<()>;
    /// Keeps a one-time code by the SHA-256 of its secret.
    async fn add_enrol_code(&self, code: &EnrolCode) -> Result<()>;
    /// Uses a code up: it answers once, and not after its end.
    async fn take_enrol_code(
        &self,
        secret: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<EnrolCode>>;

    /// What the hub knows of a site.
    async fn site_status(&self, centre: CentreId) -> Result<SiteStatus>;
    /// Notes which sheet a site has in force, and that it was heard of at `at`.
    async fn ack_sheet(&self, centre: CentreId, version: u64, at: DateTime<Utc>) -> Result<()>;
    /// A number that changes whenever the bookings of these days, or the people, cards, devices or
    /// settings of the centre change.
    async fn plan_revision(&self, centre: CentreId, from: NaiveDate, to: NaiveDate) -> Result<i64>;
    /// Keeps a sheet with the next version of this centre, which it answers, when `content` differs
    /// from the newest one's; else answers the newest version and `false`.
    async fn next_sheet_version(
        &self,
        centre: CentreId,
        content: &[u8; 32],
        at: DateTime<Utc>,
    ) -> Result<(u64, bool)>;
    /// Whom a centre's sheet speaks of: the given persons' cards and PINs.
    async fn sheet_people(&self, persons: &[PersonId]) -> Result<Vec<SheetPersonRecord>>;

    /// Takes events in, exactly once, in one transaction: skips those already there, refuses a gap,
    /// keeps each in the log, and applies what they mean (check-in makes a visit, check-out ends it,
    /// no-show releases its claim, with the booking's care in a slot that has no desk left, and
    /// counts the centre-day's revision up). A no-show whose deadline `batch.at` has not reached is
    /// kept and not applied.
    async fn take_events(&self, batch: &EventBatch) -> Result<EventsTaken>;
    /// A centre's events after a place, in order, with their places; at most 1,000.
    async fn events_after(&self, centre: CentreId, place: u64) -> Result<Vec<(u64, SiteEvent)>>;
    /// Keeps a site's snapshot: its JSON after the event at `place`.
    async fn put_snapshot(
        &self,
        centre: CentreId,
        place: u64,
        json: &str,
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// The newest snapshot.
    async fn snapshot(&self, centre: CentreId) -> Result<Option<(u64, String)>>;
}

/// A device as the hub keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its id.
    pub device: DeviceId,
    /// Its centre.
    pub centre: CentreId,
    /// What it is.
    pub kind: DeviceKind,
    /// SHA-256 of its certificate, once enrolled.
    pub fingerprint: Option<[u8; 32]>,
}

/// A one-time code.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolCode {
    /// SHA-256 of its secret.
    pub secret: [u8; 32],
    /// For which device.
    pub device: DeviceId,
    /// Names and addresses that an edge's certificate may carry.
    pub names: Vec<String>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
}

/// What the hub knows of a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteStatus {
    /// The place of the last event taken in.
    pub reached: u64,
    /// Everything before this instant has been told.
    pub told_until: Option<DateTime<Utc>>,
    /// The sheet that the site has in force.
    pub sheet_in_force: Option<u64>,
    /// When it was last heard of, by the hub's clock.
    pub heard_at: Option<DateTime<Utc>>,
}

/// A person on a sheet.
#[derive(Clone)]
pub struct SheetPersonRecord {
    /// Who.
    pub person: PersonId,
    /// Their language.
    pub language: Language,
    /// Their PIN, Argon2id PHC.
    pub pin: Option<String>,
    /// Their cards.
    pub credentials: Vec<Credential>,
}

/// Events of one centre's edge.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// The centre.
    pub centre: Centre,
    /// The edge that tells.
    pub edge: DeviceId,
    /// The place of the first event.
    pub first: u64,
    /// The events.
    pub events: Vec<SiteEvent>,
    /// Everything before this instant has been told.
    pub told_until: DateTime<Utc>,
    /// Now, by the hub's clock.
    pub at: DateTime<Utc>,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsTaken {
    /// Committed up to this place.
    Reached(u64),
    /// The batch must begin at this place.
    Gap(u64),
}

/// Work that is due.
#[async_trait]
pub trait Jobs {
    /// Notes that `job` is due at `due_at`; noting it twice is the same as once.
    async fn enqueue(&self, job: &str, due_at: DateTime<Utc>) -> Result<()>;
    /// Takes the oldest job that is due and not taken (or was taken over five minutes ago and
    /// never finished); no two callers get the same one.
    async fn claim(&self, worker: &str, now: DateTime<Utc>) -> Result<Option<DueJob>>;
    /// Notes that a job is done, and forgets those of its name done over a day before.
    async fn finish(&self, job: &DueJob, at: DateTime<Utc>) -> Result<()>;
    /// Live desk claims of confirmed bookings on which nobody has checked in, whose start is at or
    /// before `now`, with what the job needs to judge each.
    async fn unvisited_claims(&self, now: DateTime<Utc>) -> Result<Vec<UnvisitedClaim>>;
    /// Releases such a claim, with the booking's care in a slot that has no desk left, and makes
    /// the booking a no-show if nothing of it is left. Answers whether it did: not where somebody
    /// has come or the claim was released meanwhile.
    async fn release_unvisited(
        &self,
        claim: &UnvisitedClaim,
        centre: &Centre,
        at: DateTime<Utc>,
    ) -> Result<bool>;
}

/// A job somebody has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueJob {
    /// Its name.
    pub job: String,
    /// When it was due.
    pub due_at: DateTime<Utc>,
}

/// A desk claim nobody has come for yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnvisitedClaim {
    /// The claim.
    pub claim: ClaimId,
    /// Its booking.
    pub booking: BookingId,
    /// Its centre.
    pub centre: CentreId,
    /// When.
    pub when: Interval,
    /// What the centre's site has told; nothing while it runs on a sheet made before the booking.
    pub site: SiteWord,
}

/// What reports are made of.
#[async_trait]
pub trait Reports {
    /// The stays at a municipality's centres whose check-in lies in `window`, plus all other stays
    /// of the same people in it at other centres of the region (their hours count together).
    /// A visit still open counts up to `now`.
    async fn stays(
        &self,
        municipality: MunicipalityId,
        window: &Interval,
        now: DateTime<Utc>,
    ) -> Result<Vec<Stay>>;
}

/// The text that a status has in the database.
#[must_use]
pub fn status_text(status: BookingStatus) -> &'static str {
    match status {
        BookingStatus::Confirmed => "confirmed",
        BookingStatus::Cancelled => "cancelled",
        BookingStatus::NoShow => "no_show",
    }
}
