//! The board and a child's page at the staff screen: what the centre knows, with the sheet's names.

use chrono::{DateTime, Utc};
use model::care::age;
use model::care::board::{ChildState, NurseryView};
use model::care::file::{Claimant, CollectsAs};
use model::day_sheet::{SheetCare, SheetChild, SheetNursery};
use model::id::{ChildId, PersonId};
use wire::nursery::{Board, BoardChild, ChildSeen, NurseryBoard, SeenCollector};

use super::{Known, Nurseries};

impl Nurseries {
    /// How the nurseries of somebody of the staff stand; nothing where they work in none.
    #[must_use]
    pub fn board(
        &self,
        staff: PersonId,
        views: Vec<NurseryView>,
        now: DateTime<Utc>,
        (fresh, telephone_first): (DateTime<Utc>, bool),
    ) -> Option<Board> {
        let sheet = self.known()?;
        let care = &sheet.care;
        let known = care.staff(staff)?;
        let nurseries = views
            .into_iter()
            .filter(|view| known.nurseries.contains(&view.nursery))
            .filter_map(|view| named(care, view, now));
        Some(Board {
            at: now,
            fresh,
            telephone_first,
            staff: known.name.clone(),
            nurseries: nurseries.collect(),
        })
    }

    /// The name of somebody of the staff.
    #[must_use]
    pub fn staff_name(&self, staff: PersonId) -> String {
        let sheet = self.known();
        let known = sheet.as_ref().and_then(|sheet| sheet.care.staff(staff));
        known.map(|one| one.name.clone()).unwrap_or_default()
    }

    /// What the staff may know of a child.
    #[must_use]
    pub fn child(&self, child: ChildId, now: DateTime<Utc>) -> Option<ChildSeen> {
        let sheet = self.known()?;
        let known = sheet.care.child(child)?;
        let nursery = sheet.care.claims.iter().find(|claim| claim.child == child);
        let nursery = nursery.and_then(|claim| sheet.care.nursery(claim.nursery));
        Some(seen(&sheet, known, nursery, now))
    }
}

fn named(care: &SheetCare, view: NurseryView, now: DateTime<Utc>) -> Option<NurseryBoard> {
    let sheet = care.nursery(view.nursery)?;
    let on = now.with_timezone(&care.zone).date_naive();
    let mut ids: Vec<ChildId> = view.children.iter().map(|one| one.child).collect();
    ids.sort();
    ids.dedup();
    let children = ids.into_iter().filter_map(|id| {
        let child = care.child(id)?;
        let years = age::years(child.born, on);
        let looked = view.children.iter().find_map(|one| match one.state {
            ChildState::InCare { asleep: Some((_, looked)), .. } if one.child == id => Some(looked),
            _ => None,
        });
        let interval = sheet.nursery.terms.nap_interval(years);
        Some(BoardChild {
            child: id,
            name: child.name.clone(),
            years,
            allergies: child.health.as_ref().map(|one| one.allergies.clone()),
            look_by: looked.zip(interval).map(|(looked, interval)| looked + interval),
        })
    });
    let children: Vec<BoardChild> = children.collect();
    let staffing = sheet.nursery.staffing.as_ref();
    let rooms = staffing.into_iter().flat_map(|staffing| &staffing.rooms);
    let today = |id| view.caregivers.iter().any(|one| one.shift == id);
    let caregivers = sheet.shifts.iter().filter(|shift| today(shift.id));
    Some(NurseryBoard {
        name: sheet.nursery.name.clone(),
        rooms: rooms.map(|room| (room.id, room.name.clone())).collect(),
        caregivers: caregivers
            .map(|one| (one.id, one.caregiver.clone(), one.shift.kind.clone()))
            .collect(),
        children,
        view,
    })
}

fn seen(
    Known { care, pins, .. }: &Known,
    child: &SheetChild,
    nursery: Option<&SheetNursery>,
    now: DateTime<Utc>,
) -> ChildSeen {
    let health = child.health.clone();
    let health_given = health.is_some();
    let health = health.unwrap_or_default();
    let on = now.with_timezone(&care.zone).date_naive();
    let from_years =
        nursery.map_or(model::care::terms::OF_AGE, |nursery| nursery.nursery.terms.collects_from());
    let guardians: Vec<PersonId> = child.guardians.iter().map(|one| one.person).collect();
    let file = &child.collecting;
    let not = |claimant| file.may_collect(claimant, &guardians, on, from_years).err();
    let answering = child.guardians.iter().map(|one| SeenCollector {
        who: CollectsAs::Guardian(one.person),
        name: one.name.clone(),
        relation: String::new(),
        telephone: one.telephone.clone(),
        has_pin: pins.contains(&one.person),
        not: not(Claimant::Account { person: one.person, name: &one.name }),
    });
    let named = file.collectors.iter().map(|one| SeenCollector {
        who: CollectsAs::Named(one.id),
        name: one.name.clone(),
        relation: one.relation.clone(),
        telephone: Some(one.telephone.clone()),
        has_pin: one.pin.is_some(),
        not: not(Claimant::Named(one.id)),
    });
    ChildSeen {
        child: child.id,
        name: child.name.clone(),
        born: child.born,
        allergies: health.allergies,
        notes: health.notes,
        doctor: health.doctor,
        contacts: health.contacts,
        health_given,
        collectors: answering.chain(named).collect(),
        barred: file.barred.iter().map(|bar| bar.name.clone()).collect(),
    }
}
