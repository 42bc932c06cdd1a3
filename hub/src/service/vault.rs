//! What is a person's or a child's is sealed with a key of their own, and that key by the ring
//! outside the database: destroying it makes everything of theirs unreadable, wherever it lies.

use model::id::SealKeyId;
use ring::aead::LessSafeKey;
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{KeyOwner, StoreError, WrappedKey};

use super::Refused;
use crate::hub::Hub;
use crate::key_ring::{aead_key, open_with, seal_with};
use crate::keys::SealBroken;

/// Somebody's own key.
pub struct OwnKey {
    /// Its id.
    pub id: SealKeyId,
    /// Whose.
    pub owner: KeyOwner,
    key: LessSafeKey,
    derive: hmac::Key,
}

impl OwnKey {
    /// Seals a value of theirs; `belongs_to` binds it to its place.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn seal<T: Serialize>(
        &self,
        hub: &Hub,
        value: &T,
        belongs_to: &[u8],
    ) -> Result<Vec<u8>, SealBroken> {
        seal_with(&self.key, value, belongs_to, hub.random.as_ref())
    }

    /// Opens what [`OwnKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`SealBroken`] for anything else.
    pub fn open<T: DeserializeOwned>(
        &self,
        sealed: &[u8],
        belongs_to: &[u8],
    ) -> Result<T, SealBroken> {
        open_with(&self.key, sealed, belongs_to)
    }

    /// 32 bytes for another purpose of theirs, always the same for the same label: gone with the key.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(&self.derive, label).as_ref());
        bytes
    }
}

/// An owner's key; their first is made.
///
/// # Errors
/// When the store, the random source or the ring fails.
pub async fn key_for(hub: &Hub, owner: KeyOwner) -> Result<OwnKey, Refused> {
    if let Some(own) = key_if_kept(hub, owner).await? {
        return Ok(own);
    }
    let id = SealKeyId(uuid::Builder::from_random_bytes(hub.random_bytes()?).into_uuid());
    let ring_key = hub.keys.fields.newest().map_err(|_| SealBroken)?;
    let bytes: [u8; 32] = hub.random_bytes()?;
    let wrapped =
        hub.keys.fields.seal(ring_key, &bytes, &place_of(id, owner), hub.random.as_ref())?;
    let kept = hub.store.keep_seal_key(&WrappedKey { id, owner, ring_key, wrapped }).await?;
    Ok(unwrap(hub, &kept)?)
}

/// An owner's key, if they have one.
///
/// # Errors
/// When the store or the ring fails.
pub async fn key_if_kept(hub: &Hub, owner: KeyOwner) -> Result<Option<OwnKey>, Refused> {
    let kept = hub.store.seal_key_of(owner).await?;
    Ok(kept.map(|kept| unwrap(hub, &kept)).transpose()?)
}

/// The keys with these ids that were not destroyed.
///
/// # Errors
/// When the store or the ring fails.
pub async fn keys(hub: &Hub, ids: &[SealKeyId]) -> Result<Vec<OwnKey>, Refused> {
    let kept = hub.store.seal_keys(ids).await?;
    Ok(kept.iter().map(|kept| unwrap(hub, kept)).collect::<Result<_, _>>()?)
}

/// Whether the ring opens what the database holds; it does where nothing is sealed yet.
///
/// # Errors
/// When the store fails.
pub async fn fits(hub: &Hub) -> Result<bool, StoreError> {
    // No key of a ring has the number 0: any kept key will do.
    let any = hub.store.seal_keys_not_by(0, 1).await?;
    Ok(any.iter().all(|kept| unwrap(hub, kept).is_ok()))
}

/// Seals kept keys by the ring's newest, at most `most` of them; answers how many there were.
///
/// # Errors
/// When the store, the random source or the ring fails.
pub async fn rewrap(hub: &Hub, most: u32) -> Result<u32, Refused> {
    let newest = hub.keys.fields.newest().map_err(|_| SealBroken)?;
    let mut done = 0;
    for mut kept in hub.store.seal_keys_not_by(newest, most).await? {
        let place = place_of(kept.id, kept.owner);
        let bytes: [u8; 32] = hub.keys.open(&kept.wrapped, &place)?;
        kept.wrapped = hub.keys.fields.seal(newest, &bytes, &place, hub.random.as_ref())?;
        kept.ring_key = newest;
        hub.store.rewrap_seal_key(&kept).await?;
        done += 1;
    }
    Ok(done)
}

fn unwrap(hub: &Hub, kept: &WrappedKey) -> Result<OwnKey, SealBroken> {
    let bytes: [u8; 32] = hub.keys.open(&kept.wrapped, &place_of(kept.id, kept.owner))?;
    let key = aead_key(&bytes).map_err(|_| SealBroken)?;
    let derive = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    Ok(OwnKey { id: kept.id, owner: kept.owner, key, derive })
}

/// Binds a wrapped key to its row, so that nobody's key can be put in another's place.
fn place_of(id: SealKeyId, owner: KeyOwner) -> Vec<u8> {
    let owner = match owner {
        KeyOwner::Person(person) => format!("person {person}"),
        KeyOwner::Child(child) => format!("child {child}"),
        KeyOwner::Hub => "hub".to_owned(),
    };
    format!("kyoten: key {id} of {owner}").into_bytes()
}
