//! Gives desks free whose guests have not come, once their site has told so far.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{BookingId, CentreId};
use model::no_show::{SiteWord, deadline, may_release};
use store::StoreError;

use crate::hub::Hub;

/// The job's name in the database.
pub const NAME: &str = "release-no-shows";

/// Releases what may be released; answers how many bookings that were.
///
/// # Errors
/// When the database does not answer; what was released by then stays so.
pub async fn run(hub: &Hub) -> Result<u32, StoreError> {
    let now = hub.now();
    let claims = hub.store.unvisited_claims(now).await?;
    if claims.is_empty() {
        return Ok(0);
    }
    let centres: BTreeMap<CentreId, _> =
        hub.store.centres().await?.into_iter().map(|centre| (centre.id, centre)).collect();
    let mut overdue: BTreeSet<(CentreId, BookingId)> = BTreeSet::new();
    let mut waiting: BTreeSet<BookingId> = BTreeSet::new();
    for claim in &claims {
        let Some(centre) = centres.get(&claim.centre) else { continue };
        let due = deadline(&claim.when, &centre.settings);
        if may_release(due, false, SiteWord { told_until: claim.told_until }) {
            overdue.insert((claim.centre, claim.booking));
        } else {
            waiting.insert(claim.booking);
        }
    }
    let mut released = 0;
    // A release takes every claim of the booking that has begun, so it waits for the last of them.
    for (id, booking) in overdue.into_iter().filter(|(_, booking)| !waiting.contains(booking)) {
        let Some(centre) = centres.get(&id) else { continue };
        if hub.store.release_no_show(booking, centre, now).await? {
            released += 1;
            hub.live.plan_changed(id);
        }
    }
    Ok(released)
}
