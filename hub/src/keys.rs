//! The secrets that live beside the database, never in it, each in a file of its own (mode 0600).

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ring::hmac;
use ring::rand::SecureRandom;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::sheet::SheetKey;

use crate::key_ring::KeyRing;
use crate::region_cards::RegionCards;

/// The hub's secrets.
pub struct Keys {
    /// Signs day sheets.
    pub sheet: SheetKey,
    /// Turn card identifiers into references.
    pub region_cards: RegionCards,
    /// Seals personal data, and the keys that it is sealed with.
    pub fields: KeyRing,
    derive: hmac::Key,
}

/// What to do about a key file that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// Make it: nothing has been sealed yet.
    Make,
    /// Refuse: what the database holds could never be read with another.
    MustBeThere,
}

/// Why a sealed field cannot be opened or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed field could not be opened: it is torn, belongs elsewhere, or the key is another")]
pub struct SealBroken;

impl Keys {
    /// The keys in `folder`; what to do about those that are missing, `missing` says.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds no key.
    pub fn open_or_create(
        folder: &Path,
        missing: KeyFile,
        random: &dyn SecureRandom,
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let sheet = file(&folder.join("sheet-key.pk8"), missing, || {
            SheetKey::generate(random).map_err(no_chance)
        })?;
        // Nothing that lasts is made with it, so another does as well.
        let derive = secret(&folder.join("derive.key"), KeyFile::Make, random)?;
        let not_a_key =
            |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{what} holds no key"));
        Ok(Self {
            sheet: SheetKey::from_pkcs8(&sheet).map_err(|_| not_a_key("sheet-key.pk8"))?,
            region_cards: RegionCards::open_or_create(folder, missing, random)?,
            derive: hmac::Key::new(hmac::HMAC_SHA256, &derive),
            fields: KeyRing::open(folder, missing, random)?,
        })
    }

    /// 32 bytes that only holders of this key can make, always the same for the same label and
    /// parts; no part may be a variable number of bytes unless it is the last.
    #[must_use]
    pub fn derive(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.derive);
        context.update(label);
        for part in parts {
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.sign().as_ref());
        bytes
    }

    /// Encrypts a field that is nobody's in particular (AES-256-GCM); `belongs_to` binds it to its
    /// row. What is a person's or a child's is sealed with their own key: `service::vault`.
    ///
    /// # Errors
    /// When the random source fails or the value cannot be written as JSON.
    pub fn seal<T: Serialize>(
        &self,
        value: &T,
        belongs_to: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, SealBroken> {
        let newest = self.fields.newest().map_err(|_| SealBroken)?;
        self.fields.seal(newest, value, belongs_to, random)
    }

    /// Decrypts what [`Keys::seal`] made for the same row.
    ///
    /// # Errors
    /// [`SealBroken`] for anything else.
    pub fn open<T: DeserializeOwned>(
        &self,
        sealed: &[u8],
        belongs_to: &[u8],
    ) -> Result<T, SealBroken> {
        self.fields.open_sealed(sealed, belongs_to)
    }
}

/// The 32 bytes in a file, which is made where it may be.
pub(crate) fn secret(
    path: &Path,
    missing: KeyFile,
    random: &dyn SecureRandom,
) -> io::Result<[u8; 32]> {
    let bytes = file(path, missing, || {
        let mut bytes = vec![0; 32];
        random.fill(&mut bytes).map_err(no_chance)?;
        Ok(bytes)
    })?;
    of_32_bytes(path, bytes)
}

/// A key of 32 bytes in a file that is there.
pub(crate) fn read_secret(path: &Path) -> io::Result<[u8; 32]> {
    of_32_bytes(path, fs::read(path)?)
}

fn of_32_bytes(path: &Path, bytes: Vec<u8>) -> io::Result<[u8; 32]> {
    bytes.try_into().map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not 32 bytes long", path.display()),
        )
    })
}

/// The file's bytes; a missing file is made first, whole or not at all, where it may be.
fn file(
    path: &Path,
    missing: KeyFile,
    make: impl FnOnce() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    if missing == KeyFile::MustBeThere {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "{} is missing, and the database holds what only it can open: put it back from \
                 where it was kept",
                path.display()
            ),
        ));
    }
    let bytes = make()?;
    let draft = path.with_extension("new");
    let mut out =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    out.write_all(&bytes)?;
    out.sync_all()?;
    fs::rename(&draft, path)?;
    Ok(bytes)
}

fn no_chance(_: ring::error::Unspecified) -> io::Error {
    io::Error::other("the random source failed")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::path::PathBuf;

    use ring::rand::SystemRandom;

    use super::*;
    use crate::key_ring::{aead_key, seal_with, sealed_by};

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("kyoten-keys-{}", uuid::Uuid::new_v4()))
    }

    fn open(folder: &Path, missing: KeyFile) -> io::Result<Keys> {
        Keys::open_or_create(folder, missing, &SystemRandom::new())
    }

    #[test]
    fn a_field_opens_only_in_its_own_row() {
        let folder = folder();
        let random = SystemRandom::new();
        let keys = open(&folder, KeyFile::Make).unwrap();
        let sealed = keys.seal(&"はな", b"row 1", &random).unwrap();
        assert_eq!(keys.open::<String>(&sealed, b"row 1"), Ok("はな".to_owned()));
        assert_eq!(keys.open::<String>(&sealed, b"row 2"), Err(SealBroken));
        assert_eq!(keys.open::<String>(&sealed[..9], b"row 1"), Err(SealBroken));

        let again = open(&folder, KeyFile::MustBeThere).unwrap();
        assert_eq!(again.open::<String>(&sealed, b"row 1"), Ok("はな".to_owned()));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn keys_rotate_and_what_is_old_opens_until_its_key_is_destroyed() {
        let folder = folder();
        let random = SystemRandom::new();
        let keys = open(&folder, KeyFile::Make).unwrap();
        let first = aead_key(&fs::read(folder.join("field.key")).unwrap()).unwrap();
        let ancient = seal_with(&first, &"前から", b"row", &random).unwrap();
        let old = keys.seal(&"古い", b"row", &random).unwrap();
        assert_eq!((sealed_by(&ancient), sealed_by(&old)), (None, Some(1)));

        let other_program = open(&folder, KeyFile::MustBeThere).unwrap();
        assert_eq!(other_program.fields.add(&random).unwrap(), 2);
        let new = other_program.seal(&"新しい", b"row", &random).unwrap();
        assert_eq!(sealed_by(&new), Some(2));
        for (sealed, text) in [(&ancient, "前から"), (&old, "古い"), (&new, "新しい")] {
            assert_eq!(keys.open::<String>(sealed, b"row"), Ok(text.to_owned()));
        }
        assert_eq!(sealed_by(&keys.seal(&"", b"row", &random).unwrap()), Some(2));

        assert!(keys.fields.destroy(2).is_err());
        keys.fields.destroy(1).unwrap();
        assert_eq!(keys.open::<String>(&old, b"row"), Err(SealBroken));
        assert_eq!(keys.open::<String>(&ancient, b"row"), Err(SealBroken));
        assert_eq!(keys.open::<String>(&new, b"row"), Ok("新しい".to_owned()));
        assert_eq!(keys.fields.ids().unwrap(), [2]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_over_sealed_data_is_never_made_anew() {
        for name in ["field.key", "region-card.key", "sheet-key.pk8"] {
            let folder = folder();
            open(&folder, KeyFile::Make).unwrap();
            fs::remove_file(folder.join(name)).unwrap();
            let refused = open(&folder, KeyFile::MustBeThere).err().unwrap().to_string();
            assert!(refused.contains(name) && refused.contains("missing"), "{refused}");
            assert!(!folder.join(name).exists());
            fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn a_key_of_another_length_is_none() {
        for name in ["field.key", "field-2.key", "region-card.key"] {
            let folder = folder();
            open(&folder, KeyFile::Make).unwrap();
            for bad in [0, 1, 31, 33, 64] {
                fs::write(folder.join(name), vec![7; bad]).unwrap();
                let refused = open(&folder, KeyFile::Make).err().unwrap().to_string();
                assert!(refused.contains(name) && refused.contains("32 bytes"), "{refused}");
            }
            fs::remove_dir_all(folder).unwrap();
        }
    }
}
