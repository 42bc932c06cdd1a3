//! What people sign in with beside a password: one-time codes, recovery codes, passkeys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{CeremonyId, PasskeyId, PersonId};
use serde::{Deserialize, Serialize};

use crate::Result;

/// Second factors and passkeys.
#[async_trait]
pub trait Factors {
    /// Which second factors a person has.
    async fn factors_of(&self, person: PersonId) -> Result<FactorsHeld>;

    /// Keeps what a person's one-time codes are made from, in place of what was there.
    async fn set_code_maker(&self, person: PersonId, maker: &CodeMaker) -> Result<()>;
    /// What a person's one-time codes are made from.
    async fn code_maker(&self, person: PersonId) -> Result<Option<CodeMaker>>;
    /// Uses up every code up to that of `step`; answers whether that one was still to be used.
    async fn use_step(&self, person: PersonId, step: i64) -> Result<bool>;
    /// Forgets what a person's codes are made from; answers whether it was there.
    async fn remove_code_maker(&self, person: PersonId) -> Result<bool>;

    /// Keeps the digests of a person's recovery codes in place of all they had.
    async fn set_recovery_codes(
        &self,
        person: PersonId,
        digests: &[[u8; 32]],
        made_at: DateTime<Utc>,
    ) -> Result<()>;
    /// Uses up a recovery code; answers whether it was still to be used.
    async fn use_recovery_code(
        &self,
        person: PersonId,
        digest: &[u8; 32],
        at: DateTime<Utc>,
    ) -> Result<bool>;

    /// Adds a passkey; what its device calls it is one of its kind.
    async fn add_passkey(&self, passkey: &StoredPasskey) -> Result<()>;
    /// A person's passkeys, the oldest first.
    async fn passkeys_of(&self, person: PersonId) -> Result<Vec<StoredPasskey>>;
    /// The passkey that a device calls this.
    async fn passkey(&self, credential: &[u8]) -> Result<Option<StoredPasskey>>;
    /// Notes a passkey's use, and what has become of it.
    async fn note_passkey_use(&self, id: PasskeyId, public: &str, at: DateTime<Utc>) -> Result<()>;
    /// Forgets one of a person's passkeys; answers whether it was there.
    async fn remove_passkey(&self, person: PersonId, id: PasskeyId) -> Result<bool>;

    /// Keeps what a browser was asked.
    async fn begin_ceremony(&self, ceremony: &Ceremony) -> Result<()>;
    /// Takes it back, once, for the same purpose and the same browser; none when it has ended by
    /// `now`.
    async fn take_ceremony(
        &self,
        id: CeremonyId,
        purpose: Purpose,
        holder: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<String>>;
    /// Forgets what was asked and not answered before `before`; answers how many.
    async fn sweep_ceremonies(&self, before: DateTime<Utc>) -> Result<u64>;
}

/// Which second factors a person has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactorsHeld {
    /// A maker of one-time codes.
    pub code: bool,
    /// So many recovery codes that were not used.
    pub recovery_codes: u32,
    /// So many passkeys.
    pub passkeys: u32,
}

impl FactorsHeld {
    /// Whether a password alone is not enough for them. Recovery codes stand in for another factor
    /// and are none themselves.
    #[must_use]
    pub fn any(&self) -> bool {
        self.code || self.passkeys > 0
    }
}

/// What one-time codes are made from.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeMaker {
    /// The secret, encrypted.
    pub sealed: Vec<u8>,
    /// The step of the last code that was accepted.
    pub last_step: i64,
    /// When it was set up.
    pub added_at: DateTime<Utc>,
}

/// A passkey as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPasskey {
    /// Its id.
    pub id: PasskeyId,
    /// Whose.
    pub person: PersonId,
    /// What its device calls it.
    pub credential: Vec<u8>,
    /// What its holder calls it.
    pub name: String,
    /// The public key and what is known of the device, as JSON.
    pub public: String,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// When it was last used.
    pub used_at: Option<DateTime<Utc>>,
}

/// What a browser was asked to do with a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// Its id.
    pub id: CeremonyId,
    /// What for.
    pub purpose: Purpose,
    /// The digest of the token that the browser's forms carry.
    pub holder: [u8; 32],
    /// What the answer is checked against.
    pub state: String,
    /// When it is too late to answer.
    pub ends_at: DateTime<Utc>,
}

/// What a passkey is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To be made and added.
    Add,
    /// To be shown.
    Show,
}
