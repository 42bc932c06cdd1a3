//! Whose card it is, and whether it has proved enough to be it.

use bevy_ecs::prelude::*;
use model::access::RefusalKind;
use model::card::CardLevel;
use model::day_sheet::SheetCredential;
use model::site_event::Happening;

use super::{Asked, Said};
use crate::book::Book;
use crate::fact::{Fact, TappedCard};
use crate::nursery::{CareFact, Shown};
use crate::parts::Notes;

/// A card that is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken<'book> {
    pub card: &'book SheetCredential,
    /// What it has proved of itself: less than the tap where its key is not the one that is known.
    pub proved: CardLevel,
}

/// A card that is not somebody's, or not to be taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotTaken<'book> {
    pub why: RefusalKind,
    /// Whose it says it is, where that is known.
    pub card: Option<&'book SheetCredential>,
}

/// The credential that a tap stands for. Its time may be over: that is for whoever asks.
pub(crate) fn credential<'book>(
    tapped: &TappedCard,
    book: &'book Book,
    notes: &Notes,
) -> Result<Taken<'book>, NotTaken<'book>> {
    let refused = |why, card| Err(NotTaken { why, card });
    let listed = |digest| book.credentials.get(&digest);
    let (card, proved) = match (listed(tapped.digest), tapped.identifier.and_then(listed)) {
        (Some(card), _) => (card, tapped.level),
        // A key that nobody has registered proves no more than the identifier beside it. Where the
        // identifier is a card's with another key, this is a copy of it.
        (None, Some(card)) => (card, CardLevel::Identifier),
        (None, None) => {
            let stopped = book.stopped.contains(&tapped.digest)
                || tapped.identifier.is_some_and(|digest| book.stopped.contains(&digest));
            let why = match (stopped, book.not_after) {
                (true, _) => RefusalKind::BlockedCard,
                (false, None) => RefusalKind::SheetExpired,
                (false, Some(_)) => RefusalKind::UnknownCard,
            };
            return refused(why, None);
        }
    };
    if card.blocked {
        return refused(RefusalKind::BlockedCard, Some(card));
    }
    if proved < least(card, notes) {
        return refused(RefusalKind::LowerLevel, Some(card));
    }
    Ok(Taken { card, proved })
}

/// What a tap counts for where a door asks for a level: the least where it is nobody's.
pub(crate) fn level(tapped: &TappedCard, book: &Book, notes: &Notes) -> u8 {
    credential(tapped, book, notes)
        .map_or_else(|_| CardLevel::default(), |taken| taken.proved)
        .number()
}

/// What the credential has proved before, as far as sheet or site know.
fn least(card: &SheetCredential, notes: &Notes) -> CardLevel {
    let seen = notes.proved.get(&card.credential).copied().unwrap_or_default();
    card.level.max(card.least).max(seen)
}

/// Keeps in mind what a card has proved, where the sheet does not know it.
pub(super) fn remember(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
) {
    let Some((at, fact)) = &asked.0 else { return };
    let Some(tapped) = shown_in(fact) else { return };
    let Ok(Taken { card, proved: level }) = credential(tapped, &book, &notes) else { return };
    let known = card.least.max(notes.proved.get(&card.credential).copied().unwrap_or_default());
    if level > known {
        let credential = card.credential;
        said.happened(*at, Happening::CredentialProved { credential, level });
    }
}

fn shown_in(fact: &Fact) -> Option<&TappedCard> {
    match fact {
        Fact::Tap { card, .. } => Some(card),
        Fact::Care(CareFact::SignIn { card, .. }) => card.as_ref(),
        Fact::Care(CareFact::HandOver { shown: Shown::Card(card), .. }) => card.as_ref(),
        _ => None,
    }
}
