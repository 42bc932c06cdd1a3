//! An employer's people as its own directory keeps them (SCIM): joiners, changes, leavers.

use chrono::{DateTime, Utc};
use model::audit::AuditAction;
use model::id::{EmployerId, PersonId};
use model::organisation::domain_of;
use model::people::Person;
use model::permission::{Action, Target};
use store::{DirectoryEntry, StoreError};

use super::{Caller, Refused, allow, audit, members};
use crate::hub::Hub;

/// Somebody as a directory sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub id: PersonId,
    /// Their address, which is what they sign in with.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What the directory calls them.
    pub external_id: Option<String>,
    /// Whether they are a worker of the employer.
    pub active: bool,
    /// When the directory last said something of them.
    pub changed_at: Option<DateTime<Utc>>,
}

/// What a directory says of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Their address.
    pub email: String,
    /// Their name; none leaves it as it is.
    pub name: Option<String>,
    /// What the directory calls them.
    pub external_id: Option<String>,
    /// Whether they are to be a worker of the employer.
    pub active: bool,
}

/// Why it cannot be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSaid {
    /// The address is none.
    #[error("userName is not an e-mail address")]
    Email,
    /// The name is none.
    #[error("a name has 1 to 100 characters")]
    Name,
    /// The directory's own name of them is too long.
    #[error("externalId has 1 to 255 characters")]
    ExternalId,
    /// They are in the directory, or somebody else has the address or name.
    #[error("there is such a user already")]
    Taken,
    /// The account is not of the employer's own domains: its holder keeps name and address.
    #[error(
        "this account is not of the employer's own e-mail domains: its holder keeps its name and address"
    )]
    NotOwn,
}

/// Everybody in the directory, by address.
///
/// # Errors
/// [`Refused`] when the caller may not, or the store fails.
pub async fn list(hub: &Hub, caller: &Caller, employer: EmployerId) -> Result<Vec<Entry>, Refused> {
    allow(caller, Action::ManageMembers, &Target::of_employer(employer))?;
    let said = hub.store.directory(employer).await?;
    let now = hub.now();
    let mut members = hub.store.members_of(employer).await?;
    // Who was told of and never was a worker stands in no role.
    let known: Vec<PersonId> = members.iter().map(|person| person.id).collect();
    let others: Vec<PersonId> =
        said.iter().map(|entry| entry.person).filter(|person| !known.contains(person)).collect();
    members.extend(hub.store.persons(&others).await?);
    members.sort_by(|one, other| one.email.cmp(&other.email));
    let entry = |person: Person| {
        let said = said.iter().find(|entry| entry.person == person.id);
        if said.is_some_and(|said| said.deleted) {
            return None;
        }
        Some(Entry {
            id: person.id,
            active: members::is_worker(&person, employer, now),
            email: person.email,
            name: person.name,
            external_id: said.and_then(|said| said.external_id.clone()),
            changed_at: said.map(|said| said.changed_at),
        })
    };
    Ok(members.into_iter().filter_map(entry).collect())
}

/// Somebody in the directory.
///
/// # Errors
/// [`Refused::NotFound`] when they are not in it; else as [`list`].
pub async fn find(
    hub: &Hub,
    caller: &Caller,
    employer: EmployerId,
    id: PersonId,
) -> Result<Entry, Refused> {
    let entries = list(hub, caller, employer).await?;
    entries.into_iter().find(|entry| entry.id == id).ok_or(Refused::NotFound)
}

/// Puts somebody into the directory. An account that has the address already joins only where the
/// address is of the employer's own domains.
///
/// # Errors
/// [`Refused`] when the caller may not, or the store or the random source fails.
pub async fn add(
    hub: &Hub,
    caller: &Caller,
    employer: EmployerId,
    said: Said,
) -> Result<Result<Entry, BadSaid>, Refused> {
    allow(caller, Action::ManageMembers, &Target::of_employer(employer))?;
    let said = match plain(said) {
        Ok(said) => said,
        Err(bad) => return Ok(Err(bad)),
    };
    let known = hub.store.sign_in_record(&said.email).await?.map(|known| known.person);
    let person = match known {
        Some(person) => {
            let there = list(hub, caller, employer).await?;
            if there.iter().any(|entry| entry.id == person)
                || !is_own(hub, employer, &said.email).await?
            {
                return Ok(Err(BadSaid::Taken));
            }
            person
        }
        None => {
            let name = said.name.clone().unwrap_or_else(|| said.email.clone());
            members::create(hub, &said.email, &name, caller.language).await?
        }
    };
    if let Err(bad) = note(hub, employer, person, said.external_id, false).await? {
        return Ok(Err(bad));
    }
    if said.active {
        members::join(hub, caller, employer, person).await?;
    }
    find(hub, caller, employer, person).await.map(Ok)
}

/// Makes somebody in the directory as it says. Whoever is no longer active has left.
///
/// # Errors
/// As [`add`], and [`Refused::NotFound`] when they are not in it.
pub async fn change(
    hub: &Hub,
    caller: &Caller,
    employer: EmployerId,
    id: PersonId,
    said: Said,
) -> Result<Result<Entry, BadSaid>, Refused> {
    let before = find(hub, caller, employer, id).await?;
    // Leaving comes first: no mistake in the rest may keep somebody in.
    if before.active && !said.active {
        members::end(hub, caller, employer, id).await?;
    }
    let said = match plain(said) {
        Ok(said) => said,
        Err(bad) => return Ok(Err(bad)),
    };
    let name = said.name.clone().unwrap_or_else(|| before.name.clone());
    let (new_email, new_name) = (said.email != before.email, name != before.name);
    if new_email || new_name {
        let own = is_own(hub, employer, &before.email).await?
            && is_own(hub, employer, &said.email).await?;
        if !own {
            return Ok(Err(BadSaid::NotOwn));
        }
    }
    if new_email {
        match hub.store.set_email(id, &said.email).await {
            Err(StoreError::Duplicate(_)) => return Ok(Err(BadSaid::Taken)),
            done => done?,
        }
    }
    if new_name {
        hub.store.set_name(id, &name).await?;
        hub.live.people_changed();
    }
    if new_email || new_name {
        let entry = audit::Entry::new(AuditAction::RolesChanged).about(id);
        let entry = entry.note("employer", employer.to_string());
        audit::record(hub, caller, entry.note("directory", "name or address")).await?;
    }
    if let Err(bad) = note(hub, employer, id, said.external_id, false).await? {
        return Ok(Err(bad));
    }
    if said.active && !before.active {
        members::join(hub, caller, employer, id).await?;
    }
    find(hub, caller, employer, id).await.map(Ok)
}

/// Takes somebody out of the directory: they have left.
///
/// # Errors
/// As [`find`].
pub async fn remove(
    hub: &Hub,
    caller: &Caller,
    employer: EmployerId,
    id: PersonId,
) -> Result<(), Refused> {
    find(hub, caller, employer, id).await?;
    members::end(hub, caller, employer, id).await?;
    // Their name in the directory is free for somebody else.
    note(hub, employer, id, None, true).await?.map_err(|_| Refused::Inner("an entry was not kept"))
}

async fn note(
    hub: &Hub,
    employer: EmployerId,
    person: PersonId,
    external_id: Option<String>,
    deleted: bool,
) -> Result<Result<(), BadSaid>, Refused> {
    let entry = DirectoryEntry { person, external_id, changed_at: hub.now(), deleted };
    match hub.store.set_directory_entry(employer, &entry).await {
        Err(StoreError::Duplicate(_)) => Ok(Err(BadSaid::Taken)),
        done => Ok(Ok(done?)),
    }
}

/// Whether an address is of the employer's own domains.
async fn is_own(hub: &Hub, employer: EmployerId, email: &str) -> Result<bool, Refused> {
    match domain_of(email) {
        Some(domain) => Ok(hub.store.employer_of_domain(&domain).await? == Some(employer)),
        None => Ok(false),
    }
}

fn plain(said: Said) -> Result<Said, BadSaid> {
    let email = said.email.trim().to_lowercase();
    if domain_of(&email).is_none() {
        return Err(BadSaid::Email);
    }
    let name = said.name.map(|name| name.trim().to_owned());
    if name.as_ref().is_some_and(|name| !members::is_name(name)) {
        return Err(BadSaid::Name);
    }
    let bad =
        |id: &String| !(1..=255).contains(&id.chars().count()) || id.contains(char::is_control);
    if said.external_id.as_ref().is_some_and(bad) {
        return Err(BadSaid::ExternalId);
    }
    Ok(Said { email, name, ..said })
}
