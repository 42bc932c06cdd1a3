//! What a site tells the hub: batches of events, each with its place in the order.

use chrono::{DateTime, Utc};
use model::site_event::SiteEvent;
use serde::{Deserialize, Serialize};

/// The most events in one batch.
pub const MOST_EVENTS: usize = 1_000;

/// Events in order, without a gap. May be empty: then it only says how far the site has told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The place of the first event; the others follow by one. Places begin at 1.
    pub first: u64,
    /// The events.
    pub events: Vec<SiteEvent>,
    /// Everything that happened before this instant is in this batch or an earlier one.
    pub told_until: DateTime<Utc>,
    /// The hash of the site's state after the last event of this batch, where nothing newer has
    /// happened yet; 16 hexadecimal digits.
    pub state: Option<String>,
}

/// The hub's answer, after its commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The place of the last event that is committed.
    pub reached: u64,
    /// The hub's mirror differs: please `PUT` a snapshot.
    pub want_snapshot: bool,
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
}
