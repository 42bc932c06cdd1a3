//! Asking the site, over its bus.

use std::time::Duration;

use async_trait::async_trait;
use model::id::DeviceId;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use wire::bus::{SiteBus, StateChange};
use wire::request::{Answer, HouseAlarm, Request};
use wire::topics::{JOINING, LIFECYCLE};

/// Why there is no answer, in one sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent(pub String);

/// Whoever answers a kiosk's requests.
#[async_trait]
pub trait Site: Send + Sync {
    /// The site's answer.
    ///
    /// # Errors
    /// [`Silent`] when there was none in time, or none that can be read.
    async fn ask(&self, request: &Request) -> Result<Answer, Silent>;
}

#[async_trait]
impl Site for SiteBus {
    async fn ask(&self, request: &Request) -> Result<Answer, Silent> {
        let payload = serde_json::to_vec(request).map_err(|e| Silent(e.to_string()))?;
        let answer = self.request(payload).await.map_err(|e| Silent(e.to_string()))?;
        serde_json::from_slice(&answer)
            .map_err(|e| Silent(format!("the site's answer cannot be read: {e}")))
    }
}

/// How often a screen asks what everybody in the house has to know.
const HOUSE: Duration = Duration::from_secs(1);

/// Tells what everybody in the house has to know, again and again, for good. While the site is silent
/// what it said last stays: an alarm does not end because nobody answers.
pub async fn follow_house(site: &dyn Site, tell: impl Fn(Option<HouseAlarm>)) {
    let mut ticks = interval(HOUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match site.ask(&Request::House).await {
            Ok(Answer::House { alarm }) => tell(alarm),
            // A site of an older program knows of no alarm.
            Ok(_) => tell(None),
            Err(_) => {}
        }
    }
}

/// Tells whether the site can be reached, now and whenever that changes: the bus, and the `edge` that answers on it. A
/// broker of its own is there also while nobody listens behind it.
pub async fn follow_line(
    edge: &DeviceId,
    mut connected: watch::Receiver<bool>,
    mut states: mpsc::Receiver<StateChange>,
    tell: impl Fn(bool),
) {
    let mut ready = false;
    loop {
        let reached = *connected.borrow_and_update();
        // What was known of the edge is said again on the next connection.
        ready &= reached;
        tell(ready);
        tokio::select! {
            changed = connected.changed() => {
                if changed.is_err() {
                    break;
                }
            }
            Some(change) = states.recv() => {
                if change.device == *edge && change.path == LIFECYCLE && change.value != JOINING {
                    ready = change.value == "ready";
                }
            }
        }
    }
}
