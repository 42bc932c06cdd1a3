//! Who comes in, who is turned away, who leaves.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::access::{self, Entry, Going, Inside, RefusalKind};
use model::booking::BookingCode;
use model::care::day::CareEvent;
use model::day_sheet::{SheetBooking, SheetCredential};
use model::door::{Side, Zone};
use model::id::{BookingId, CredentialId, DeviceId, PersonId, SpaceId, VisitId};
use model::language::Language;
use model::site_event::{Happening, Proof, Vouched};
use model::voucher::{self, Voucher, Worth};

use super::cards::{self, NotTaken};
use super::orders::Over;
use super::walk_in::{self, Leased, Offers};
use super::{Asked, PinTries, Proved, Said, closed_to, open_doors, readers, staff};
use crate::OpenVisit;
use crate::book::Book;
use crate::fact::{Answer, Effect, Fact, Moment, PinOf, TappedCard};
use crate::nursery::{CareAnswer, Caregiver, ChildThere, InCare, Situation, There};
use crate::parts::{Door, Notes, Relock, Terminal, TerminalLevel, Visit, Welcomed};

/// Every terminal and what it is in.
pub(super) type Terminals<'w, 's> = Query<'w, 's, (&'static Terminal, &'static TerminalLevel)>;

/// Somebody who has shown who they are.
pub(super) struct Guest {
    pub person: PersonId,
    pub comes_for: Comes,
    pub by: Shown,
    pub language: Option<Language>,
    /// From when on their card no longer lets them in.
    pub card_ends: Option<DateTime<Utc>>,
}

/// What a guest may be seated on.
pub(super) enum Comes {
    /// A card stands for all bookings of its person's.
    ForAny,
    /// A code, or a voucher of a booking on the sheet, stands for that one.
    For(BookingId),
    /// The sheet cannot know it, and their voucher says it.
    Vouched(Box<Voucher>),
    /// Nothing any more. Whoever is inside on the booking may still say that they leave.
    ForNothing { booking: BookingId, why: RefusalKind, opens: Option<DateTime<Utc>> },
}

/// What they have shown.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    Card(CredentialId),
    Code,
    Voucher,
}

/// Somebody who is turned away.
#[derive(Clone)]
pub(crate) struct Refusal {
    pub why: RefusalKind,
    credential: Option<CredentialId>,
    language: Option<Language>,
    pub opens: Option<DateTime<Utc>>,
    pub came_for: Vec<BookingId>,
    /// The bookings whose desks were given free before they came: they wait for another.
    pub late_for: Vec<BookingId>,
    /// Since when what they come for is given free, and how many other desks are.
    gone: Option<(DateTime<Utc>, u32)>,
}

impl Refusal {
    pub fn of_nobody(why: RefusalKind) -> Self {
        let (came_for, late_for, gone) = (Vec::new(), Vec::new(), None);
        Self { why, credential: None, language: None, opens: None, came_for, late_for, gone }
    }

    /// Whoever holds this card.
    pub fn of_card(credential: Option<CredentialId>, why: RefusalKind) -> Self {
        Self { credential, ..Self::of_nobody(why) }
    }

    /// The same person, for another reason.
    pub fn because(self, why: RefusalKind) -> Self {
        Self { credential: self.credential, language: self.language, ..Self::of_nobody(why) }
    }

    pub(super) fn of(guest: &Guest, why: RefusalKind) -> Self {
        let credential = match guest.by {
            Shown::Card(credential) => Some(credential),
            Shown::Code | Shown::Voucher => None,
        };
        Self { credential, language: guest.language, ..Self::of_nobody(why) }
    }
}

/// Where a guest is sent.
struct Seat {
    booking: BookingId,
    space: SpaceId,
    by: Proof,
}

#[expect(clippy::too_many_arguments, reason = "a system names every part of the world it reads")]
pub(super) fn come_in(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut tries: ResMut<PinTries>,
    mut visits: Query<(&Visit, &mut Welcomed)>,
    terminals: Terminals<'_, '_>,
    mut doors: Query<(&Door, &mut Relock)>,
    mut offers: ResMut<Offers>,
    (stays, caregivers): (Query<&InCare>, Query<&Caregiver>),
) {
    let Some((at, fact)) = &asked.0 else { return };
    let at = *at;
    let nobody = VisitId(uuid::Uuid::nil());
    let unreadable = |why| Err(Refusal::of_nobody(why));
    let mut proved = Proved::LEAST;
    let (reader, new_visit, guest) = match fact {
        // What is tapped at a door opens that door.
        Fact::Tap { reader, .. } if book.door_of_reader(reader).is_some() => return,
        Fact::Tap { reader, card, visit } => {
            proved.level = cards::level(card, &book, &notes);
            (reader, *visit, who_tapped(card, &book, &notes))
        }
        Fact::UnreadableCard { reader }
            if matches!(book.door_of_reader(reader), Some((_, Side::Inside))) =>
        {
            return;
        }
        Fact::UnreadableCard { reader } => {
            (reader, nobody, unreadable(RefusalKind::UnreadableCard))
        }
        Fact::Code { reader, code, pin_right, visit } => {
            proved.pin = true;
            (reader, *visit, who_typed(reader, *code, *pin_right, at, &book, &mut tries))
        }
        Fact::Voucher { reader, voucher, visit } => (reader, *visit, whose(voucher, at, &book)),
        Fact::UnreadableVoucher { reader } => {
            (reader, nobody, unreadable(RefusalKind::UnreadableVoucher))
        }
        _ => return,
    };
    let guest = match guest {
        Ok(guest) => guest,
        Err(refusal) => return refuse(&mut said, at, reader, refusal),
    };

    if Over::of(&notes, &[]).lockdown {
        let sitting: Vec<OpenVisit> = visits.iter().map(|(visit, _)| visit.0).collect();
        let leased = Leased { book: &book, notes: &notes, sitting: &sitting, at };
        return refuse(&mut said, at, reader, locked_out(&guest, &leased, &terminals));
    }
    said.0.guest = Some(guest.person);
    // A voucher that is worth nothing any more speaks only of the visit that it began.
    let theirs = |visit: &OpenVisit| match guest.comes_for {
        Comes::ForNothing { booking, .. } => visit.booking == booking,
        _ => true,
    };
    let inside =
        visits.iter_mut().find(|(visit, _)| visit.0.person == guest.person && theirs(&visit.0));
    // Whoever came in by a door's own reader, which asks for more than a kiosk can, needs no door here.
    let here = readers::came_before(&book, &notes, &Zone::House, guest.person, at);
    let closed = closed_to(&book, proved, at).filter(|_| !here);
    if let Some((visit, mut welcomed)) = inside {
        let visit = visit.0;
        welcomed.proved = proved;
        let language = book.language_of(&visit);
        let space = book.label(visit.space);
        let until = book.until(&visit, at.now);
        match (access::inside(at.now - welcomed.at), visit.away_since, closed) {
            (Inside::Again, Some(_), _) => {
                open_doors(&mut said, &book, at, &mut doors, Some(visit.visit), proved);
                said.answer(Answer::SeeYouSoon { space, until, language });
            }
            (Inside::AskLeaving, None, _) => {
                said.answer(Answer::AskLeaving { visit: visit.visit, space, language });
            }
            // They stand outside, and are not back before a door has let them in.
            (Inside::AskLeaving, Some(_), Some(why)) => {
                said.0.guest = None;
                let came_for = vec![visit.booking];
                let refusal = Refusal { came_for, ..Refusal::of(&guest, why) };
                refuse(&mut said, at, reader, refusal);
            }
            (Inside::Again, None, _) | (Inside::AskLeaving, Some(_), None) => {
                welcomed.at = at.now;
                back(&mut said, at, &visit);
                open_doors(&mut said, &book, at, &mut doors, Some(visit.visit), proved);
                said.answer(Answer::Welcome { visit: visit.visit, space, until, language });
            }
        }
        return;
    }

    let sitting: Vec<OpenVisit> = visits.iter().map(|(visit, _)| visit.0).collect();
    let leased = Leased { book: &book, notes: &notes, sitting: &sitting, at };
    match place_for(&guest, &leased, &terminals) {
        Ok(Seat { booking, space, by }) => {
            if let Some(why) = closed {
                said.0.guest = None;
                let refusal = Refusal { came_for: vec![booking], ..Refusal::of(&guest, why) };
                return refuse(&mut said, at, reader, refusal);
            }
            for gone in sitting.iter().filter(|visit| visit.space == space) {
                check_out(&mut said, &book, at, *gone, None);
            }
            let (visit, person) = (new_visit, guest.person);
            let vouched = match by {
                Proof::Voucher { vouched } => vouched,
                Proof::Card { .. } | Proof::Code => None,
            };
            let (since, away_since, walk_in) = (at.now, None, None);
            let open =
                OpenVisit { visit, person, booking, space, since, vouched, away_since, walk_in };
            let (until, language) = (book.until(&open, at.now), book.language_of(&open));
            said.happened(at, Happening::CheckedIn { visit, person, booking, space, by });
            open_doors(&mut said, &book, at, &mut doors, Some(visit), proved);
            if let Some(terminal) = book.terminal(space).cloned() {
                said.ask_for(Effect::Assign { terminal, visit, until, language });
            }
            said.answer(Answer::Welcome { visit, space: book.label(space), until, language });
        }
        Err(refusal) => {
            let there = Situation::of(&book, &notes, stays.iter(), caregivers.iter(), at.now);
            let children =
                there.map_or_else(Vec::new, |there| there.of_person(&book, guest.person));
            let to_work = staff::comes_to_work(&book, &guest, refusal.why, proved, at);
            match (may_bring_or_collect(&guest, &refusal, &children), to_work) {
                (Some(credential), _) => {
                    if let Some(why) = closed {
                        said.0.guest = None;
                        return refuse(&mut said, at, reader, Refusal::of(&guest, why));
                    }
                    let (person, language) = (guest.person, guest.language.unwrap_or_default());
                    let event = CareEvent::LetIn { person, credential };
                    said.happened(at, Happening::Care(event));
                    open_doors(&mut said, &book, at, &mut doors, None, proved);
                    said.care(CareAnswer::LetIn(language));
                }
                (None, Some(credential)) => {
                    // Of a desk of theirs that they did not get, the hub has to know all the same.
                    if !refusal.came_for.is_empty() || !refusal.late_for.is_empty() {
                        note_refused(&mut said, at, reader, &refusal);
                    }
                    let who = (&guest, credential, proved);
                    staff::let_in(&mut said, (&book, &notes, at), &mut doors, reader, who);
                }
                (None, None) => {
                    said.0.guest = None;
                    let usable = |space| is_free(space, &leased, &terminals, false);
                    let offer = leased.for_guest(&guest, &refusal, &offers, usable);
                    match (offer, closed) {
                        (Some(_), Some(why)) => {
                            refuse(&mut said, at, reader, Refusal::of(&guest, why));
                        }
                        (Some(offer), None) => {
                            let to = (reader, new_visit, offer);
                            let asked = (&guest, proved);
                            walk_in::ask(&mut said, &mut offers, (&book, at), to, asked, refusal);
                        }
                        (None, _) => refuse(&mut said, at, reader, refusal),
                    }
                }
            }
        }
    }
}

/// Where a guest would be sent: an empty desk before one whose guest forgot to check out.
fn place_for(
    guest: &Guest,
    leased: &Leased<'_>,
    terminals: &Terminals<'_, '_>,
) -> Result<Seat, Refusal> {
    seat_for(guest, leased, |space| is_free(space, leased, terminals, false))
        .or_else(|_| seat_for(guest, leased, |space| is_free(space, leased, terminals, true)))
}

/// Whether somebody can be seated at a space; where nobody minds, also on the desk of a guest whose time is over.
fn is_free(
    space: SpaceId,
    leased: &Leased<'_>,
    terminals: &Terminals<'_, '_>,
    overstayed: bool,
) -> bool {
    let Leased { book, sitting, at, .. } = *leased;
    let over = |visit: &OpenVisit| book.until(visit, at.now) <= at.now;
    let mut here = sitting.iter().filter(|visit| visit.space == space);
    book.has(space)
        && !is_broken(space, book, terminals)
        && here.all(|visit| overstayed && over(visit))
}

/// Whether the terminal of a space cannot be used.
pub(super) fn is_broken(space: SpaceId, book: &Book, terminals: &Terminals<'_, '_>) -> bool {
    book.terminal(space).is_some_and(|terminal| {
        terminals.iter().any(|(known, level)| known.0 == *terminal && !level.0.usable())
    })
}

/// Whether a guest could check in now.
pub(super) fn could_sit(
    guest: &Guest,
    leased: &Leased<'_>,
    terminals: &Terminals<'_, '_>,
) -> Result<(), Refusal> {
    place_for(guest, leased, terminals).map(drop)
}

/// Turns a guest away from a house that is locked down. They did come, whatever becomes of it: what they came for is
/// given to nobody else.
pub(super) fn locked_out(
    guest: &Guest,
    leased: &Leased<'_>,
    terminals: &Terminals<'_, '_>,
) -> Refusal {
    let came_for = match place_for(guest, leased, terminals) {
        Ok(seat) => vec![seat.booking],
        Err(refusal) => refusal.came_for,
    };
    Refusal { came_for, ..Refusal::of(guest, RefusalKind::Lockdown) }
}

/// The card of somebody who has no desk now and comes for their children. With a clock or sheet that cannot be trusted
/// nobody is let in to bring a child; who has one in care is, to collect it.
pub(super) fn may_bring_or_collect(
    guest: &Guest,
    refusal: &Refusal,
    children: &[ChildThere],
) -> Option<CredentialId> {
    use RefusalKind::{
        ClockUnset, LeftForGood, NoBooking, NoUsableSpace, Released, SheetExpired, TooEarly,
    };
    let Shown::Card(credential) = guest.by else { return None };
    let any = |wanted: fn(&There) -> bool| children.iter().any(|one| wanted(&one.there));
    let comes = match refusal.why {
        NoBooking | TooEarly | Released | LeftForGood => {
            any(|there| !matches!(there, There::Later { .. }))
        }
        NoUsableSpace | ClockUnset | SheetExpired => {
            any(|there| matches!(there, There::InCare { .. }))
        }
        _ => false,
    };
    comes.then_some(credential)
}

pub(super) fn who_tapped(
    tapped: &TappedCard,
    book: &Book,
    notes: &Notes,
) -> Result<Guest, Refusal> {
    let guest = |card: &SheetCredential| Guest {
        person: card.person,
        comes_for: Comes::ForAny,
        by: Shown::Card(card.credential),
        language: book.language(card.person),
        card_ends: card.valid_until,
    };
    match cards::credential(tapped, book, notes) {
        Ok(taken) => Ok(guest(taken.card)),
        Err(NotTaken { why, card: Some(card) }) => Err(Refusal::of(&guest(card), why)),
        Err(NotTaken { why, card: None }) => Err(Refusal::of_nobody(why)),
    }
}

fn who_typed(
    reader: &DeviceId,
    code: Option<BookingCode>,
    pin_right: bool,
    at: Moment,
    book: &Book,
    tries: &mut PinTries,
) -> Result<Guest, Refusal> {
    let paused = || Refusal::of_nobody(RefusalKind::CodePaused);
    let nobody = || Refusal::of_nobody(RefusalKind::WrongCode);
    if tries.reader_paused(reader, at.mono) {
        return Err(paused());
    }
    // What is no code at all is no guess at one.
    let code = code.ok_or_else(nobody)?;
    let Some(booking) = book.booking_of(code) else {
        let closes = tries.count_at(reader, at.mono);
        return Err(if closes { paused() } else { nobody() });
    };
    let guest = Guest {
        person: booking.person,
        comes_for: Comes::For(booking.id),
        by: Shown::Code,
        language: book.language(booking.person),
        card_ends: None,
    };
    // Nothing is said in the guest's language before the PIN is right: a code alone tells nothing.
    let whose = PinOf::Person(booking.person);
    if tries.paused(whose, at.mono) {
        return Err(paused());
    }
    let closes = tries.count(whose, pin_right, at.mono);
    if pin_right {
        return Ok(guest);
    }
    let closes_reader = tries.count_at(reader, at.mono);
    Err(if closes || closes_reader { paused() } else { nobody() })
}

fn whose(voucher: &Voucher, at: Moment, book: &Book) -> Result<Guest, Refusal> {
    use RefusalKind::{NoBooking, OtherCentre, SheetExpired, TooEarly, VoidVoucher};
    let guest = |person, comes_for| Guest {
        person,
        comes_for,
        by: Shown::Voucher,
        language: book.language(person).or(Some(voucher.language)),
        card_ends: None,
    };
    let nothing = |why, opens| {
        let comes_for = Comes::ForNothing { booking: voucher.booking, why, opens };
        Ok(guest(voucher.person, comes_for))
    };
    let listed = book.booking(voucher.booking).map(|booking| booking.person);
    match book.weigh(voucher, at.now) {
        None => Err(Refusal::of_nobody(SheetExpired)),
        Some(Worth::SheetDecides) => {
            Ok(guest(listed.unwrap_or(voucher.person), Comes::For(voucher.booking)))
        }
        Some(Worth::Honoured) => {
            Ok(guest(voucher.person, Comes::Vouched(Box::new(voucher.clone()))))
        }
        Some(Worth::OtherCentre { starts }) => nothing(OtherCentre, Some(starts)),
        Some(Worth::TooEarly { opens }) => nothing(TooEarly, Some(opens)),
        Some(Worth::Over) => nothing(NoBooking, None),
        Some(Worth::Void) => nothing(VoidVoucher, None),
    }
}

fn seat_for(
    guest: &Guest,
    leased: &Leased<'_>,
    usable: impl Fn(SpaceId) -> bool,
) -> Result<Seat, Refusal> {
    let Leased { book, notes, at, .. } = *leased;
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
    let bookings: Vec<SheetBooking> = match &guest.comes_for {
        Comes::ForNothing { why, opens, .. } => {
            return Err(Refusal { opens: *opens, ..Refusal::of(guest, *why) });
        }
        Comes::Vouched(voucher) => vec![standing(&voucher.as_listed(), notes)],
        Comes::ForAny => {
            book.bookings_of(guest.person).map(|booking| standing(booking, notes)).collect()
        }
        Comes::For(only) => {
            book.booking(*only).map(|booking| standing(booking, notes)).into_iter().collect()
        }
    };
    let by = match (guest.by, &guest.comes_for) {
        (Shown::Card(credential), _) => Proof::Card { credential },
        (Shown::Code, _) => Proof::Code,
        (Shown::Voucher, Comes::Vouched(voucher)) => {
            let until = voucher::until(voucher, &book.settings, at.now);
            Proof::Voucher { vouched: Some(Vouched { until, language: voucher.language }) }
        }
        (Shown::Voucher, _) => Proof::Voucher { vouched: None },
    };
    let entry = access::entry(&bookings, at.now, &book.settings, |desk| usable(desk.space));
    match entry {
        Entry::Now { booking, desk } => Ok(Seat { booking, space: desk.space, by }),
        Entry::Later { opens } => {
            Err(Refusal { opens: Some(opens), ..Refusal::of(guest, RefusalKind::TooEarly) })
        }
        Entry::NoUsableSpace { bookings } => {
            if let Comes::Vouched(voucher) = &guest.comes_for
                && let Some(space) = another_desk(voucher, leased, usable)
            {
                return Ok(Seat { booking: voucher.booking, space, by });
            }
            Err(Refusal { came_for: bookings, ..Refusal::of(guest, RefusalKind::NoUsableSpace) })
        }
        Entry::Nothing => Err(nothing(guest, book, notes, at, usable)),
    }
}

/// A desk like the one on a voucher, from the walk-in lease where the site has one; else one that nobody on the sheet
/// needs as long as the guest does. The voucher is newer than the sheet, so its own desk is its guest's whatever
/// the sheet says of it; any other may only be one that the sheet leaves free.
fn another_desk(
    voucher: &Voucher,
    leased: &Leased<'_>,
    usable: impl Fn(SpaceId) -> bool,
) -> Option<SpaceId> {
    let Leased { book, notes, at, .. } = *leased;
    let until = voucher::until(voucher, &book.settings, at.now);
    let like = voucher.desks.iter().map(|desk| desk.space).find(|space| book.has(*space));
    if !book.lease.is_empty() {
        return leased.through(book.spaces_like(like).filter(|space| usable(*space)), until);
    }
    let needed = needed(book, notes, at, until);
    book.spaces_like(like).find(|space| usable(*space) && !needed.contains(space))
}

/// The spaces that somebody on the sheet needs between now and `until`.
fn needed(book: &Book, notes: &Notes, at: Moment, until: DateTime<Utc>) -> Vec<SpaceId> {
    book.bookings
        .iter()
        .flat_map(|booking| standing(booking, notes).desks)
        .filter(|desk| desk.when.starts() < until && at.now < desk.when.ends())
        .map(|desk| desk.space)
        .collect()
}

/// Why there is nothing for somebody who comes: they gave it up themselves, nobody had come for it in
/// time, or there was nothing.
fn nothing(
    guest: &Guest,
    book: &Book,
    notes: &Notes,
    at: Moment,
    usable: impl Fn(SpaceId) -> bool,
) -> Refusal {
    let meant = |booking| match &guest.comes_for {
        Comes::ForAny | Comes::ForNothing { .. } => true,
        Comes::For(only) => booking == *only,
        Comes::Vouched(voucher) => booking == voucher.booking,
    };
    let left = notes
        .ended
        .values()
        .filter(|ended| ended.visit.person == guest.person && meant(ended.visit.booking))
        .filter_map(|ended| Some((ended.until, ended.gave_up.filter(|until| at.now < *until)?)))
        .max();
    let open = |starts: DateTime<Utc>, ends| starts - book.early() <= at.now && at.now < ends;
    let released: Vec<(DateTime<Utc>, DateTime<Utc>, BookingId)> = book
        .bookings_of(guest.person)
        .filter(|booking| meant(booking.id))
        .flat_map(|booking| {
            let given = booking.desks.iter().filter_map(|desk| {
                let given = notes.given_free.iter().find(|given| given.is(booking.id, desk))?;
                Some((given.at, desk.when))
            });
            let released = booking.released.iter().map(|released| (released.at, released.when));
            given.chain(released).map(|(at, when)| (at, when, booking.id))
        })
        .filter(|(_, when, _)| open(when.starts(), when.ends()))
        .map(|(since, when, booking)| (since, when.ends(), booking))
        .collect();
    let (why, since, until, late_for) = match (left, released.iter().max()) {
        (Some((since, until)), _) => (RefusalKind::LeftForGood, since, until, Vec::new()),
        (None, Some((since, until, booking))) => {
            (RefusalKind::Released, *since, *until, vec![*booking])
        }
        (None, None) => return Refusal::of(guest, RefusalKind::NoBooking),
    };
    let needed = needed(book, notes, at, until);
    let free = book.spaces_like(None).filter(|space| usable(*space) && !needed.contains(space));
    let free = u32::try_from(free.count()).unwrap_or(u32::MAX);
    Refusal { gone: Some((since, free)), late_for, ..Refusal::of(guest, why) }
}

/// The booking without the claims that were given free or up: the hub may have sold them on.
pub(super) fn standing(booking: &SheetBooking, notes: &Notes) -> SheetBooking {
    let mut booking = booking.clone();
    let id = booking.id;
    booking.desks.retain(|desk| !notes.given_free.iter().any(|given| given.is(id, desk)));
    booking.desks.retain(|desk| !notes.ended.values().any(|ended| ended.gave(id, desk)));
    booking
}

pub(super) fn refuse(said: &mut Said, at: Moment, reader: &DeviceId, refusal: Refusal) {
    note_refused(said, at, reader, &refusal);
    tell_refused(said, refusal);
}

/// Notes that somebody was turned away.
pub(crate) fn note_refused(said: &mut Said, at: Moment, reader: &DeviceId, refusal: &Refusal) {
    let Refusal { why, credential, came_for, late_for, .. } = refusal.clone();
    let reader = reader.clone();
    said.happened(at, Happening::Refused { reader, credential, why, came_for, late_for });
}

/// Answers somebody who is turned away.
pub(super) fn tell_refused(said: &mut Said, refusal: Refusal) {
    let Refusal { why, language, opens, gone, .. } = refusal;
    let (since, free_desks) = gone.unzip();
    said.answer(Answer::Refused { why, opens, since, free_desks, language });
}

pub(super) fn leave(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut visits: Query<(&Visit, &mut Welcomed)>,
    mut doors: Query<(&Door, &mut Relock)>,
    (stays, caregivers): (Query<&InCare>, Query<&Caregiver>),
) {
    let Some((at, Fact::Leave { reader, visit, going })) = &asked.0 else { return };
    let at = *at;
    let others: Vec<OpenVisit> = (visits.iter().map(|(other, _)| other.0))
        .filter(|other| other.visit != *visit && other.away_since.is_none())
        .collect();
    let Some((open, mut welcomed)) = visits.iter_mut().find(|(open, _)| open.0.visit == *visit)
    else {
        // The same answer twice: the second time it is only said again.
        if let Some(ended) = notes.ended.get(visit) {
            said.0.guest = Some(ended.visit.person);
            let language = book.language_of(&ended.visit);
            let minutes = (ended.until - ended.visit.since).num_minutes();
            said.answer(Answer::Goodbye { minutes, language });
        } else {
            let nobody = Refusal::of_nobody(RefusalKind::NoBooking);
            refuse(&mut said, at, reader, nobody);
        }
        return;
    };
    let open = open.0;
    said.0.guest = Some(open.person);
    let there = Situation::of(&book, &notes, stays.iter(), caregivers.iter(), at.now);
    if let Some(there) = there.filter(|_| *going != Going::Stays && open.away_since.is_none()) {
        let present: Vec<PersonId> = others.iter().map(|visit| visit.person).collect();
        let children = there.left_alone_by(&book, open.person, &present);
        if !children.is_empty() {
            let (visit, person) = (open.visit, open.person);
            said.happened(at, Happening::Care(CareEvent::WentOut { visit, person, children }));
        }
    }
    let language = book.language_of(&open);
    let space = book.label(open.space);
    let until = book.until(&open, at.now);
    match going {
        Going::ForGood => {
            check_out(&mut said, &book, at, open, Some(until).filter(|until| at.now < *until));
            let minutes = (at.now - open.since).num_minutes();
            said.answer(Answer::Goodbye { minutes, language });
        }
        Going::BackSoon => {
            welcomed.at = at.now;
            if open.away_since.is_none() {
                said.happened(at, Happening::SteppedOut { visit: open.visit });
            }
            let_out(&mut said, (&book, &notes, at), &mut doors, open.visit, welcomed.proved);
            said.answer(Answer::SeeYouSoon { space, until, language });
        }
        Going::Stays => {
            welcomed.at = at.now;
            back(&mut said, at, &open);
            let_out(&mut said, (&book, &notes, at), &mut doors, open.visit, welcomed.proved);
            said.answer(Answer::Welcome { visit: open.visit, space, until, language });
        }
    }
}

/// Opens the doors of the house from the lobby for somebody who said whether they leave: those that open to what they
/// proved when they were asked, for nobody knows on which side they stand. In a lockdown the lobby opens none. The way
/// out is always by the doors' own buttons, handles and readers.
fn let_out(
    said: &mut Said,
    (book, notes, at): (&Book, &Notes, Moment),
    doors: &mut Query<(&Door, &mut Relock)>,
    visit: VisitId,
    proved: Proved,
) {
    if !Over::of(notes, &[]).lockdown {
        open_doors(said, book, at, doors, Some(visit), proved);
    }
}

/// Notes that somebody who was out is back.
pub(super) fn back(said: &mut Said, at: Moment, open: &OpenVisit) {
    if open.away_since.is_some() {
        said.happened(at, Happening::CameBack { visit: open.visit });
    }
}

/// Ends a visit and has its terminal wiped; `gives_up` is until when the space was still theirs, where
/// they do not come back.
pub(super) fn check_out(
    said: &mut Said,
    book: &Book,
    at: Moment,
    open: OpenVisit,
    gives_up: Option<DateTime<Utc>>,
) {
    let OpenVisit { visit, person, space, .. } = open;
    said.happened(at, Happening::CheckedOut { visit, person, space, gives_up });
    if let Some(terminal) = book.terminal(space).cloned() {
        said.ask_for(Effect::Wipe { terminal, visit });
    }
}
