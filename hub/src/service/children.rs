//! A household's children. What is personal about them is sealed with each child's own key before
//! it reaches the store; a look at a child's health by anybody but its guardians leaves a trace.

use chrono::{NaiveDate, TimeDelta};
use model::audit::AuditAction;
use model::child::{BadHealth, BadParticulars, Child, Health, Particulars};
use model::consent::Purpose;
use model::id::{ChildId, ConsentId, HouseholdId, NurseryId};
use model::interval::Interval;
use model::permission::{Action, Target};
use store::{Consent, GuardianCode, KeyOwner, SealedChild};

use super::audit::{self, Entry};
use super::{Caller, Refused, allow, allow_or_hide, secret, vault};
use crate::hub::Hub;
use crate::typed;

/// A nursery sees a child's health from so long before its care until so long after it.
const CARE_NEAR: TimeDelta = TimeDelta::days(7);
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
    let household = match hub.store.households_of(guardian).await?.first() {
        Some(&household) => household,
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
pub async fn see(hub: &Hub, caller: &Caller, id: ChildId) -> Result<File, Refused> {
    let me = caller.signed_in()?.id;
    let (kept, health) = hub.store.child(id).await?.ok_or(Refused::NotFound)?;
    let guardians = hub.store.guardians(kept.household).await?;
    let own = guardians.contains(&me);
    if own {
        allow_or_hide(caller, Action::SeeChildHealth, &Target::of(me))?;
    } else {
        let nursery = nursery_of(hub, caller, id).await?;
        let nurseries = hub.store.nurseries().await?;
        let mut entry = Entry::new(AuditAction::ChildHealthSeen).about_child(id);
        if let Some(nursery) = nurseries.iter().find(|known| known.id == nursery) {
            entry = entry.at(nursery.centre);
        }
        audit::record(hub, caller, entry).await?;
    }
    let health = match health {
        None => Health::default(),
        Some(sealed) => {
            vault::key_for(hub, KeyOwner::Child(id)).await?.open(&sealed, &health_place(id))?
        }
    };
    let child = opened(hub, &kept).await?;
    let consents = hub.store.consents_of(id).await?;
    Ok(File { child, health, consents, guardians: guardians.len(), own })
}

/// The nursery of the caller's where the child is cared for about now.
async fn nursery_of(hub: &Hub, caller: &Caller, id: ChildId) -> Result<NurseryId, Refused> {
    let mut why = allow_or_hide(caller, Action::SeeChildHealth, &Target::default()).err();
    for nursery in nurseries_near(hub, id).await? {
        match allow_or_hide(caller, Action::SeeChildHealth, &Target::in_nursery(nursery)) {
            Ok(()) => return Ok(nursery),
            Err(refused) => why = Some(refused),
        }
    }
    Err(why.unwrap_or(Refused::NotFound))
}

/// The nurseries where a child is, was or will be cared for about now.
///
/// # Errors
/// When the store fails.
pub async fn nurseries_near(hub: &Hub, id: ChildId) -> Result<Vec<NurseryId>, Refused> {
    let now = hub.now();
    let near = Interval::new(now - CARE_NEAR, now + CARE_NEAR)
        .map_err(|_| Refused::Inner("two weeks are an interval"))?;
    Ok(hub.store.nurseries_of(id, &near).await?)
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
    let Some(&household) = hub.store.households_of(me).await?.first() else { return Ok(None) };
    let code = draw_code(hub)?;
    let ends_at = hub.now() + CODE_LASTS;
    let secret = secret::sha256(plain_code(&code).as_bytes());
    hub.store.add_guardian_code(&GuardianCode { secret, household, made_by: me, ends_at }).await?;
    Ok(Some(code))
}

/// Joins the household of a code; answers whether the code was good.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn join(hub: &Hub, caller: &Caller, code: &str) -> Result<bool, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepChildren, &Target::of(me))?;
    let secret = secret::sha256(plain_code(code).as_bytes());
    let Some(taken) = hub.store.take_guardian_code(&secret, me, hub.now()).await? else {
        return Ok(false);
    };
    let entry = Entry::new(AuditAction::GuardianAdded)
        .about(taken.made_by)
        .note("guardian", me.to_string());
    audit::record(hub, caller, entry).await?;
    Ok(true)
}

async fn mine(hub: &Hub, caller: &Caller, id: ChildId) -> Result<(), Refused> {
    let me = caller.signed_in()?.id;
    let (kept, _) = hub.store.child(id).await?.ok_or(Refused::NotFound)?;
    let guardians = hub.store.guardians(kept.household).await?;
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
