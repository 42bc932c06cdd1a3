//! Ends holds that nobody confirmed, and holds what has come free for who waits for it.

use crate::hub::Hub;
use crate::service::Refused;
use crate::service::order::spares;

/// Does it at every centre; answers how much that was.
///
/// # Errors
/// When the database or the random source does not answer; what was done by then stays done.
pub async fn run(hub: &Hub) -> Result<u64, Refused> {
    let now = hub.now();
    let mut centres = hub.store.lapsing(now).await?;
    centres.extend(hub.store.waited_for().await?);
    if centres.is_empty() {
        return Ok(0);
    }
    let mut done = 0;
    for centre in hub.store.centres().await? {
        if !centres.contains(&centre.id) {
            continue;
        }
        let ended = hub.store.lapse(&centre, now, &spares(hub)?).await?;
        let held = hub.store.promote(&centre, now, &spares(hub)?).await?;
        if !ended.is_empty() || !held.is_empty() {
            hub.live.plan_changed(centre.id);
        }
        done += ended.len() + held.len();
    }
    Ok(u64::try_from(done).unwrap_or(u64::MAX))
}
