//! The chain over the record: each entry's hash covers it and the hash before it.

use std::time::Duration;

use ring::digest::{Context, SHA256};
use store::{ChainHash, Head, SealedEntry};
use tokio::time::sleep;
use uuid::Uuid;

use super::super::Refused;
use crate::hub::Hub;

/// So many entries get their places in one transaction.
const BATCH: u32 = 200;
/// The chainer looks for what has no place yet at least so often.
const LOOK: Duration = Duration::from_secs(20);

/// Gives every entry that has none its place; answers the head.
///
/// # Errors
/// When the store fails.
pub async fn extend(hub: &Hub) -> Result<Head, Refused> {
    loop {
        let (head, placed) = hub.store.chain_audit(BATCH, &link).await?;
        if placed < u64::from(BATCH) {
            return Ok(head);
        }
    }
}

/// Chains what is recorded as soon as it is, until the hub stops.
pub async fn follow(hub: Hub) {
    let mut stopping = hub.live.stopping();
    while !*stopping.borrow() {
        match extend(&hub).await {
            Ok(head) => {
                if let Err(error) = hub.witness.note(&hub.keys.sheet, &head, hub.now()) {
                    tracing::error!(%error, "the witness file of the audit record is not written");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the audit record could not be chained; it is tried again");
            }
        }
        tokio::select! {
            () = hub.live.audit_recorded.notified() => {}
            // What other programs recorded, or could not be chained.
            () = sleep(LOOK) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// The hash of an entry at the place after `before`.
#[must_use]
pub fn link(before: &Head, entry: &SealedEntry) -> ChainHash {
    let mut context = Context::new(&SHA256);
    context.update(b"kyoten: audit 1\n");
    context.update(&before.hash);
    context.update(&(before.place + 1).to_be_bytes());
    context.update(entry.id.0.as_bytes());
    context.update(&entry.at.timestamp_micros().to_be_bytes());
    for id in [
        entry.centre.map(|id| id.0),
        entry.subject.map(|id| id.0),
        entry.actor.map(|id| id.0),
        Some(entry.key.0),
    ] {
        context.update(id.unwrap_or(Uuid::nil()).as_bytes());
    }
    for part in [entry.action.as_bytes(), &entry.sealed] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
