//! The demo's cards by name.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;

use super::people;

/// Bytes like a contactless card's identifier, of no card that was ever made.
pub(super) const fn identifier(number: u8) -> [u8; 8] {
    [0x01, 0x2e, 0x4b, 0x59, 0x4f, 0x54, 0x00, number]
}

/// A card that no hub knows.
const UNKNOWN: (&str, [u8; 8]) = ("unknown", identifier(0xff));

/// Writes `cards.toml` into the readers' folder, for `kyoten-card` to find cards by name.
pub(super) fn write_names(folder: &Path) -> Result<()> {
    let file = folder.join("cards.toml");
    let lines: Vec<_> = people::cards()
        .map(|card| (card.name, card.identifier))
        .chain([UNKNOWN])
        .map(|(name, identifier)| format!("{name} = \"{}\"\n", HEXLOWER.encode(&identifier)))
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
        let names: BTreeMap<String, String> = toml::from_str(&text).unwrap();
        for name in ["sato", "suzuki", "lost", "unknown"] {
            assert_eq!(names[name].len(), 16, "{name}");
        }
        assert_eq!(names.values().collect::<BTreeSet<_>>().len(), names.len());
    }
}
