//! Gives desks free whose guests have not come, once their site has told so far; and tells guests who
//! are late, before that.

use std::collections::BTreeMap;

use model::id::CentreId;
use model::no_show::{kept_for_late, may_release};

use crate::hub::Hub;
use crate::service::Refused;

/// Releases what may be released; answers how many claims that were.
///
/// # Errors
/// When the database does not answer; what was released by then stays so.
pub async fn run(hub: &Hub) -> Result<u64, Refused> {
    let now = hub.now();
    let claims = hub.store.unvisited_claims(now).await?;
    if claims.is_empty() {
        return Ok(0);
    }
    let centres: BTreeMap<CentreId, _> =
        hub.store.centres().await?.into_iter().map(|centre| (centre.id, centre)).collect();
    let mut released = 0;
    for claim in &claims {
        let Some(centre) = centres.get(&claim.centre) else { continue };
        if may_release(&claim.when, &centre.settings, false, claim.site)
            && hub.store.release_unvisited(claim, centre, now).await?
        {
            released += 1;
            hub.live.plan_changed(claim.centre);
        } else if let Some(kept_until) =
            kept_for_late(&claim.when, &centre.settings, claim.site, now)
            && hub.store.tell_late(claim, kept_until, now).await?
        {
            hub.live.notice_written.notify_one();
        }
    }
    Ok(released)
}
