//! `GET /uplink/v1/stream`: server-sent events that tell a site what to fetch.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use futures::stream::unfold;
use model::id::OrderId;
use model::permission::Action;
use tokio::sync::watch;
use tokio::time::sleep;
use wire::event::Told;
use wire::order;

use super::peer::Device;
use crate::hub::Hub;
use crate::live::LOOK;
use crate::problem::Problem;
use crate::service::site_order;

/// How often a silent stream says that it is alive.
const ALIVE: Duration = Duration::from_secs(10);

/// Tells the newest sheet at once, and every newer one within about a second of its booking; an order
/// within about a second, whichever hub it was given at, while it still has an effect. Ends
/// when the hub stops or the device's certificate is withdrawn.
pub async fn get(
    State(hub): State<Hub>,
    edge: Device,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Problem> {
    edge.allow_here(Action::FetchSheet)?;
    let plan = hub.live.plan_changes(edge.centre, hub.now());
    let stopping = hub.live.stopping();
    let card_key = hub.keys.region_cards.now().newest().number;
    let line = Line {
        _open: Open::new(&hub),
        hub,
        edge,
        plan,
        stopping,
        told: 0,
        card_key,
        orders: BTreeSet::new(),
    };
    let told = unfold(line, |mut line| async {
        let told = line.next().await?;
        // Cannot fail: the value is plain data and the name has no line break.
        let event = Event::default().event("told").json_data(told).ok()?;
        Some((Ok(event), line))
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(ALIVE).text("here")))
}

/// One site's open stream.
struct Line {
    hub: Hub,
    edge: Device,
    plan: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    /// The version told last.
    told: u64,
    /// The generation of the card key told last, or there when the line was opened.
    card_key: u32,
    /// The orders told that still have an effect.
    orders: BTreeSet<OrderId>,
    _open: Open,
}

impl Line {
    async fn next(&mut self) -> Option<Told> {
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            let generation = self.hub.keys.region_cards.now().newest().number;
            if generation != self.card_key
                && matches!(self.edge.still_good(&self.hub).await, Ok(true))
            {
                self.card_key = generation;
                return Some(Told::CardKeys { generation });
            }
            // Before a sheet, which takes its time to be made.
            match self.order().await {
                Ok(Some(order)) => return Some(order),
                Ok(None) => {}
                Err(problem) => {
                    tracing::warn!(device = %self.edge.device, detail = problem.detail, "orders cannot be looked up");
                }
            }
            match self.newest().await {
                Ok(None) => return None,
                Ok(Some(version)) if version != self.told => {
                    self.told = version;
                    return Some(Told::Sheet { version });
                }
                Ok(Some(_)) => {}
                Err(problem) => {
                    tracing::warn!(device = %self.edge.device, detail = problem.detail, "no sheet to tell of");
                }
            }
            tokio::select! {
                changed = self.plan.changed() => {
                    changed.ok()?;
                }
                () = sleep(LOOK) => {}
                _ = self.stopping.changed() => {}
            }
        }
    }

    /// The next order that was not told over this line.
    async fn order(&mut self) -> Result<Option<Told>, Problem> {
        let in_hand = self.hub.store.site_orders_in_hand(self.edge.centre, self.hub.now()).await?;
        self.orders.retain(|told| in_hand.iter().any(|order| order.id == *told));
        let next = in_hand.into_iter().find(|order| !self.orders.contains(&order.id));
        let Some(next) = next else { return Ok(None) };
        if !self.edge.still_good(&self.hub).await? {
            return Ok(None);
        }
        self.orders.insert(next.id);
        let signed = order::sign(&site_order::sent(next), &self.hub.keys.sheet);
        signed.map(|signed| Some(Told::Order(signed))).map_err(|error| Problem::internal(&error))
    }

    /// The newest version, or none for a device that may no longer ask.
    async fn newest(&self) -> Result<Option<u64>, Problem> {
        if !self.edge.still_good(&self.hub).await? {
            return Ok(None);
        }
        let current = self.hub.live.sheets.current(&self.hub, self.edge.centre).await?;
        Ok(current.map(|current| current.sheet.version))
    }
}

/// Counts a stream for as long as it is open.
struct Open(Hub);

impl Open {
    fn new(hub: &Hub) -> Self {
        hub.live.counters.sites_connected.fetch_add(1, Ordering::Relaxed);
        Self(hub.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.live.counters.sites_connected.fetch_sub(1, Ordering::Relaxed);
    }
}
