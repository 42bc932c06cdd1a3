//! What a card reader's events are to a screen.

use data_encoding::HEXLOWER;
use hardware::card::{CardEvent, CredentialKind};
use wire::request::{Card, Secret};

/// What happened at the reader.
pub enum Reading {
    /// It works, or it does not.
    Works(bool),
    /// A card was put on it.
    Card(Card),
    /// The card has left it.
    Gone,
}

/// What an event says; what is wrong goes to the log.
#[must_use]
pub fn reading(event: CardEvent) -> Reading {
    match event {
        CardEvent::Available => Reading::Works(true),
        CardEvent::Unavailable { reason } => {
            tracing::warn!("cards cannot be read: {reason}");
            Reading::Works(false)
        }
        CardEvent::Removed => Reading::Gone,
        CardEvent::Unreadable { reason } => {
            tracing::info!("a card gave nothing usable: {reason}");
            Reading::Card(Card::Unreadable)
        }
        CardEvent::Presented(read) => Reading::Card(match read.kind {
            CredentialKind::Identifier => {
                Card::Identifier { identifier: Secret(HEXLOWER.encode(read.identifier.expose())) }
            }
            _ => Card::Unreadable,
        }),
    }
}
