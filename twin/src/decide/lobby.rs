//! Who comes in, who is turned away, who leaves.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::access::{self, Entry, Inside, RefusalKind};
use model::booking::BookingCode;
use model::day_sheet::SheetBooking;
use model::id::{BookingId, CredentialId, DeviceId, PersonId, SpaceId, VisitId};
use model::site_event::{Happening, Proof};

use super::{Asked, PinTries, Said, open_doors};
use crate::OpenVisit;
use crate::book::Book;
use crate::fact::{Answer, Effect, Fact, Moment};
use crate::parts::{Door, Notes, Relock, Terminal, TerminalLevel, Visit, Welcomed};

/// Somebody who has shown who they are.
struct Guest {
    person: PersonId,
    /// The one booking that a code stands for; a card stands for all of its person's.
    booking: Option<BookingId>,
    by: Proof,
    /// From when on their card no longer lets them in.
    card_ends: Option<DateTime<Utc>>,
}

/// Somebody who is turned away.
struct Refusal {
    why: RefusalKind,
    credential: Option<CredentialId>,
    person: Option<PersonId>,
    opens: Option<DateTime<Utc>>,
    came_for: Vec<BookingId>,
}

impl Refusal {
    fn of_nobody(why: RefusalKind) -> Self {
        Self { why, credential: None, person: None, opens: None, came_for: Vec::new() }
    }

    fn of(guest: &Guest, why: RefusalKind) -> Self {
        let credential = match guest.by {
            Proof::Card { credential } => Some(credential),
            Proof::Code => None,
        };
        Self { why, credential, person: Some(guest.person), opens: None, came_for: Vec::new() }
    }
}

#[expect(clippy::too_many_arguments, reason = "a system names every part of the world it reads")]
pub(super) fn come_in(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut tries: ResMut<PinTries>,
    mut visits: Query<(&Visit, &mut Welcomed)>,
    terminals: Query<(&Terminal, &TerminalLevel)>,
    mut doors: Query<(&Door, &mut Relock)>,
) {
    let Some((at, fact)) = &asked.0 else { return };
    let at = *at;
    let (reader, new_visit, guest) = match fact {
        Fact::Tap { reader, digest, visit } => {
            let guest = match book.credentials.get(digest) {
                None if book.not_after.is_none() => {
                    Err(Refusal::of_nobody(RefusalKind::SheetExpired))
                }
                None => Err(Refusal::of_nobody(RefusalKind::UnknownCard)),
                Some(card) => {
                    let by = Proof::Card { credential: card.credential };
                    let guest = Guest {
                        person: card.person,
                        booking: None,
                        by,
                        card_ends: card.valid_until,
                    };
                    if card.blocked {
                        Err(Refusal::of(&guest, RefusalKind::BlockedCard))
                    } else {
                        Ok(guest)
                    }
                }
            };
            (reader, *visit, guest)
        }
        Fact::UnreadableCard { reader } => {
            let why = Refusal::of_nobody(RefusalKind::UnreadableCard);
            (reader, VisitId(uuid::Uuid::nil()), Err(why))
        }
        Fact::Code { reader, code, pin_right, visit } => {
            (reader, *visit, who_typed(*code, *pin_right, at, &book, &mut tries))
        }
        _ => return,
    };
    let guest = match guest {
        Ok(guest) => guest,
        Err(refusal) => return refuse(&mut said, &book, at, reader, refusal),
    };

    let inside = visits.iter_mut().find(|(visit, _)| visit.0.person == guest.person);
    if let Some((visit, mut welcomed)) = inside {
        let visit = visit.0;
        let language = book.language(guest.person).unwrap_or_default();
        let space = book.label(visit.space);
        match access::inside(at.now - welcomed.0) {
            Inside::Again => {
                welcomed.0 = at.now;
                let until = book.until(visit.booking, visit.since, at.now);
                open_doors(&mut said, &book, at, &mut doors, visit.visit);
                said.answer(Answer::Welcome { visit: visit.visit, space, until, language });
            }
            Inside::AskLeaving => {
                said.answer(Answer::AskLeaving { visit: visit.visit, space, language });
            }
        }
        return;
    }

    let over = |visit: &OpenVisit| book.until(visit.booking, visit.since, at.now) <= at.now;
    let sitting: Vec<OpenVisit> = visits.iter().map(|(visit, _)| visit.0).collect();
    let broken = |space: SpaceId| {
        book.terminal(space).is_some_and(|terminal| {
            terminals.iter().any(|(known, level)| known.0 == *terminal && !level.0.usable())
        })
    };
    let free = |space: SpaceId, overstayed: bool| {
        let mut here = sitting.iter().filter(|visit| visit.space == space);
        book.has(space) && !broken(space) && here.all(|visit| overstayed && over(visit))
    };
    // An empty desk before one whose guest forgot to check out.
    let found = desk_for(&guest, &book, &notes, at, |space| free(space, false))
        .or_else(|_| desk_for(&guest, &book, &notes, at, |space| free(space, true)));
    match found {
        Ok((booking, space)) => {
            for gone in sitting.iter().filter(|visit| visit.space == space) {
                check_out(&mut said, &book, at, *gone);
            }
            let until = book.until(booking, at.now, at.now);
            let language = book.language(guest.person).unwrap_or_default();
            let (visit, person, by) = (new_visit, guest.person, guest.by);
            said.happened(at, Happening::CheckedIn { visit, person, booking, space, by });
            open_doors(&mut said, &book, at, &mut doors, visit);
            if let Some(terminal) = book.terminal(space).cloned() {
                said.ask_for(Effect::Assign { terminal, visit, until, language });
            }
            said.answer(Answer::Welcome { visit, space: book.label(space), until, language });
        }
        Err(refusal) => refuse(&mut said, &book, at, reader, refusal),
    }
}

fn who_typed(
    code: Option<BookingCode>,
    pin_right: bool,
    at: Moment,
    book: &Book,
    tries: &mut PinTries,
) -> Result<Guest, Refusal> {
    let nobody = || Refusal::of_nobody(RefusalKind::WrongCode);
    let code = code.ok_or_else(nobody)?;
    let booking = book.booking_of(code).ok_or_else(nobody)?;
    let guest = Guest {
        person: booking.person,
        booking: Some(booking.id),
        by: Proof::Code,
        card_ends: None,
    };
    // Nothing is said in the guest's language before the PIN is right: a code alone tells nothing.
    if tries.paused(code, at.mono) {
        return Err(Refusal::of_nobody(RefusalKind::CodePaused));
    }
    match (tries.count(code, pin_right, at.mono), pin_right) {
        (_, true) => Ok(guest),
        (true, false) => Err(Refusal::of_nobody(RefusalKind::CodePaused)),
        (false, false) => Err(nobody()),
    }
}

fn desk_for(
    guest: &Guest,
    book: &Book,
    notes: &Notes,
    at: Moment,
    usable: impl Fn(SpaceId) -> bool,
) -> Result<(BookingId, SpaceId), Refusal> {
    if book.clock_unset {
        return Err(Refusal::of(guest, RefusalKind::ClockUnset));
    }
    // Only here, where somebody wants to come in: whoever is inside may still say that they leave.
    if guest.card_ends.is_some_and(|ends| ends <= at.now) {
        return Err(Refusal::of(guest, RefusalKind::ExpiredCard));
    }
    if !book.serves(at.now) {
        return Err(Refusal::of(guest, RefusalKind::SheetExpired));
    }
    let bookings: Vec<SheetBooking> = book
        .bookings_of(guest.person)
        .filter(|booking| guest.booking.is_none_or(|only| only == booking.id))
        .map(|booking| standing(booking, notes))
        .collect();
    let entry = access::entry(&bookings, at.now, &book.settings, |desk| usable(desk.space));
    match entry {
        Entry::Now { booking, desk } => Ok((booking, desk.space)),
        Entry::Later { opens } => {
            Err(Refusal { opens: Some(opens), ..Refusal::of(guest, RefusalKind::TooEarly) })
        }
        Entry::NoUsableSpace { bookings } => {
            Err(Refusal { came_for: bookings, ..Refusal::of(guest, RefusalKind::NoUsableSpace) })
        }
        Entry::Nothing => Err(Refusal::of(guest, RefusalKind::NoBooking)),
    }
}

/// The booking without the claims that were given free: the hub may have sold them on.
fn standing(booking: &SheetBooking, notes: &Notes) -> SheetBooking {
    let mut booking = booking.clone();
    let id = booking.id;
    booking.desks.retain(|desk| !notes.given_free.iter().any(|given| given.is(id, desk)));
    booking
}

fn refuse(said: &mut Said, book: &Book, at: Moment, reader: &DeviceId, refusal: Refusal) {
    let Refusal { why, credential, person, opens, came_for } = refusal;
    said.happened(at, Happening::Refused { reader: reader.clone(), credential, why, came_for });
    let language = person.and_then(|person| book.language(person));
    said.answer(Answer::Refused { why, opens, language });
}

pub(super) fn leave(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut visits: Query<(&Visit, &mut Welcomed)>,
    mut doors: Query<(&Door, &mut Relock)>,
) {
    let Some((at, Fact::Leave { reader, visit, leaving })) = &asked.0 else { return };
    let at = *at;
    let Some((open, mut welcomed)) = visits.iter_mut().find(|(open, _)| open.0.visit == *visit)
    else {
        // The same answer twice: the second time it is only said again.
        if let Some(ended) = notes.ended.get(visit) {
            let language = book.language(ended.visit.person).unwrap_or_default();
            let minutes = (ended.until - ended.visit.since).num_minutes();
            said.answer(Answer::Goodbye { minutes, language });
        } else {
            let nobody = Refusal::of_nobody(RefusalKind::NoBooking);
            refuse(&mut said, &book, at, reader, nobody);
        }
        return;
    };
    let open = open.0;
    let language = book.language(open.person).unwrap_or_default();
    if *leaving {
        check_out(&mut said, &book, at, open);
        let minutes = (at.now - open.since).num_minutes();
        said.answer(Answer::Goodbye { minutes, language });
    } else {
        welcomed.0 = at.now;
        open_doors(&mut said, &book, at, &mut doors, open.visit);
        let space = book.label(open.space);
        let until = book.until(open.booking, open.since, at.now);
        said.answer(Answer::Welcome { visit: open.visit, space, until, language });
    }
}

/// Ends a visit and has its terminal wiped.
pub(super) fn check_out(said: &mut Said, book: &Book, at: Moment, open: OpenVisit) {
    let OpenVisit { visit, person, space, .. } = open;
    said.happened(at, Happening::CheckedOut { visit, person, space });
    if let Some(terminal) = book.terminal(space).cloned() {
        said.ask_for(Effect::Wipe { terminal, visit });
    }
}
