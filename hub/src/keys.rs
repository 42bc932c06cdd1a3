//! The secrets that live beside the database, never in it, each in a file of its own (mode 0600).

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SecureRandom;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::credential::RegionCardKey;
use wire::sheet::SheetKey;

/// The hub's secrets.
pub struct Keys {
    /// Signs day sheets.
    pub sheet: SheetKey,
    /// Turns card identifiers into references.
    pub region_card: RegionCardKey,
    /// The bytes of `region_card`, for the enrolment of edges.
    pub region_card_bytes: [u8; 32],
    field: LessSafeKey,
}

/// Why a sealed field cannot be opened or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed field could not be opened: it is torn, belongs elsewhere, or the key is another")]
pub struct SealBroken;

impl Keys {
    /// The keys in `folder`; those that are missing are made.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds no key.
    pub fn open_or_create(folder: &Path, random: &dyn SecureRandom) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let sheet =
            file(&folder.join("sheet-key.pk8"), || SheetKey::generate(random).map_err(no_chance))?;
        let region = secret(&folder.join("region-card.key"), random)?;
        let field = secret(&folder.join("field.key"), random)?;
        let not_a_key =
            |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{what} holds no key"));
        Ok(Self {
            sheet: SheetKey::from_pkcs8(&sheet).map_err(|_| not_a_key("sheet-key.pk8"))?,
            region_card: RegionCardKey::new(&region),
            region_card_bytes: region,
            field: LessSafeKey::new(
                UnboundKey::new(&AES_256_GCM, &field).map_err(|_| not_a_key("field.key"))?,
            ),
        })
    }

    /// Encrypts a personal field (AES-256-GCM); `belongs_to` binds it to its row.
    ///
    /// # Errors
    /// When the random source fails or the value cannot be written as JSON.
    pub fn seal<T: Serialize>(
        &self,
        value: &T,
        belongs_to: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, SealBroken> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(|_| SealBroken)?;
        let mut body = serde_json::to_vec(value).map_err(|_| SealBroken)?;
        self.field
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(belongs_to),
                &mut body,
            )
            .map_err(|_| SealBroken)?;
        Ok([nonce.as_slice(), &body].concat())
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
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealBroken)?;
        let mut body = body.to_vec();
        let plain = self
            .field
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(belongs_to), &mut body)
            .map_err(|_| SealBroken)?;
        serde_json::from_slice(plain).map_err(|_| SealBroken)
    }
}

fn secret(path: &Path, random: &dyn SecureRandom) -> io::Result<[u8; 32]> {
    let bytes = file(path, || {
        let mut bytes = vec![0; 32];
        random.fill(&mut bytes).map_err(no_chance)?;
        Ok(bytes)
    })?;
    bytes.try_into().map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not 32 bytes long", path.display()),
        )
    })
}

/// The file's bytes; a missing file is made first, whole or not at all.
fn file(path: &Path, make: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
        found => return found,
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

    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn a_field_opens_only_in_its_own_row() {
        let folder = std::env::temp_dir().join(format!("kyoten-keys-{}", uuid::Uuid::new_v4()));
        let random = SystemRandom::new();
        let keys = Keys::open_or_create(&folder, &random).unwrap();
        let sealed = keys.seal(&"はな", b"row 1", &random).unwrap();
        assert_eq!(keys.open::<String>(&sealed, b"row 1"), Ok("はな".to_owned()));
        assert_eq!(keys.open::<String>(&sealed, b"row 2"), Err(SealBroken));
        assert_eq!(keys.open::<String>(&sealed[..9], b"row 1"), Err(SealBroken));

        let again = Keys::open_or_create(&folder, &random).unwrap();
        assert_eq!(again.open::<String>(&sealed, b"row 1"), Ok("はな".to_owned()));
        fs::remove_dir_all(folder).unwrap();
    }
}
