//! People, what they were given to do, and their households.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{ChildId, EmployerId, HouseholdId, PersonId};
use model::language::{Language, LocalText};
use model::people::{Given, Person};
use serde::{Deserialize, Serialize};

use crate::Result;

/// Persons, their employers and households.
#[async_trait]
pub trait People {
    /// Adds an employer.
    async fn add_employer(&self, employer: &Employer) -> Result<()>;
    /// Whether an employer's admins approve what it pays for from now on.
    async fn set_approves(&self, employer: EmployerId, approves: bool) -> Result<()>;
    /// Every employer, by id.
    async fn employers(&self) -> Result<Vec<Employer>>;

    /// Adds a person; `password` is an Argon2id PHC string, none for one who cannot sign in with
    /// one.
    async fn add_person(&self, person: &Person, password: Option<&str>) -> Result<()>;
    /// A person, with everything they were ever given to do.
    async fn person(&self, id: PersonId) -> Result<Option<Person>>;
    /// These persons, with everything they were ever given to do, by id.
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Person>>;
    /// The persons whose name or e-mail address holds `text`, by address; at most `most`.
    async fn people_like(&self, text: &str, most: u32) -> Result<Vec<Person>>;
    /// The persons who hold or held a worker's role for this employer, by address.
    async fn members_of(&self, employer: EmployerId) -> Result<Vec<Person>>;
    /// What sign-in needs to know of an e-mail address (compared in lower case).
    async fn sign_in_record(&self, email: &str) -> Result<Option<SignInRecord>>;
    /// Replaces a person's password (Argon2id PHC string).
    async fn set_password(&self, id: PersonId, password: Option<&str>) -> Result<()>;
    /// Changes the name a person uses.
    async fn set_name(&self, id: PersonId, name: &str) -> Result<()>;
    /// Changes the language a person is answered in.
    async fn set_language(&self, id: PersonId, language: Language) -> Result<()>;
    /// Sets (Argon2id PHC string) or forgets a person's PIN.
    async fn set_pin(&self, id: PersonId, pin: Option<&str>) -> Result<()>;
    /// A person's PIN as it is kept.
    async fn pin(&self, id: PersonId) -> Result<Option<String>>;
    /// Replaces everything a person was given to do.
    async fn set_grants(&self, id: PersonId, grants: &[Given]) -> Result<()>;
    /// Notes `at` as the first use of those of a person's roles that count from it, hold at that
    /// time and were not used before.
    async fn note_use(&self, id: PersonId, at: DateTime<Utc>) -> Result<()>;

    /// Makes a household with its first guardian.
    async fn found_household(
        &self,
        id: HouseholdId,
        guardian: PersonId,
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// Makes somebody a guardian of a household's children; once is enough.
    async fn add_guardian(
        &self,
        household: HouseholdId,
        guardian: PersonId,
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// The households that a person answers in, the one they joined first before others.
    async fn households_of(&self, guardian: PersonId) -> Result<Vec<HouseholdId>>;
    /// Who answers for a household's children, in the order they joined.
    async fn guardians(&self, household: HouseholdId) -> Result<Vec<PersonId>>;
    /// Adds a child.
    async fn add_child(&self, child: &SealedChild) -> Result<()>;
    /// Replaces what is kept of a child.
    async fn set_child(&self, id: ChildId, sealed: &[u8]) -> Result<()>;
    /// The guardians of a child's household who are not barred from it, in the order they joined; nobody's of one that
    /// was erased.
    async fn who_answer_for(&self, child: ChildId) -> Result<Vec<PersonId>>;
    /// The children of a guardian's households whom they are not barred from, in the order they were added.
    async fn children_of(&self, guardian: PersonId) -> Result<Vec<SealedChild>>;
}

/// Who pays for a worker's visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employer {
    /// Its id.
    pub id: EmployerId,
    /// Its name.
    pub name: LocalText,
    /// What it is.
    pub kind: EmployerKind,
    /// Whether its admins approve what it pays for.
    pub approves: bool,
}

/// What an employer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmployerKind {
    /// 企業
    Company,
    /// 官公庁・自治体
    PublicBody,
}

/// What sign-in needs.
#[derive(Clone)]
pub struct SignInRecord {
    /// Who.
    pub person: PersonId,
    /// Argon2id PHC string, if they have a password.
    pub password: Option<String>,
}

/// A child with its particulars encrypted (`model::child::Particulars` as sealed JSON).
#[derive(Clone, PartialEq, Eq)]
pub struct SealedChild {
    /// Its id.
    pub id: ChildId,
    /// Whose guardians answer for it.
    pub household: HouseholdId,
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
}
