//! Reading the record: operators that of their centre, the system's admin all of it, everybody
//! what is about themselves and their children. A look at others' entries is itself recorded.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use model::audit::{AuditAction, AuditActor};
use model::id::{AuditId, CentreId, ChildId, PersonId};
use model::people::Grant;
use model::permission::{Action, Target, may};
use serde::Serialize;
use store::{AuditWanted, KeyOwner, ListedEntry};

use super::super::{Caller, Refused, allow, vault};
use super::{Body, Entry, keys_of, opened, record, word};
use crate::hub::Hub;

/// So many entries are told at once.
pub const MOST: u32 = 200;

/// An entry as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: AuditId,
    /// Its place in the chain, once it has one.
    pub place: Option<u64>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What was done, as a word.
    pub action: String,
    /// At which centre.
    pub centre: Option<CentreId>,
    /// Who did it: a name, a device, `hub` or `nobody`; nothing when they were erased.
    pub actor: Option<String>,
    /// To whom: a name; nothing when nobody, or when they were erased.
    pub subject: Option<String>,
    /// Whether whom it was about was erased: the rest cannot be read any more.
    pub erased: bool,
    /// From which address.
    pub from: Option<String>,
    /// What else is known.
    pub notes: BTreeMap<String, String>,
}

/// Which entries somebody asks for; what is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// What was done.
    pub action: Option<AuditAction>,
    /// Part of the name or e-mail address of who did it.
    pub actor: Option<String>,
    /// Part of the name or e-mail address of whom it is about.
    pub subject: Option<String>,
    /// At which centre.
    pub centre: Option<CentreId>,
    /// Older than this entry.
    pub before: Option<(DateTime<Utc>, AuditId)>,
}

/// The entries that fit, the newest first, for those who keep an eye on a centre or all of it.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn entries(
    hub: &Hub,
    caller: &Caller,
    question: &Question,
) -> Result<Vec<Listed>, Refused> {
    let centres = reach(caller, question.centre)?;
    let mut wanted = AuditWanted {
        from: question.from,
        until: question.until,
        action: question.action.map(word),
        centres,
        before: question.before,
        ..AuditWanted::default()
    };
    let mut notes = vec![];
    if let Some(text) = &question.subject {
        notes.push(("subject", text.clone()));
        wanted.subjects = Some(keys_like(hub, text).await?);
    }
    if let Some(text) = &question.actor {
        notes.push(("actor", text.clone()));
        let Some(&key) = keys_like(hub, text).await?.first() else {
            return looked(hub, caller, question, notes, Vec::new()).await;
        };
        wanted.actor = Some(key);
    }
    let found = hub.store.audit_like(&wanted, MOST).await?;
    let listed = told(hub, found).await?;
    looked(hub, caller, question, notes, listed).await
}

async fn looked(
    hub: &Hub,
    caller: &Caller,
    question: &Question,
    notes: Vec<(&'static str, String)>,
    listed: Vec<Listed>,
) -> Result<Vec<Listed>, Refused> {
    let mut entry = Entry::new(AuditAction::AuditRead).note("entries", listed.len().to_string());
    if let Some(centre) = question.centre {
        entry = entry.at(centre);
    }
    if let Some(action) = question.action {
        entry = entry.note("action", word(action));
    }
    for (name, text) in notes {
        entry = entry.note(name, text);
    }
    record(hub, caller, entry).await?;
    Ok(listed)
}

/// The newest entries about the caller and the children they answer for.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn about_me(hub: &Hub, caller: &Caller, most: u32) -> Result<Vec<Listed>, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::ReadAudit, &Target::of(me))?;
    let mut owners = vec![KeyOwner::Person(me)];
    let children = hub.store.children_of(me).await?;
    owners.extend(children.iter().map(|child| KeyOwner::Child(child.id)));
    let mut keys = Vec::new();
    for owner in owners {
        keys.extend(hub.store.seal_key_of(owner).await?.map(|key| key.id));
    }
    let wanted = AuditWanted { subjects: Some(keys), ..AuditWanted::default() };
    let mut listed = told(hub, hub.store.audit_like(&wanted, most).await?).await?;
    // From where others called is not theirs to know.
    let name = caller.signed_in()?.name.clone();
    for entry in &mut listed {
        if entry.actor.as_deref() != Some(&name) {
            entry.from = None;
        }
    }
    Ok(listed)
}

/// The centres whose entries the caller may read, none for all; `asked` narrows it to one.
///
/// # Errors
/// [`Refused`] when there is none.
pub fn reach(caller: &Caller, asked: Option<CentreId>) -> Result<Option<Vec<CentreId>>, Refused> {
    caller.signed_in()?;
    if let Some(centre) = asked {
        allow(caller, Action::ReadAudit, &Target::at(centre))?;
        return Ok(Some(vec![centre]));
    }
    if may(&caller.actor, Action::ReadAudit, &Target::default()) {
        return Ok(None);
    }
    let theirs = |grants: &[Grant]| -> Vec<CentreId> {
        let centre = |grant: &Grant| match grant {
            Grant::Operator { centre } => Some(*centre),
            _ => None,
        };
        grants.iter().filter_map(centre).collect()
    };
    let centres = theirs(caller.grants());
    match centres.first() {
        Some(_) => Ok(Some(centres)),
        None => {
            let first = theirs(&caller.in_full().grants).first().map(|id| Target::at(*id));
            allow(caller, Action::ReadAudit, &first.unwrap_or_default())?;
            Err(Refused::Forbidden)
        }
    }
}

async fn keys_like(hub: &Hub, text: &str) -> Result<Vec<model::id::SealKeyId>, Refused> {
    let mut keys = Vec::new();
    for person in hub.store.people_like(text, 50).await? {
        keys.extend(hub.store.seal_key_of(KeyOwner::Person(person.id)).await?.map(|key| key.id));
    }
    Ok(keys)
}

async fn told(hub: &Hub, found: Vec<ListedEntry>) -> Result<Vec<Listed>, Refused> {
    let keys = vault::keys(hub, &keys_of(found.iter().map(|listed| &listed.entry))).await?;
    let mut names = Names { hub, people: HashMap::new(), children: HashMap::new() };
    let mut listed = Vec::new();
    for ListedEntry { place, entry } in found {
        let body = opened(&entry, &keys);
        let erased = body.is_none();
        let Body { actor, person, child, from, notes } = body.unwrap_or(Body {
            actor: AuditActor::Nobody,
            person: None,
            child: None,
            from: None,
            notes: BTreeMap::new(),
        });
        let subject = match (person, child) {
            (Some(person), _) => names.person(person).await?,
            (None, Some(child)) => names.child(child).await?,
            (None, None) => None,
        };
        let actor = match actor {
            _ if erased => None,
            AuditActor::Person(person) => names.person(person).await?,
            AuditActor::Device(device) => Some(device.to_string()),
            AuditActor::Hub => Some("hub".to_owned()),
            AuditActor::Nobody => Some("nobody".to_owned()),
        };
        listed.push(Listed {
            id: entry.id,
            place,
            at: entry.at,
            action: entry.action,
            centre: entry.centre,
            actor,
            subject,
            erased,
            from,
            notes,
        });
    }
    Ok(listed)
}

/// Names as they are by now, each looked up once.
struct Names<'a> {
    hub: &'a Hub,
    people: HashMap<PersonId, Option<String>>,
    children: HashMap<ChildId, Option<String>>,
}

impl Names<'_> {
    async fn person(&mut self, id: PersonId) -> Result<Option<String>, Refused> {
        if let Some(known) = self.people.get(&id) {
            return Ok(known.clone());
        }
        let person = self.hub.store.person(id).await?;
        let name = person.map(|person| person.name).filter(|name| !name.is_empty());
        self.people.insert(id, name.clone());
        Ok(name)
    }

    /// A child is named by its guardian: its own name is for those who may see its file.
    async fn child(&mut self, id: ChildId) -> Result<Option<String>, Refused> {
        if let Some(known) = self.children.get(&id) {
            return Ok(known.clone());
        }
        let mut name = None;
        if let Some(&guardian) = self.hub.store.who_answer_for(id).await?.first() {
            let guardian = self.person(guardian).await?;
            name = guardian.map(|guardian| format!("{guardian} / child {id}"));
        }
        self.children.insert(id, name.clone());
        Ok(name)
    }
}
