//! Moving the ring's keys on: a new one, everything sealed by it anew, and the end of an old one.

use model::audit::{AuditAction, AuditActor};
use store::KeyOwner;

use super::audit::{self, Entry};
use super::{Refused, children, vault};
use crate::hub::Hub;
use crate::keys::SealBroken;

/// So much is sealed anew in one step.
const STEP: u32 = 200;

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The new key.
    pub key: u32,
    /// How many things are sealed by it now that were sealed by another.
    pub sealed: u64,
}

/// Makes a new key and seals everything by it, a step at a time. Broken off, it goes on when it is
/// run again: with another new key, which does no harm.
///
/// # Errors
/// When a key file cannot be written, or the store or a seal fails.
pub async fn rotate(hub: &Hub) -> Result<Rotated, Refused> {
    let key = hub.keys.fields.add(hub.random.as_ref()).map_err(|_| SealBroken)?;
    let mut sealed = 0;
    loop {
        let step = vault::rewrap(hub, STEP).await?;
        sealed += u64::from(step);
        if step == 0 {
            break;
        }
    }
    sealed += children_to_their_own_keys(hub).await?;
    let entry = Entry::new(AuditAction::KeysRotated).note("key", key.to_string());
    audit::record_as(hub, AuditActor::Hub, entry).await?;
    Ok(Rotated { key, sealed })
}

/// Children from before they had keys of their own get them.
async fn children_to_their_own_keys(hub: &Hub) -> Result<u64, Refused> {
    let (mut after, mut sealed) = (None, 0);
    loop {
        let step = hub.store.children_after(after, STEP).await?;
        let Some(last) = step.last() else { return Ok(sealed) };
        after = Some(last.id);
        for kept in &step {
            let own = vault::key_if_kept(hub, KeyOwner::Child(kept.id)).await?;
            // What is empty was erased.
            if kept.sealed.is_empty() || own.is_some() {
                continue;
            }
            let child = children::opened(hub, kept).await?;
            let anew = children::seal(hub, kept.id, &child.particulars).await?;
            hub.store.set_child(kept.id, &anew).await?;
            sealed += 1;
        }
    }
}

/// Destroys an old key, once nothing is sealed by it.
///
/// # Errors
/// When something is, or the file cannot be deleted.
pub async fn destroy(hub: &Hub, key: u32) -> Result<(), Refused> {
    let mut kept = hub.store.sealed_by(key).await? > 0;
    let mut after = None;
    loop {
        let step = hub.store.children_after(after, STEP).await?;
        let Some(last) = step.last() else { break };
        after = Some(last.id);
        for child in &step {
            let own = vault::key_if_kept(hub, KeyOwner::Child(child.id)).await?;
            kept |= own.is_none() && !child.sealed.is_empty();
        }
    }
    if kept {
        return Err(Refused::Inner("something is still sealed by this key: rotate first"));
    }
    hub.keys.fields.destroy(key).map_err(|_| Refused::Inner("this key cannot be destroyed"))?;
    let entry = Entry::new(AuditAction::KeysRotated).note("destroyed", key.to_string());
    audit::record_as(hub, AuditActor::Hub, entry).await
}
