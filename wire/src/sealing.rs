//! What is sealed on its way between hub and site: a section of the sheet for one site, and what a site writes down of
//! a child.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::care::day::Sealed;
use model::id::ChildId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::SecureRandom;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What was sealed is torn, belongs elsewhere, or the key is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed cannot be opened: it is torn, belongs elsewhere, or the key is another")]
pub struct NotOpened;

/// The key that a site's sections are sealed with.
#[derive(Clone)]
pub struct SectionKey {
    bytes: [u8; 32],
}

/// The hub's answer to a site that asks for its [`SectionKey`].
#[derive(Clone, Serialize, Deserialize)]
pub struct SectionKeyAnswer {
    /// Base64 of 32 bytes.
    pub key: String,
}

impl fmt::Debug for SectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SectionKey(..)")
    }
}

impl SectionKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { bytes }
    }

    /// As it is told to its site.
    #[must_use]
    pub fn told(&self) -> SectionKeyAnswer {
        SectionKeyAnswer { key: BASE64.encode(self.bytes) }
    }

    /// From what the hub told.
    ///
    /// # Errors
    /// When it is no key.
    pub fn heard(answer: &SectionKeyAnswer) -> Result<Self, NotOpened> {
        key_bytes(&answer.key).map(Self::new)
    }

    /// Seals a section. The same bytes are sealed alike, so that every hub makes the same section and an unchanged one
    /// keeps its hash: the nonce is an HMAC of the bytes (a synthetic nonce, as in RFC 5297's mode).
    ///
    /// # Errors
    /// When they are too long for the cipher.
    pub fn seal(&self, section: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.part(b"nonce")), section);
        let nonce = tag.as_ref().first_chunk::<NONCE_LEN>().ok_or(NotOpened)?;
        seal(&self.part(b"seal"), *nonce, section, b"section")
    }

    /// Opens a section.
    ///
    /// # Errors
    /// [`NotOpened`] for anything but what [`SectionKey::seal`] made.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        open(&self.part(b"seal"), sealed, b"section")
    }

    fn part(&self, purpose: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.bytes), purpose);
        let mut part = [0; 32];
        part.copy_from_slice(tag.as_ref());
        part
    }
}

/// The key that everything written down of one child is sealed with.
pub struct NoteKey([u8; 32]);

impl NoteKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As it stands on a sheet, base64.
    #[must_use]
    pub fn on_sheet(&self) -> String {
        BASE64.encode(self.0)
    }

    /// From a sheet.
    ///
    /// # Errors
    /// When it is no key.
    pub fn from_sheet(text: &str) -> Result<Self, NotOpened> {
        key_bytes(text).map(Self)
    }

    /// Seals something of the child's.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn seal<T: Serialize>(
        &self,
        child: ChildId,
        value: &T,
        random: &dyn SecureRandom,
    ) -> Result<Sealed, NotOpened> {
        let json = serde_json::to_vec(value).map_err(|_| NotOpened)?;
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(|_| NotOpened)?;
        Ok(Sealed(BASE64.encode(seal(&self.0, nonce, &json, child.0.as_bytes())?)))
    }

    /// Opens what was sealed for the child.
    ///
    /// # Errors
    /// [`NotOpened`] for anything else.
    pub fn open<T: DeserializeOwned>(
        &self,
        child: ChildId,
        sealed: &Sealed,
    ) -> Result<T, NotOpened> {
        let bytes = BASE64.decode(&sealed.0).map_err(|_| NotOpened)?;
        let json = open(&self.0, &bytes, child.0.as_bytes())?;
        serde_json::from_slice(&json).map_err(|_| NotOpened)
    }
}

fn key_bytes(text: &str) -> Result<[u8; 32], NotOpened> {
    BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(NotOpened)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, NotOpened> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| NotOpened)
}

fn seal(
    key: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    plain: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>, NotOpened> {
    let mut text = plain.to_vec();
    cipher(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text)
        .map_err(|_| NotOpened)?;
    let mut sealed = nonce.to_vec();
    sealed.append(&mut text);
    Ok(sealed)
}

fn open(key: &[u8; 32], sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, NotOpened> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(NotOpened)?;
    let mut text = text.to_vec();
    let plain = cipher(key)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut text)
        .map_err(|_| NotOpened)?;
    Ok(plain.to_vec())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use ring::rand::SystemRandom;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_section_is_sealed_alike_and_opens_with_its_key_alone() {
        let key = SectionKey::new([7; 32]);
        let sealed = key.seal("はな".as_bytes()).unwrap();
        assert_eq!(sealed, key.seal("はな".as_bytes()).unwrap());
        assert_ne!(sealed, key.seal("はる".as_bytes()).unwrap());
        assert_eq!(key.open(&sealed).unwrap(), "はな".as_bytes());
        assert_eq!(SectionKey::new([8; 32]).open(&sealed), Err(NotOpened));
        for at in 0..sealed.len() {
            let mut torn = sealed.clone();
            torn[at] ^= 1;
            assert_eq!(key.open(&torn), Err(NotOpened), "{at}");
        }
        for short in 0..sealed.len() {
            assert_eq!(key.open(&sealed[..short]), Err(NotOpened), "{short}");
        }
        let heard = SectionKey::heard(&key.told()).unwrap();
        assert_eq!(heard.open(&sealed).unwrap(), "はな".as_bytes());
        for odd in ["", "AAAA", "?"] {
            assert!(SectionKey::heard(&SectionKeyAnswer { key: odd.to_owned() }).is_err());
        }
    }

    #[test]
    fn a_note_is_one_child_s() {
        let (one, other) = (ChildId(Uuid::from_u128(1)), ChildId(Uuid::from_u128(2)));
        let key = NoteKey::new([7; 32]);
        let sealed = key.seal(one, &"ねつ", &SystemRandom::new()).unwrap();
        assert_ne!(sealed, key.seal(one, &"ねつ", &SystemRandom::new()).unwrap());
        assert_eq!(key.open::<String>(one, &sealed).unwrap(), "ねつ");
        assert!(key.open::<String>(other, &sealed).is_err(), "put in another child's place");
        assert!(key.open::<u32>(one, &sealed).is_err());
        for odd in ["", "ねつ", "AAAA"] {
            assert!(key.open::<String>(one, &Sealed(odd.to_owned())).is_err());
        }
        let again = NoteKey::from_sheet(&key.on_sheet()).unwrap();
        assert_eq!(again.open::<String>(one, &sealed).unwrap(), "ねつ");
    }
}
