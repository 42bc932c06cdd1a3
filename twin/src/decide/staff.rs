//! Whoever works here comes in from the lobby as at a door's own reader: without a desk, and on the muster.
//!
//! Where the entrance has no reader of its own, nobody else could open the house.

use bevy_ecs::prelude::*;
use model::access::RefusalKind;
use model::door::{Door as SheetDoor, Passback, Side, Zone};
use model::id::{CredentialId, DeviceId};
use model::site_event::Happening;

use super::lobby::{Guest, Refusal, Shown, refuse};
use super::readers::{KEY_PROOF, came_before, doubt, works_behind};
use super::{Proved, Said, closed_to, open_doors};
use crate::book::Book;
use crate::fact::{Answer, Moment};
use crate::parts::{Door, Notes, Relock};

/// The card of somebody who has no desk now and comes to work.
pub(super) fn comes_to_work(
    book: &Book,
    guest: &Guest,
    why: RefusalKind,
    proved: Proved,
    at: Moment,
) -> Option<CredentialId> {
    use RefusalKind::{
        ClockUnset, LeftForGood, NoBooking, NoUsableSpace, Released, SheetExpired, TooEarly,
    };
    let Shown::Card(credential) = guest.by else { return None };
    let without_a_desk = matches!(
        why,
        NoBooking | TooEarly | LeftForGood | Released | NoUsableSpace | ClockUnset | SheetExpired
    );
    let ended = guest.card_ends.is_some_and(|ends| ends <= at.now);
    let trusted = doubt(book, at.now).is_none() || proved.level >= KEY_PROOF;
    let works_here = works_behind(book, guest.person, &Zone::House, None);
    let opens_any = of_the_house(book).next().is_some();
    (without_a_desk && !ended && trusted && works_here && opens_any).then_some(credential)
}

/// Opens the doors of the house for them, those that ask for no more than they have proved.
pub(super) fn let_in(
    said: &mut Said,
    (book, notes, at): (&Book, &Notes, Moment),
    doors: &mut Query<(&Door, &mut Relock)>,
    reader: &DeviceId,
    (guest, credential, proved): (&Guest, CredentialId, Proved),
) {
    let mut open: Vec<&SheetDoor> =
        of_the_house(book).filter(|door| proved.lacks(book, door, at).is_none()).collect();
    let before = came_before(book, notes, &Zone::House, guest.person, at);
    let handed_back = before && open.iter().all(|door| passback(door) == Passback::Hard);
    open.retain(|door| !before || passback(door) != Passback::Hard);
    let closed = closed_to(book, proved, at);
    let why = closed.or(Some(RefusalKind::Passback).filter(|_| handed_back));
    let (Some(door), None) = (open.first(), why) else {
        said.0.guest = None;
        let why = why.unwrap_or(RefusalKind::NoBooking);
        return refuse(said, at, reader, Refusal::of(guest, why));
    };
    // One pass for the house, by whichever of its doors they go in.
    let what = Happening::LetThrough {
        door: door.device.clone(),
        reader: reader.clone(),
        zone: Zone::House,
        side: Side::Outside,
        person: Some(guest.person),
        credential: Some(credential),
        twice: before && passback(door) != Passback::Off,
    };
    said.happened(at, what);
    open_doors(said, book, at, doors, None, proved);
    let language = guest.language.unwrap_or_default();
    said.answer(Answer::DoorOpens { door: door.device.clone(), language });
}

fn of_the_house(book: &Book) -> impl Iterator<Item = &SheetDoor> {
    book.doors.iter().filter(|door| door.zone() == Zone::House)
}

fn passback(door: &SheetDoor) -> Passback {
    door.plan.as_ref().map(|plan| plan.passback).unwrap_or_default()
}
