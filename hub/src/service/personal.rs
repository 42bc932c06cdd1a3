//! One's own data: a copy to take away, a telephone number, and the end of an account.

use chrono::{DateTime, TimeDelta, Utc};
use model::audit::{AuditAction, AuditActor};
use model::booking::{Booking, BookingStatus};
use model::care::day::{CareEvent, HealthCheck, NoteBody, NoteKind};
use model::care::file::{CareFile, Interview};
use model::child::{Health, Particulars};
use model::consent::Purpose;
use model::id::{ChildId, NurseryId, PersonId};
use model::interval::Interval;
use model::people::Given;
use model::permission::{Action, Target};
use serde::{Deserialize, Serialize};
use store::{Erasure, KeyOwner};

use super::atlas::Atlas;
use super::audit::read::{self, Listed};
use super::audit::{self, Entry};
use super::diary::{self, Opened, Reader, Told};
use super::order::spares;
use super::{Caller, Refused, allow, children, rules, vault};
use crate::hub::Hub;

/// What is sealed of a person.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Their telephone number.
    pub telephone: String,
}

/// Everything that is kept of a person, as they take it away.
#[derive(Serialize)]
pub struct Copy {
    made_at: DateTime<Utc>,
    account: Account,
    roles: Vec<Given>,
    bookings: Vec<Booking>,
    visits: Vec<store::VisitRecord>,
    cards: Vec<String>,
    /// Which mails there were; their words are those of the bookings.
    notices: Vec<store::NoticeRecord>,
    /// Since when their calendar has a private address.
    calendar_address_since: Option<DateTime<Utc>>,
    children: Vec<ChildCopy>,
    /// What was done to them or their children, and by whom.
    audit: Vec<Listed>,
}

#[derive(Serialize)]
struct Account {
    id: PersonId,
    name: String,
    email: String,
    language: model::language::Language,
    telephone: String,
}

#[derive(Serialize)]
struct ChildCopy {
    id: ChildId,
    #[serde(flatten)]
    particulars: Particulars,
    health: Health,
    consents: Vec<ConsentCopy>,
    /// Who may collect it, who may not, and what nurseries have seen.
    care_file: CareFile,
    interviews: Vec<InterviewCopy>,
    /// What happened to it in care, as its guardians read it.
    diary: Vec<DiaryCopy>,
}

#[derive(Serialize)]
struct DiaryCopy {
    at: DateTime<Utc>,
    /// What happened, as one word.
    what: String,
    /// Of what kind it is, where something was written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<NoteKind>,
    /// Who brought or collected it, or wanted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<HealthCheck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<NoteBody>,
}

impl From<Told> for DiaryCopy {
    fn from(told: Told) -> Self {
        let said = serde_json::to_value(&told.what).ok();
        let word = said.as_ref().and_then(|said| said.get("care")?.as_str());
        let (check, written) = match told.opened {
            Opened::Check(check) => (Some(check), None),
            Opened::Note(body) => (None, Some(body)),
            Opened::Nothing | Opened::Torn => (None, None),
        };
        let kind = match &told.what {
            CareEvent::Noted { kind, .. } => Some(*kind),
            _ => None,
        };
        let what = word.unwrap_or_default().to_owned();
        Self { at: told.at, what, kind, who: told.who, check, written }
    }
}

#[derive(Serialize)]
struct InterviewCopy {
    nursery: NurseryId,
    #[serde(flatten)]
    interview: Interview,
}

#[derive(Serialize)]
struct ConsentCopy {
    purpose: Purpose,
    wording: String,
    given_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
}

/// Whether the caller has shown who they are a short while ago.
#[must_use]
pub fn is_fresh(hub: &Hub, caller: &Caller) -> bool {
    let proved = caller.session.as_ref().map(|session| session.proved_at);
    proved.is_some_and(|proved| hub.now() < proved + rules::PROOF)
}

/// The caller's telephone number, empty where none is kept.
///
/// # Errors
/// [`Refused`] when they may not, or the store or a seal fails.
pub async fn contact(hub: &Hub, caller: &Caller) -> Result<Contact, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(me))?;
    let Some(sealed) = hub.store.sealed_of(me).await? else { return Ok(Contact::default()) };
    let key = vault::key_for(hub, KeyOwner::Person(me)).await?;
    Ok(key.open(&sealed, &contact_place(me))?)
}

/// Somebody's telephone number, empty where none is kept; whoever asks has asked the table of rights.
///
/// # Errors
/// [`Refused`] when the store or a seal fails.
pub async fn telephone_of(hub: &Hub, person: PersonId) -> Result<String, Refused> {
    let Some(sealed) = hub.store.sealed_of(person).await? else { return Ok(String::new()) };
    let key = vault::key_for(hub, KeyOwner::Person(person)).await?;
    Ok(key.open::<Contact>(&sealed, &contact_place(person))?.telephone)
}

/// Keeps or forgets (an empty text) the caller's telephone number; answers whether it is one.
///
/// # Errors
/// [`Refused`] when they may not, or the store or a seal fails.
pub async fn set_telephone(hub: &Hub, caller: &Caller, typed: &str) -> Result<bool, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(me))?;
    let plain = crate::typed::plain(typed);
    if plain.is_empty() {
        hub.store.set_sealed_of(me, None).await?;
        hub.live.people_changed();
        return Ok(true);
    }
    let Some(telephone) = model::child::telephone(&plain) else { return Ok(false) };
    let key = vault::key_for(hub, KeyOwner::Person(me)).await?;
    let contact = Contact { telephone: telephone.to_owned() };
    let sealed = key.seal(hub, &contact, &contact_place(me))?;
    hub.store.set_sealed_of(me, Some(&sealed)).await?;
    hub.live.people_changed();
    Ok(true)
}

/// Everything that is kept of the caller; none when they have to show who they are again first.
///
/// # Errors
/// [`Refused`] when they may not, or the store or a seal fails.
pub async fn copy(hub: &Hub, caller: &Caller) -> Result<Option<Copy>, Refused> {
    let person = caller.signed_in()?;
    allow(caller, Action::KeepAccount, &Target::of(person.id))?;
    if !is_fresh(hub, caller) {
        return Ok(None);
    }
    audit::record(hub, caller, Entry::new(AuditAction::DataExported).about(person.id)).await?;
    let mut kids = Vec::new();
    let ever = Interval::new(DateTime::UNIX_EPOCH, hub.now() + TimeDelta::days(1))
        .map_err(|_| Refused::Inner("all that was is an interval"))?;
    for child in children::list_if_any(hub, caller).await? {
        let mut file = children::see(hub, caller, child.id, None).await?;
        let diary = diary::read(hub, child.id, &file.care, Reader::Guardian, &ever).await?;
        // Proofs are no data to take away.
        file.care.collecting.collectors.iter_mut().for_each(|named| named.pin = None);
        let consents = file.consents.into_iter().map(|consent| ConsentCopy {
            purpose: consent.purpose,
            wording: consent.wording,
            given_at: consent.given_at,
            withdrawn_at: consent.withdrawn_at,
        });
        kids.push(ChildCopy {
            id: child.id,
            particulars: child.particulars,
            health: file.health,
            consents: consents.collect(),
            care_file: file.care,
            interviews: file
                .interviews
                .into_iter()
                .map(|(nursery, interview)| InterviewCopy { nursery, interview })
                .collect(),
            diary: diary.into_iter().map(DiaryCopy::from).collect(),
        });
    }
    let cards = hub.store.credentials_of(person.id).await?;
    Ok(Some(Copy {
        made_at: hub.now(),
        account: Account {
            id: person.id,
            name: person.name.clone(),
            email: person.email.clone(),
            language: person.language,
            telephone: contact(hub, caller).await?.telephone,
        },
        roles: person.grants.clone(),
        bookings: hub.store.bookings_of(person.id, DateTime::UNIX_EPOCH).await?,
        visits: hub.store.visits_of(person.id).await?,
        cards: cards.into_iter().map(|card| card.label).collect(),
        notices: hub.store.notices_of(person.id).await?,
        calendar_address_since: hub.store.calendar_feed_of(person.id).await?,
        children: kids,
        audit: read::about_me(hub, caller, read::MOST).await?,
    }))
}

/// How the end of an account ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// They are nobody any more.
    Done,
    /// They have to show who they are again first.
    Stale,
    /// They are inside a centre: they leave first.
    Inside,
    /// A child is in care on a booking of theirs: it is collected first.
    InCare,
}

/// Makes the caller nobody. Bookings to come are cancelled; what is sealed of them and of children
/// that nobody else answers for can be read by nobody from then on.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn erase(hub: &Hub, atlas: &Atlas, caller: &Caller) -> Result<Erased, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(me))?;
    if !is_fresh(hub, caller) {
        return Ok(Erased::Stale);
    }
    let now = hub.now();
    let to_come: Vec<Booking> = hub
        .store
        .bookings_of(me, now)
        .await?
        .into_iter()
        .filter(|booking| booking.status == BookingStatus::Confirmed)
        .collect();
    for booking in to_come {
        let Some(centre) = atlas.centre(booking.centre) else { continue };
        match hub.store.cancel(booking.id, centre, now, &spares(hub)?).await? {
            Some((kept, false)) if kept.status == BookingStatus::Confirmed => {
                let in_care = hub.store.is_in_care(kept.id).await?;
                return Ok(if in_care { Erased::InCare } else { Erased::Inside });
            }
            _ => hub.live.plan_changed(booking.centre),
        }
    }
    let mut alone = Vec::new();
    for child in hub.store.children_of(me).await? {
        if hub.store.who_answer_for(child.id).await? == [me] {
            alone.push(child.id);
        }
    }
    // What stands for them from now on: the id of the key that is destroyed.
    let pseudonym = vault::key_for(hub, KeyOwner::Person(me)).await?.id;
    // Not about them: an entry about somebody without a key could not be read by anybody.
    let entry = Entry::new(AuditAction::PersonErased)
        .note("key", pseudonym.to_string())
        .note("children", alone.len().to_string());
    audit::record_as(hub, AuditActor::Hub, entry).await?;
    let pseudonym = PersonId(pseudonym.0);
    hub.store.erase(&Erasure { person: me, pseudonym, children: alone, at: now }).await?;
    hub.live.people_changed();
    Ok(Erased::Done)
}

fn contact_place(person: PersonId) -> Vec<u8> {
    format!("kyoten: contact of {person}").into_bytes()
}
