//! The record of who did what: kept sealed, chained after the commit, and never changed.

pub mod chain;
pub mod read;
pub mod verify;
pub mod witness;

use std::collections::BTreeMap;

use model::audit::{AuditAction, AuditActor};
use model::id::{AuditId, CentreId, ChildId, PersonId, SealKeyId};
use serde::{Deserialize, Serialize};
use store::{KeyOwner, SealedEntry};

use super::{Caller, Refused, vault};
use crate::hub::Hub;

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct Entry {
    id: Option<AuditId>,
    action: AuditAction,
    about: Option<KeyOwner>,
    centre: Option<CentreId>,
    notes: BTreeMap<String, String>,
}

impl Entry {
    /// That this was done.
    #[must_use]
    pub fn new(action: AuditAction) -> Self {
        Self { id: None, action, about: None, centre: None, notes: BTreeMap::new() }
    }

    /// By its own id: recorded again, it stands there once.
    #[must_use]
    pub fn named(mut self, id: AuditId) -> Self {
        self.id = Some(id);
        self
    }

    /// To whom; the entry can be read for as long as they are not erased.
    #[must_use]
    pub fn about(mut self, person: PersonId) -> Self {
        self.about = Some(KeyOwner::Person(person));
        self
    }

    /// To which child.
    #[must_use]
    pub fn about_child(mut self, child: ChildId) -> Self {
        self.about = Some(KeyOwner::Child(child));
        self
    }

    /// At which centre: its operators may read it.
    #[must_use]
    pub fn at(mut self, centre: CentreId) -> Self {
        self.centre = Some(centre);
        self
    }

    /// What else is to be known of it. It is sealed with the rest.
    #[must_use]
    pub fn note(mut self, name: &str, value: impl Into<String>) -> Self {
        self.notes.insert(name.to_owned(), value.into());
        self
    }
}

/// What an entry seals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Who did it.
    pub actor: AuditActor,
    /// To which person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// To which child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<ChildId>,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What else is to be known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
}

/// Records what `who` did.
///
/// # Errors
/// When the store, the random source or a seal fails: what must leave a trace is not done then.
pub async fn record(hub: &Hub, who: &Caller, entry: Entry) -> Result<(), Refused> {
    let actor =
        who.person.as_ref().map_or(AuditActor::Nobody, |person| AuditActor::Person(person.id));
    keep(hub, actor, who.address.map(|address| address.to_string()), entry).await
}

/// Records what a device, a job or nobody signed in did.
///
/// # Errors
/// As [`record`].
pub async fn record_as(hub: &Hub, actor: AuditActor, entry: Entry) -> Result<(), Refused> {
    keep(hub, actor, None, entry).await
}

async fn keep(
    hub: &Hub,
    actor: AuditActor,
    from: Option<String>,
    entry: Entry,
) -> Result<(), Refused> {
    let Entry { id, action, about, centre, notes } = entry;
    let doer = match &actor {
        AuditActor::Person(person) => Some(KeyOwner::Person(*person)),
        AuditActor::Device(_) | AuditActor::Hub | AuditActor::Nobody => None,
    };
    let key = vault::key_for(hub, about.or(doer).unwrap_or(KeyOwner::Hub)).await?;
    let actor_key = match doer {
        Some(doer) if doer == key.owner => Some(key.id),
        Some(doer) => Some(vault::key_for(hub, doer).await?.id),
        None => None,
    };
    let (person, child) = match about {
        Some(KeyOwner::Person(person)) => (Some(person), None),
        Some(KeyOwner::Child(child)) => (None, Some(child)),
        Some(KeyOwner::Hub) | None => (None, None),
    };
    let id = match id {
        Some(id) => id,
        None => AuditId(hub.new_id()?),
    };
    let body = Body { actor, person, child, from, notes };
    let kept = SealedEntry {
        id,
        at: hub.now(),
        action: word(action),
        centre,
        subject: about.map(|_| key.id),
        actor: actor_key,
        key: key.id,
        sealed: key.seal(hub, &body, &place_of(id))?,
    };
    hub.store.add_audit(&kept).await?;
    hub.live.audit_recorded.notify_one();
    Ok(())
}

/// An entry's word, as it is kept and filtered by.
#[must_use]
pub fn word(action: AuditAction) -> String {
    match serde_json::to_value(action) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// What an entry says, or nothing when the key is gone.
#[must_use]
pub fn opened(entry: &SealedEntry, keys: &[vault::OwnKey]) -> Option<Body> {
    let key = keys.iter().find(|key| key.id == entry.key)?;
    key.open(&entry.sealed, &place_of(entry.id)).ok()
}

/// The keys that these entries need, each once.
#[must_use]
pub fn keys_of<'a>(entries: impl Iterator<Item = &'a SealedEntry>) -> Vec<SealKeyId> {
    let mut ids: Vec<SealKeyId> = entries.map(|entry| entry.key).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn place_of(id: AuditId) -> Vec<u8> {
    format!("kyoten: audit entry {id}").into_bytes()
}
