//! What a house decides about its bookings: closures and quotas.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::booking::Booking;
use model::centre::Centre;
use model::closure::Closure;
use model::id::{ClosureId, QuotaId};
use model::quota::Quota;

use crate::Result;

/// What a house decides about its bookings.
#[async_trait]
pub trait House {
    /// Adds a closure; answers the bookings that it meets, by id, which stand as they are. Their
    /// guests are told with it.
    async fn close(&self, centre: &Centre, closure: &Closure) -> Result<Vec<Booking>>;
    /// Takes a closure back; answers whether it was there.
    async fn reopen(&self, centre: &Centre, id: ClosureId) -> Result<bool>;
    /// The closures of all centres that end after `from`, by start.
    async fn closures(&self, from: DateTime<Utc>) -> Result<Vec<Closure>>;
    /// The bookings that a closure meets and that still hold what it shuts, by id.
    async fn met_by(&self, closure: &Closure) -> Result<Vec<Booking>>;
    /// Adds a quota.
    async fn add_quota(&self, quota: &Quota) -> Result<()>;
    /// Ends a quota with the day before `day`; answers whether it was there.
    async fn end_quota(&self, id: QuotaId, day: NaiveDate) -> Result<bool>;
    /// Every quota that has not ended before `day`, by id.
    async fn quotas(&self, day: NaiveDate) -> Result<Vec<Quota>>;
    /// Changes a centre's house rules, if they still stand in its `settings_version`; answers whether
    /// they did.
    async fn set_settings(&self, centre: &Centre) -> Result<bool>;
}
