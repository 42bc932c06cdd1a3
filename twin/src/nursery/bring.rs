//! Children who are brought.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::care::day::{CareEvent, NotDone, NotTakenIn};
use model::care::file::CollectsAs;
use model::day_sheet::{SheetCare, SheetCareClaim, SheetNursery};
use model::id::{ChildId, NurseryId, PersonId, RoomId};
use model::site_event::Happening;

use super::collect::may_collect;
use super::{CareAnswer, CareFact, Caregiver, InCare, OpenStay, Situation};
use crate::book::Book;
use crate::decide::{Asked, Said};
use crate::fact::Fact;
use crate::parts::Notes;

/// A child of somebody at the door of the building that its nursery is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildThere {
    /// Which.
    pub child: ChildId,
    /// Its age in years.
    pub years: u32,
    /// Its nursery.
    pub nursery: NurseryId,
    /// How it stands.
    pub there: There,
}

/// How a child of somebody at the door stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// It can be brought now.
    Due {
        /// Until when its care is booked.
        until: DateTime<Utc>,
    },
    /// It can be brought later.
    Later {
        /// From when on.
        opens: DateTime<Utc>,
    },
    /// It is in care.
    InCare {
        /// Until when.
        until: DateTime<Utc>,
    },
}

pub(super) fn bring(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    stays: Query<&InCare>,
    caregivers: Query<&Caregiver>,
) {
    let Some((at, Fact::Care(fact))) = &asked.0 else { return };
    let situation = Situation::of(&book, &notes, stays.iter(), caregivers.iter(), at.now);
    match fact {
        CareFact::DropOff { child, brought_by, staff, check, sealed } => {
            let child = *child;
            let found = situation.as_ref().ok_or(Refusal::of(NotTakenIn::NotBooked));
            let found = found.and_then(|there| {
                let (claim, nursery) = bookable(there, &book, child, *brought_by, *staff)?;
                let fever = nursery.nursery.terms.fever();
                if let Some(why) = check.objection(fever, staff.is_some()) {
                    return Err(Refusal::of(why));
                }
                let room = fits(there, &book, nursery, claim)?;
                Ok((claim, room))
            });
            match found {
                Ok((claim, room)) => {
                    let event = CareEvent::DroppedOff {
                        child,
                        nursery: claim.nursery,
                        booking: claim.booking,
                        room,
                        until: claim.when.ends(),
                        brought_by: *brought_by,
                        staff: *staff,
                        check: sealed.clone(),
                    };
                    said.happened(*at, Happening::Care(event));
                    said.care(CareAnswer::Done);
                }
                Err(Refusal { why, opens }) => {
                    // What was told twice is no refusal to be kept.
                    if why != NotTakenIn::Here {
                        let (check, staff) = (sealed.clone(), *staff);
                        let event = CareEvent::DropOffRefused { child, why, check, staff };
                        said.happened(*at, Happening::Care(event));
                    }
                    said.care(CareAnswer::NotTaken { why, opens });
                }
            }
        }
        CareFact::Receive { child, staff } => {
            let (child, staff) = (*child, *staff);
            let found = situation
                .as_ref()
                .map_or(Err(NotDone::NotTheirs), |there| there.in_care_of(child, staff));
            match found {
                Ok(stay) => {
                    if !stay.received {
                        said.happened(*at, Happening::Care(CareEvent::Received { child, staff }));
                    }
                    said.care(CareAnswer::Done);
                }
                Err(why) => said.care(CareAnswer::NotDone(why)),
            }
        }
        _ => {}
    }
}

/// Why a child is not taken.
struct Refusal {
    why: NotTakenIn,
    opens: Option<DateTime<Utc>>,
}

impl Refusal {
    fn of(why: NotTakenIn) -> Self {
        Self { why, opens: None }
    }
}

/// The care that a child is brought for, where whoever brings it or takes it may.
fn bookable<'a>(
    there: &Situation<'a>,
    book: &Book,
    child: ChildId,
    brought_by: Option<PersonId>,
    staff: Option<PersonId>,
) -> Result<(&'a SheetCareClaim, &'a SheetNursery), Refusal> {
    if there.stays.iter().any(|stay| stay.child == child) {
        return Err(Refusal::of(NotTakenIn::Here));
    }
    // At a kiosk the time and the sheet decide; staff see who stands before them.
    if staff.is_none() && !book.serves(there.now) {
        return Err(Refusal::of(NotTakenIn::ClockUnset));
    }
    let may = |claim: &SheetCareClaim| match (staff, brought_by) {
        (Some(staff), _) => works_in(there.care, staff, claim.nursery),
        (None, Some(person)) => brings(there.care, book, person, claim),
        (None, None) => false,
    };
    let Some(claim) = there.claim_of(child, book.early(), may) else {
        let anybodys = there.claim_of(child, book.early(), |_| true).is_some();
        return Err(Refusal::of(match (anybodys, there.had_care(child)) {
            (true, _) => NotTakenIn::NotTheirs,
            (false, true) => NotTakenIn::Over,
            (false, false) => NotTakenIn::NotBooked,
        }));
    };
    let nursery = there.care.nursery(claim.nursery).ok_or(Refusal::of(NotTakenIn::NotBooked))?;
    Ok((claim, nursery))
}

/// The room that it goes to, if there is one for it at this moment.
fn fits(
    there: &Situation<'_>,
    book: &Book,
    nursery: &SheetNursery,
    claim: &SheetCareClaim,
) -> Result<Option<RoomId>, Refusal> {
    let (starts, now) = (claim.when.starts(), there.now);
    if now < starts - book.early() {
        return Err(Refusal { why: NotTakenIn::TooEarly, opens: Some(starts - book.early()) });
    }
    let (_, lacks) = there.at_once(nursery, Some(claim));
    match (lacks.is_empty(), now < starts) {
        (true, _) => Ok(claim.room.or_else(|| room_for(nursery, there.years(claim.child)))),
        (false, true) => Err(Refusal { why: NotTakenIn::TooEarly, opens: Some(starts) }),
        (false, false) => Err(Refusal::of(NotTakenIn::NoRoom)),
    }
}

fn room_for(nursery: &SheetNursery, years: u32) -> Option<RoomId> {
    let rooms = &nursery.nursery.staffing.as_ref()?.rooms;
    rooms.iter().find(|room| room.room.takes(years)).map(|room| room.id)
}

/// Whether somebody works in a nursery.
pub(super) fn works_in(care: &SheetCare, staff: PersonId, nursery: NurseryId) -> bool {
    care.staff(staff).is_some_and(|one| one.nurseries.contains(&nursery))
}

/// Whoever answers for a child brings it, and whoever has booked its care, unless they are barred.
fn brings(care: &SheetCare, book: &Book, person: PersonId, claim: &SheetCareClaim) -> bool {
    let guardian = care.child(claim.child).is_some_and(|child| child.is_of(person));
    let booked = book.booking(claim.booking).is_some_and(|booking| booking.person == person);
    (guardian || booked) && !bars(care, claim.child, person)
}

fn bars(care: &SheetCare, child: ChildId, person: PersonId) -> bool {
    care.child(child).is_some_and(|child| child.collecting.bars(person))
}

impl Situation<'_> {
    /// The children of somebody whose nurseries are in the building, the oldest first.
    pub fn of_person(&self, book: &Book, person: PersonId) -> Vec<ChildThere> {
        let mut children: Vec<ChildId> = self.care.claims.iter().map(|claim| claim.child).collect();
        children.extend(self.stays.iter().map(|stay| stay.child));
        children.sort();
        children.dedup();
        let mut all: Vec<ChildThere> = children
            .into_iter()
            .filter_map(|child| {
                let (nursery, there) = self.there(book, person, child)?;
                Some(ChildThere { child, years: self.years(child), nursery, there })
            })
            .filter(|one| self.in_building(one.nursery))
            .collect();
        let born = |child| self.care.child(child).map(|known| known.born);
        all.sort_by_key(|one| (born(one.child), one.child));
        all
    }

    fn there(&self, book: &Book, person: PersonId, child: ChildId) -> Option<(NurseryId, There)> {
        if bars(self.care, child, person) {
            return None;
        }
        if let Some(stay) = self.stays.iter().find(|stay| stay.child == child) {
            let theirs = self.is_of(book, stay, person) || self.collects(child, person);
            return theirs.then(|| (stay.nursery, There::InCare { until: self.until(stay) }));
        }
        let claim =
            self.claim_of(child, book.early(), |claim| brings(self.care, book, person, claim))?;
        let opens = claim.when.starts() - book.early();
        let there = if self.now < opens {
            There::Later { opens }
        } else {
            There::Due { until: claim.when.ends() }
        };
        Some((claim.nursery, there))
    }

    /// Whether somebody has brought a child, has booked its care or answers for it.
    pub fn is_of(&self, book: &Book, stay: &OpenStay, person: PersonId) -> bool {
        stay.brought_by == Some(person)
            || book.booking(stay.booking).is_some_and(|booking| booking.person == person)
            || self.care.child(stay.child).is_some_and(|known| known.is_of(person))
    }

    /// The children in care in the building of whom nobody but `person` is about, where `present` are the others there.
    pub fn left_alone_by(
        &self,
        book: &Book,
        person: PersonId,
        present: &[PersonId],
    ) -> Vec<ChildId> {
        let alone = |stay: &&OpenStay| {
            self.in_building(stay.nursery)
                && self.is_of(book, stay, person)
                && !present.iter().any(|other| self.is_of(book, stay, *other))
        };
        let mut children: Vec<ChildId> =
            self.stays.iter().filter(alone).map(|stay| stay.child).collect();
        children.sort();
        children
    }

    /// Whether somebody with an account is named to collect a child.
    fn collects(&self, child: ChildId, person: PersonId) -> bool {
        let who = CollectsAs::Guardian(person);
        self.care.child(child).is_some_and(|known| may_collect(known, who, self).is_ok())
    }

    fn in_building(&self, nursery: NurseryId) -> bool {
        self.care.nursery(nursery).is_some_and(|one| one.nursery.walking_minutes == 0)
    }
}
