use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use data_encoding::HEXLOWER_PERMISSIVE;
use ring::rand::SecureRandom;
use serde::Deserialize;
use thiserror::Error;

use super::virtual_key::{VirtualKey, VirtualKeyError};

/// The demo's cards: names people can type, each with an identifier in hex and perhaps a private key.
///
/// Read from `cards.toml`, one line a card: `sato = "0102030405060708"`, or
/// `tanaka = { identifier = "04a1b2c3d4e5f6", key = "MIGHAgEA…" }` with the key as
/// [`VirtualKey::read`] takes it.
#[derive(Debug, Default)]
pub struct CardNames(BTreeMap<String, Named>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Plain(String),
    Whole(Whole),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    identifier: String,
    #[serde(default)]
    key: Option<String>,
}

impl fmt::Debug for Named {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Named(..)")
    }
}

impl Named {
    fn identifier(&self) -> &str {
        match self {
            Self::Plain(identifier) | Self::Whole(Whole { identifier, .. }) => identifier,
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Whole(whole) => whole.key.as_deref(),
        }
    }
}

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
        let names = toml::from_str(&text).map_err(|error: toml::de::Error| {
            CardNameError::Shape { file, error: error.message().to_owned() }
        })?;
        Ok(Self(names))
    }

    /// The identifier of the card called `card`, or the bytes that `card` spells in hex.
    ///
    /// # Errors
    /// [`CardNameError`] when it is neither.
    pub fn identifier(&self, card: &str) -> Result<Vec<u8>, CardNameError> {
        let hex = self.0.get(card).map_or(card, Named::identifier);
        match HEXLOWER_PERMISSIVE.decode(hex.as_bytes()) {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => Err(CardNameError::Unknown { card: card.to_owned(), known: self.known() }),
        }
    }

    /// The private key of the card called `card`, if it has one.
    ///
    /// # Errors
    /// [`CardNameError::Key`] when what stands there is none.
    pub fn key(
        &self,
        card: &str,
        rng: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Result<Option<VirtualKey>, CardNameError> {
        let Some(key) = self.0.get(card).and_then(Named::key) else { return Ok(None) };
        VirtualKey::read(key, rng)
            .map(Some)
            .map_err(|error| CardNameError::Key { card: card.to_owned(), error })
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
        /// Where it differs; not the line itself, which may hold a key.
        error: String,
    },
    /// A card's key is none.
    #[error("the key of card {card}: {error}")]
    Key {
        /// The card.
        card: String,
        /// What is wrong.
        error: VirtualKeyError,
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

    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn a_card_goes_by_its_name_or_by_its_hex() {
        let text = "sato = '0a0B'\n'佐藤 花' = '0C0D'\nkeyless = { identifier = '0E0F' }";
        let names = CardNames(toml::from_str(text).unwrap());
        assert_eq!(names.identifier("sato").unwrap(), [0x0A, 0x0B]);
        assert_eq!(names.identifier("佐藤 花").unwrap(), [0x0C, 0x0D]);
        assert_eq!(names.identifier("keyless").unwrap(), [0x0E, 0x0F]);
        assert_eq!(names.identifier("FFee").unwrap(), [0xFF, 0xEE]);
        for unknown in ["", "suzuki", "abc", "0x01"] {
            let said = names.identifier(unknown).unwrap_err().to_string();
            assert!(said.contains("sato"), "{said}");
        }
    }

    #[test]
    fn a_name_may_have_a_key_which_does_not_print() {
        let rng = || Arc::new(SystemRandom::new());
        let key = VirtualKey::make(rng()).unwrap();
        let base64: String =
            key.expose_pem().lines().filter(|line| !line.starts_with('-')).collect();
        let text = format!(
            "tanaka = {{ identifier = '04a1b2c3', key = '{base64}' }}\nsato = '0a0b'\n\
             bad = {{ identifier = '01', key = 'none' }}"
        );
        let names = CardNames(toml::from_str(&text).unwrap());
        assert_eq!(names.key("tanaka", rng()).unwrap().unwrap().public(), key.public());
        assert!(names.key("sato", rng()).unwrap().is_none());
        assert!(names.key("04a1b2c3", rng()).unwrap().is_none());
        assert!(names.key("bad", rng()).unwrap_err().to_string().contains("kyoten-card key"));
        assert!(!format!("{names:?}").contains(&base64));
        assert!(
            toml::from_str::<BTreeMap<String, Named>>("a = { identifier = '01', pin = 1 }")
                .is_err()
        );
    }
}
