//! Who is in the building, by the last evidence there is of each.

use std::collections::{BTreeMap, BTreeSet};

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::care::day::{CareEvent, CaregiverState};
use model::door::Zone;
use model::id::{ChildId, PersonId};
use model::muster::{CaregiverIn, ChildIn, Evidence, GuardianIn, Muster, PersonIn, SEEN_FOR, Sign};
use model::site_event::Happening;

use crate::book::Book;
use crate::nursery::{CaregiverEntry, OpenStay};
use crate::snapshot::{OpenVisit, Snapshot};

pub(crate) fn of(world: &World, now: DateTime<Utc>) -> Muster {
    let (snapshot, book) = (Snapshot::of(world), world.resource::<Book>());
    let signs = Signs::of(&snapshot, now);
    let mut people: Vec<PersonIn> = (snapshot.visits.iter())
        .map(|visit| signs.guest(visit, book))
        .chain(signs.without_a_visit(&snapshot, book))
        .collect();
    people.sort_by_key(|one| (one.last, one.person));
    Muster {
        at: now,
        house: snapshot.house,
        caregivers: (snapshot.caregivers.iter())
            .filter(|one| one.state != CaregiverState::Gone)
            .map(|one| caregiver(one, book))
            .collect(),
        children: snapshot.stays.iter().map(|stay| signs.child_in(stay, book, &people)).collect(),
        people,
    }
}

/// The latest that was seen of everybody.
struct Signs {
    people: BTreeMap<PersonId, Evidence>,
    children: BTreeMap<ChildId, Evidence>,
    /// Who was let in of late and not seen to go out.
    let_in: BTreeSet<PersonId>,
}

impl Signs {
    fn of(snapshot: &Snapshot, now: DateTime<Utc>) -> Self {
        let mut signs =
            Self { people: BTreeMap::new(), children: BTreeMap::new(), let_in: BTreeSet::new() };
        let (people, children) = (&mut signs.people, &mut signs.children);
        for ended in &snapshot.ended {
            saw(people, ended.visit.person, ended.until, Sign::CheckedOut);
        }
        for visit in &snapshot.visits {
            saw(people, visit.person, visit.since, Sign::CheckedIn);
            if let Some(away) = visit.away_since {
                saw(people, visit.person, away, Sign::SteppedOut);
            }
        }
        let mut within = BTreeSet::new();
        for pass in &snapshot.passes {
            let of_house = pass.zone == Zone::House;
            // Whoever comes out of a room stands in the house then.
            let left = if of_house { Sign::WentThrough } else { Sign::CameThrough };
            // Of two at the same instant the one that says that they are in.
            for (at, sign) in [(pass.left, left), (pass.entered, Sign::CameThrough)] {
                if let Some(at) = at {
                    saw(people, pass.person, at, sign);
                }
            }
            let late = now.checked_sub_signed(SEEN_FOR);
            if pass.entered.max(pass.left) >= late {
                if pass.is_in {
                    signs.let_in.insert(pass.person);
                } else if !of_house && pass.left >= late {
                    within.insert(pass.person);
                }
            }
        }
        for let_in in &snapshot.let_in {
            saw(people, let_in.person, let_in.at, Sign::LetIn);
            signs.let_in.insert(let_in.person);
        }
        for stay in &snapshot.stays {
            saw(children, stay.child, stay.since, Sign::Brought);
            if let Some((_, looked)) = stay.asleep {
                saw(children, stay.child, looked, Sign::LookedAt);
            }
            if let Some((person, at)) = stay.guardian_out {
                saw(people, person, at, Sign::WentOut);
            }
        }
        for event in &snapshot.recent {
            match &event.what {
                Happening::CameBack { visit } => {
                    let known = snapshot.visits.iter().find(|open| open.visit == *visit);
                    if let Some(open) = known {
                        saw(people, open.person, event.at, Sign::CameBack);
                    }
                }
                Happening::Care(CareEvent::WentOut { person, .. }) => {
                    saw(people, *person, event.at, Sign::WentOut);
                }
                Happening::Care(CareEvent::Received { child, .. }) => {
                    saw(children, *child, event.at, Sign::Received);
                }
                Happening::Care(
                    CareEvent::LookedAt { child, .. }
                    | CareEvent::Noted { child, .. }
                    | CareEvent::Moved { child, .. },
                ) => saw(children, *child, event.at, Sign::LookedAt),
                _ => {}
            }
        }
        let still = |person: &PersonId| people.get(person).is_some_and(|last| !last.what.is_out());
        signs.let_in.extend(within.into_iter().filter(still));
        signs
    }

    fn guest(&self, visit: &OpenVisit, book: &Book) -> PersonIn {
        let checked_in = Evidence { at: visit.since, what: Sign::CheckedIn };
        PersonIn {
            person: visit.person,
            visit: Some(visit.visit),
            space: Some(book.label(visit.space)).filter(|label| !label.is_empty()),
            away_since: visit.away_since,
            last: self.people.get(&visit.person).copied().unwrap_or(checked_in),
            on_staff: false,
        }
    }

    fn without_a_visit(&self, snapshot: &Snapshot, book: &Book) -> impl Iterator<Item = PersonIn> {
        let care = book.care.as_ref();
        let guests: BTreeSet<PersonId> = snapshot.visits.iter().map(|one| one.person).collect();
        let others = self.let_in.iter().filter(move |person| !guests.contains(person));
        others.filter_map(move |person| {
            let last = *self.people.get(person)?;
            let on_staff = care.is_some_and(|care| care.staff(*person).is_some());
            let (person, visit, space, away_since) = (*person, None, None, None);
            Some(PersonIn { person, visit, space, away_since, last, on_staff })
        })
    }

    fn child_in(&self, stay: &OpenStay, book: &Book, people: &[PersonIn]) -> ChildIn {
        let care = book.care.as_ref();
        let known = care.and_then(|care| care.child(stay.child));
        let staffing = care
            .and_then(|care| care.nursery(stay.nursery))
            .and_then(|one| one.nursery.staffing.as_ref());
        let room = staffing
            .and_then(|staffing| staffing.rooms.iter().find(|room| Some(room.id) == stay.room));
        let brought = Evidence { at: stay.since, what: Sign::Brought };
        let guardians = known.map_or(&[][..], |child| &child.guardians);
        ChildIn {
            child: stay.child,
            name: known.map(|child| child.name.clone()).unwrap_or_default(),
            nursery: stay.nursery,
            room: stay.room,
            room_name: room.map(|room| room.name.clone()),
            since: stay.since,
            last: self.children.get(&stay.child).copied().unwrap_or(brought),
            guardians: (guardians.iter())
                .map(|one| {
                    let listed = people.iter().find(|known| known.person == one.person);
                    GuardianIn {
                        person: one.person,
                        name: one.name.clone(),
                        is_in: listed.is_some_and(|known| {
                            known.away_since.is_none() && !known.last.what.is_out()
                        }),
                        last: self.people.get(&one.person).copied(),
                    }
                })
                .collect(),
        }
    }
}

fn saw<Who: Ord>(of: &mut BTreeMap<Who, Evidence>, who: Who, at: DateTime<Utc>, what: Sign) {
    let last = of.entry(who).or_insert(Evidence { at, what });
    if last.at <= at {
        *last = Evidence { at, what };
    }
}

fn caregiver(one: &CaregiverEntry, book: &Book) -> CaregiverIn {
    let nursery = book.care.as_ref().and_then(|care| care.nursery(one.nursery));
    let shift = nursery.and_then(|sheet| sheet.shifts.iter().find(|shift| shift.id == one.shift));
    CaregiverIn {
        shift: one.shift,
        name: shift.map(|shift| shift.caregiver.clone()).unwrap_or_default(),
        nursery: one.nursery,
        state: one.state,
        last: Evidence { at: one.at, what: Sign::Said },
    }
}
