//! The region's card key in its generations: each a file beside the others, the newest in use.
//!
//! A rotation writes the next file, from another process maybe: a running hub looks again and again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::{fs, io};

use model::card::CardLevel;
use ring::rand::SecureRandom;
use store::KeyedReference;
use wire::credential::RegionCardKey;

use crate::keys::{self, KeyFile};

/// The first generation's file; later ones carry their number.
const FIRST: &str = "region-card.key";

/// The card keys of a region.
pub struct RegionCards {
    folder: PathBuf,
    keys: RwLock<Arc<Generations>>,
}

/// The generations at one moment, the oldest first; there is one at least.
#[derive(Clone)]
pub struct Generations {
    former: Vec<Generation>,
    newest: Generation,
}

/// One generation of the card key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Generation {
    /// 1, 2, 3 …
    pub number: u32,
    /// The key.
    pub bytes: [u8; 32],
}

impl Generation {
    /// What stands in the database for a card with this identifier.
    #[must_use]
    pub fn reference(&self, identifier: &[u8]) -> KeyedReference {
        let reference = RegionCardKey::new(&self.bytes).reference(identifier).0;
        KeyedReference { generation: self.number, reference, level: CardLevel::Identifier }
    }

    /// What stands in the database for a card with this public key: 04, X and Y.
    #[must_use]
    pub fn key_reference(&self, key: &[u8; 65]) -> KeyedReference {
        let reference = RegionCardKey::new(&self.bytes).key_reference(key).0;
        KeyedReference { generation: self.number, reference, level: CardLevel::Key }
    }
}

impl Generations {
    /// The one in use.
    #[must_use]
    pub fn newest(&self) -> &Generation {
        &self.newest
    }

    /// The one before, as long as its file is there.
    #[must_use]
    pub fn former(&self) -> Option<&Generation> {
        self.former.last()
    }
}

impl RegionCards {
    /// The keys in `folder`; what to do where there is none, `missing` says.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds no key.
    pub fn open_or_create(
        folder: &Path,
        missing: KeyFile,
        random: &dyn SecureRandom,
    ) -> io::Result<Self> {
        let found = match read(folder)? {
            Some(found) => found,
            None => {
                let bytes = keys::secret(&folder.join(FIRST), missing, random)?;
                Generations { former: Vec::new(), newest: Generation { number: 1, bytes } }
            }
        };
        Ok(Self { folder: folder.to_owned(), keys: RwLock::new(Arc::new(found)) })
    }

    /// The keys as they were read last.
    #[must_use]
    pub fn now(&self) -> Arc<Generations> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again; answers whether another generation is the newest now.
    ///
    /// # Errors
    /// When a file cannot be read or holds no key; the keys stay as they were.
    pub fn look(&self) -> io::Result<bool> {
        let Some(found) = read(&self.folder)? else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the region's card key is gone"));
        };
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let changed = keys.newest != found.newest;
        *keys = Arc::new(found);
        Ok(changed)
    }

    /// Makes the next generation's file; answers its number.
    ///
    /// # Errors
    /// When it cannot be written or the random source fails.
    pub fn rotate(&self, random: &dyn SecureRandom) -> io::Result<u32> {
        let next = self.now().newest.number + 1;
        keys::secret(&self.folder.join(name(next)), KeyFile::Make, random)?;
        self.look()?;
        Ok(next)
    }

    /// Removes the file of a generation that has retired; it may be gone already.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget(&self, number: u32) -> io::Result<()> {
        match fs::remove_file(self.folder.join(name(number))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.look().map(drop),
        }
    }
}

fn name(number: u32) -> String {
    if number == 1 { FIRST.to_owned() } else { format!("region-card-{number}.key") }
}

fn number_of(name: &str) -> Option<u32> {
    if name == FIRST {
        return Some(1);
    }
    name.strip_prefix("region-card-")?.strip_suffix(".key")?.parse().ok()
}

fn read(folder: &Path) -> io::Result<Option<Generations>> {
    let mut generations = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().and_then(number_of) else { continue };
        generations.push(Generation { number, bytes: keys::read_secret(&entry.path())? });
    }
    generations.sort_by_key(|generation| generation.number);
    let newest = generations.pop();
    Ok(newest.map(|newest| Generations { former: generations, newest }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::os::unix::fs::PermissionsExt as _;

    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn generations_follow_each_other_in_files_of_their_own() {
        let folder =
            std::env::temp_dir().join(format!("kyoten-card-keys-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        let random = SystemRandom::new();
        let running = RegionCards::open_or_create(&folder, KeyFile::Make, &random).unwrap();
        let first = running.now();
        assert_eq!((first.newest().number, first.former().is_some()), (1, false));

        let other = RegionCards::open_or_create(&folder, KeyFile::Make, &random).unwrap();
        assert_eq!(other.rotate(&random).unwrap(), 2);
        let mode = fs::metadata(folder.join("region-card-2.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(running.look().unwrap() && !running.look().unwrap());
        let both = running.now();
        assert_eq!(both.newest().number, 2);
        assert!(both.former() == Some(first.newest()));
        assert!(both.newest().reference(b"card") != first.newest().reference(b"card"));

        running.forget(1).unwrap();
        running.forget(1).unwrap();
        assert!(running.now().former().is_none());
        fs::write(folder.join("region-card-3.key"), b"short").unwrap();
        assert!(running.look().is_err());
        assert_eq!(running.now().newest().number, 2, "a torn file changes nothing");
        fs::remove_dir_all(folder).unwrap();
    }
}
