//! Card readers: what a reader reports, and what it may say about a card.

mod answer;
mod identifier;
mod queue;
mod reader_models;

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

pub(crate) use answer::{ASK_IDENTIFIER, card_read};
pub use identifier::{CardIdentifier, IdentifierError};
pub(crate) use queue::{ConsumerGone, EventQueue, EventSender, event_queue};
pub use reader_models::{ReaderModels, ReaderModelsError};

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
        /// What is wrong and, where known, what to do.
        reason: String,
    },
    /// The reader works (again).
    Available,
}

/// A credential as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardRead {
    /// What sort of credential the card gave.
    pub kind: CredentialKind,
    /// What the reading proves: 1 nothing (it can be copied), 2 a shared key, 3 a private key.
    pub level: u8,
    /// The normalised identifier.
    pub identifier: CardIdentifier,
}

/// The sorts of credential a reader can read. Sorts that prove more will be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// The number any card gives to anyone who asks: a UID or a FeliCa IDm.
    Identifier,
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
    /// The identifier is of no use.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// Nobody took the reading while it was fresh; it must not act any more.
    #[error("the reading is {} ms old and no longer counts: tap again", .0.as_millis())]
    Stale(Duration),
    /// The card lay there before the reader was ready, so nobody tapped it now.
    #[error("the card already lay on the reader when it started: take it away and tap again")]
    AlreadyThere,
    /// The reader or its service failed.
    #[error("the reader could not read the card: {0}")]
    Reader(String),
}
