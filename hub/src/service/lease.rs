//! The walk-in lease: asked back where a booking needs it, and freed once the site has let go of it.

use model::centre::Centre;
use store::BookingOrder;

use super::Refused;
use super::order::spares;
use crate::hub::Hub;

/// Asks a centre's site for what an order needed that was refused for want of a desk. It comes free within seconds where
/// the site is there; whoever waits for it then is served.
///
/// Whoever asked has their answer by then: what fails is logged, and asked for again with the next order.
pub async fn ask_back(hub: &Hub, order: &BookingOrder) {
    let asked = async { Ok::<_, Refused>(hub.store.want_lease_back(order, hub.new_id()?).await?) };
    match asked.await {
        Ok(true) => hub.live.plan_changed(order.centre.id),
        Ok(false) => {}
        Err(error) => tracing::error!(%error, "a desk of the walk-in lease is not asked back"),
    }
}

/// Frees what a centre's site has let go of.
///
/// # Errors
/// [`Refused`] when the store or the random source fails.
pub async fn free_returned(hub: &Hub, centre: &Centre) -> Result<usize, Refused> {
    let freed = hub.store.free_returned_lease(centre, hub.now(), &spares(hub)?).await?;
    if freed > 0 {
        hub.live.plan_changed(centre.id);
    }
    Ok(freed)
}
