//! What reports are made of.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::MunicipalityId;
use model::interval::Interval;
use model::report::Stay;

use crate::Result;

/// What reports are made of.
#[async_trait]
pub trait Reports {
    /// The stays at a municipality's centres whose check-in lies in `window`, plus all other stays
    /// of the same people in it at other centres of the region (their hours count together).
    /// A visit still open counts up to `now`.
    async fn stays(
        &self,
        municipality: MunicipalityId,
        window: &Interval,
        now: DateTime<Utc>,
    ) -> Result<Vec<Stay>>;
}
