//! The demo's cards by name.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use data_encoding::{BASE64, HEXLOWER};
use ring::rand::SecureRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::people;

/// Bytes like a contactless card's identifier, of no card that was ever made.
pub(super) const fn identifier(number: u8) -> [u8; 8] {
    [0x01, 0x2e, 0x4b, 0x59, 0x4f, 0x54, 0x00, number]
}

/// The private key of the demo's card with PKOC, in PKCS #8. It opens nothing but a demo, and is no
/// secret.
pub(super) const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKGZHm1OmmyRFNfr/\
    BoXZI7ub792C47rzjJfOfOmJ/wahRANCAARpta8GdvtzGEafuIOx6g1JF1zNZ7bk\
    u27X1d5G/R1/ltryQ2VoxeuNWv++kLZ9egFq6yUzDjGWLb5WlZqOw1hk";

/// The public key of [`KEY`]: 04, X and Y.
pub(super) fn public_key(rng: &dyn SecureRandom) -> Result<[u8; 65]> {
    let bytes = BASE64.decode(KEY.as_bytes()).context("the demo's card key is torn")?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes, rng)
        .ok()
        .context("the demo's card key is none")?;
    pair.public_key().as_ref().try_into().context("the demo's card key has another length")
}

/// A copy of the identifier of `sato-key`, which is refused.
const COPY: (&str, [u8; 8], bool) = ("sato-copy", identifier(21), false);

/// A card that no hub knows.
const UNKNOWN: (&str, [u8; 8], bool) = ("unknown", identifier(0xff), false);

/// Writes `cards.toml` into the readers' folder, for `kyoten-card` to find cards by name.
pub(super) fn write_names(folder: &Path) -> Result<()> {
    let file = folder.join("cards.toml");
    let lines: Vec<_> = people::cards()
        .map(|card| (card.name, card.identifier, card.has_key))
        .chain([COPY, UNKNOWN])
        .map(|(name, identifier, has_key)| {
            let identifier = HEXLOWER.encode(&identifier);
            match has_key {
                true => format!("{name} = {{ identifier = \"{identifier}\", key = \"{KEY}\" }}\n"),
                false => format!("{name} = \"{identifier}\"\n"),
            }
        })
        .collect();
    let write = || {
        fs::create_dir_all(folder)?;
        fs::write(&file, lines.concat())
    };
    write().with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn the_names_can_be_read_back_and_no_two_cards_are_one() {
        let folder = std::env::temp_dir().join(format!("kyoten-cards-{}", uuid::Uuid::new_v4()));
        write_names(&folder).unwrap();
        write_names(&folder).unwrap();
        let text = fs::read_to_string(folder.join("cards.toml")).unwrap();
        fs::remove_dir_all(folder).unwrap();
        let names: BTreeMap<String, toml::Value> = toml::from_str(&text).unwrap();
        for name in ["sato", "suzuki", "lost", "unknown"] {
            assert_eq!(names[name].as_str().unwrap().len(), 16, "{name}");
        }
        let keyed = names["sato-key"].as_table().unwrap();
        assert_eq!(keyed["identifier"].as_str().unwrap().len(), 16);
        assert_eq!(keyed["key"].as_str(), Some(KEY));
        assert_eq!(public_key(&ring::rand::SystemRandom::new()).unwrap()[0], 4);
        let identifiers: BTreeSet<&str> = (names.values())
            .filter_map(|card| card.as_str().or_else(|| card.get("identifier")?.as_str()))
            .collect();
        assert_eq!(identifiers.len(), names.len() - 1, "and the copy of one");
        assert_eq!(names["sato-copy"].as_str(), keyed["identifier"].as_str());
    }
}
