//! What the staff of a nursery see of a day: who comes, who works, what is too little.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use model::audit::AuditAction;
use model::booking::BookingStatus;
use model::care::age::{Ages, YearStart};
use model::care::file::Interview;
use model::care::intake::{CareTaken, Intake, Lack, Lacking};
use model::care::rule_set::RuleSet;
use model::centre::{Centre, Nursery};
use model::child::Particulars;
use model::id::{BookingId, CentreId, ChildId, NurseryId};
use model::interval::Interval;
use model::opening::whole_day;
use model::permission::{Action, Target, may};
use store::{CareAt, Roster, Rostered, SealedChild};

use super::atlas::Atlas;
use super::audit::{self, Entry};
use super::nursery::target;
use super::{Caller, Refused, allow, care_file, children};
use crate::hub::Hub;

/// Shortfalls are looked for so many days ahead.
const AHEAD: Days = Days::new(14);
/// Who works within so many days of a shortfall could be asked.
const COLLEAGUES: Days = Days::new(14);

/// A nursery's day.
pub struct Day {
    /// Its centre.
    pub centre: Centre,
    /// The nursery.
    pub nursery: Nursery,
    /// Who comes, by start.
    pub expected: Vec<Expected>,
    /// Who comes to talk first, or has asked to.
    pub talks: Vec<(ChildId, Option<String>, Interview)>,
    /// Who works, by start.
    pub shifts: Vec<Rostered>,
    /// What is too little in the coming days.
    pub lacks: Vec<ShortOf>,
}

/// A child that comes.
pub struct Expected {
    /// Its care.
    pub care: CareAt,
    /// Its name; none where it was erased.
    pub name: Option<String>,
    /// How old it is, in years.
    pub years: Option<u32>,
    /// What is written of allergies.
    pub allergies: Allergies,
    /// How many documents the nursery still needs to have seen.
    pub missing: usize,
}

/// What guardians have written of allergies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allergies {
    /// Nothing of the child's health is kept: that there are none cannot be told.
    NotGiven,
    /// None.
    None,
    /// Some.
    Some,
}

/// Something that will be too little, and who could be asked.
pub struct ShortOf {
    /// What, and when.
    pub lack: Lack,
    /// Caregivers who do not work then: those who work that day first.
    pub ask: Vec<String>,
}

/// A booking that a roster does not keep.
pub struct Failing {
    /// Which.
    pub booking: BookingId,
    /// What is too little, and who could be asked.
    pub short: Vec<ShortOf>,
    /// The children, for those who may know them.
    pub names: Vec<String>,
    /// When they are there.
    pub when: Vec<Interval>,
}

/// The nurseries whose day the caller may see.
#[must_use]
pub fn theirs<'a>(atlas: &'a Atlas, caller: &Caller) -> Vec<&'a Nursery> {
    let sees = |one: &&Nursery| {
        let target = Target { nursery: Some(one.id), ..Target::at(one.centre) };
        may(&caller.actor, Action::SeeNurseryDay, &target)
    };
    atlas.nurseries.iter().filter(sees).collect()
}

/// A nursery and its centre, for those who may do `action` there.
///
/// # Errors
/// [`Refused`] when there is none that they may.
pub fn find<'a>(
    atlas: &'a Atlas,
    caller: &Caller,
    id: NurseryId,
    action: Action,
) -> Result<(&'a Centre, &'a Nursery), Refused> {
    caller.signed_in()?;
    let nursery = atlas.nurseries.iter().find(|one| one.id == id).ok_or(Refused::NotFound)?;
    let centre = atlas.centre(nursery.centre).ok_or(Refused::NotFound)?;
    allow(caller, action, &target(centre, id))?;
    Ok((centre, nursery))
}

/// The local day `on` of a nursery. The look is recorded.
///
/// # Errors
/// [`Refused`] when they may not see it, or the store or a seal fails.
pub async fn see(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: NurseryId,
    on: NaiveDate,
) -> Result<Day, Refused> {
    let (centre, nursery) = find(atlas, caller, id, Action::SeeNurseryDay)?;
    let day = whole_day(on, centre.time_zone).ok_or(Refused::NotFound)?;
    let mut care = hub.store.care_at(id, &day).await?;
    // What is only held for some minutes is nobody's yet.
    care.retain(|one| matches!(one.status, BookingStatus::Confirmed | BookingStatus::Asked));
    let talks = hub.store.interviews_at(id).await?;
    // Each child's guardians can read that it was looked at.
    let children: BTreeSet<ChildId> =
        care.iter().map(|one| one.child).chain(talks.iter().map(|one| one.0)).collect();
    for child in children {
        record_look(hub, caller, (centre.id, id), child, on).await?;
    }
    let mut expected = Vec::with_capacity(care.len());
    for care in care {
        expected.push(expect(hub, nursery, care, on).await?);
    }
    let mut named = Vec::with_capacity(talks.len());
    for (child, interview) in talks {
        named.push((child, name_of(hub, child).await?, interview));
    }
    let shifts = hub.store.shifts(id, &day).await?;
    let lacks = shortfalls(hub, atlas, centre, nursery).await?;
    let (centre, nursery) = (centre.clone(), nursery.clone());
    Ok(Day { centre, nursery, expected, talks: named, shifts, lacks })
}

/// What a child is called that has to do with a nursery about now; whoever asks records the look.
///
/// # Errors
/// [`Refused`] when the store or a seal fails.
pub async fn name_near(
    hub: &Hub,
    nursery: NurseryId,
    child: ChildId,
) -> Result<Option<String>, Refused> {
    // A site that names others' children learns nothing by it, nor does its nursery.
    let near = children::nurseries_near(hub, child).await?;
    if !near.nurseries.contains(&nursery) {
        return Ok(None);
    }
    name_of(hub, child).await
}

/// Records that the caller looks at a nursery's child on a day.
///
/// # Errors
/// [`Refused`] when the store or a seal fails.
pub async fn record_look(
    hub: &Hub,
    caller: &Caller,
    (centre, nursery): (CentreId, NurseryId),
    child: ChildId,
    on: NaiveDate,
) -> Result<(), Refused> {
    let entry = Entry::new(AuditAction::NurseryDaySeen)
        .at(centre)
        .about_child(child)
        .note("nursery", nursery.to_string())
        .note("day", on.to_string());
    audit::record(hub, caller, entry).await
}

async fn expect(
    hub: &Hub,
    nursery: &Nursery,
    care: CareAt,
    on: NaiveDate,
) -> Result<Expected, Refused> {
    let (kept, health) = hub.store.child(care.child).await?.ok_or(Refused::NotFound)?;
    let particulars = known(hub, &kept).await?;
    let allergies = match health {
        None => Allergies::NotGiven,
        Some(sealed) => {
            let health = children::open_health(hub, care.child, &sealed).await?;
            if health.allergies.is_empty() { Allergies::None } else { Allergies::Some }
        }
    };
    let (file, _) = care_file::read(hub, care.child).await?;
    Ok(Expected {
        years: particulars.as_ref().map(|one| model::care::age::years(one.born, on)),
        name: particulars.map(|one| one.name),
        allergies,
        missing: file.missing(nursery.id, &nursery.terms, on).len(),
        care,
    })
}

pub(super) async fn name_of(hub: &Hub, child: ChildId) -> Result<Option<String>, Refused> {
    let (kept, _) = hub.store.child(child).await?.ok_or(Refused::NotFound)?;
    Ok(known(hub, &kept).await?.map(|one| one.name))
}

/// What is kept of a child; nothing where it was erased.
async fn known(hub: &Hub, kept: &SealedChild) -> Result<Option<Particulars>, Refused> {
    match children::opened(hub, kept).await {
        Ok(child) => Ok(Some(child.particulars)),
        Err(Refused::Seal(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// What will be too little in a nursery that goes by staff, from now on.
///
/// # Errors
/// [`Refused`] when the store or a seal fails.
pub async fn shortfalls(
    hub: &Hub,
    atlas: &Atlas,
    centre: &Centre,
    nursery: &Nursery,
) -> Result<Vec<ShortOf>, Refused> {
    let Some(staffing) = &nursery.staffing else { return Ok(Vec::new()) };
    let now = hub.now();
    let ahead = now.checked_add_days(AHEAD).unwrap_or(now);
    let Ok(window) = Interval::new(now, ahead) else { return Ok(Vec::new()) };
    let mut taken = Vec::new();
    let mut born = BTreeMap::new();
    for one in hub.store.care_at(nursery.id, &window).await? {
        if !one.status.holds() {
            continue;
        }
        let day = one.when.starts().with_timezone(&centre.time_zone).date_naive();
        if let std::collections::btree_map::Entry::Vacant(unknown) = born.entry(one.child) {
            let kept = hub.store.child(one.child).await?;
            let known = match &kept {
                Some((kept, _)) => children::born(hub, kept).await?,
                None => None,
            };
            unknown.insert(known);
        }
        let born = born.get(&one.child).copied().flatten();
        // Whoever is not known counts as a newborn.
        let ages = born.map(|born| Ages::of(born, day, YearStart::default())).unwrap_or_default();
        let scheme = atlas.schemes.iter().find(|scheme| Some(&scheme.name) == one.scheme.as_ref());
        let admits = scheme.and_then(|scheme| scheme.admits);
        taken.push(CareTaken { when: one.when, room: one.room, ages, admits });
    }
    let shifts = hub.store.shifts(nursery.id, &window).await?;
    let working: Vec<_> = shifts.iter().map(|one| one.shift.clone()).collect();
    let intake = Intake {
        staffing,
        places: nursery.places,
        rule_sets: &atlas.rule_sets,
        zone: centre.time_zone,
        municipality: centre.municipality,
        taken: &taken,
        shifts: &working,
    };
    let lacks = intake.shortfalls(&window);
    who_could_be_asked(hub, atlas, centre, nursery.id, None, lacks).await
}

/// With each lack the caregivers of those weeks who do not work then, those of the same day first; as it will be
/// with `roster`, where one is tried.
async fn who_could_be_asked(
    hub: &Hub,
    atlas: &Atlas,
    centre: &Centre,
    nursery: NurseryId,
    roster: Option<&Roster>,
    lacks: Vec<Lack>,
) -> Result<Vec<ShortOf>, Refused> {
    let starts = lacks.iter().map(|lack| lack.when.starts()).min();
    let ends = lacks.iter().map(|lack| lack.when.ends()).max();
    let Some((starts, ends)) = starts.zip(ends) else { return Ok(Vec::new()) };
    let from = starts.checked_sub_days(COLLEAGUES).unwrap_or(starts);
    let until = ends.checked_add_days(COLLEAGUES).unwrap_or(ends);
    let Ok(window) = Interval::new(from, until) else { return Ok(Vec::new()) };
    let day = |when: &Interval| when.starts().with_timezone(&centre.time_zone).date_naive();
    let before = hub.store.shifts(nursery, &window).await?;
    let stays =
        |one: &&Rostered| roster.is_none_or(|roster| !roster.days.contains(&day(&one.shift.when)));
    let mut shifts: Vec<Rostered> = before.iter().filter(stays).cloned().collect();
    shifts.extend(roster.into_iter().flat_map(|roster| roster.shifts.clone()));
    let all = before.iter().chain(&shifts);
    let names: BTreeSet<&str> = all.map(|one| one.caregiver.as_str()).collect();
    Ok(lacks
        .into_iter()
        .map(|lack| {
            let busy = |name: &str| {
                let mut duty = shifts_of(&shifts, name).flat_map(|one| one.shift.on_duty());
                duty.any(|duty| duty.overlaps(&lack.when))
            };
            let today = day(&lack.when);
            let there = |name: &str| {
                let mut all = shifts_of(&shifts, name).chain(shifts_of(&before, name));
                all.any(|one| day(&one.shift.when) == today)
            };
            let fits = |name: &str| {
                let mut all = shifts_of(&shifts, name).chain(shifts_of(&before, name));
                all.any(|one| helps(&lack.what, &one.shift.kind, &atlas.rule_sets))
            };
            let mut ask: Vec<&str> =
                names.iter().copied().filter(|name| !busy(name) && fits(name)).collect();
            ask.sort_by_key(|name| !there(name));
            let ask = ask.into_iter().map(str::to_owned).collect();
            ShortOf { lack, ask }
        })
        .collect())
}

/// Whether one more of that kind would help.
fn helps(lacking: &Lacking, kind: &str, rule_sets: &[RuleSet]) -> bool {
    let mut kinds = rule_sets.iter().flat_map(|set| &set.kinds).filter(|one| one.kind == kind);
    match lacking {
        Lacking::PlanStaff | Lacking::LiveStaff => kinds.any(|one| one.counts),
        Lacking::Qualified => kinds.any(|one| one.counts && one.qualified),
        Lacking::Kind(wanted) => wanted == kind,
        Lacking::Rules | Lacking::Floor(_) | Lacking::Group(_) | Lacking::Places => false,
    }
}

fn shifts_of<'a>(shifts: &'a [Rostered], name: &'a str) -> impl Iterator<Item = &'a Rostered> {
    shifts.iter().filter(move |one| one.caregiver == name)
}

/// The bookings that a roster does not keep, as far as the caller may know of them.
///
/// # Errors
/// [`Refused`] when the store or a seal fails.
pub async fn failing(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    roster: &Roster,
    failing: Vec<(BookingId, Vec<Lack>)>,
) -> Result<Vec<Failing>, Refused> {
    let Roster { centre, nursery, .. } = roster;
    let nursery = *nursery;
    let knows = may(&caller.actor, Action::SeeNurseryDay, &target(centre, nursery));
    if knows && !failing.is_empty() {
        let entry = Entry::new(AuditAction::NurseryDaySeen)
            .at(centre.id)
            .note("nursery", nursery.to_string())
            .note("bookings", failing.len().to_string());
        audit::record(hub, caller, entry).await?;
    }
    let mut told = Vec::with_capacity(failing.len());
    for (id, lacks) in failing {
        let Some(booking) = hub.store.booking(id).await? else { continue };
        let theirs = booking
            .care
            .iter()
            .filter(|claim| claim.nursery == nursery && claim.released_at.is_none())
            .filter(|claim| lacks.iter().any(|lack| lack.when.overlaps(&claim.when)));
        let mut when: Vec<Interval> = theirs.clone().map(|claim| claim.when).collect();
        when.sort();
        when.dedup();
        let mut names = Vec::new();
        if knows {
            let kids: BTreeSet<ChildId> = theirs.map(|claim| claim.child).collect();
            for child in kids {
                names.extend(name_of(hub, child).await?);
            }
        }
        let short = who_could_be_asked(hub, atlas, centre, nursery, Some(roster), lacks).await?;
        told.push(Failing { booking: id, short, names, when });
    }
    Ok(told)
}
