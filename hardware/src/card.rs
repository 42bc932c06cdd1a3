//! Card readers: what a reader reports, and what it may say about a card.

mod answer;
mod identifier;
mod ladder;
pub mod pin;
pub(crate) mod pkoc;
mod queue;
mod reader_models;
mod tlv;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;
use zeroize::Zeroizing;

pub use identifier::{CardIdentifier, IdentifierError};
pub(crate) use ladder::{Climb, Step};
pub use ladder::{Ladder, ReaderPlace};
pub use pkoc::{CardKey, PkocError, proved_key};
pub(crate) use queue::{ConsumerGone, EventQueue, EventSender, event_queue};
pub use reader_models::{ReaderModels, ReaderModelsError};
pub use tlv::FieldsError;

/// One card reader, real or simulated.
#[async_trait]
pub trait CardReader: Send {
    /// The name under which the site knows this reader.
    fn name(&self) -> &str;

    /// Waits for the next thing that happens at the reader.
    ///
    /// The first event is always [`CardEvent::Available`] or [`CardEvent::Unavailable`]. `None`
    /// means that the reader has stopped for good. Dropping the future loses no event.
    async fn next_event(&mut self) -> Option<CardEvent>;
}

/// What happens at a reader.
///
/// Each `Presented` or `Unreadable` is followed by one `Removed`, or by `Unavailable`, which ends
/// the card's visit too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardEvent {
    /// A card was put on the reader, just now, and was read.
    Presented(CardRead),
    /// A card was put on the reader but must not be accepted. The tap is refused.
    Unreadable {
        /// Why, as a sentence a log can carry.
        reason: CardError,
    },
    /// The card has left the reader.
    Removed,
    /// The reader cannot be used until [`CardEvent::Available`] follows.
    Unavailable {
        /// What is wrong.
        fault: ReaderFault,
        /// The same as a sentence a log can carry and, where known, what to do.
        reason: String,
    },
    /// The reader works (again).
    Available,
    /// Digits were typed at the reader's own keypad and confirmed.
    Pin(TypedPin),
}

/// Why a reader cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderFault {
    /// It, its line or what drives it does not answer.
    Silent,
    /// It has another key than it should, or none.
    WrongKey,
    /// Its line is not protected.
    NotSecure,
    /// Its case is open.
    Tampered,
}

/// What somebody typed at a keypad. It cannot be printed, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedPin(Zeroizing<String>);

impl TypedPin {
    /// These digits.
    #[must_use]
    pub fn new(digits: String) -> Self {
        Self(Zeroizing::new(digits))
    }

    /// The digits, to compare them. Never log or store them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TypedPin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TypedPin(..)")
    }
}

/// A credential as it was read: what the card has proved. Proofs will be added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CardRead {
    /// The number that the card gives to anyone who asks, a UID or a FeliCa IDm: it proves nothing.
    Identifier(CardIdentifier),
    /// The card has proved that it holds the private key of this public one (PKOC).
    Key {
        /// The public key.
        key: CardKey,
        /// The identifier of the same card, where it has one that could be recognised.
        identifier: Option<CardIdentifier>,
    },
}

impl CardRead {
    /// What the reading proves: 1 nothing (it can be copied), 3 a private key. A shared key would
    /// be 2.
    #[must_use]
    pub fn level(&self) -> u8 {
        match self {
            Self::Identifier(_) => 1,
            Self::Key { .. } => 3,
        }
    }

    /// The normalised identifier, where the card gave one.
    #[must_use]
    pub fn identifier(&self) -> Option<&CardIdentifier> {
        match self {
            Self::Identifier(identifier) => Some(identifier),
            Self::Key { identifier, .. } => identifier.as_ref(),
        }
    }

    /// The key that the card has proved, if any.
    #[must_use]
    pub fn key(&self) -> Option<&CardKey> {
        match self {
            Self::Identifier(_) => None,
            Self::Key { key, .. } => Some(key),
        }
    }
}

/// Why a card that was on the reader gave no credential.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CardError {
    /// The card kept silent until the reader gave up.
    #[error("the card did not answer within {} ms", .0.as_millis())]
    NoAnswer(Duration),
    /// The card left in the middle of the reading.
    #[error("the card was taken away before it was read: hold it still")]
    Torn,
    /// The reader senses a card that cannot be powered.
    #[error("the card does not respond to the reader")]
    Mute,
    /// The card answered with another status than 9000.
    #[error("the card refused to give its identifier (status {0:04X})")]
    Refused(u16),
    /// The answer is no card answer.
    #[error("the card sent {0} bytes that make no sense as an answer")]
    Garbled(usize),
    /// The card announced more than any answer may hold.
    #[error("the card sent {0} bytes, more than an answer may have")]
    Oversize(usize),
    /// The card knows nothing that it could be asked.
    #[error("the card has nothing that it could be known by")]
    Nothing,
    /// The card has a key and failed to prove it: it is not read by its identifier instead.
    #[error(transparent)]
    Pkoc(#[from] PkocError),
    /// The identifier is of no use.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// Nobody took the reading while it was fresh; it must not act any more.
    #[error("the reading is {} ms old and no longer counts: tap again", .0.as_millis())]
    Stale(Duration),
    /// The reader sent bits that are no whole bytes, such as a Wiegand number with parity.
    #[error(
        "the reader sent {0} bits, which are no whole bytes: set it to send the card's whole number \
         (UID or IDm) without parity"
    )]
    Bits(usize),
    /// The reader kept the reading while its line was cut.
    #[error("the reading was made before the reader's line was up again: tap again")]
    BeforeReconnect,
    /// The card lay there before the reader was ready, so nobody tapped it now.
    #[error("the card already lay on the reader when it started: take it away and tap again")]
    AlreadyThere,
    /// The reader or its service failed.
    #[error("the reader could not read the card: {0}")]
    Reader(String),
}

impl CardError {
    /// Whether somebody holds a card to the reader just now. Otherwise nothing may follow from it: a reader inside
    /// opens its door for a card that cannot be read.
    #[must_use]
    pub fn is_of_now(&self) -> bool {
        !matches!(self, Self::Stale(_) | Self::BeforeReconnect | Self::AlreadyThere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_nobody_holds_there_any_more_is_not_of_now() {
        let second = Duration::from_secs(1);
        for (error, of_now) in [
            (CardError::Stale(second), false),
            (CardError::BeforeReconnect, false),
            (CardError::AlreadyThere, false),
            (CardError::NoAnswer(second), true),
            (CardError::Torn, true),
            (CardError::Mute, true),
            (CardError::Refused(0x6A82), true),
            (CardError::Garbled(3), true),
            (CardError::Oversize(300), true),
            (CardError::Nothing, true),
            (CardError::Bits(26), true),
            (CardError::Reader("broken".to_owned()), true),
        ] {
            assert_eq!(error.is_of_now(), of_now, "{error}");
        }
    }
}
