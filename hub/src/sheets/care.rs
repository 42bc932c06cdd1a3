//! What a sheet says of a centre's nurseries and of the children who are to be in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use model::booking::{Booking, BookingStatus};
use model::care::rule_set::RuleSet;
use model::centre::{Centre, Nursery};
use model::day_sheet::{
    SheetCare, SheetCareClaim, SheetChild, SheetGuardian, SheetNursery, SheetShift, SheetStaff,
};
use model::id::{ChildId, NurseryId, PersonId};
use model::interval::Interval;
use model::opening::days_of;
use model::people::{Grant, Person};
use store::{KeyOwner, SealedChild};

use super::SheetError;
use crate::hub::Hub;
use crate::service::{Refused, care_file, children, personal, vault};

/// The nurseries of a centre as its sheet has them.
#[derive(Default)]
pub(super) struct CarePlan {
    /// What stands on the sheet, if the centre has nurseries, or anybody who runs the house.
    pub(super) sheet: Option<SheetCare>,
    /// When somebody's role there begins or ends next.
    pub(super) until: Option<DateTime<Utc>>,
}

impl CarePlan {
    /// Reads it for the days of `horizon`. `planned` are its bookings then, `staff` whoever has a role there, `known`
    /// children of whom nothing has changed since they were read.
    pub(super) async fn read(
        hub: &Hub,
        centre: &Centre,
        horizon: &Interval,
        planned: &[Booking],
        staff: &[PersonId],
        known: &[SheetChild],
    ) -> Result<Self, SheetError> {
        let mut nurseries = hub.store.nurseries().await?;
        nurseries.retain(|nursery| nursery.centre == centre.id);
        nurseries.sort_by_key(|nursery| nursery.id);
        let (staff, until) = staff_of(hub, centre, &nurseries, staff).await?;
        if nurseries.is_empty() && staff.is_empty() {
            return Ok(Self { sheet: None, until });
        }
        let rule_sets = hub.store.rule_sets().await?;
        let mut listed = Vec::with_capacity(nurseries.len());
        for nursery in nurseries {
            listed.push(on_sheet(hub, centre, horizon, nursery, &rule_sets).await?);
        }
        let sheet = SheetCare {
            zone: centre.time_zone,
            municipality: centre.municipality,
            nurseries: listed,
            children: children_at(hub, centre, horizon, known).await?,
            claims: claims(planned, horizon),
            staff,
        };
        Ok(Self { sheet: Some(sheet), until })
    }

    /// The accounts of whoever may collect a child: their cards and PINs are asked for at the site.
    pub(super) fn who_collect(&self) -> impl Iterator<Item = PersonId> + '_ {
        self.sheet.iter().flat_map(|care| &care.children).flat_map(|child| {
            let guardians = child.guardians.iter().map(|one| one.person);
            guardians.chain(child.collecting.collectors.iter().filter_map(|one| one.account))
        })
    }

    /// The accounts of whoever may not: a site that knows their cards can tell who was refused.
    pub(super) fn who_are_barred(&self) -> impl Iterator<Item = PersonId> + '_ {
        let children = self.sheet.iter().flat_map(|care| &care.children);
        let barred = children.flat_map(|child| &child.collecting.barred);
        barred.filter_map(|bar| bar.account)
    }
}

async fn on_sheet(
    hub: &Hub,
    centre: &Centre,
    horizon: &Interval,
    nursery: Nursery,
    rule_sets: &[RuleSet],
) -> Result<SheetNursery, SheetError> {
    let days = days_of(horizon, centre.time_zone);
    let in_force: BTreeSet<&str> = nursery
        .staffing
        .iter()
        .flat_map(|staffing| {
            let on = |day| staffing.rules_on(rule_sets, day, centre.municipality);
            days.iter().filter_map(move |day| on(*day)).map(|rules| rules.name.as_str())
        })
        .collect();
    let rule_sets = rule_sets.iter().filter(|rules| in_force.contains(rules.name.as_str()));
    let shifts = hub.store.shifts(nursery.id, horizon).await?.into_iter();
    Ok(SheetNursery {
        rule_sets: rule_sets.cloned().collect(),
        shifts: shifts
            .map(|one| SheetShift { id: one.id, caregiver: one.caregiver, shift: one.shift })
            .collect(),
        nursery,
    })
}

/// Care that is booked, by start and child. What is only held or asked for is nobody's yet.
fn claims(planned: &[Booking], horizon: &Interval) -> Vec<SheetCareClaim> {
    let confirmed = planned.iter().filter(|booking| booking.status == BookingStatus::Confirmed);
    let mut claims: Vec<_> = confirmed
        .flat_map(|booking| booking.care.iter().map(move |claim| (booking.id, claim)))
        .filter(|(_, claim)| claim.released_at.is_none() && claim.when.overlaps(horizon))
        .map(|(booking, claim)| SheetCareClaim {
            booking,
            child: claim.child,
            nursery: claim.nursery,
            room: claim.room,
            ages: claim.ages,
            when: claim.when,
        })
        .collect();
    claims.sort_by_key(|claim| (claim.when, claim.child, claim.booking));
    claims
}

/// Who works in these nurseries now, or runs the house and works in none of them; and when that changes by itself.
async fn staff_of(
    hub: &Hub,
    centre: &Centre,
    nurseries: &[Nursery],
    persons: &[PersonId],
) -> Result<(Vec<SheetStaff>, Option<DateTime<Utc>>), SheetError> {
    let now = hub.now();
    let ours: BTreeSet<NurseryId> = nurseries.iter().map(|nursery| nursery.id).collect();
    let (mut staff, mut until) = (BTreeMap::new(), None);
    for person in hub.store.persons(persons).await? {
        let (mut theirs, mut runs_it) = (BTreeSet::new(), false);
        for given in &person.grants {
            let holds = given.term.holds_at(now);
            match given.grant {
                Grant::NurseryStaff { nursery } if ours.contains(&nursery) => {
                    theirs.extend(holds.then_some(nursery));
                }
                Grant::Operator { centre: theirs } if theirs == centre.id => runs_it |= holds,
                _ => continue,
            }
            let turns = given.term.from.into_iter().chain(given.term.ends());
            until = turns.filter(|turn| *turn > now).chain(until).min();
        }
        if runs_it || !theirs.is_empty() {
            let nurseries = theirs.into_iter().collect();
            let Person { id, name, .. } = person;
            staff.insert(id, SheetStaff { person: id, name, nurseries });
        }
    }
    Ok((staff.into_values().collect(), until))
}

/// The children who are to be there, by id. Of one that was erased nothing can be told.
async fn children_at(
    hub: &Hub,
    centre: &Centre,
    horizon: &Interval,
    known: &[SheetChild],
) -> Result<Vec<SheetChild>, SheetError> {
    let known: HashMap<ChildId, &SheetChild> = known.iter().map(|one| (one.id, one)).collect();
    let mut children = Vec::new();
    let mut ids = hub.store.children_at(centre.id, horizon).await?;
    ids.sort();
    for id in ids {
        if let Some(child) = known.get(&id) {
            children.push((*child).clone());
            continue;
        }
        let Some((kept, health)) = hub.store.child(id).await? else { continue };
        match child_on_sheet(hub, &kept, health.as_deref()).await {
            Ok(child) => children.push(child),
            Err(Refused::Seal(_)) if kept.sealed.is_empty() => {}
            // Whoever may not collect it is unknown then: the staff are told of a child that they know nothing of.
            Err(Refused::Seal(broken)) => {
                tracing::error!(child = %id, error = %broken, "a child is missing on the sheet");
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(children)
}

async fn child_on_sheet(
    hub: &Hub,
    kept: &SealedChild,
    health: Option<&[u8]>,
) -> Result<SheetChild, Refused> {
    let child = children::opened(hub, kept).await?;
    let (file, _) = care_file::read(hub, kept.id).await?;
    let health = match health {
        Some(sealed) => Some(children::open_health(hub, kept.id, sealed).await?),
        None => None,
    };
    let own = vault::key_for(hub, KeyOwner::Child(kept.id)).await?;
    Ok(SheetChild {
        id: kept.id,
        name: child.particulars.name,
        born: child.particulars.born,
        guardians: guardians_of(hub, kept.id).await?,
        collecting: file.collecting,
        health,
        key: children::note_key(&own).on_sheet(),
    })
}

/// Who answers for a child, whoever has done so longest in front.
async fn guardians_of(hub: &Hub, child: ChildId) -> Result<Vec<SheetGuardian>, Refused> {
    let ids = hub.store.who_answer_for(child).await?;
    let persons = hub.store.persons(&ids).await?.into_iter();
    let mut names: HashMap<PersonId, String> = persons.map(|one| (one.id, one.name)).collect();
    let mut guardians = Vec::with_capacity(ids.len());
    for person in ids {
        let Some(name) = names.remove(&person) else { continue };
        let telephone = match personal::telephone_of(hub, person).await {
            Ok(telephone) => Some(telephone).filter(|telephone| !telephone.is_empty()),
            Err(Refused::Seal(broken)) => {
                tracing::error!(%person, error = %broken, "a telephone number is missing on the sheet");
                None
            }
            Err(other) => return Err(other),
        };
        guardians.push(SheetGuardian { person, name, telephone });
    }
    Ok(guardians)
}
