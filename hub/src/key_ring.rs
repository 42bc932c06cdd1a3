//! The keys outside the database that personal data is sealed by, in the end: `field.key`, and
//! `field-2.key`, `field-3.key` … as they are rotated. New things are sealed by the newest.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SecureRandom;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::{KeyFile, SealBroken, secret};

/// What a value begins with that names the key of the ring it is sealed by.
const MARK: &[u8] = b"ky1";
/// The id of the key in `field.key`; what it sealed before there was a ring names no key.
const FIRST: u32 = 1;

/// The keys of the ring, read anew from the folder when another program has rotated them.
pub struct KeyRing {
    folder: PathBuf,
    held: RwLock<BTreeMap<u32, LessSafeKey>>,
}

impl KeyRing {
    /// The ring in `folder`; a first key is made where `missing` allows it.
    ///
    /// # Errors
    /// When there is none and none may be made, or a file holds no key.
    pub fn open(folder: &Path, missing: KeyFile, random: &dyn SecureRandom) -> io::Result<Self> {
        let mut held = read(folder)?;
        if held.is_empty() {
            let bytes = secret(&path(folder, FIRST), missing, random)?;
            held.insert(FIRST, aead_key(&bytes)?);
        }
        Ok(Self { folder: folder.to_owned(), held: RwLock::new(held) })
    }

    /// The newest key's id, which other programs may have made.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest(&self) -> io::Result<u32> {
        let found = read(&self.folder)?;
        let newest = found.last_key_value().map(|(id, _)| *id);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = found;
        newest.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no field key"))
    }

    /// The ids of the keys, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn ids(&self) -> io::Result<Vec<u32>> {
        Ok(read(&self.folder)?.into_keys().collect())
    }

    /// Makes the next key, by which new things are sealed from now on; answers its id.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, random: &dyn SecureRandom) -> io::Result<u32> {
        let id = self.newest()? + 1;
        secret(&path(&self.folder, id), KeyFile::Make, random)?;
        self.newest()
    }

    /// Destroys a key that is not the newest: what it sealed can be opened no more.
    ///
    /// # Errors
    /// When it is the newest, is not there or cannot be deleted.
    pub fn destroy(&self, id: u32) -> io::Result<()> {
        if self.newest()? == id {
            return Err(io::Error::other("the newest key is in use"));
        }
        fs::remove_file(path(&self.folder, id))?;
        self.newest().map(drop)
    }

    /// Seals a value by the key `id`; `belongs_to` binds it to its row.
    ///
    /// # Errors
    /// When there is no such key, or the random source fails.
    pub fn seal<T: Serialize>(
        &self,
        id: u32,
        value: &T,
        belongs_to: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, SealBroken> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let key = held.get(&id).ok_or(SealBroken)?;
        let body = seal_with(key, value, belongs_to, random)?;
        Ok([MARK, &id.to_be_bytes(), &body].concat())
    }

    /// Opens what [`KeyRing::seal`] made for the same row, or what was sealed before there was a
    /// ring.
    ///
    /// # Errors
    /// [`SealBroken`] for anything else.
    pub fn open_sealed<T: DeserializeOwned>(
        &self,
        sealed: &[u8],
        belongs_to: &[u8],
    ) -> Result<T, SealBroken> {
        if let Some((id, body)) = named(sealed) {
            if !self.holds(id) {
                self.newest().map_err(|_| SealBroken)?;
            }
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(opened) =
                held.get(&id).and_then(|key| open_with(key, body, belongs_to).ok())
            {
                return Ok(opened);
            }
        }
        // A nonce from before the ring may happen to look like a mark.
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        open_with(held.get(&FIRST).ok_or(SealBroken)?, sealed, belongs_to)
    }

    fn holds(&self, id: u32) -> bool {
        self.held.read().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }
}

/// Which key of a ring sealed this; none for what was sealed before there was a ring.
#[must_use]
pub fn sealed_by(sealed: &[u8]) -> Option<u32> {
    named(sealed).map(|(id, _)| id)
}

/// Encrypts a value (AES-256-GCM): nonce and ciphertext.
///
/// # Errors
/// When the random source fails or the value cannot be written as JSON.
pub fn seal_with<T: Serialize>(
    key: &LessSafeKey,
    value: &T,
    belongs_to: &[u8],
    random: &dyn SecureRandom,
) -> Result<Vec<u8>, SealBroken> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce).map_err(|_| SealBroken)?;
    let mut body = serde_json::to_vec(value).map_err(|_| SealBroken)?;
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(belongs_to),
        &mut body,
    )
    .map_err(|_| SealBroken)?;
    Ok([nonce.as_slice(), &body].concat())
}

/// Decrypts what [`seal_with`] made for the same row.
///
/// # Errors
/// [`SealBroken`] for anything else.
pub fn open_with<T: DeserializeOwned>(
    key: &LessSafeKey,
    sealed: &[u8],
    belongs_to: &[u8],
) -> Result<T, SealBroken> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealBroken)?;
    let mut body = body.to_vec();
    let plain = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(belongs_to), &mut body)
        .map_err(|_| SealBroken)?;
    serde_json::from_slice(plain).map_err(|_| SealBroken)
}

/// An AES-256 key of 32 bytes.
///
/// # Errors
/// When they are not 32.
pub fn aead_key(bytes: &[u8]) -> io::Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes)
        .map(LessSafeKey::new)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a field key is 32 bytes long"))
}

fn named(sealed: &[u8]) -> Option<(u32, &[u8])> {
    let (id, body) = sealed.strip_prefix(MARK)?.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*id), body))
}

fn path(folder: &Path, id: u32) -> PathBuf {
    folder.join(if id == FIRST { "field.key".to_owned() } else { format!("field-{id}.key") })
}

fn read(folder: &Path) -> io::Result<BTreeMap<u32, LessSafeKey>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(id_of) else { continue };
        let file = path(folder, id);
        let key = aead_key(&fs::read(&file)?).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is not 32 bytes long", file.display()),
            )
        })?;
        found.insert(id, key);
    }
    Ok(found)
}

fn id_of(name: &str) -> Option<u32> {
    if name == "field.key" {
        return Some(FIRST);
    }
    name.strip_prefix("field-")?.strip_suffix(".key")?.parse().ok().filter(|id| *id > FIRST)
}
