//! A card's life, and the code that stands for one that wants to be somebody's.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// How long an offer of a card waits for its holder.
pub const OFFER_LASTS: TimeDelta = TimeDelta::minutes(10);

/// The longest name a holder gives a card, in characters.
pub const LONGEST_LABEL: usize = 40;

/// The longest reason for a change, in characters.
pub const LONGEST_REASON: usize = 200;

/// Where a card is in its life. All but an active one are known and refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardState {
    /// It opens what its holder has booked.
    Active,
    /// Its holder has lost it.
    Lost,
    /// An operator has stopped it.
    Blocked,
    /// Another card has taken its place.
    Replaced,
    /// Its time is over.
    Expired,
}

/// What a card has proved when it is read. A number in JSON: 1, 2 or 3.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub enum CardLevel {
    /// Nothing: it gave its identifier, which can be copied.
    #[default]
    Identifier,
    /// That it holds a key that the reader has too.
    SharedKey,
    /// That it holds a private key, which cannot be copied.
    Key,
}

impl CardLevel {
    /// 1, 2 or 3.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Identifier => 1,
            Self::SharedKey => 2,
            Self::Key => 3,
        }
    }

    /// Whether the card may be a copy.
    #[must_use]
    pub fn can_be_copied(&self) -> bool {
        *self == Self::Identifier
    }
}

/// A number that is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no level of a card: 1 (identifier), 2 (shared key) and 3 (key) are")]
pub struct UnknownLevel(u8);

impl TryFrom<u8> for CardLevel {
    type Error = UnknownLevel;
    fn try_from(number: u8) -> Result<Self, UnknownLevel> {
        match number {
            1 => Ok(Self::Identifier),
            2 => Ok(Self::SharedKey),
            3 => Ok(Self::Key),
            other => Err(UnknownLevel(other)),
        }
    }
}

impl From<CardLevel> for u8 {
    fn from(level: CardLevel) -> Self {
        level.number()
    }
}

/// A name or reason in the form it is kept: without spaces around it, never too long, one line.
#[must_use]
pub fn one_line(text: &str, longest: usize) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= longest;
    (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// What a kiosk shows for a card that wants to be somebody's: `K7M-2QX`. It has no letter or digit
/// that looks like another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OfferCode([u8; LETTERS]);

/// A text that is no such code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a card's code has six letters and digits, as in K7M-2QX")]
pub struct BadOfferCode;

const LETTERS: usize = 6;
const ALPHABET: &[u8; 29] = b"23456789ABCDEFGHJKMNPQRTVWXYZ";

impl OfferCode {
    /// The code for a random number; every code is about equally likely.
    #[must_use]
    pub fn from_random(mut number: u64) -> Self {
        Self(std::array::from_fn(|_| {
            let place = usize::try_from(number % 29).unwrap_or_default();
            number /= 29;
            ALPHABET.get(place).copied().unwrap_or(b'2')
        }))
    }

    /// Its letters, for a keyed hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for OfferCode {
    type Err = BadOfferCode;
    /// Takes small and full-width letters, spaces and hyphens as people type them.
    fn from_str(text: &str) -> Result<Self, BadOfferCode> {
        let mut letters = [0; LETTERS];
        let mut many = 0;
        for c in
            text.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{3000}' | '－' | 'ー' | '−' | '‐'))
        {
            let plain = match c {
                '！'..='～' => char::from_u32(u32::from(c) - 0xfee0),
                _ => Some(c),
            };
            let letter = plain
                .and_then(|c| u8::try_from(c.to_ascii_uppercase()).ok())
                .filter(|letter| ALPHABET.contains(letter))
                .ok_or(BadOfferCode)?;
            *letters.get_mut(many).ok_or(BadOfferCode)? = letter;
            many += 1;
        }
        if many == LETTERS { Ok(Self(letters)) } else { Err(BadOfferCode) }
    }
}

impl fmt::Display for OfferCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in self.0.iter().enumerate() {
            if at == LETTERS / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for OfferCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfferCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = OfferCode::from_random(123_456_789);
        let text = code.to_string();
        assert_eq!((text.len(), text.as_bytes()[3]), (7, b'-'));
        let wide: String =
            text.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c)).collect();
        for typed in [text.clone(), text.to_lowercase(), text.replace('-', " "), wide] {
            assert_eq!(typed.parse(), Ok(code), "{typed}");
        }
        assert_eq!(format!("{code:?}"), "OfferCode(..)");
    }

    #[test]
    fn a_level_is_one_of_three_numbers_and_a_key_beats_an_identifier() {
        for number in 0..=u8::MAX {
            let level = CardLevel::try_from(number);
            assert_eq!(
                level.map(CardLevel::number).ok(),
                Some(number).filter(|n| (1..=3).contains(n))
            );
        }
        assert!(
            CardLevel::Key > CardLevel::SharedKey && CardLevel::SharedKey > CardLevel::Identifier
        );
        assert!(CardLevel::default().can_be_copied() && !CardLevel::Key.can_be_copied());
    }

    #[test]
    fn a_torn_code_is_none() {
        for torn in [
            "",
            "-",
            "K7M",
            "K7M-2Q",
            "K7M-2QXX",
            "K7M-2Q0",
            "K7M-2Q1",
            "カード登録番号",
            "K7M-2QX\0",
        ] {
            assert_eq!(torn.parse::<OfferCode>(), Err(BadOfferCode), "{torn}");
        }
    }

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(one_line("  社員証 ", 40).as_deref(), Some("社員証"));
        for bad in ["", "  ", "a\nb", &"あ".repeat(41)] {
            assert_eq!(one_line(bad, 40), None, "{bad}");
        }
    }
}
