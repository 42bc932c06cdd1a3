use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use thiserror::Error;

/// The demo's cards: names people can type, each with an identifier in hex.
///
/// Read from `cards.toml`, one line a card: `sato = "0102030405060708"`.
#[derive(Debug, Default)]
pub struct CardNames(BTreeMap<String, String>);

impl CardNames {
    /// Reads `cards.toml` in `folder`; without that file no names are known.
    ///
    /// # Errors
    /// [`CardNameError`] when the file is there but cannot be understood.
    pub fn read(folder: &Path) -> Result<Self, CardNameError> {
        let file = folder.join("cards.toml");
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(CardNameError::Unreadable { file, error }),
        };
        let names = toml::from_str(&text).map_err(|error| CardNameError::Shape { file, error })?;
        Ok(Self(names))
    }

    /// The identifier of the card called `card`, or the bytes that `card` spells in hex.
    ///
    /// # Errors
    /// [`CardNameError`] when it is neither.
    pub fn identifier(&self, card: &str) -> Result<Vec<u8>, CardNameError> {
        let hex = self.0.get(card).map_or(card, String::as_str);
        match HEXLOWER_PERMISSIVE.decode(hex.as_bytes()) {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => Err(CardNameError::Unknown { card: card.to_owned(), known: self.known() }),
        }
    }

    fn known(&self) -> String {
        if self.0.is_empty() {
            return "no names, as there is no cards.toml in the readers' folder".to_owned();
        }
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Why a card could not be found by its name.
#[derive(Debug, Error)]
pub enum CardNameError {
    /// The file cannot be opened.
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The file has another shape.
    #[error("{} must hold lines like: sato = \"0102030405060708\": {error}", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// Where it differs.
        error: toml::de::Error,
    },
    /// Neither a name nor hex.
    #[error("no card is called {card}: give an identifier in hex or one of the names ({known})")]
    Unknown {
        /// What was asked for.
        card: String,
        /// The names there are.
        known: String,
    },
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn a_card_goes_by_its_name_or_by_its_hex() {
        let names: BTreeMap<_, _> = toml::from_str("sato = '0a0B'\n'佐藤 花' = '0C0D'").unwrap();
        let names = CardNames(names);
        assert_eq!(names.identifier("sato").unwrap(), [0x0A, 0x0B]);
        assert_eq!(names.identifier("佐藤 花").unwrap(), [0x0C, 0x0D]);
        assert_eq!(names.identifier("FFee").unwrap(), [0xFF, 0xEE]);
        for unknown in ["", "suzuki", "abc", "0x01"] {
            let said = names.identifier(unknown).unwrap_err().to_string();
            assert!(said.contains("sato"), "{said}");
        }
    }
}
