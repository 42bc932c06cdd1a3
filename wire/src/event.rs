//! What a site tells the hub: batches of events, each with its place in the order.

use std::ops::Deref;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use model::event_chain::ToldChain;
use model::id::BootId;
use model::site_event::SiteEvent;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::order::SignedOrder;

/// The most events in one batch.
pub const MOST_EVENTS: usize = 1_000;

/// Events in order, without a gap. May be empty: then it only says how far the site has told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The place of the first event; the others follow by one. Places begin at 1.
    pub first: u64,
    /// The events.
    pub events: Vec<EventBody>,
    /// Everything that happened before this instant is in this batch or an earlier one.
    pub told_until: DateTime<Utc>,
    /// The hash of the site's state after the last event of this batch, where nothing newer has
    /// happened yet; 16 hexadecimal digits.
    pub state: Option<String>,
    /// The chain over the events; nothing from edges that keep none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ToldChain>,
    /// Which run of the edge tells; nothing from edges that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootId>,
}

/// An event, and the very text that the site has written it in: the chain is over these bytes, so they travel and are
/// kept as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBody {
    event: SiteEvent,
    written: String,
}

impl EventBody {
    /// The text.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The event.
    #[must_use]
    pub fn into_event(self) -> SiteEvent {
        self.event
    }
}

impl Deref for EventBody {
    type Target = SiteEvent;
    fn deref(&self) -> &SiteEvent {
        &self.event
    }
}

impl From<SiteEvent> for EventBody {
    fn from(event: SiteEvent) -> Self {
        // Cannot fail: an event is plain data.
        let written = serde_json::to_string(&event).unwrap_or_default();
        Self { event, written }
    }
}

impl FromStr for EventBody {
    type Err = serde_json::Error;
    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self { event: serde_json::from_str(text)?, written: text.to_owned() })
    }
}

impl Serialize for EventBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue =
            serde_json::from_str(&self.written).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EventBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().parse().map_err(D::Error::custom)
    }
}

/// The hub's answer, after its commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The place of the last event that is committed.
    pub reached: u64,
    /// The hub's mirror differs: please `PUT` a snapshot.
    pub want_snapshot: bool,
    /// Another agent tells with this one's identity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub twin: bool,
}

/// The hub's answer to a batch that leaves a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The place that the next batch must begin with.
    pub expected: u64,
}

/// The state of a site, which it `PUT`s when the hub's mirror differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteSnapshot {
    /// The place of the last event that has brought it about.
    pub place: u64,
    /// The snapshot of the site's twin, as it writes itself in JSON.
    pub state: serde_json::Value,
}

/// What the hub's event stream tells a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Told {
    /// A sheet of this version can be fetched.
    Sheet {
        /// Its version.
        version: u64,
    },
    /// The region's card key is of this generation now.
    CardKeys {
        /// The newest.
        generation: u32,
    },
    /// Somebody orders something of the site, now.
    Order(SignedOrder),
}
