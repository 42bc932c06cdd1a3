//! How a card's identifier becomes what a database and a sheet may hold.
//!
//! `R = HMAC-SHA-256(region card key, identifier)` stands in the hub's database;
//! `HMAC-SHA-256(sheet salt, R)` stands on a sheet. Neither leads back to the card without the keys.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use model::day_sheet::CredentialDigest;
use ring::hmac;
use serde::{Deserialize, Serialize};

const KEY_TAG: &[u8] = b"kyoten card key, P-256\0";

/// The region's key for card identifiers: 32 secret bytes.
#[derive(Clone)]
pub struct RegionCardKey(hmac::Key);

impl RegionCardKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// `R` for a normalised card identifier, which has at most 64 bytes.
    #[must_use]
    pub fn reference(&self, identifier: &[u8]) -> CardReference {
        CardReference(bytes_of(&hmac::sign(&self.0, identifier)))
    }

    /// `R` for the public key that a card has proved: 04, X and Y. No identifier has the same, being
    /// shorter than what is hashed here.
    #[must_use]
    pub fn key_reference(&self, key: &[u8; 65]) -> CardReference {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(KEY_TAG);
        context.update(key);
        CardReference(bytes_of(&context.sign()))
    }
}

/// `R`: what the hub's database holds for a card; hexadecimal in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CardReference(pub [u8; 32]);

/// A text that is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a card's reference has 64 hexadecimal digits")]
pub struct BadReference;

impl TryFrom<String> for CardReference {
    type Error = BadReference;
    fn try_from(text: String) -> Result<Self, BadReference> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| BadReference)?;
        bytes.try_into().map(Self).map_err(|_| BadReference)
    }
}

impl From<CardReference> for String {
    fn from(reference: CardReference) -> Self {
        HEXLOWER.encode(&reference.0)
    }
}

impl CardReference {
    /// What a sheet with this salt lists for the card.
    #[must_use]
    pub fn on_sheet(&self, salt: &[u8; 32]) -> CredentialDigest {
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
        CredentialDigest(bytes_of(&hmac::sign(&key, &self.0)))
    }
}

fn bytes_of(tag: &hmac::Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_32_bytes_and_no_others() {
        let text =
            |reference: &str| serde_json::from_str::<CardReference>(&format!("\"{reference}\""));
        let whole = RegionCardKey::new(&[1; 32]).reference(b"12345678");
        let written = serde_json::to_string(&whole).unwrap_or_default();
        assert!(serde_json::from_str::<CardReference>(&written).is_ok_and(|back| back == whole));
        for torn in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), "カード"] {
            assert!(text(torn).is_err(), "{torn}");
        }
    }

    #[test]
    fn another_card_key_or_salt_gives_another_digest() {
        let one = RegionCardKey::new(&[1; 32]).reference(b"12345678");
        assert!(one != RegionCardKey::new(&[2; 32]).reference(b"12345678"));
        assert!(one != RegionCardKey::new(&[1; 32]).reference(b"12345679"));
        assert_ne!(one.on_sheet(&[3; 32]), one.on_sheet(&[4; 32]));
        let key = RegionCardKey::new(&[1; 32]);
        assert!(key.key_reference(&[4; 65]) != key.reference(&[4; 65]), "a key is no identifier");
        assert!(
            key.key_reference(&[4; 65]) != RegionCardKey::new(&[2; 32]).key_reference(&[4; 65])
        );
    }
}
