//! Forgets sessions that have ended, and questions about passkeys that nobody answered.

use crate::hub::Hub;
use crate::service::Refused;

/// Forgets them; answers how many there were.
///
/// # Errors
/// When the database does not answer.
pub async fn run(hub: &Hub) -> Result<u64, Refused> {
    let now = hub.now();
    Ok(hub.store.sweep_sessions(now).await? + hub.store.sweep_ceremonies(now).await?)
}
