//! `GET /uplink/v1/stream`: server-sent events that tell a site what to fetch.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use futures::stream::unfold;
use model::permission::Action;
use tokio::sync::watch;
use tokio::time::sleep;
use wire::event::Told;

use super::peer::Device;
use crate::hub::Hub;
use crate::live::LOOK;
use crate::problem::Problem;

/// How often a silent stream says that it is alive.
const ALIVE: Duration = Duration::from_secs(10);

/// Tells the newest sheet at once, and every newer one within about a second of its booking. Ends
/// when the hub stops or the device's certificate is withdrawn.
pub async fn get(
    State(hub): State<Hub>,
    edge: Device,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Problem> {
    edge.allow_here(Action::FetchSheet)?;
    let plan = hub.live.plan_changes(edge.centre, hub.now());
    let stopping = hub.live.stopping();
    let card_key = hub.keys.region_cards.now().newest().number;
    let line = Line { _open: Open::new(&hub), hub, edge, plan, stopping, told: 0, card_key };
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
