//! Settings that the hub sends edges.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::CentreId;

use crate::Result;

/// Settings that the hub sends edges; what became of them is told by the sites' events.
#[async_trait]
pub trait EdgeConfigs {
    /// Keeps settings for a centre's edge, JSON, and answers their version.
    async fn put_edge_config(&self, centre: CentreId, json: &str, at: DateTime<Utc>)
    -> Result<u64>;
    /// The newest settings for a centre's edge.
    async fn edge_config(&self, centre: CentreId) -> Result<Option<EdgeConfigRecord>>;
}

/// Settings that the hub sends an edge, and what became of them there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeConfigRecord {
    /// The version.
    pub version: u64,
    /// The settings, as JSON.
    pub json: String,
    /// Since when they are in force.
    pub in_force_at: Option<DateTime<Utc>>,
    /// When they were taken back, and why.
    pub rolled_back: Option<(DateTime<Utc>, String)>,
}
