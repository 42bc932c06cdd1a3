//! What is personal: sealed fields, consents, guardians' codes, how long things are kept, and
//! erasure.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::consent::Purpose;
use model::id::{
    BookingId, CentreId, ChildId, CollectorId, ConsentId, HouseholdId, NurseryId, PersonId,
};
use model::interval::Interval;
use serde::{Deserialize, Serialize};

use crate::{Result, SealedChild};

/// Personal data and its end.
#[async_trait]
pub trait Personal {
    /// What is sealed of a person.
    async fn sealed_of(&self, person: PersonId) -> Result<Option<Vec<u8>>>;
    /// Replaces it.
    async fn set_sealed_of(&self, person: PersonId, sealed: Option<&[u8]>) -> Result<()>;

    /// A child and what is sealed of its health.
    async fn child(&self, id: ChildId) -> Result<Option<(SealedChild, Option<Vec<u8>>)>>;
    /// Replaces what is sealed of a child's health.
    async fn set_child_health(&self, id: ChildId, sealed: Option<&[u8]>) -> Result<()>;
    /// What is sealed of a child's care file, with its version: 0 before there is one.
    async fn care_file(&self, child: ChildId) -> Result<(Option<Vec<u8>>, i64)>;
    /// Replaces it where it is of that version still, and counts that up, with the accounts that it shuts out; answers
    /// whether it was. The sheets of the sites are made anew.
    async fn set_care_file(
        &self,
        child: ChildId,
        sealed: &[u8],
        version: i64,
        barred: &[PersonId],
    ) -> Result<bool>;
    /// Children after this id, at most `most`, by id.
    async fn children_after(&self, after: Option<ChildId>, most: u32) -> Result<Vec<SealedChild>>;
    /// Where a child has live care that overlaps `window`.
    async fn nurseries_of(&self, child: ChildId, window: &Interval) -> Result<Vec<NurseryId>>;

    /// Whether somebody is barred from a child of a household.
    async fn is_barred(&self, person: PersonId, household: HouseholdId) -> Result<bool>;
    /// Keeps a code (its SHA-256) with which another guardian joins.
    async fn add_guardian_code(&self, code: &GuardianCode) -> Result<()>;
    /// Takes a code that holds and answers it, once. With one for a guardian, `person` becomes one of its household;
    /// one for somebody who only collects is not taken for that, nor the other way round. None holds of a guardian
    /// who is barred from a child of the household.
    async fn take_guardian_code(
        &self,
        secret: &[u8; 32],
        person: PersonId,
        only_collects: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<GuardianCode>>;

    /// Keeps a consent, unless one of its kind is in force; answers whether it was kept.
    async fn give_consent(&self, consent: &Consent) -> Result<bool>;
    /// Ends a consent; answers whether it was in force.
    async fn withdraw_consent(
        &self,
        child: ChildId,
        purpose: Purpose,
        at: DateTime<Utc>,
    ) -> Result<bool>;
    /// A child's consents, the oldest first.
    async fn consents_of(&self, child: ChildId) -> Result<Vec<Consent>>;

    /// Somebody's visits, the oldest first.
    async fn visits_of(&self, person: PersonId) -> Result<Vec<VisitRecord>>;

    /// How long things are kept.
    async fn retention(&self) -> Result<Vec<Retention>>;
    /// Deletes what is older than `before`, at most about `most`; answers how many went.
    async fn forget(&self, what: Kept, before: DateTime<Utc>, most: u32) -> Result<u64>;
    /// Whose visits that ended before `before` still carry their id, at most `most`.
    async fn visitors_before(&self, before: DateTime<Utc>, most: u32) -> Result<Vec<PersonId>>;
    /// Puts a pseudonym in the place of a person on their visits that ended before `before`;
    /// answers how many there were.
    async fn pseudonymise(
        &self,
        person: PersonId,
        pseudonym: PersonId,
        before: DateTime<Utc>,
    ) -> Result<u64>;

    /// Makes a person nobody: name, address, sign-in, cards, roles and household go, their visits
    /// get the pseudonym, and with them the children that nobody else answers for. Answers whether
    /// there was such a person still.
    async fn erase(&self, erasure: &Erasure) -> Result<bool>;
}

/// A one-time code for another guardian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardianCode {
    /// SHA-256 of the code.
    pub secret: [u8; 32],
    /// Which household it leads to.
    pub household: HouseholdId,
    /// It is for somebody who only collects this child, named so in its file.
    pub collects: Option<(ChildId, CollectorId)>,
    /// Who made it.
    pub made_by: PersonId,
    /// Until when it works.
    pub ends_at: DateTime<Utc>,
}

/// A guardian's consent for a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// For which child.
    pub child: ChildId,
    /// For what.
    pub purpose: Purpose,
    /// The version of the words that were agreed to.
    pub wording: String,
    /// Who gave it.
    pub given_by: PersonId,
    /// When.
    pub given_at: DateTime<Utc>,
    /// When it was taken back, if it was.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// What is kept for a time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The record of who did what.
    Audit,
    /// Bookings, after their end.
    Bookings,
    /// Cancelled bookings, after their end.
    CancelledBookings,
    /// What happened to children in care, and which incidents were reported on.
    CareDiary,
    /// Codes that devices enrol with, after their end.
    DeviceCodes,
    /// Codes that guardians join with, after their end.
    GuardianCodes,
    /// Interviews that were never held, after their time.
    Interviews,
    /// Mails, after they were sent or given up.
    Notices,
    /// What sites told, once the state that is kept holds it.
    SiteEvents,
    /// What was ordered of sites, and what became of it.
    SiteOrders,
    /// Who came, after they left: what is left are the figures.
    Visits,
}

/// How long something is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What.
    pub what: Kept,
    /// So many days.
    pub days: u32,
    /// Why so long.
    pub source: String,
}

/// A visit as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VisitRecord {
    /// At which centre.
    pub centre: CentreId,
    /// On which booking.
    pub booking: BookingId,
    /// When they came.
    pub checked_in_at: DateTime<Utc>,
    /// When they left, if they have.
    pub checked_out_at: Option<DateTime<Utc>>,
}

/// How somebody is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Who.
    pub person: PersonId,
    /// What stands for them on their visits.
    pub pseudonym: PersonId,
    /// The children that nobody else answers for.
    pub children: Vec<ChildId>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The tables whose rows of a person (`person_id`) go when the person is erased. A test compares
/// the list with the schema.
pub const GOES_WITH_A_PERSON: &[&str] = &[
    "api_tokens",
    "barred_accounts",
    "calendar_feeds",
    "claimed_roles",
    "code_makers",
    "credentials",
    "directory_entries",
    "guardians",
    "identities",
    "notices",
    "passkeys",
    "recovery_codes",
    "roles",
    "series",
    "sessions",
    "waitlist",
];

/// The tables whose `person_id` stays when a person is erased: it leads to nobody then.
pub const KEEPS_A_PSEUDONYM: &[&str] = &["bookings", "visits"];
