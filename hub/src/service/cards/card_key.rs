//! The region's card key moves on to its next generation.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::audit::{AuditAction, AuditActor};
use store::Store;
use tokio::time::sleep;

use crate::hub::Hub;
use crate::region_cards::RegionCards;
use crate::service::{Refused, audit};

/// How often a running hub looks for a newer key.
const LOOK: Duration = Duration::from_secs(1);

/// Follows the keys' files, which a rotation in another process adds to, until the hub stops.
pub async fn follow(hub: Hub) {
    let mut stopping = hub.live.stopping();
    while !*stopping.borrow() {
        match hub.keys.region_cards.look() {
            Ok(true) => {
                let generation = hub.keys.region_cards.now().newest().number;
                tracing::info!(generation, "the region's card key has moved on");
                hub.live.people_changed();
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the region's card keys cannot be read"),
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Notes the generations of the files in a database that does not know them, such as a new one.
///
/// # Errors
/// When the database fails.
pub async fn note(
    store: &dyn Store,
    cards: &RegionCards,
    now: DateTime<Utc>,
    life: TimeDelta,
) -> store::Result<()> {
    let known = store.card_keys().await?;
    let files = cards.now();
    for file in files.former().into_iter().chain([files.newest()]) {
        if known.iter().all(|record| record.generation != file.number) {
            store.add_card_key(file.number, now, now + life).await?;
        }
    }
    Ok(())
}

/// A rotation that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The generation in use now.
    pub generation: u32,
    /// The one before.
    pub former: u32,
    /// When it retires, and with it the cards that were not tapped until then.
    pub former_retires_at: DateTime<Utc>,
}

/// Why there was no rotation. Each reads as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum NotRotated {
    /// Sites read cards under two keys, not three.
    #[error(
        "{0} cards are still known under generation {1} only and would end at once: wait until it \
         retires on {2}, or say --even-so"
    )]
    CardsWouldEnd(u64, u32, DateTime<Utc>),
    /// The database or the record failed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The key's file could not be written.
    #[error("the new key cannot be written: {0}")]
    File(#[from] std::io::Error),
}

/// Makes the next generation. The one in use until now lives for `life` longer: sites read cards
/// under both, and tell which they have seen. A generation older than that ends now.
///
/// # Errors
/// [`NotRotated`] says why there is none.
pub async fn rotate(hub: &Hub, life: TimeDelta, even_so: bool) -> Result<Rotated, NotRotated> {
    let now = hub.now();
    let generations = hub.keys.region_cards.now();
    let former = generations.newest().number;
    let living: Vec<_> = (hub.store.card_keys().await?.into_iter())
        .filter(|key| key.retired_at.is_none() && key.generation < former)
        .collect();
    for key in &living {
        let cards = hub.store.cards_only_under(key.generation).await?;
        if cards > 0 && !even_so {
            let ends = key.retires_at.unwrap_or(now);
            return Err(NotRotated::CardsWouldEnd(cards, key.generation, ends));
        }
    }
    for key in &living {
        hub.store.retire_card_key(key.generation, now).await?;
        hub.keys.region_cards.forget(key.generation)?;
    }
    // The database first: a running hub offers no card under a generation that it does not know.
    let generation = former + 1;
    let former_retires_at = now + life;
    if hub.store.card_keys().await?.iter().all(|key| key.generation != generation) {
        hub.store.add_card_key(generation, now, former_retires_at).await?;
    }
    hub.keys.region_cards.rotate(&*hub.random)?;
    let entry =
        audit::Entry::new(AuditAction::CardKeyRotated).note("generation", generation.to_string());
    audit::record_as(hub, AuditActor::Hub, entry).await?;
    Ok(Rotated { generation, former, former_retires_at })
}
