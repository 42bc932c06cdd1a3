//! How a card's identifier becomes what a database and a sheet may hold.
//!
//! `R = HMAC-SHA-256(region card key, identifier)` stands in the hub's database;
//! `HMAC-SHA-256(sheet salt, R)` stands on a sheet. Neither leads back to the card without the keys.

use model::day_sheet::CredentialDigest;
use ring::hmac;

/// The region's key for card identifiers: 32 secret bytes.
#[derive(Clone)]
pub struct RegionCardKey(hmac::Key);

impl RegionCardKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// `R` for a normalised card identifier.
    #[must_use]
    pub fn reference(&self, identifier: &[u8]) -> CardReference {
        CardReference(bytes_of(&hmac::sign(&self.0, identifier)))
    }
}

/// `R`: what the hub's database holds for a card.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CardReference(pub [u8; 32]);

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
    fn another_card_key_or_salt_gives_another_digest() {
        let one = RegionCardKey::new(&[1; 32]).reference(b"12345678");
        assert!(one != RegionCardKey::new(&[2; 32]).reference(b"12345678"));
        assert!(one != RegionCardKey::new(&[1; 32]).reference(b"12345679"));
        assert_ne!(one.on_sheet(&[3; 32]), one.on_sheet(&[4; 32]));
    }
}
