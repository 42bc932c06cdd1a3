//! What a card reader's events are to a screen.

use data_encoding::HEXLOWER;
use hardware::card::{CardEvent, CardIdentifier, CardRead};
use wire::request::{Card, Secret};

/// What happened at the reader.
pub enum Reading {
    /// It works, or it does not.
    Works(bool),
    /// A card was put on it.
    Card(Card),
    /// The card has left it, or keys of the reader were pressed: a screen asks for a PIN by itself.
    Nothing,
}

/// What an event says; what is wrong goes to the log.
#[must_use]
pub fn reading(event: CardEvent) -> Reading {
    match event {
        CardEvent::Available => Reading::Works(true),
        CardEvent::Unavailable { reason, .. } => {
            tracing::warn!("cards cannot be read: {reason}");
            Reading::Works(false)
        }
        CardEvent::Removed | CardEvent::Pin(_) => Reading::Nothing,
        CardEvent::Unreadable { reason } => {
            tracing::info!("a card gave nothing usable: {reason}");
            Reading::Card(Card::Unreadable)
        }
        CardEvent::Presented(read) => Reading::Card(match read {
            CardRead::Identifier(identifier) => Card::Identifier { identifier: hex(&identifier) },
            CardRead::Key { key, identifier } => Card::Key {
                key: Secret(HEXLOWER.encode(key.expose())),
                identifier: identifier.as_ref().map(hex),
            },
            _ => Card::Unreadable,
        }),
    }
}

fn hex(identifier: &CardIdentifier) -> Secret {
    Secret(HEXLOWER.encode(identifier.expose()))
}
