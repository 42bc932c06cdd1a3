//! The keys that persons' data is sealed with, each sealed itself by a key outside the database.

use async_trait::async_trait;
use model::id::{ChildId, PersonId, SealKeyId};

use crate::Result;

/// One key for each owner; without its key, what was sealed for them is gone.
#[async_trait]
pub trait SealKeys {
    /// The key of an owner.
    async fn seal_key_of(&self, owner: KeyOwner) -> Result<Option<WrappedKey>>;
    /// The keys with these ids that are still there.
    async fn seal_keys(&self, ids: &[SealKeyId]) -> Result<Vec<WrappedKey>>;
    /// Keeps an owner's key, unless they have one; answers the one that is kept.
    async fn keep_seal_key(&self, key: &WrappedKey) -> Result<WrappedKey>;
    /// Destroys an owner's key; answers whether there was one.
    async fn destroy_seal_key(&self, owner: KeyOwner) -> Result<bool>;
    /// Keys that are sealed by another than `ring_key`, at most `most`.
    async fn seal_keys_not_by(&self, ring_key: u32, most: u32) -> Result<Vec<WrappedKey>>;
    /// Seals a key anew, if it is still there.
    async fn rewrap_seal_key(&self, key: &WrappedKey) -> Result<bool>;
    /// How many keys are sealed by this one.
    async fn sealed_by(&self, ring_key: u32) -> Result<u64>;
    /// Whether anything here can only be read with the keys outside the database.
    async fn holds_sealed(&self) -> Result<bool>;
}

/// Whose data a key seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    /// A person's.
    Person(PersonId),
    /// A child's.
    Child(ChildId),
    /// Nobody's in particular.
    Hub,
}

/// A key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its id, which tells nobody whose it is once it is destroyed.
    pub id: SealKeyId,
    /// Whose.
    pub owner: KeyOwner,
    /// Which key of the ring it is sealed by.
    pub ring_key: u32,
    /// The sealed key.
    pub wrapped: Vec<u8>,
}
