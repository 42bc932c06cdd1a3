//! What a nursery's children are admitted by: rule sets, schemes, terms, rooms, shifts. Whoever may run the hub's own program
//! decides it, and of a nursery also who runs the place; each decision leaves an entry.

use model::audit::{AuditAction, AuditActor};
use model::care::rule_set::RuleSet;
use model::care::scheme::Scheme;
use model::care::staffing::Staffing;
use model::care::terms::{BadTerms, Terms};
use model::centre::{Centre, Nursery};
use model::id::NurseryId;
use model::permission::{Action, Target};
use store::{Roster, RosterPut, StoreError};

use super::audit::{self, Entry};
use super::{Caller, Refused, allow};
use crate::hub::Hub;

/// Keeps a rule set that has been checked; false where one of its name is kept already.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn add_rules(hub: &Hub, rules: &RuleSet) -> Result<bool, Refused> {
    match hub.store.add_rule_set(rules, hub.now()).await {
        Err(StoreError::Duplicate(_)) => return Ok(false),
        kept => kept?,
    }
    let entry = Entry::new(AuditAction::CareRulesAdded)
        .note("rules", rules.name.clone())
        .note("from", rules.from_day.to_string());
    audit::record_as(hub, AuditActor::Hub, entry).await?;
    Ok(true)
}

/// Keeps a scheme that has been checked; false where one of its name is kept already.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn add_scheme(hub: &Hub, scheme: &Scheme) -> Result<bool, Refused> {
    match hub.store.add_scheme(scheme, hub.now()).await {
        Err(StoreError::Duplicate(_)) => return Ok(false),
        kept => kept?,
    }
    let entry = Entry::new(AuditAction::CareSchemeAdded)
        .note("scheme", scheme.name.clone())
        .note("from", scheme.from_day.to_string());
    audit::record_as(hub, AuditActor::Hub, entry).await?;
    Ok(true)
}

/// Gives a nursery of `centre` other terms from now on, for `caller` as in [`put_roster`]. What is booked already stands.
///
/// # Errors
/// [`Refused`] when they may not, there is no such nursery, or the store fails; within, [`BadTerms`] where the centre's door would
/// not open in time.
pub async fn set_terms(
    hub: &Hub,
    caller: Option<&Caller>,
    centre: &Centre,
    nursery: &Nursery,
    terms: &Terms,
) -> Result<Result<(), BadTerms>, Refused> {
    may_if_asked(caller, Action::ManageNursery, centre, nursery.id)?;
    if let Err(bad) = terms.check().and_then(|()| terms.check_door(nursery.walking_minutes, centre))
    {
        return Ok(Err(bad));
    }
    if !hub.store.set_terms(nursery.id, terms).await? {
        return Err(Refused::NotFound);
    }
    hub.live.plan_changed(centre.id);
    let handover = terms.handover.map(|one| format!("{} + {} min", one.before, one.after));
    let entry = Entry::new(AuditAction::NurseryTermsSet)
        .at(centre.id)
        .note("nursery", nursery.id.to_string())
        .note("schemes", terms.schemes.join(", "))
        .note("handover", handover.unwrap_or_default())
        .note("hours", terms.hours.len().to_string());
    record(hub, caller, entry).await?;
    Ok(Ok(()))
}

/// Lets a nursery of `centre` go by its staff from now on, for `caller` as in [`put_roster`]. What is booked already
/// stands.
///
/// # Errors
/// [`Refused`] when they may not, there is no such nursery, or the store fails.
pub async fn set_staffing(
    hub: &Hub,
    caller: Option<&Caller>,
    centre: &Centre,
    nursery: &Nursery,
    staffing: &Staffing,
) -> Result<(), Refused> {
    may_if_asked(caller, Action::ManageNursery, centre, nursery.id)?;
    if !hub.store.set_staffing(nursery.id, Some(staffing)).await? {
        return Err(Refused::NotFound);
    }
    hub.live.plan_changed(centre.id);
    let entry = Entry::new(AuditAction::NurseryStaffed)
        .at(centre.id)
        .note("nursery", nursery.id.to_string())
        .note("rules", staffing.rule_sets.join(", "))
        .note("rooms", staffing.rooms.len().to_string());
    record(hub, caller, entry).await?;
    Ok(())
}

/// Puts a roster in the place of the shifts of its days, or only tries it; for `caller`, or for whoever may run the hub's
/// own program where none is said.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn put_roster(
    hub: &Hub,
    caller: Option<&Caller>,
    roster: &Roster,
) -> Result<RosterPut, Refused> {
    may_if_asked(caller, Action::ManageShifts, &roster.centre, roster.nursery)?;
    let put = hub.store.put_roster(roster).await?;
    if let RosterPut::Done(failing) = &put
        && !roster.only_try
    {
        hub.live.plan_changed(roster.centre.id);
        let (first, last) = (roster.days.iter().min(), roster.days.iter().max());
        let day =
            |day: Option<&chrono::NaiveDate>| day.map(ToString::to_string).unwrap_or_default();
        let entry = Entry::new(AuditAction::RosterPut)
            .at(roster.centre.id)
            .note("nursery", roster.nursery.to_string())
            .note("shifts", roster.shifts.len().to_string())
            .note("from", day(first))
            .note("until", day(last))
            .note("failing", failing.len().to_string());
        record(hub, caller, entry).await?;
    }
    Ok(put)
}

fn may_if_asked(
    caller: Option<&Caller>,
    action: Action,
    centre: &Centre,
    nursery: NurseryId,
) -> Result<(), Refused> {
    caller.map_or(Ok(()), |caller| allow(caller, action, &target(centre, nursery)))
}

async fn record(hub: &Hub, caller: Option<&Caller>, entry: Entry) -> Result<(), Refused> {
    match caller {
        Some(caller) => audit::record(hub, caller, entry).await,
        None => audit::record_as(hub, AuditActor::Hub, entry).await,
    }
}

/// A nursery as the table of rights is asked about it.
#[must_use]
pub fn target(centre: &Centre, nursery: NurseryId) -> Target {
    Target { nursery: Some(nursery), ..Target::at(centre.id) }
}
