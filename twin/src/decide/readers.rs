//! Taps at a door's own readers: they open that door and check nobody in.
//!
//! Whoever taps inside wants to go out, and goes, whoever they are: a reader inside is a way out, and no list,
//! lockdown or unknown card stands in it.

use std::collections::HashMap;
use std::time::Duration;

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::access::RefusalKind;
use model::door::{Asked as Demanded, Door as SheetDoor, PASSBACK_FOR, Passback, Side};
use model::door::{TWO_PERSONS_WITHIN, Zone};
use model::id::{CredentialId, DeviceId, NurseryId, PersonId, VisitId};
use model::site_event::Happening;

use super::lobby::{
    Guest, Refusal, Shown, Terminals, back, could_sit, locked_out, may_bring_or_collect, refuse,
    who_tapped,
};
use super::orders::Over;
use super::walk_in::Leased;
use super::{Asked, PinTries, Proved, Said, cards};
use crate::OpenVisit;
use crate::book::Book;
use crate::fact::{Answer, Effect, Fact, Moment, PinOf, TappedCard};
use crate::nursery::{Caregiver, ChildThere, InCare, Situation};
use crate::parts::{Door, Notes, Relock, Visit};

/// For so long a PIN is waited for after the tap.
const PIN_WITHIN: Duration = Duration::from_secs(20);
/// From this level on a card has a key of its own: staff are let in with it where nothing else can be trusted.
pub(super) const KEY_PROOF: u8 = 3;

/// Who stands at which reader; a matter of the site, not shared.
#[derive(Resource, Default)]
pub(crate) struct AtReaders {
    /// Whose PIN is waited for, by reader.
    pins: HashMap<DeviceId, PinWait>,
    /// Who waits for a second person, by door.
    firsts: HashMap<DeviceId, First>,
}

/// The first of two persons.
struct First {
    person: PersonId,
    credential: Option<CredentialId>,
    reader: DeviceId,
    /// They came in before and were not seen to go out.
    twice: bool,
    until: Duration,
}

#[derive(Clone, Copy)]
struct PinWait {
    card: TappedCard,
    person: PersonId,
    until: Duration,
}

impl AtReaders {
    /// Whose PIN is waited for at a reader.
    pub fn pin_asked(&self, reader: &DeviceId, mono: Duration) -> Option<PersonId> {
        self.pins.get(reader).filter(|wait| mono < wait.until).map(|wait| wait.person)
    }
}

/// A door that somebody stands at, and when.
struct Entrance<'a> {
    book: &'a Book,
    notes: &'a Notes,
    door: &'a SheetDoor,
    reader: &'a DeviceId,
    at: Moment,
}

/// Whoever may come in, and what they have shown.
#[derive(Clone, Copy)]
struct Visitor<'a> {
    guest: &'a Guest,
    card: TappedCard,
    proved: Proved,
    /// They came in before and were not seen to go out.
    twice: bool,
}

/// Somebody who may come in.
struct Entitled {
    guest: Guest,
    visit: Option<VisitId>,
}

#[expect(clippy::too_many_arguments, reason = "a system names every part of the world it reads")]
pub(super) fn tap(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut tries: ResMut<PinTries>,
    mut at_readers: ResMut<AtReaders>,
    visits: Query<&Visit>,
    terminals: Terminals<'_, '_>,
    mut doors: Query<(&Door, &mut Relock)>,
    (stays, caregivers): (Query<&InCare>, Query<&Caregiver>),
) {
    let Some((at, fact)) = &asked.0 else { return };
    let at = *at;
    let (Fact::Tap { reader, .. } | Fact::UnreadableCard { reader } | Fact::DoorPin { reader, .. }) =
        fact
    else {
        return;
    };
    let Some((door, side)) = book.door_of_reader(reader) else {
        if let Fact::DoorPin { reader, .. } = fact {
            refuse(&mut said, at, reader, Refusal::of_nobody(RefusalKind::WrongPin));
        }
        return;
    };
    let entrance = Entrance { book: &book, notes: &notes, door, reader, at };
    let open = |said: &mut Said, doors: &mut Query<(&Door, &mut Relock)>, visit| {
        let due = at.mono + Duration::from_secs(door.unlock_seconds.into());
        for (_, mut relock) in doors.iter_mut().filter(|(one, _)| one.0 == door.device) {
            relock.open_until(due);
        }
        said.ask_for(Effect::Unlock { door: door.device.clone(), visit });
    };
    if side == Side::Inside {
        let card = match fact {
            // A copy is let out, and says nothing of whom it was copied from.
            Fact::Tap { card, .. } => {
                cards::credential(card, &book, &notes).ok().map(|taken| taken.card)
            }
            // No PIN is asked for inside.
            Fact::DoorPin { .. } => return,
            _ => None,
        };
        open(&mut said, &mut doors, None);
        let person = card.map(|card| card.person);
        let who = (person, card.map(|card| card.credential));
        entrance.through(&mut said, side, who, false);
        let language = person.and_then(|person| book.language(person)).unwrap_or_default();
        return said.answer(Answer::DoorOpens { door: door.device.clone(), language });
    }

    let (tapped, proved) = match fact {
        Fact::Tap { card, .. } => {
            at_readers.pins.remove(reader);
            (*card, Proved { level: cards::level(card, &book, &notes), pin: false })
        }
        Fact::DoorPin { right, .. } => {
            match entrance.pin_typed(*right, &mut at_readers, &mut tries) {
                Ok(wait) => (
                    wait.card,
                    Proved { level: cards::level(&wait.card, &book, &notes), pin: true },
                ),
                Err(why) => return refuse(&mut said, at, reader, Refusal::of_nobody(why)),
            }
        }
        // The lobby says that nothing could be read.
        _ => return,
    };
    let sitting: Vec<OpenVisit> = visits.iter().map(|visit| visit.0).collect();
    let leased = Leased { book: &book, notes: &notes, sitting: &sitting, at };
    let there = Situation::of(&book, &notes, stays.iter(), caregivers.iter(), at.now);
    let found = who_tapped(&tapped, &book, &notes).and_then(|guest| {
        if Over::of(&notes, &[]).lockdown {
            return Err(match door.zone() {
                Zone::House => locked_out(&guest, &leased, &terminals),
                _ => Refusal::of(&guest, RefusalKind::Lockdown),
            });
        }
        let visit = sitting.iter().find(|visit| visit.person == guest.person);
        let children =
            there.as_ref().map_or_else(Vec::new, |there| there.of_person(&book, guest.person));
        let may = entrance.may_enter(&guest, proved, visit.is_some(), &children, || {
            could_sit(&guest, &leased, &terminals)
        });
        may.map_err(|refusal| *refusal)?;
        Ok(Entitled { guest, visit: visit.map(|visit| visit.visit) })
    });
    let Entitled { guest, visit } = match found {
        Ok(entitled) => entitled,
        Err(refusal) => return refuse(&mut said, at, reader, refusal),
    };
    let before = came_before(&book, &notes, &door.zone(), guest.person, at);
    let passback = door.plan.as_ref().map(|plan| plan.passback).unwrap_or_default();
    let twice = before && passback != Passback::Off;
    let asks = book.asks(door, at.now);
    let visitor = Visitor { guest: &guest, card: tapped, proved, twice };
    let first = match passback {
        _ if proved.level < asks.level => Err(RefusalKind::LevelTooLow),
        Passback::Hard if twice => Err(RefusalKind::Passback),
        _ => entrance.still_asked(&asks, &visitor, &mut at_readers, &tries),
    };
    let first = match first {
        Ok(first) => first,
        Err(why) => return refuse(&mut said, at, reader, Refusal::of(&guest, why)),
    };

    let credential = shown(&guest);
    said.0.guest = Some(guest.person);
    if door.zone() == Zone::House {
        let came = |one: &&OpenVisit| {
            Some(one.visit) == visit || first.as_ref().is_some_and(|it| it.person == one.person)
        };
        sitting.iter().filter(came).for_each(|open| back(&mut said, at, open));
    }
    open(&mut said, &mut doors, visit);
    let who = (Some(guest.person), credential);
    if let Some(first) = first {
        let entrance = Entrance { reader: &first.reader, ..entrance };
        entrance.through(&mut said, side, (Some(first.person), first.credential), first.twice);
    }
    entrance.through(&mut said, side, who, twice);
    let language = guest.language.unwrap_or_default();
    said.answer(Answer::DoorOpens { door: door.device.clone(), language });
}

/// The card that somebody is known by.
fn shown(guest: &Guest) -> Option<CredentialId> {
    match guest.by {
        Shown::Card(credential) => Some(credential),
        Shown::Code | Shown::Voucher => None,
    }
}

/// Whether a PIN is not taken now: theirs after too many wrong ones, or any at this reader. A card with a key is not
/// tried for many people, and goes by what others typed there.
pub(crate) fn pin_paused(
    tries: &PinTries,
    reader: &DeviceId,
    level: u8,
    whose: PinOf,
    mono: Duration,
) -> bool {
    tries.paused(whose, mono) || (level < KEY_PROOF && tries.reader_paused(reader, mono))
}

/// Counts a PIN that was typed after a card of this level, and answers whether none is taken because of it.
pub(crate) fn count_pin(
    tries: &mut PinTries,
    reader: &DeviceId,
    level: u8,
    whose: PinOf,
    right: bool,
    mono: Duration,
) -> bool {
    let closes = tries.count(whose, right, mono);
    let closes_reader = !right && level < KEY_PROOF && tries.count_at(reader, mono);
    closes || closes_reader
}

/// What cannot be trusted now, where something cannot: the clock, or else the sheet.
pub(super) fn doubt(book: &Book, now: DateTime<Utc>) -> Option<RefusalKind> {
    if book.clock_unset {
        Some(RefusalKind::ClockUnset)
    } else {
        Some(RefusalKind::SheetExpired).filter(|_| !book.serves(now))
    }
}

/// Whether somebody works behind the doors of a zone: in a nursery only its own staff, elsewhere all of the house's.
pub(super) fn works_behind(
    book: &Book,
    person: PersonId,
    zone: &Zone,
    nursery: Option<NurseryId>,
) -> bool {
    let staff = book.care.as_ref().and_then(|care| care.staff(person));
    staff.is_some_and(|staff| match (zone, nursery) {
        (Zone::Nursery, Some(nursery)) => staff.nurseries.contains(&nursery),
        (Zone::Nursery, None) => !staff.nurseries.is_empty(),
        _ => true,
    })
}

/// Whether they came in by a door of this zone and were not seen to go out, today and of late.
pub(super) fn came_before(
    book: &Book,
    notes: &Notes,
    zone: &Zone,
    person: PersonId,
    at: Moment,
) -> bool {
    let pass = notes.passes.get(&(person, zone.clone())).filter(|pass| pass.is_in);
    pass.and_then(|pass| pass.entered).is_some_and(|entered| {
        let of_late = at.now.signed_duration_since(entered) < PASSBACK_FOR
            && book.calendar().is_none_or(|calendar| calendar.same_day(entered, at.now));
        // Through a door that stood open nobody is seen to go out.
        let released = notes.released.is_some_and(|released| entered <= released);
        of_late && !released && !stood_open_since(book, zone, entered, at)
    })
}

/// Whether a door of the zone stood unlocked by its hours at any time since `entered`.
fn stood_open_since(book: &Book, zone: &Zone, entered: DateTime<Utc>, at: Moment) -> bool {
    let Some(calendar) = book.calendar() else { return false };
    let same_zone = book.doors.iter().filter(|other| other.zone() == *zone);
    let mut unlocks = same_zone.filter_map(|other| other.plan.as_ref()).flat_map(|it| &it.unlocks);
    unlocks.any(|one| one.when.held_between(calendar, entered, at.now))
}

impl Entrance<'_> {
    fn pin_typed(
        &self,
        right: bool,
        at_readers: &mut AtReaders,
        tries: &mut PinTries,
    ) -> Result<PinWait, RefusalKind> {
        let Self { book, notes, reader, at, .. } = *self;
        let wait = at_readers.pins.get(reader).copied().filter(|wait| at.mono < wait.until);
        let wait = wait.ok_or(RefusalKind::WrongPin)?;
        let (whose, level) = (PinOf::Person(wait.person), cards::level(&wait.card, book, notes));
        if pin_paused(tries, reader, level, whose, at.mono) {
            return Err(RefusalKind::CodePaused);
        }
        match (right, count_pin(tries, reader, level, whose, right, at.mono)) {
            (true, _) => {
                at_readers.pins.remove(reader);
                Ok(wait)
            }
            (false, true) => Err(RefusalKind::CodePaused),
            (false, false) => Err(RefusalKind::WrongPin),
        }
    }

    /// Whether somebody may go through a door inwards, at whatever hour.
    fn may_enter(
        &self,
        guest: &Guest,
        proved: Proved,
        inside: bool,
        children: &[ChildThere],
        could_sit: impl Fn() -> Result<(), Refusal>,
    ) -> Result<(), Box<Refusal>> {
        let Self { book, door, at, .. } = *self;
        let refused = |why| Err(Box::new(Refusal::of(guest, why)));
        let zone = door.zone();
        // As in the lobby: whoever is a guest just now stays one.
        if inside && zone == Zone::House {
            return Ok(());
        }
        if guest.card_ends.is_some_and(|ends| ends <= at.now) {
            return refused(RefusalKind::ExpiredCard);
        }
        let doubt = doubt(book, at.now);
        let nursery = door.plan.as_ref().and_then(|plan| plan.nursery);
        let works_here = works_behind(book, guest.person, &zone, nursery);
        if works_here && (doubt.is_none() || proved.level >= KEY_PROOF) {
            return Ok(());
        }
        match zone {
            Zone::House => {
                let Err(refusal) = could_sit() else { return Ok(()) };
                let for_children = may_bring_or_collect(guest, &refusal, children).is_some();
                if for_children { Ok(()) } else { Err(Box::new(refusal)) }
            }
            Zone::Nursery => {
                let here = |one: &&ChildThere| nursery.is_none_or(|only| one.nursery == only);
                let theirs: Vec<ChildThere> = children.iter().filter(here).copied().collect();
                let refusal = Refusal::of(guest, doubt.unwrap_or(RefusalKind::NoBooking));
                match may_bring_or_collect(guest, &refusal, &theirs) {
                    Some(_) => Ok(()),
                    None => refused(doubt.unwrap_or(RefusalKind::NotThisDoor)),
                }
            }
            Zone::Other(_) => {
                refused(doubt.filter(|_| works_here).unwrap_or(RefusalKind::NotThisDoor))
            }
        }
    }

    /// What is missing yet of somebody who may come in: their PIN, a second person. Answers who waited for them as the
    /// first of two.
    fn still_asked(
        &self,
        asks: &Demanded,
        visitor: &Visitor<'_>,
        at_readers: &mut AtReaders,
        tries: &PinTries,
    ) -> Result<Option<First>, RefusalKind> {
        let Self { reader, door, at, .. } = *self;
        let Visitor { guest, card, proved, twice } = *visitor;
        let person = guest.person;
        if asks.pin && !proved.pin {
            if pin_paused(tries, reader, proved.level, PinOf::Person(person), at.mono) {
                return Err(RefusalKind::CodePaused);
            }
            let until = at.mono + PIN_WITHIN;
            at_readers.pins.insert(reader.clone(), PinWait { card, person, until });
            return Err(RefusalKind::PinNeeded);
        }
        if !asks.two_persons {
            return Ok(None);
        }
        let within = TWO_PERSONS_WITHIN.to_std().unwrap_or_default();
        let first = at_readers.firsts.remove(&door.device);
        if let Some(first) = first.filter(|one| one.person != person && at.mono < one.until) {
            return Ok(Some(first));
        }
        let (credential, reader, until) = (shown(guest), reader.clone(), at.mono + within);
        let first = First { person, credential, reader, twice, until };
        at_readers.firsts.insert(door.device.clone(), first);
        Err(RefusalKind::SecondPerson)
    }

    fn through(
        &self,
        said: &mut Said,
        side: Side,
        (person, credential): (Option<PersonId>, Option<CredentialId>),
        twice: bool,
    ) {
        let (zone, reader, door) =
            (self.door.zone(), self.reader.clone(), self.door.device.clone());
        let what = Happening::LetThrough { door, reader, zone, side, person, credential, twice };
        said.happened(self.at, what);
    }
}
