//! A household's children. What is personal about them is sealed with each child's own key before
//! it reaches the store; a look at a child's health by anybody but its guardians leaves a trace.

use chrono::{NaiveDate, TimeDelta};
use model::audit::AuditAction;
use model::care::file::{CareFile, Collector, Interview, same_name};
use model::child::{BadHealth, BadParticulars, Child, Health, Particulars};
use model::consent::Purpose;
use model::id::{ChildId, CollectorId, ConsentId, HouseholdId, NurseryId, PersonId};
use model::interval::Interval;
use model::permission::{Action, Target};
use store::{Consent, GuardianCode, KeyOwner, SealedChild};
use wire::sealing::NoteKey;

use super::audit::{self, Entry};
use super::{Caller, Refused, allow, allow_or_hide, care_file, secret, vault};
use crate::hub::Hub;
use crate::typed;

/// A nursery sees a child's health from so long before its care until so long after it.
pub const CARE_NEAR: TimeDelta = TimeDelta::days(7);
/// A nursery that was asked for a talk sees who asks for so long.
const ASKED_NEAR: TimeDelta = TimeDelta::days(60);
/// How long a code for another guardian works.
const CODE_LASTS: TimeDelta = TimeDelta::days(2);

/// How adding a child ended.
pub enum Added {
    /// It is there.
    Done(Child),
    /// Its particulars cannot be taken.
    Bad(BadParticulars),
}

/// How a change of a child's health ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is kept.
    Done,
    /// It cannot be taken.
    Bad(BadHealth),
    /// The guardians have not agreed that it is kept.
    NoConsent,
}

/// Everything that is kept of a child, for those who may see it.
pub struct File {
    /// The child.
    pub child: Child,
    /// Its health.
    pub health: Health,
    /// What was agreed to, the oldest first.
    pub consents: Vec<Consent>,
    /// How many guardians answer for it.
    pub guardians: usize,
    /// Whether the caller is one of them, and may change all this.
    pub own: bool,
    /// Who may collect it, and what nurseries have seen.
    pub care: CareFile,
    /// Its interviews.
    pub interviews: Vec<(NurseryId, Interview)>,
    /// The nursery for which the caller sees it, where they are not one of its guardians.
    pub for_nursery: Option<NurseryId>,
    /// The nurseries that it has to do with about now.
    pub near: Vec<NurseryId>,
    /// Whether its health is for the caller's eyes, and anything may be kept of it.
    pub health_known: bool,
}

/// The caller's own children, in the order they were added.
///
/// # Errors
/// [`Refused`] when they may not, or the store or a seal fails.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Child>, Refused> {
    let guardian = caller.signed_in()?.id;
    allow(caller, Action::KeepChildren, &Target::of(guardian))?;
    let mut children = Vec::new();
    for sealed in hub.store.children_of(guardian).await? {
        children.push(opened(hub, &sealed).await?);
    }
    Ok(children)
}

/// [`list`] for those who may have children here, nothing for everybody else.
///
/// # Errors
/// When the store or a seal fails.
pub async fn list_if_any(hub: &Hub, caller: &Caller) -> Result<Vec<Child>, Refused> {
    if caller.may_own(Action::KeepChildren) { list(hub, caller).await } else { Ok(Vec::new()) }
}

/// Adds a child to the caller's household, on the local day `today`.
///
/// # Errors
/// [`Refused`] when they may not, or the store, a seal or the random source fails.
pub async fn add(
    hub: &Hub,
    caller: &Caller,
    name: &str,
    born: NaiveDate,
    today: NaiveDate,
) -> Result<Added, Refused> {
    let guardian = caller.signed_in()?.id;
    allow(caller, Action::KeepChildren, &Target::of(guardian))?;
    let particulars = match Particulars::new(name, born, today) {
        Ok(particulars) => particulars,
        Err(bad) => return Ok(Added::Bad(bad)),
    };
    for sealed in hub.store.children_of(guardian).await? {
        let other = opened(hub, &sealed).await?;
        if same_name(&other.particulars.name, &particulars.name) {
            return Ok(Added::Bad(BadParticulars::Twice));
        }
    }
    let household = match own_household(hub, guardian).await? {
        Some(household) => household,
        None => {
            let household = HouseholdId(hub.new_id()?);
            hub.store.found_household(household, guardian, hub.now()).await?;
            household
        }
    };
    let id = ChildId(hub.new_id()?);
    let sealed = seal(hub, id, &particulars).await?;
    hub.store.add_child(&SealedChild { id, household, sealed }).await?;
    Ok(Added::Done(Child { id, household, particulars }))
}

/// The first household of somebody's with no child that they are barred from: whoever is shut out brings nobody into
/// that one, child or guardian.
async fn own_household(hub: &Hub, guardian: PersonId) -> Result<Option<HouseholdId>, Refused> {
    for household in hub.store.households_of(guardian).await? {
        if !hub.store.is_barred(guardian, household).await? {
            return Ok(Some(household));
        }
    }
    Ok(None)
}

/// What is kept of a child, with its own key.
///
/// # Errors
/// When the store, a seal or the random source fails.
pub async fn seal(hub: &Hub, id: ChildId, particulars: &Particulars) -> Result<Vec<u8>, Refused> {
    let key = vault::key_for(hub, KeyOwner::Child(id)).await?;
    Ok(key.seal(hub, particulars, id.0.as_bytes())?)
}

/// A kept child. Those from before children had keys are sealed by the ring.
///
/// # Errors
/// When the store or a seal fails.
pub async fn opened(hub: &Hub, kept: &SealedChild) -> Result<Child, Refused> {
    let place = kept.id.0.as_bytes();
    let own = vault::key_if_kept(hub, KeyOwner::Child(kept.id)).await?;
    let by_own = own.and_then(|key| key.open::<Particulars>(&kept.sealed, place).ok());
    let particulars = match by_own {
        Some(particulars) => particulars,
        None => hub.keys.open(&kept.sealed, place)?,
    };
    Ok(Child { id: kept.id, household: kept.household, particulars })
}

/// When a kept child was born. Where its seal cannot be opened that is not known: a booking must not hang on it.
///
/// # Errors
/// When the store fails.
pub async fn born(hub: &Hub, kept: &SealedChild) -> Result<Option<NaiveDate>, Refused> {
    match opened(hub, kept).await {
        Ok(child) => Ok(Some(child.particulars.born)),
        Err(Refused::Seal(broken)) => {
            tracing::error!(error = %broken, "a child counts as a newborn");
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Everything about a child: for its guardians, and for the staff of a nursery where it is cared
/// for about now. A look by the latter is recorded.
///
/// # Errors
/// [`Refused`] when there is none that they may see, or the store or a seal fails.
pub async fn see(
    hub: &Hub,
    caller: &Caller,
    id: ChildId,
    wanted: Option<NurseryId>,
) -> Result<File, Refused> {
    let me = caller.signed_in()?.id;
    let (kept, health) = hub.store.child(id).await?.ok_or(Refused::NotFound)?;
    let guardians = hub.store.who_answer_for(id).await?;
    let own = guardians.contains(&me);
    let mut for_nursery = None;
    if own {
        allow_or_hide(caller, Action::SeeChildHealth, &Target::of(me))?;
    } else {
        let nursery = nursery_of(hub, caller, id, Action::SeeChildHealth, wanted).await?;
        let nurseries = hub.store.nurseries().await?;
        let mut entry = Entry::new(AuditAction::ChildHealthSeen).about_child(id);
        if let Some(nursery) = nurseries.iter().find(|known| known.id == nursery) {
            entry = entry.at(nursery.centre);
        }
        audit::record(hub, caller, entry).await?;
        for_nursery = Some(nursery);
    }
    let near = nurseries_near(hub, id).await?;
    let seen = for_nursery.is_none_or(|nursery| near.cares(nursery));
    let health = match health.filter(|_| seen) {
        None => Health::default(),
        Some(sealed) => open_health(hub, id, &sealed).await?,
    };
    let child = opened(hub, &kept).await?;
    let consents = hub.store.consents_of(id).await?;
    let (care, _) = care_file::read(hub, id).await?;
    let interviews = hub.store.interviews_of(id).await?;
    let agreed = |given: &Consent| given.purpose == Purpose::Health && given.withdrawn_at.is_none();
    Ok(File {
        health_known: seen && consents.iter().any(agreed),
        child,
        health,
        consents,
        guardians: guardians.len(),
        own,
        care,
        interviews,
        for_nursery,
        near: near.nurseries,
    })
}

/// A child's health as it is kept; whoever asks records the look.
///
/// # Errors
/// [`Refused`] when the store or the seal fails.
pub async fn open_health(hub: &Hub, id: ChildId, sealed: &[u8]) -> Result<Health, Refused> {
    Ok(vault::key_for(hub, KeyOwner::Child(id)).await?.open(sealed, &health_place(id))?)
}

/// What is written down of a child in its day is sealed with, at its site too; `own` is the child's own key.
#[must_use]
pub fn note_key(own: &vault::OwnKey) -> NoteKey {
    NoteKey::new(own.derive(b"kyoten: notes of a child"))
}

/// The nursery where the child is cared for about now and the caller may do `action`; the one that is `wanted`, where one
/// is.
///
/// # Errors
/// [`Refused`] when there is none, or the store fails.
pub async fn nursery_of(
    hub: &Hub,
    caller: &Caller,
    id: ChildId,
    action: Action,
    wanted: Option<NurseryId>,
) -> Result<NurseryId, Refused> {
    let mut why = allow_or_hide(caller, action, &Target::default()).err();
    let me = caller.signed_in()?.id;
    let (kept, _) = hub.store.child(id).await?.ok_or(Refused::NotFound)?;
    // Whoever is of the family, barred or not, is no neutral eye, wherever they work.
    if hub.store.guardians(kept.household).await?.contains(&me) {
        return Err(Refused::NotFound);
    }
    let near = nurseries_near(hub, id).await?.nurseries;
    for nursery in near.into_iter().filter(|one| wanted.is_none_or(|wanted| wanted == *one)) {
        match allow_or_hide(caller, action, &Target::in_nursery(nursery)) {
            Ok(()) => return Ok(nursery),
            Err(refused) => why = Some(refused),
        }
    }
    Err(why.unwrap_or(Refused::NotFound))
}

/// The nurseries where a child is, was or will be cared for about now, or that its guardians have asked to talk with
/// them.
///
/// # Errors
/// When the store fails.
pub async fn nurseries_near(hub: &Hub, id: ChildId) -> Result<Near, Refused> {
    let now = hub.now();
    let near = Interval::new(now - CARE_NEAR, now + CARE_NEAR)
        .map_err(|_| Refused::Inner("two weeks are an interval"))?;
    let mut nurseries = hub.store.nurseries_of(id, &near).await?;
    // These know the child by its care; the others only come to know it.
    let by_care = nurseries.len();
    for (nursery, interview) in hub.store.interviews_of(id).await? {
        let close = match interview {
            Interview::Asked { at } => at >= now - ASKED_NEAR,
            Interview::Fixed { on } => on >= now - CARE_NEAR,
            Interview::Held { on, .. } => on >= (now - CARE_NEAR).date_naive(),
        };
        if close && !nurseries.contains(&nursery) {
            nurseries.push(nursery);
        }
    }
    Ok(Near { nurseries, by_care })
}

/// The nurseries that a child has to do with about now.
pub struct Near {
    /// All of them, those in front where care is booked.
    pub nurseries: Vec<NurseryId>,
    by_care: usize,
}

impl Near {
    /// Whether the child's care is booked there: only then the guardians have agreed that its health is seen.
    fn cares(&self, nursery: NurseryId) -> bool {
        self.nurseries[..self.by_care].contains(&nursery)
    }
}

/// Replaces what is kept of a child's health.
///
/// # Errors
/// [`Refused`] when it is not theirs, or the store or a seal fails.
pub async fn set_health(
    hub: &Hub,
    caller: &Caller,
    id: ChildId,
    health: Health,
) -> Result<Changed, Refused> {
    mine(hub, caller, id).await?;
    let health = match health.checked() {
        Ok(health) => health,
        Err(bad) => return Ok(Changed::Bad(bad)),
    };
    if !consented(hub, id, Purpose::Health).await? {
        return Ok(Changed::NoConsent);
    }
    let key = vault::key_for(hub, KeyOwner::Child(id)).await?;
    let sealed = key.seal(hub, &health, &health_place(id))?;
    audit::record(hub, caller, Entry::new(AuditAction::ChildHealthChanged).about_child(id)).await?;
    hub.store.set_child_health(id, Some(&sealed)).await?;
    hub.live.people_changed();
    Ok(Changed::Done)
}

/// Agrees to a purpose for a child, in today's words.
///
/// # Errors
/// [`Refused`] when it is not theirs, or the store fails.
pub async fn consent(
    hub: &Hub,
    caller: &Caller,
    id: ChildId,
    purpose: Purpose,
) -> Result<(), Refused> {
    mine(hub, caller, id).await?;
    let consent = Consent {
        id: ConsentId(hub.new_id()?),
        child: id,
        purpose,
        wording: purpose.wording().version.to_owned(),
        given_by: caller.signed_in()?.id,
        given_at: hub.now(),
        withdrawn_at: None,
    };
    let entry = consent_entry(AuditAction::ConsentGiven, id, purpose);
    if hub.store.give_consent(&consent).await? {
        audit::record(hub, caller, entry).await?;
    }
    Ok(())
}

/// Takes a consent back. What was kept on the strength of it goes at once; care that is booked
/// stays booked until it is cancelled, and no more can be.
///
/// # Errors
/// [`Refused`] when it is not theirs, or the store fails.
pub async fn withdraw(
    hub: &Hub,
    caller: &Caller,
    id: ChildId,
    purpose: Purpose,
) -> Result<(), Refused> {
    mine(hub, caller, id).await?;
    if hub.store.withdraw_consent(id, purpose, hub.now()).await? {
        audit::record(hub, caller, consent_entry(AuditAction::ConsentWithdrawn, id, purpose))
            .await?;
    }
    if purpose == Purpose::Health {
        hub.store.set_child_health(id, None).await?;
        hub.live.people_changed();
    }
    Ok(())
}

/// Whether a consent is in force.
///
/// # Errors
/// When the store fails.
pub async fn consented(hub: &Hub, id: ChildId, purpose: Purpose) -> Result<bool, Refused> {
    let consents = hub.store.consents_of(id).await?;
    Ok(consents.iter().any(|given| given.purpose == purpose && given.withdrawn_at.is_none()))
}

/// A one-time code with which another guardian joins the caller's household; none where they have
/// no household yet.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn invite(hub: &Hub, caller: &Caller) -> Result<Option<String>, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepChildren, &Target::of(me))?;
    let Some(household) = own_household(hub, me).await? else { return Ok(None) };
    let code = draw_code(hub)?;
    let ends_at = hub.now() + CODE_LASTS;
    let secret = secret::sha256(plain_code(&code).as_bytes());
    let code_for = GuardianCode { secret, household, collects: None, made_by: me, ends_at };
    hub.store.add_guardian_code(&code_for).await?;
    Ok(Some(code))
}

/// A one-time code with which somebody's own account becomes that of a person who collects this child.
///
/// # Errors
/// [`Refused`] when the child is not theirs or names nobody such, or the store or the random source fails.
pub async fn invite_collector(
    hub: &Hub,
    caller: &Caller,
    id: ChildId,
    collector: CollectorId,
) -> Result<String, Refused> {
    mine(hub, caller, id).await?;
    let made_by = caller.signed_in()?.id;
    let (file, _) = care_file::read(hub, id).await?;
    let waits = |one: &Collector| one.id == collector && one.account.is_none();
    if !file.collecting.collectors.iter().any(waits) {
        return Err(Refused::NotFound);
    }
    let (kept, _) = hub.store.child(id).await?.ok_or(Refused::NotFound)?;
    let code = draw_code(hub)?;
    let code_for = GuardianCode {
        secret: secret::sha256(plain_code(&code).as_bytes()),
        household: kept.household,
        collects: Some((id, collector)),
        made_by,
        ends_at: hub.now() + CODE_LASTS,
    };
    hub.store.add_guardian_code(&code_for).await?;
    Ok(code)
}

/// Lets the caller's account collect a child by a code of [`invite_collector`]; answers whether it was good.
///
/// # Errors
/// [`Refused`] when they may not, or the store or a seal fails.
pub async fn collects(hub: &Hub, caller: &Caller, code: &str) -> Result<bool, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(me))?;
    let secret = secret::sha256(plain_code(code).as_bytes());
    let taken = hub.store.take_guardian_code(&secret, me, true, hub.now()).await?;
    let Some((child, collector)) = taken.and_then(|code| code.collects) else { return Ok(false) };
    care_file::link(hub, caller, child, collector).await
}

/// Joins the household of a code; answers whether the code was good.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn join(hub: &Hub, caller: &Caller, code: &str) -> Result<bool, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepChildren, &Target::of(me))?;
    let secret = secret::sha256(plain_code(code).as_bytes());
    let Some(taken) = hub.store.take_guardian_code(&secret, me, false, hub.now()).await? else {
        return Ok(false);
    };
    hub.live.people_changed();
    let entry = Entry::new(AuditAction::GuardianAdded)
        .about(taken.made_by)
        .note("guardian", me.to_string());
    audit::record(hub, caller, entry).await?;
    Ok(true)
}

/// Whether the caller answers for the child.
///
/// # Errors
/// [`Refused`] when they do not, or the store fails.
pub async fn mine(hub: &Hub, caller: &Caller, id: ChildId) -> Result<(), Refused> {
    let me = caller.signed_in()?.id;
    let guardians = hub.store.who_answer_for(id).await?;
    let owner = guardians.contains(&me).then_some(me);
    allow_or_hide(caller, Action::KeepChildren, &Target { owner, ..Target::default() })
}

fn consent_entry(action: AuditAction, id: ChildId, purpose: Purpose) -> Entry {
    Entry::new(action).about_child(id).note("wording", purpose.wording().version)
}

fn health_place(id: ChildId) -> Vec<u8> {
    format!("kyoten: health of {id}").into_bytes()
}

/// Twelve letters and digits that are not mistaken for each other: 60 bits.
fn draw_code(hub: &Hub) -> Result<String, Refused> {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let letters: Vec<char> = hub
        .random_bytes::<12>()?
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)).copied().map(char::from))
        .collect();
    Ok(letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

fn plain_code(typed: &str) -> String {
    typed::plain(typed)
        .chars()
        .map(|c| match c {
            'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
                char::from_u32(u32::from(c) - u32::from('Ａ') + u32::from('A')).unwrap_or(c)
            }
            other => other,
        })
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_may_be_typed() {
        for typed in ["ABCD-EFGH-2345", " abcd efgh 2345 ", "ａｂｃｄｅｆｇｈ２３４５"]
        {
            assert_eq!(plain_code(typed), "ABCDEFGH2345", "{typed}");
        }
    }
}
