//! What operators ordered of sites.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{CentreId, OrderId, PersonId};
use model::site_order::{OrderAnswer, SiteOrder};

use crate::{Idempotency, Result};

/// What operators ordered of sites.
#[async_trait]
pub trait SiteOrders {
    /// Keeps an order before anybody is told of it. What the same person asked with the same key
    /// before is answered with the order of then.
    async fn add_site_order(
        &self,
        order: &SiteOrderRecord,
        idempotency: Option<&Idempotency>,
    ) -> Result<OrderAdded>;
    /// What the same person asked with the same key, if anything.
    async fn site_order_before(
        &self,
        by: PersonId,
        idempotency: &Idempotency,
    ) -> Result<Option<OrderAdded>>;
    /// An order.
    async fn site_order(&self, order: OrderId) -> Result<Option<SiteOrderRecord>>;
    /// A centre's orders that were given after `since`, the newest in front, at most `most`.
    async fn site_orders_since(
        &self,
        centre: CentreId,
        since: DateTime<Utc>,
        most: u32,
    ) -> Result<Vec<SiteOrderRecord>>;
    /// A centre's orders that still have an effect at `now` and were not answered, the oldest in
    /// front.
    async fn site_orders_in_hand(
        &self,
        centre: CentreId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SiteOrderRecord>>;
    /// Keeps what the site of this centre says of an order. The first answer stays: this one is
    /// given back, or nothing where the centre has no such order.
    async fn answer_site_order(
        &self,
        centre: CentreId,
        order: OrderId,
        answer: OrderAnswer,
        at: DateTime<Utc>,
    ) -> Result<Option<OrderAnswer>>;
}

/// An order and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOrderRecord {
    /// Which.
    pub id: OrderId,
    /// Of which site.
    pub centre: CentreId,
    /// What.
    pub what: SiteOrder,
    /// Who ordered it.
    pub by: PersonId,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// It has no effect from then on.
    pub not_after: DateTime<Utc>,
    /// What the site said, and when the hub heard it.
    pub answer: Option<(OrderAnswer, DateTime<Utc>)>,
}

/// How keeping an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderAdded {
    /// It is kept.
    Kept,
    /// It was asked for before, with the same key.
    Before(Box<SiteOrderRecord>),
    /// The key was used for something else.
    KeyReused,
}
