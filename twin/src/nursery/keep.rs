//! What the staff say while they look after children: who is with them, what is written down, who signs in.

use bevy_ecs::prelude::*;
use model::access::RefusalKind;
use model::care::day::{CareEvent, NotDone, NotSignedIn, NoteKind};
use model::day_sheet::SheetCredential;
use model::id::{ChildId, DeviceId, PersonId, RoomId};
use model::site_event::Happening;

use super::bring::works_in;
use super::{CareAnswer, CareFact, Caregiver, InCare, Situation};
use crate::PinOf;
use crate::book::Book;
use crate::decide::cards::{self, NotTaken, Taken};
use crate::decide::{Asked, PinTries, Refusal, Said, count_pin, note_refused, pin_paused};
use crate::fact::{Fact, Moment};
use crate::parts::Notes;

pub(super) fn keep(
    asked: Res<Asked>,
    mut book: ResMut<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut tries: ResMut<PinTries>,
    stays: Query<&InCare>,
    caregivers: Query<&Caregiver>,
) {
    let Some((at, Fact::Care(fact))) = &asked.0 else { return };
    let at = *at;
    match fact {
        CareFact::SheetIsNewest => {
            book.newest_at = Some(at.now);
            return;
        }
        CareFact::SignIn { .. } => {
            return sign_in(fact, at, &book, &notes, &mut said, &mut tries);
        }
        _ => {}
    }
    let situation = Situation::of(&book, &notes, stays.iter(), caregivers.iter(), at.now);
    let found = match (fact, &situation) {
        (CareFact::DropOff { .. } | CareFact::Receive { .. } | CareFact::HandOver { .. }, _) => {
            return;
        }
        (_, None) => Err(NotDone::NotTheirs),
        (CareFact::Caregiver { shift, state, staff }, Some(there)) => {
            let (shift, state, staff) = (*shift, *state, *staff);
            let nursery = there.shift_of(shift, staff);
            nursery.map(|nursery| Some(CareEvent::Caregiver { nursery, shift, state, staff }))
        }
        (CareFact::Note { child, kind, sealed, staff }, Some(there)) => {
            note(there, *child, *kind, *staff).map(|()| {
                let (child, kind, body, staff) = (*child, *kind, sealed.clone(), *staff);
                Some(CareEvent::Noted { child, kind, body, staff })
            })
        }
        (CareFact::Move { child, room, staff }, Some(there)) => {
            let (child, room, staff) = (*child, *room, *staff);
            moves(there, child, room, staff).map(|()| Some(CareEvent::Moved { child, room, staff }))
        }
        (CareFact::Recall { child, sealed, staff }, Some(there)) => {
            let (child, staff, why) = (*child, *staff, sealed.clone());
            there.in_care_of(child, staff).map(|stay| {
                let booking = stay.booking;
                // Asked twice, they are asked once.
                let first = stay.recalled.is_none();
                first.then_some(CareEvent::Recalled { child, booking, why, staff })
            })
        }
        (CareFact::PutRight { child, sealed, staff }, Some(there)) => {
            let (child, staff, why) = (*child, *staff, sealed.clone());
            let event = CareEvent::PutRight { child, why, staff };
            there.in_care_of(child, staff).map(|_| Some(event))
        }
        (CareFact::Look { child, staff }, Some(there)) => {
            let (child, staff) = (*child, *staff);
            let theirs = there.is_theirs(child, staff);
            theirs.then_some(Some(CareEvent::LookedAt { child, staff })).ok_or(NotDone::NotTheirs)
        }
        (CareFact::SignIn { .. } | CareFact::SheetIsNewest, _) => return,
    };
    match found {
        Ok(event) => {
            if let Some(event) = event {
                said.happened(at, Happening::Care(event));
            }
            said.care(CareAnswer::Done);
        }
        Err(why) => said.care(CareAnswer::NotDone(why)),
    }
}

fn note(
    there: &Situation<'_>,
    child: ChildId,
    kind: NoteKind,
    staff: PersonId,
) -> Result<(), NotDone> {
    match there.in_care_of(child, staff) {
        Ok(_) => Ok(()),
        // Something may be written down of a child that has just been collected.
        Err(NotDone::NotInCare) if kind == NoteKind::Incident && there.is_theirs(child, staff) => {
            Ok(())
        }
        Err(why) => Err(why),
    }
}

fn moves(
    there: &Situation<'_>,
    child: ChildId,
    room: RoomId,
    staff: PersonId,
) -> Result<(), NotDone> {
    let stay = there.in_care_of(child, staff)?;
    let staffing = there.care.nursery(stay.nursery).and_then(|one| one.nursery.staffing.as_ref());
    let years = there.years(child);
    let fits = staffing.is_some_and(|staffing| {
        staffing.rooms.iter().any(|one| one.id == room && one.room.takes(years))
    });
    if fits { Ok(()) } else { Err(NotDone::NoSuchRoom) }
}

fn sign_in(
    fact: &CareFact,
    at: Moment,
    book: &Book,
    notes: &Notes,
    said: &mut Said,
    tries: &mut PinTries,
) {
    let CareFact::SignIn { reader, card, pin_right } = fact else { return };
    let found = card.as_ref().map(|card| cards::credential(card, book, notes));
    let level = card.as_ref().map_or(1, |card| cards::level(card, book, notes));
    let (why, credential) = match found {
        None => (RefusalKind::UnreadableCard, None),
        // That there is no sheet is no news to the staff: they are nobody's yet.
        Some(Err(NotTaken { card: None, why: RefusalKind::SheetExpired })) => {
            (RefusalKind::UnknownCard, None)
        }
        Some(Err(NotTaken { card, why })) => (why, card.map(|card| card.credential)),
        Some(Ok(Taken { card, .. })) if card.valid_until.is_some_and(|until| until <= at.now) => {
            (RefusalKind::ExpiredCard, Some(card.credential))
        }
        Some(Ok(Taken { card, .. })) => {
            let works = book.care.as_ref().is_some_and(|care| care.staff(card.person).is_some());
            if works {
                return with_pin((reader, level), card, *pin_right, at, book, said, tries);
            }
            (RefusalKind::UnknownCard, Some(card.credential))
        }
    };
    note_refused(said, at, reader, &Refusal::of_card(credential, why));
    said.care(CareAnswer::NotSignedIn(NotSignedIn::NotStaff));
}

fn with_pin(
    (reader, level): (&DeviceId, u8),
    card: &SheetCredential,
    right: bool,
    at: Moment,
    book: &Book,
    said: &mut Said,
    tries: &mut PinTries,
) {
    let staff = card.person;
    let pin = PinOf::Person(staff);
    let refusal = |why| Refusal::of_card(Some(card.credential), why);
    if book.people.get(&staff).is_none_or(|person| person.pin.is_none()) {
        note_refused(said, at, reader, &refusal(RefusalKind::PinNeeded));
        return said.care(CareAnswer::NotSignedIn(NotSignedIn::NoPin));
    }
    if pin_paused(tries, reader, level, pin, at.mono) {
        note_refused(said, at, reader, &refusal(RefusalKind::CodePaused));
        return said.care(CareAnswer::NotSignedIn(NotSignedIn::Paused));
    }
    let paused = count_pin(tries, reader, level, pin, right, at.mono);
    let let_in = right;
    said.happened(at, Happening::Care(CareEvent::SignedIn { staff, let_in }));
    said.care(match (right, paused) {
        (true, _) => CareAnswer::SignedIn(staff),
        (false, true) => CareAnswer::NotSignedIn(NotSignedIn::Paused),
        (false, false) => CareAnswer::NotSignedIn(NotSignedIn::WrongPin),
    });
}

impl Situation<'_> {
    /// Whether a child has to do with a nursery that somebody works in.
    pub fn is_theirs(&self, child: ChildId, staff: PersonId) -> bool {
        let here = self.stays.iter().filter(|stay| stay.child == child).map(|stay| stay.nursery);
        let gone = self.collected.iter().filter(|one| one.stay.child == child);
        let today =
            self.care.claims.iter().filter(|claim| claim.child == child && self.is_today(claim));
        here.chain(gone.map(|one| one.stay.nursery))
            .chain(today.map(|claim| claim.nursery))
            .any(|nursery| works_in(self.care, staff, nursery))
    }
}
