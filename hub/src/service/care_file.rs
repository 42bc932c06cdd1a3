//! A child's care file: its guardians name who may collect it, its nursery notes what it has seen. Sealed with the
//! child's own key; every change leaves an entry.

use chrono::{DateTime, NaiveDate, Utc};
use model::audit::AuditAction;
use model::care::file::{BadEntry, Barred, BarredBy, CareFile, Collector, Interview};
use model::care::terms::Terms;
use model::consent::Purpose;
use model::id::{BarId, ChildId, CollectorId, NurseryId, PersonId};
use model::permission::Action;
use store::KeyOwner;

use super::audit::{self, Entry};
use super::children::{consented, mine, nursery_of};
use super::order::spares;
use super::{Caller, Refused, account, secret, vault};
use crate::hub::Hub;

/// How often a change is made again because somebody else was first.
const TRIES: u32 = 5;

/// Somebody to name, as they were typed in.
pub struct NewCollector {
    /// Their name.
    pub name: String,
    /// What they are to the child.
    pub relation: String,
    /// Their telephone number.
    pub telephone: String,
    /// When they were born.
    pub born: NaiveDate,
    /// Their PIN; empty for none.
    pub pin: String,
    /// The last day on which they may.
    pub until: Option<NaiveDate>,
}

/// Somebody to bar, as they were typed in.
pub struct NewBar {
    /// Their name.
    pub name: String,
    /// A guardian's account, where it is one.
    pub account: Option<PersonId>,
    /// Why.
    pub reason: String,
}

/// Why a file stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// The entry cannot be taken.
    Bad(BadEntry),
    /// A PIN has four to eight digits.
    Pin,
}

/// What is kept of a child, with its version.
///
/// # Errors
/// [`Refused`] when the store or a seal fails.
pub async fn read(hub: &Hub, child: ChildId) -> Result<(CareFile, i64), Refused> {
    let (sealed, version) = hub.store.care_file(child).await?;
    let Some(sealed) = sealed else { return Ok((CareFile::default(), version)) };
    let key = vault::key_for(hub, KeyOwner::Child(child)).await?;
    Ok((key.open(&sealed, &place(child))?, version))
}

/// A file as it is kept.
///
/// # Errors
/// [`Refused`] when the store, a seal or the random source fails.
pub async fn seal(hub: &Hub, child: ChildId, file: &CareFile) -> Result<Vec<u8>, Refused> {
    let key = vault::key_for(hub, KeyOwner::Child(child)).await?;
    Ok(key.seal(hub, file, &place(child))?)
}

/// Names somebody who may collect a child of the caller's, on the local day `today`; whoever is younger than
/// `from_years` may at no nursery.
///
/// # Errors
/// [`Refused`] when it is not theirs, or the store or a seal fails.
pub async fn name_collector(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    typed: &NewCollector,
    from_years: u32,
    today: NaiveDate,
) -> Result<Result<(), Unchanged>, Refused> {
    mine(hub, caller, child).await?;
    let pin = if typed.pin.trim().is_empty() {
        None
    } else {
        let Ok(pin) = account::plain_pin(&typed.pin) else { return Ok(Err(Unchanged::Pin)) };
        Some(secret::hash_aside(pin, hub.random.clone()).await?)
    };
    let collector = Collector {
        id: CollectorId(hub.new_id()?),
        name: typed.name.clone(),
        relation: typed.relation.clone(),
        telephone: typed.telephone.clone(),
        born: typed.born,
        pin,
        account: None,
        named_by: caller.signed_in()?.id,
        until: typed.until,
    };
    let entry = Entry::new(AuditAction::CollectorNamed).about_child(child);
    change(hub, caller, child, entry, |file| {
        file.collecting.name(collector.clone(), from_years, today)
    })
    .await
}

/// Takes somebody off a child's list.
///
/// # Errors
/// [`Refused`] when it is not theirs, or the store or a seal fails.
pub async fn remove_collector(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    collector: CollectorId,
) -> Result<Result<(), Unchanged>, Refused> {
    mine(hub, caller, child).await?;
    let entry = Entry::new(AuditAction::CollectorRemoved).about_child(child);
    change(hub, caller, child, entry, |file| file.collecting.unname(collector)).await
}

/// Makes the caller's account that of somebody who is named; false where nobody such is named any more.
pub(super) async fn link(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    collector: CollectorId,
) -> Result<bool, Refused> {
    let me = caller.signed_in()?.id;
    let entry =
        Entry::new(AuditAction::CollectorLinked).about_child(child).note("account", me.to_string());
    let linked = change(hub, caller, child, entry, |file| {
        let named = file.collecting.collectors.iter_mut().find(|one| one.id == collector);
        let named = named.filter(|named| named.account.is_none()).ok_or(BadEntry::None)?;
        named.account = Some(me);
        Ok(())
    });
    Ok(linked.await?.is_ok())
}

/// Bars somebody from collecting a child of the caller's.
///
/// # Errors
/// [`Refused`] when it is not theirs, or the store or a seal fails.
pub async fn bar(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    typed: &NewBar,
) -> Result<Result<(), Unchanged>, Refused> {
    mine(hub, caller, child).await?;
    let by = BarredBy::Guardian(caller.signed_in()?.id);
    put_bar(hub, caller, child, typed, by).await
}

/// Bars somebody for a nursery of the caller's, which has seen an order: a guardian too.
///
/// # Errors
/// [`Refused`] when the child is not near a nursery of theirs, or the store or a seal fails.
pub async fn bar_for_nursery(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    nursery: NurseryId,
    typed: &NewBar,
) -> Result<Result<(), Unchanged>, Refused> {
    for_nursery(hub, caller, child, nursery).await?;
    put_bar(hub, caller, child, typed, BarredBy::Nursery(nursery)).await
}

async fn put_bar(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    typed: &NewBar,
    by: BarredBy,
) -> Result<Result<(), Unchanged>, Refused> {
    let guardians = hub.store.who_answer_for(child).await?;
    let guardians = hub.store.persons(&guardians).await?;
    let guardians: Vec<(PersonId, String)> =
        guardians.into_iter().map(|one| (one.id, one.name)).collect();
    let bar = Barred {
        id: BarId(hub.new_id()?),
        name: typed.name.clone(),
        account: typed.account,
        reason: typed.reason.clone(),
        by,
        since: hub.now(),
    };
    let mut entry = Entry::new(AuditAction::CollectingBarred).about_child(child);
    if let Some(account) = typed.account {
        entry = entry.note("account", account.to_string());
    }
    let barred = change(hub, caller, child, entry, |file| {
        file.collecting.bar(bar.clone(), &guardians)?;
        // A child whom nobody answers for could be collected by nobody, and its file changed by nobody.
        let left = guardians.iter().any(|(guardian, _)| !file.collecting.bars(*guardian));
        if left { Ok(()) } else { Err(BadEntry::LastGuardian) }
    })
    .await?;
    if barred.is_ok()
        && let Some(account) = typed.account
    {
        give_up(hub, account, child).await?;
    }
    Ok(barred)
}

/// Gives up what somebody who is shut out has booked with a child, and waits for with it. Whoever is inside keeps the
/// booking until they leave.
async fn give_up(hub: &Hub, person: PersonId, child: ChildId) -> Result<(), Refused> {
    let now = hub.now();
    let centres = hub.store.centres().await?;
    for entry in hub.store.waiting_of(person, now).await? {
        if entry.wish.children.contains(&child) {
            hub.store.stop_waiting(entry.id).await?;
        }
    }
    for booking in hub.store.open_bookings_of(person, now).await? {
        let whole = hub.store.booking(booking.id).await?;
        let theirs = whole.is_some_and(|whole| whole.care.iter().any(|one| one.child == child));
        let centre = centres.iter().find(|centre| centre.id == booking.centre);
        if let Some(centre) = centre.filter(|_| theirs) {
            hub.store.cancel(booking.id, centre, now, &spares(hub)?).await?;
            hub.live.plan_changed(centre.id);
        }
    }
    Ok(())
}

/// Lifts a bar of a child of the caller's.
///
/// # Errors
/// [`Refused`] when it is not theirs, or the store or a seal fails.
pub async fn lift(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    bar: BarId,
) -> Result<Result<(), Unchanged>, Refused> {
    mine(hub, caller, child).await?;
    let by = BarredBy::Guardian(caller.signed_in()?.id);
    let entry = Entry::new(AuditAction::CollectingBarLifted).about_child(child);
    change(hub, caller, child, entry, |file| file.collecting.lift(bar, by)).await
}

/// Lifts a bar for the nursery of the caller's that put it.
///
/// # Errors
/// [`Refused`] when the child is not near a nursery of theirs, or the store or a seal fails.
pub async fn lift_for_nursery(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    nursery: NurseryId,
    bar: BarId,
) -> Result<Result<(), Unchanged>, Refused> {
    for_nursery(hub, caller, child, nursery).await?;
    let entry = Entry::new(AuditAction::CollectingBarLifted).about_child(child);
    let by = BarredBy::Nursery(nursery);
    change(hub, caller, child, entry, |file| file.collecting.lift(bar, by)).await
}

/// Asks a nursery for the talk before a child's first day; false where the guardians have not agreed to care.
///
/// # Errors
/// [`Refused`] when the child is not theirs, there is no such nursery or it holds none, or the store fails.
pub async fn ask_interview(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    nursery: NurseryId,
) -> Result<bool, Refused> {
    mine(hub, caller, child).await?;
    if !terms_of(hub, nursery).await?.interview {
        return Err(Refused::NotFound);
    }
    // The nursery comes to know its name and age.
    if !consented(hub, child, Purpose::Care).await? {
        return Ok(false);
    }
    let interview = Interview::Asked { at: hub.now() };
    if hub.store.put_interview(child, nursery, interview).await? {
        let entry = interview_entry(child, nursery, "asked");
        audit::record(hub, caller, entry).await?;
    }
    Ok(true)
}

/// Takes an interview back that was not held.
///
/// # Errors
/// [`Refused`] when the child is not theirs, or the store fails.
pub async fn drop_interview(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    nursery: NurseryId,
) -> Result<(), Refused> {
    mine(hub, caller, child).await?;
    if hub.store.drop_interview(child, nursery).await? {
        audit::record(hub, caller, interview_entry(child, nursery, "taken back")).await?;
    }
    Ok(())
}

/// Gives an interview with a nursery of the caller's a time.
///
/// # Errors
/// [`Refused`] when the child is not near a nursery of theirs, or the store fails.
pub async fn fix_interview(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    nursery: NurseryId,
    on: DateTime<Utc>,
) -> Result<Result<(), Unchanged>, Refused> {
    for_nursery(hub, caller, child, nursery).await?;
    let interview = match Interview::fixed(on, hub.now()) {
        Ok(interview) => interview,
        Err(bad) => return Ok(Err(Unchanged::Bad(bad))),
    };
    audit::record(hub, caller, interview_entry(child, nursery, "fixed")).await?;
    hub.store.put_interview(child, nursery, interview).await?;
    Ok(Ok(()))
}

/// Notes that a nursery of the caller's has held its interview, on the local day `on`.
///
/// # Errors
/// [`Refused`] when the child is not near a nursery of theirs, or the store fails.
pub async fn hold_interview(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    nursery: NurseryId,
    on: NaiveDate,
) -> Result<(), Refused> {
    for_nursery(hub, caller, child, nursery).await?;
    let by = caller.signed_in()?.id;
    audit::record(hub, caller, interview_entry(child, nursery, "held")).await?;
    hub.store.put_interview(child, nursery, Interview::Held { on, by }).await?;
    Ok(())
}

/// Notes that a nursery of the caller's has seen a document, on the local day `on`; `until` is the day that stands on it.
///
/// # Errors
/// [`Refused`] when the child is not near a nursery of theirs or that needs no such document, or the store or a seal
/// fails.
pub async fn see_document(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    nursery: NurseryId,
    code: &str,
    until: Option<NaiveDate>,
    on: NaiveDate,
) -> Result<Result<(), Unchanged>, Refused> {
    for_nursery(hub, caller, child, nursery).await?;
    let by = caller.signed_in()?.id;
    let terms = terms_of(hub, nursery).await?;
    let Some(needed) = terms.documents.iter().find(|needed| needed.code == code) else {
        return Err(Refused::NotFound);
    };
    let entry = Entry::new(AuditAction::CareFileChanged).about_child(child).note("document", code);
    change(hub, caller, child, entry, |file| file.see_document(nursery, needed, until, on, by))
        .await
}

/// Whether the caller keeps the child's file for this nursery.
///
/// # Errors
/// [`Refused`] when the child is not near a nursery of theirs, or the store fails.
pub async fn for_nursery(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    nursery: NurseryId,
) -> Result<(), Refused> {
    nursery_of(hub, caller, child, Action::KeepCareFiles, Some(nursery)).await.map(drop)
}

async fn terms_of(hub: &Hub, nursery: NurseryId) -> Result<Terms, Refused> {
    let nurseries = hub.store.nurseries().await?;
    let found = nurseries.into_iter().find(|one| one.id == nursery).ok_or(Refused::NotFound)?;
    Ok(found.terms)
}

/// Changes a file, again where somebody else was first.
async fn change(
    hub: &Hub,
    caller: &Caller,
    child: ChildId,
    entry: Entry,
    change: impl Fn(&mut CareFile) -> Result<(), BadEntry>,
) -> Result<Result<(), Unchanged>, Refused> {
    let mut entry = Some(entry);
    for _ in 0..TRIES {
        let (mut file, version) = read(hub, child).await?;
        if let Err(bad) = change(&mut file) {
            return Ok(Err(Unchanged::Bad(bad)));
        }
        // What must leave a trace is not done without it.
        if let Some(entry) = entry.take() {
            audit::record(hub, caller, entry).await?;
        }
        let sealed = seal(hub, child, &file).await?;
        let mut barred: Vec<PersonId> =
            file.collecting.barred.iter().filter_map(|bar| bar.account).collect();
        barred.sort();
        barred.dedup();
        if hub.store.set_care_file(child, &sealed, version, &barred).await? {
            hub.live.people_changed();
            return Ok(Ok(()));
        }
    }
    Err(Refused::Inner("a child's file was changed again and again meanwhile"))
}

fn interview_entry(child: ChildId, nursery: NurseryId, what: &str) -> Entry {
    Entry::new(AuditAction::CareFileChanged)
        .about_child(child)
        .note("interview", what)
        .note("nursery", nursery.to_string())
}

fn place(child: ChildId) -> Vec<u8> {
    format!("kyoten: care file of {child}").into_bytes()
}
