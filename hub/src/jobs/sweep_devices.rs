//! Withdraws certificates that others have taken the place of, and forgets ended codes.

use crate::hub::Hub;
use crate::service::Refused;

/// Sweeps; answers how much there was.
///
/// # Errors
/// When the database does not answer.
pub async fn run(hub: &Hub) -> Result<u64, Refused> {
    Ok(hub.store.sweep_devices(hub.now()).await?)
}
