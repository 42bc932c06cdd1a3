//! A household's children. What is personal about them is sealed before it reaches the store.

use chrono::NaiveDate;
use model::child::{BadParticulars, Child, Particulars};
use model::id::ChildId;
use model::permission::{Action, Target};
use store::SealedChild;

use super::{Caller, Refused, allow};
use crate::hub::Hub;

/// How adding a child ended.
pub enum Added {
    /// It is there.
    Done(Child),
    /// Its particulars cannot be taken.
    Bad(BadParticulars),
}

/// The caller's own children, in the order they were added.
///
/// # Errors
/// [`Refused`] when they may not, or the store or a seal fails.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Child>, Refused> {
    let guardian = caller.signed_in()?.id;
    allow(caller, Action::KeepChildren, &Target::of(guardian))?;
    hub.store
        .children_of(guardian)
        .await?
        .into_iter()
        .map(|sealed| {
            let particulars = hub.keys.open(&sealed.sealed, sealed.id.0.as_bytes())?;
            Ok(Child { id: sealed.id, guardian: sealed.guardian, particulars })
        })
        .collect()
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
    let id = ChildId(hub.new_id()?);
    let sealed = hub.keys.seal(&particulars, id.0.as_bytes(), hub.random.as_ref())?;
    hub.store.add_child(&SealedChild { id, guardian, sealed }).await?;
    Ok(Added::Done(Child { id, guardian, particulars }))
}
