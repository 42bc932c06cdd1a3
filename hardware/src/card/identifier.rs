use std::fmt;

use thiserror::Error;

/// A card's identifier in its normalised byte order, 4 to 10 bytes.
///
/// It is personal data and is never stored: callers turn it into a keyed hash at once. `Debug`
/// shows the length only, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct CardIdentifier(Vec<u8>);

impl CardIdentifier {
    /// Takes normalised bytes.
    ///
    /// # Errors
    /// [`IdentifierError`] for bytes that cannot tell one card from another.
    pub fn new(bytes: &[u8]) -> Result<Self, IdentifierError> {
        if !(4..=10).contains(&bytes.len()) {
            return Err(IdentifierError::Length(bytes.len()));
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(IdentifierError::AllZero);
        }
        if bytes.len() == 4 && bytes.first() == Some(&0x08) {
            return Err(IdentifierError::RandomUid);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The raw bytes, for the keyed hash and the way to it. Never log or store them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CardIdentifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CardIdentifier({} bytes)", self.0.len())
    }
}

/// Why bytes are no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdentifierError {
    /// Too short or too long.
    #[error(
        "the identifier has {0} bytes where 4 to 10 are expected: if this reader model always \
         does so, describe it in the file that KYOTEN_READER_MODELS names"
    )]
    Length(usize),
    /// Nothing but zeroes.
    #[error("the identifier is all zeroes")]
    AllZero,
    /// The card makes up a new number at every tap.
    #[error("the card gives a random identifier at every tap and cannot be recognised by it")]
    RandomUid,
    /// The number belongs to the radio session, not to the card.
    #[error("a type B card (such as a My Number card) has no identifier that could be used here")]
    TypeB,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn debug_shows_no_byte_of_the_identifier() {
        let identifier = CardIdentifier::new(&[0xAB; 8]).unwrap();
        assert_eq!(format!("{identifier:?}"), "CardIdentifier(8 bytes)");
        assert_eq!(identifier.expose(), [0xAB; 8]);
    }

    #[test]
    fn lengths_from_4_to_10_are_taken() {
        for length in 0..40 {
            let made = CardIdentifier::new(&vec![0x11; length]);
            assert_eq!(made.is_ok(), (4..=10).contains(&length), "{length} bytes");
        }
    }

    #[test]
    fn numbers_that_recognise_nobody_are_refused() {
        assert_eq!(CardIdentifier::new(&[8, 1, 2, 3]), Err(IdentifierError::RandomUid));
        assert_eq!(CardIdentifier::new(&[0; 8]), Err(IdentifierError::AllZero));
        assert!(CardIdentifier::new(&[8, 1, 2, 3, 4, 5, 6]).is_ok(), "7 bytes may start with 08");
    }
}
