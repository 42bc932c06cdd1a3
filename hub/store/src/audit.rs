//! The record of who did what, as a chain over sealed entries.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{AuditId, CentreId, SealKeyId};

use crate::Result;

/// SHA-256 of an entry and all before it.
pub type ChainHash = [u8; 32];

/// What an entry's hash is: of the head before it, and of the entry at the place after.
pub type Link<'a> = &'a (dyn Fn(&Head, &SealedEntry) -> ChainHash + Sync);

/// Entries are added and read; nobody changes one.
#[async_trait]
pub trait Audit {
    /// Keeps an entry; it gets its place in the chain later. One that is there already stays as it is: whoever tries again
    /// records nothing twice.
    async fn add_audit(&self, entry: &SealedEntry) -> Result<()>;
    /// Gives the entries without a place the next ones, the oldest first, at most `most`; one hub
    /// at a time. Answers the head, and how many got a place.
    async fn chain_audit(&self, most: u32, link: Link<'_>) -> Result<(Head, u64)>;
    /// Where the chain begins and ends as the database says.
    async fn audit_chain(&self) -> Result<Chain>;
    /// The entries after a place, in order, at most `most`.
    async fn audit_after(&self, place: u64, most: u32) -> Result<Vec<ChainedEntry>>;
    /// The newest entries that fit, the newest first, at most `most`; also those without a place.
    async fn audit_like(&self, wanted: &AuditWanted, most: u32) -> Result<Vec<ListedEntry>>;
    /// Moves the beginning of the chain to `base` and deletes what is before it, in one step;
    /// answers how many entries went.
    async fn cut_audit(&self, base: &Base) -> Result<u64>;
    /// The last place among the entries older than `before`, with its hash; at most `most` places
    /// after the beginning.
    async fn audit_older(&self, before: DateTime<Utc>, most: u32) -> Result<Option<Head>>;
    /// Notes the highest head that a site says it has seen.
    async fn note_site_head(&self, centre: CentreId, head: &Head, at: DateTime<Utc>) -> Result<()>;
    /// The highest head that each site has seen.
    async fn site_heads(&self) -> Result<Vec<(CentreId, Head)>>;
}

/// An entry as it is kept: what it says is sealed, what finds it is not.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedEntry {
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What was done, as `model::audit::AuditAction` words it; a text, so that a changed one can
    /// still be read and told.
    pub action: String,
    /// At which centre, if at one.
    pub centre: Option<CentreId>,
    /// The key of whom it is about.
    pub subject: Option<SealKeyId>,
    /// The key of the person who did it.
    pub actor: Option<SealKeyId>,
    /// The key it is sealed with.
    pub key: SealKeyId,
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
}

/// An entry at its place.
#[derive(Clone, PartialEq, Eq)]
pub struct ChainedEntry {
    /// Its place and hash.
    pub head: Head,
    /// The entry.
    pub entry: SealedEntry,
}

/// An entry and its place, if it has one already.
#[derive(Clone, PartialEq, Eq)]
pub struct ListedEntry {
    /// Its place.
    pub place: Option<u64>,
    /// The entry.
    pub entry: SealedEntry,
}

/// A place in the chain and the hash there. Place 0, before the first entry, has a hash of zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Head {
    /// The place.
    pub place: u64,
    /// The hash.
    pub hash: ChainHash,
}

/// Where the chain begins: what was before it has been forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// The last place that was forgotten, 0 when none was.
    pub head: Head,
    /// The hub's signature over it, empty when nothing was forgotten.
    pub signature: Vec<u8>,
}

/// Where the chain begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its beginning.
    pub base: Base,
    /// Its end.
    pub head: Head,
}

/// Which entries are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditWanted {
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// What was done.
    pub action: Option<String>,
    /// At one of these centres.
    pub centres: Option<Vec<CentreId>>,
    /// About one of these keys' owners.
    pub subjects: Option<Vec<SealKeyId>>,
    /// Done by the owner of this key.
    pub actor: Option<SealKeyId>,
    /// Before this entry in the list, as (time, id).
    pub before: Option<(DateTime<Utc>, AuditId)>,
}
