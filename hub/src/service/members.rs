//! An employer's people, the visits it pays for, and what follows when somebody's role has ended.

use chrono::{DateTime, Utc};
use model::audit::AuditAction;
use model::id::{EmployerId, PersonId};
use model::interval::Interval;
use model::language::Language;
use model::organisation::{MemberRole, domain_of};
use model::people::{Person, stands};
use model::permission::{Action, Target};
use store::{Employer, PaidVisit, StoreError};

use super::order::spares;
use super::{Caller, Refused, allow, allow_or_hide, audit};
use crate::hub::Hub;

/// A name is no longer, in characters.
pub const LONGEST_NAME: usize = 100;

/// Why somebody cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMember {
    /// The address is none.
    #[error("that is no e-mail address")]
    Email,
    /// The name is missing or too long.
    #[error("a name has 1 to 100 characters")]
    Name,
}

/// The employers that the caller keeps.
///
/// # Errors
/// [`Refused`] when nobody is signed in or the store fails.
pub async fn kept_by(hub: &Hub, caller: &Caller) -> Result<Vec<Employer>, Refused> {
    let mut employers = hub.store.employers().await?;
    employers.retain(|employer| {
        allow(caller, Action::ManageMembers, &Target::of_employer(employer.id)).is_ok()
    });
    Ok(employers)
}

/// An employer that the caller may look into.
///
/// # Errors
/// [`Refused`] when there is none, it is not theirs, or the store fails.
pub async fn employer(
    hub: &Hub,
    caller: &Caller,
    action: Action,
    id: EmployerId,
) -> Result<Employer, Refused> {
    allow_or_hide(caller, action, &Target::of_employer(id))?;
    let found = hub.store.employers().await?.into_iter().find(|employer| employer.id == id);
    found.ok_or(Refused::NotFound)
}

/// An employer's workers of now, by address.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn list(hub: &Hub, caller: &Caller, id: EmployerId) -> Result<Vec<Person>, Refused> {
    allow_or_hide(caller, Action::ManageMembers, &Target::of_employer(id))?;
    let mut members = hub.store.members_of(id).await?;
    members.retain(|person| is_worker(person, id, hub.now()));
    Ok(members)
}

/// Whether somebody is a worker of an employer.
#[must_use]
pub fn is_worker(person: &Person, employer: EmployerId, now: DateTime<Utc>) -> bool {
    person.employers_at(now).any(|id| id == employer)
}

/// Makes somebody a worker of an employer; whoever has no account yet gets one without a password.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn add(
    hub: &Hub,
    caller: &Caller,
    id: EmployerId,
    email: &str,
    name: &str,
) -> Result<Result<PersonId, BadMember>, Refused> {
    allow_or_hide(caller, Action::ManageMembers, &Target::of_employer(id))?;
    let (email, name) = (email.trim().to_lowercase(), name.trim());
    if domain_of(&email).is_none() {
        return Ok(Err(BadMember::Email));
    }
    let person = match hub.store.sign_in_record(&email).await? {
        Some(known) => known.person,
        None if !is_name(name) => return Ok(Err(BadMember::Name)),
        None => create(hub, &email, name, caller.language).await?,
    };
    join(hub, caller, id, person).await?;
    Ok(Ok(person))
}

/// Whether a text is a name that somebody can have here.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let length = text.trim().chars().count();
    (1..=LONGEST_NAME).contains(&length) && !text.contains(char::is_control)
}

/// A new account without a password and without a role.
pub(super) async fn create(
    hub: &Hub,
    email: &str,
    name: &str,
    language: Language,
) -> Result<PersonId, Refused> {
    let id = PersonId(hub.new_id()?);
    let (email, name) = (email.to_owned(), name.trim().to_owned());
    let person = Person { id, email, name, language, grants: Vec::new() };
    match hub.store.add_person(&person, None).await {
        Ok(()) => Ok(id),
        // Somebody was quicker with the same address.
        Err(StoreError::Duplicate(_)) => {
            let known = hub.store.sign_in_record(&person.email).await?;
            known.map(|known| known.person).ok_or(Refused::Inner("a person is half there"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes somebody who has an account a worker of an employer.
pub(super) async fn join(
    hub: &Hub,
    caller: &Caller,
    id: EmployerId,
    person: PersonId,
) -> Result<(), Refused> {
    hub.store.give_role(person, &MemberRole::Worker.grant(id).into(), hub.now()).await?;
    let entry = audit::Entry::new(AuditAction::MemberAdded).about(person);
    audit::record(hub, caller, entry.note("employer", id.to_string())).await
}

/// Ends somebody's roles at an employer, and what hung on them. Answers whether they had any.
///
/// # Errors
/// [`Refused`] when the caller may not, there is no such person, or the store fails.
pub async fn end(
    hub: &Hub,
    caller: &Caller,
    id: EmployerId,
    person: PersonId,
) -> Result<bool, Refused> {
    allow_or_hide(caller, Action::ManageMembers, &Target::of_employer(id))?;
    if hub.store.person(person).await?.is_none() {
        return Err(Refused::NotFound);
    }
    let ended = hub.store.end_membership(person, id, hub.now()).await?;
    if ended {
        let entry = audit::Entry::new(AuditAction::MemberRemoved).about(person);
        audit::record(hub, caller, entry.note("employer", id.to_string())).await?;
    }
    // Also when it had ended before: a first try may have been torn half-way.
    settle(hub, person).await?;
    Ok(ended)
}

/// Draws what follows from the roles that somebody holds now: bookings that nobody stands for any
/// more are given up, and whoever holds no role at all is signed out everywhere. A guest who is
/// inside keeps the booking, but the site's next sheet no longer opens for them.
///
/// # Errors
/// When the store fails.
pub async fn settle(hub: &Hub, person: PersonId) -> Result<(), Refused> {
    let now = hub.now();
    let Some(who) = hub.store.person(person).await? else { return Ok(()) };
    if who.grants_at(now).next().is_none() {
        hub.store.end_sessions_of(person, None).await?;
    }
    let centres = hub.store.centres().await?;
    for booking in hub.store.open_bookings_of(person, now).await? {
        if stands(booking.on_account_of, who.grants_at(now)) {
            continue;
        }
        if let Some(centre) = centres.iter().find(|centre| centre.id == booking.centre) {
            hub.store.cancel(booking.id, centre, now, &spares(hub)?).await?;
        }
        hub.live.plan_changed(booking.centre);
    }
    Ok(())
}

/// The visits that an employer pays for and that began in the window.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn visits(
    hub: &Hub,
    caller: &Caller,
    id: EmployerId,
    window: &Interval,
) -> Result<Vec<PaidVisit>, Refused> {
    allow_or_hide(caller, Action::SeePaidVisits, &Target::of_employer(id))?;
    Ok(hub.store.paid_visits(id, window).await?)
}
