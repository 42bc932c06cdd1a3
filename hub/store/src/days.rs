//! What the days of centres hold, and word of what has changed in them.

use async_trait::async_trait;
use chrono::NaiveDate;
use model::care::duty::Shift;
use model::care::intake::CareTaken;
use model::id::{CentreId, NurseryId, SpaceId};
use model::interval::Interval;
use tokio::sync::broadcast;

use crate::Result;

/// What the days of centres hold, and word of what has changed in them.
#[async_trait]
pub trait Days {
    /// Word of days whose claims have changed. What a call on this store has changed was told before
    /// that call answers; what other hubs have changed is told while somebody runs
    /// [`Days::hear_others`].
    fn day_news(&self) -> broadcast::Receiver<DayNews>;
    /// Tells other hubs of this one's changes and hears of theirs, for as long as it is polled.
    /// Answers at once, and for good, where the database serves one hub only.
    async fn hear_others(&self) -> Result<()>;
    /// The revisions of these days at these centres; a day that was never booked has none.
    async fn day_revisions(
        &self,
        centres: &[CentreId],
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<(CentreId, NaiveDate, i64)>>;
    /// The live desk and care claims of these centres that overlap `window`, and the shifts.
    async fn claims_at(&self, centres: &[CentreId], window: &Interval) -> Result<LiveClaims>;
    /// Another number than before once anything of the places, their rules, closures, quotas or
    /// classes has changed.
    async fn places_revision(&self) -> Result<i64>;
}

/// Word of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayNews {
    /// The claims of this local day at this centre have changed.
    Changed {
        /// Where.
        centre: CentreId,
        /// When.
        day: NaiveDate,
        /// Whether it was this store's own doing.
        here: bool,
    },
    /// Word from others may have been lost.
    Lost,
}

/// What is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveClaims {
    /// Spaces.
    pub desks: Vec<(CentreId, SpaceId, Interval)>,
    /// Care places.
    pub care: Vec<(NurseryId, CareTaken)>,
    /// Who works at the nurseries that go by it.
    pub shifts: Vec<(NurseryId, Shift)>,
}
