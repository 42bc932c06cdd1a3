//! Retires card keys whose time has come, and forgets offers of cards.

use crate::hub::Hub;
use crate::service::Refused;
use crate::service::cards::offers::REMEMBERED;

/// Retires what is to be retired; answers how many cards came to their end.
///
/// # Errors
/// When the database does not answer, or a key's file cannot be removed; it is tried again.
pub async fn run(hub: &Hub) -> Result<u64, Refused> {
    let now = hub.now();
    hub.store.sweep_offers(now - REMEMBERED).await?;
    let mut ended = 0;
    for key in hub.store.card_keys().await? {
        if key.retires_at.is_none_or(|at| now < at) {
            continue;
        }
        if key.retired_at.is_none() {
            ended += hub.store.retire_card_key(key.generation, now).await?;
            hub.live.people_changed();
            tracing::info!(generation = key.generation, ended, "a card key is retired");
        }
        hub.keys.region_cards.forget(key.generation).map_err(|error| {
            tracing::error!(%error, "the file of a retired card key cannot be removed");
            Refused::Inner("the file of a retired card key cannot be removed")
        })?;
    }
    Ok(ended)
}
