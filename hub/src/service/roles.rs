//! Who may do what: looked up, given and taken by those who manage people.

use model::audit::AuditAction;
use model::id::PersonId;
use model::people::{Given, Grant, Person};
use model::permission::{Action, Target};

use super::{Caller, Refused, allow, audit, members};
use crate::hub::Hub;

/// So many people are found at most.
pub const MOST_FOUND: u32 = 50;
/// Nobody has more roles.
pub const MOST_ROLES: usize = 50;
/// No term counts more months from its first use.
pub const MOST_MONTHS: u32 = 120;

/// Why roles cannot be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRoles {
    /// One is bounded to what there is not.
    #[error("a role names an employer, centre, nursery or municipality that is not there")]
    Bound,
    /// A term ends before it begins, or counts no sensible number of months.
    #[error("a term ends after it begins, and counts 1 to 120 months")]
    Term,
    /// There are too many.
    #[error("nobody has more than 50 roles")]
    Many,
    /// The caller would shut themselves out.
    #[error("nobody takes the system admin's role from themselves")]
    OwnKey,
}

/// The people whose name or address holds `text`.
///
/// # Errors
/// [`Refused`] when the caller may not, or the store fails.
pub async fn find(hub: &Hub, caller: &Caller, text: &str) -> Result<Vec<Person>, Refused> {
    allow(caller, Action::ManagePeople, &Target::default())?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Ok(hub.store.people_like(text, MOST_FOUND).await?)
}

/// Somebody.
///
/// # Errors
/// [`Refused`] when the caller may not, there is nobody, or the store fails.
pub async fn person(hub: &Hub, caller: &Caller, id: PersonId) -> Result<Person, Refused> {
    allow(caller, Action::ManagePeople, &Target::of(id))?;
    hub.store.person(id).await?.ok_or(Refused::NotFound)
}

/// Replaces somebody's roles, and draws what follows. First uses are kept.
///
/// # Errors
/// [`Refused`] when the caller may not, there is nobody, or the store fails.
pub async fn set(
    hub: &Hub,
    caller: &Caller,
    id: PersonId,
    mut roles: Vec<Given>,
) -> Result<Result<Person, BadRoles>, Refused> {
    let before = person(hub, caller, id).await?;
    for given in &mut roles {
        let same = before.grants.iter().find(|old| old.grant == given.grant);
        given.term.first_used = same.and_then(|old| old.term.first_used);
    }
    if let Err(bad) = check(hub, caller, &before, &roles).await? {
        return Ok(Err(bad));
    }
    hub.store.set_grants(id, &roles).await?;
    hub.live.people_changed();
    let named = |roles: &[Given]| serde_json::to_string(roles).unwrap_or_default();
    let entry = audit::Entry::new(AuditAction::RolesChanged).about(id);
    let entry = entry.note("before", named(&before.grants)).note("after", named(&roles));
    audit::record(hub, caller, entry).await?;
    members::settle(hub, id).await?;
    Ok(Ok(Person { grants: roles, ..before }))
}

async fn check(
    hub: &Hub,
    caller: &Caller,
    before: &Person,
    roles: &[Given],
) -> Result<Result<(), BadRoles>, Refused> {
    if roles.len() > MOST_ROLES {
        return Ok(Err(BadRoles::Many));
    }
    let now = hub.now();
    let after = Person { grants: roles.to_vec(), ..before.clone() };
    let is_self = caller.person.as_ref().is_some_and(|person| person.id == before.id);
    if is_self && !after.grants_at(now).any(|grant| grant == Grant::SystemAdmin) {
        return Ok(Err(BadRoles::OwnKey));
    }
    let employers = hub.store.employers().await?;
    let centres = hub.store.centres().await?;
    let nurseries = hub.store.nurseries().await?;
    let towns = hub.store.municipalities().await?;
    for Given { grant, term } in roles {
        let there = match *grant {
            Grant::Worker { employer: Some(id) } | Grant::EmployerAdmin { employer: id } => {
                employers.iter().any(|employer| employer.id == id)
            }
            Grant::Operator { centre } => centres.iter().any(|known| known.id == centre),
            Grant::NurseryStaff { nursery } => nurseries.iter().any(|known| known.id == nursery),
            Grant::Resident { municipality } | Grant::MunicipalAdmin { municipality } => {
                towns.iter().any(|(known, _)| *known == municipality)
            }
            Grant::Worker { employer: None } | Grant::Parent | Grant::SystemAdmin => true,
        };
        if !there {
            return Ok(Err(BadRoles::Bound));
        }
        let turned = term.from.zip(term.until).is_some_and(|(from, until)| until <= from);
        if turned || term.months_of_use.is_some_and(|months| !(1..=MOST_MONTHS).contains(&months)) {
            return Ok(Err(BadRoles::Term));
        }
    }
    Ok(Ok(()))
}
