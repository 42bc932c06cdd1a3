//! The site's nurseries: what kiosks and staff ask of children, from the question to the fact and from the decision to
//! the answer. The names are the sheet's; the centre decides without them.

mod board;
mod muster;
mod sessions;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use model::care::day::{HealthCheck, NotDone, NotTakenIn, NoteBody, NoteKind, Sealed};
use model::care::file::CollectsAs;
use model::day_sheet::{DaySheet, SheetCare};
use model::id::{ChildId, CredentialId, DeviceId, PersonId, TicketId};
use model::language::Language;
use ring::rand::SecureRandom;
use serde::Serialize;
use twin::{CareAnswer, CareFact, ChildThere, There};
use wire::nursery::{AtDoor, ChildAtDoor, DoorState, StaffAnswer};
use wire::request::Answer;
use wire::sealing::NoteKey;

use crate::random;
pub use sessions::{Session, Sessions};

/// How long a kiosk may speak for somebody who has shown who they are.
const TICKET: Duration = Duration::from_secs(5 * 60);
/// The most tickets at once: the oldest goes first.
const MOST_TICKETS: usize = 256;

/// The nurseries of the sheet in force, and who speaks for whom.
pub struct Nurseries {
    sheet: RwLock<Option<Arc<Known>>>,
    tickets: Mutex<HashMap<TicketId, Ticket>>,
    /// Who has signed in at which screen.
    pub sessions: Sessions,
    rng: Arc<dyn SecureRandom + Send + Sync>,
}

/// What the sheet in force says of them.
pub struct Known {
    care: SheetCare,
    /// Who has a PIN.
    pins: HashSet<PersonId>,
    /// What the staff sign in with.
    keys: HashMap<PersonId, KeysOf>,
}

/// What somebody signs in with.
#[derive(PartialEq, Eq)]
struct KeysOf {
    pin: Option<String>,
    cards: BTreeSet<CredentialId>,
}

impl KeysOf {
    fn on(sheet: &DaySheet, person: PersonId) -> Self {
        let known = sheet.people.iter().find(|one| one.id == person);
        let cards = sheet.credentials.iter();
        let cards = cards.filter(|card| card.person == person && !card.blocked);
        Self {
            pin: known.and_then(|one| one.pin.clone()),
            cards: cards.map(|card| card.credential).collect(),
        }
    }
}

/// Somebody at a kiosk.
#[derive(Clone)]
pub struct Ticket {
    kiosk: DeviceId,
    /// Who.
    pub person: PersonId,
    /// The language they are answered in.
    pub language: Language,
    ends: Instant,
}

impl Nurseries {
    /// Without a sheet.
    #[must_use]
    pub fn new(rng: Arc<dyn SecureRandom + Send + Sync>) -> Self {
        let sessions = Sessions::new(rng.clone());
        Self { sheet: RwLock::default(), tickets: Mutex::default(), sessions, rng }
    }

    /// Takes names from this sheet from now on.
    pub fn use_sheet(&self, sheet: &DaySheet) {
        let known = sheet.care.clone().map(|care| {
            let with_pin = sheet.people.iter().filter(|person| person.pin.is_some());
            let pins = with_pin.map(|person| person.id).collect();
            let keys = care.staff.iter().map(|one| (one.person, KeysOf::on(sheet, one.person)));
            let keys = keys.collect();
            Arc::new(Known { care, pins, keys })
        });
        if let (Some(before), Some(now)) = (self.known(), &known) {
            // Whoever has another PIN or another card signs in anew.
            self.sessions.keep(|staff| before.keys.get(&staff) == now.keys.get(&staff));
        }
        *self.sheet.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn known(&self) -> Option<Arc<Known>> {
        self.sheet.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody's children, for the kiosk that they stand at; nothing where they have none there.
    #[must_use]
    pub fn at_door(
        &self,
        kiosk: &DeviceId,
        person: PersonId,
        language: Language,
        children: &[ChildThere],
    ) -> Option<AtDoor> {
        let known = self.known()?;
        let care = &known.care;
        let child = |one: &ChildThere| {
            Some(ChildAtDoor {
                child: one.child,
                years: one.years,
                nursery: care.nursery(one.nursery)?.nursery.name.clone(),
                state: match one.there {
                    There::Due { until } => DoorState::Due { until },
                    There::Later { opens } => DoorState::Later { opens },
                    There::InCare { until } => DoorState::InCare { until },
                },
            })
        };
        let children: Vec<ChildAtDoor> = children.iter().filter_map(child).collect();
        if children.is_empty() {
            return None;
        }
        let ticket = TicketId(random::uuid(&*self.rng).ok()?);
        let now = Instant::now();
        let mut tickets = self.tickets();
        tickets.retain(|_, known| now < known.ends);
        if tickets.len() >= MOST_TICKETS {
            let oldest = tickets.iter().min_by_key(|(_, known)| known.ends).map(|(id, _)| *id);
            oldest.and_then(|oldest| tickets.remove(&oldest));
        }
        let kiosk = kiosk.clone();
        tickets.insert(ticket, Ticket { kiosk, person, language, ends: now + TICKET });
        Some(AtDoor { ticket, children })
    }

    /// Whom a ticket of this kiosk's speaks for.
    #[must_use]
    pub fn ticket(&self, ticket: TicketId, kiosk: &DeviceId) -> Option<Ticket> {
        let known = self.tickets().get(&ticket).cloned()?;
        (known.kiosk == *kiosk && Instant::now() < known.ends).then_some(known)
    }

    /// The fact that a child is brought; nothing where nothing can be written down of it.
    pub fn drop_off(
        &self,
        child: ChildId,
        brought_by: Option<PersonId>,
        staff: Option<PersonId>,
        check: HealthCheck,
    ) -> Result<CareFact, NotTakenIn> {
        let sealed = self.seal(child, &check).map_err(|_| NotTakenIn::NotBooked)?;
        Ok(CareFact::DropOff { child, brought_by, staff, check, sealed })
    }

    /// The fact that something is written down.
    pub fn note(
        &self,
        child: ChildId,
        kind: NoteKind,
        body: NoteBody,
        staff: PersonId,
    ) -> Result<CareFact, NotDone> {
        let body = body.of(kind).map_err(|_| NotDone::BadNote)?;
        let sealed = body.map(|body| self.seal(child, &body)).transpose()?;
        Ok(CareFact::Note { child, kind, sealed, staff })
    }

    /// The fact that a child's guardians are asked to collect it.
    pub fn recall(
        &self,
        child: ChildId,
        why: NoteBody,
        staff: PersonId,
    ) -> Result<CareFact, NotDone> {
        let kind = if why.temperature.is_some() { NoteKind::Temperature } else { NoteKind::Note };
        let why = why.of(kind).map_err(|_| NotDone::BadNote)?;
        let sealed = self.seal(child, &why)?;
        Ok(CareFact::Recall { child, sealed, staff })
    }

    /// The answer with the name of whoever may collect the child.
    #[must_use]
    pub fn with_name(&self, child: ChildId, answer: StaffAnswer) -> StaffAnswer {
        let StaffAnswer::MayCollect { who, telephone_since, .. } = answer else { return answer };
        let known = self.known();
        let child = known.as_ref().and_then(|known| known.care.child(child));
        let named = child.and_then(|child| match who {
            CollectsAs::Guardian(person) => {
                let guardian = child.guardians.iter().find(|one| one.person == person)?;
                Some((guardian.name.clone(), String::new()))
            }
            CollectsAs::Named(id) => {
                let one = child.collecting.collectors.iter().find(|one| one.id == id)?;
                Some((one.name.clone(), one.relation.clone()))
            }
        });
        let (name, relation) = named.unwrap_or_default();
        StaffAnswer::MayCollect { who, name, relation, telephone_since }
    }

    /// The fact that a child is not there any more.
    pub fn put_right(
        &self,
        child: ChildId,
        why: NoteBody,
        staff: PersonId,
    ) -> Result<CareFact, NotDone> {
        let why = why.of(NoteKind::Note).map_err(|_| NotDone::BadNote)?;
        // A child whose key is not known any more has to come off the count as well.
        let sealed = self.seal(child, &why).ok();
        Ok(CareFact::PutRight { child, sealed, staff })
    }

    fn seal<T: Serialize>(&self, child: ChildId, value: &T) -> Result<Sealed, NotDone> {
        let known = self.known().ok_or(NotDone::NotTheirs)?;
        let child_known = known.care.child(child).ok_or(NotDone::NotTheirs)?;
        let key = NoteKey::from_sheet(&child_known.key).map_err(|_| NotDone::NotSealed)?;
        key.seal(child, value, &*self.rng).map_err(|_| NotDone::NotSealed)
    }

    fn tickets(&self) -> MutexGuard<'_, HashMap<TicketId, Ticket>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the staff are answered to what they have told.
#[must_use]
pub fn told(answer: CareAnswer) -> StaffAnswer {
    match answer {
        CareAnswer::Done => StaffAnswer::Done,
        CareAnswer::MayCollect { who, telephone_since } => {
            let (name, relation) = (String::new(), String::new());
            StaffAnswer::MayCollect { who, name, relation, telephone_since }
        }
        CareAnswer::NotTaken { why, opens } => StaffAnswer::NotTaken { why, opens },
        CareAnswer::NotHandedOver(why) => StaffAnswer::NotHandedOver { why },
        CareAnswer::TelephoneFirst(since) => StaffAnswer::TelephoneFirst { since },
        CareAnswer::NotDone(why) => StaffAnswer::NotDone { why },
        CareAnswer::NotSignedIn(why) => StaffAnswer::SignedOut { why },
        // Neither is an answer to somebody of the staff who has signed in.
        CareAnswer::SignedIn(_) | CareAnswer::LetIn(_) => StaffAnswer::Done,
    }
}

/// How many of somebody's children are in care.
#[must_use]
pub fn in_care(children: &[ChildThere]) -> u32 {
    let there = children.iter().filter(|one| matches!(one.there, There::InCare { .. }));
    u32::try_from(there.count()).unwrap_or(u32::MAX)
}

/// A kiosk's answer about a child that was brought, or was not taken.
#[must_use]
pub fn brought(
    child: ChildId,
    answer: CareAnswer,
    care: Option<AtDoor>,
    language: Language,
) -> Answer {
    match answer {
        CareAnswer::NotTaken { why, opens } => {
            Answer::NotTaken { child, why, opens, care, language }
        }
        _ => Answer::DroppedOff { child, care, language },
    }
}

#[cfg(test)]
mod tests;
