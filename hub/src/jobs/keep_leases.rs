//! Keeps desks for walk-ins at each centre that wants any, and frees what its site has given back.

use crate::hub::Hub;
use crate::service::{Refused, lease};

/// Does it at every centre; answers how much there was to do.
///
/// # Errors
/// When the database or the random source does not answer; what was done by then stays done.
pub async fn run(hub: &Hub) -> Result<u64, Refused> {
    let mut done = 0;
    for centre in hub.store.centres().await? {
        let kept = hub.store.keep_lease(&centre, hub.now(), hub.new_id()?).await?;
        if kept.taken > 0 || kept.asked_back > 0 {
            hub.live.plan_changed(centre.id);
        }
        let freed = lease::free_returned(hub, &centre).await?;
        done += kept.taken + kept.asked_back + freed;
    }
    Ok(u64::try_from(done).unwrap_or(u64::MAX))
}
