//! What operators ordered of sites.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{CentreId, OrderId, PersonId};
use model::site_order::OrderAnswer;
use sqlx::{FromRow, query, query_as, query_scalar};
use store::{Idempotency, OrderAdded, Result, SiteOrderRecord, SiteOrders, StoreError};
use uuid::Uuid;

use super::Broken;
use super::convert::{bytes32, from_json, from_word, storable, to_json, word};
use crate::Here;

macro_rules! select_orders {
    ($rest:literal) => {
        concat!(
            "SELECT id, centre_id, what, ordered_by, asked_at, not_after, idempotency_digest,
                 answer, answered_at
             FROM site_orders WHERE ",
            $rest,
        )
    };
}

#[async_trait]
impl SiteOrders for Here {
    async fn add_site_order(
        &self,
        order: &SiteOrderRecord,
        idempotency: Option<&Idempotency>,
    ) -> Result<OrderAdded> {
        let done = query(
            "INSERT INTO site_orders (id, centre_id, what, ordered_by, asked_at, not_after,
                 idempotency_key, idempotency_digest)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(order.id.0)
        .bind(order.centre.0)
        .bind(to_json(&order.what)?)
        .bind(order.by.0)
        .bind(storable(order.asked_at))
        .bind(storable(order.not_after))
        .bind(idempotency.map(|one| one.key.clone()))
        .bind(idempotency.map(|one| one.digest.to_vec()))
        .execute(self.writer())
        .await;
        match done {
            Ok(_) => Ok(OrderAdded::Kept),
            // The same request came before, or twice at once.
            Err(error) if crate::broken(&error) == Some(Broken::Unique) => {
                let Some(idempotency) = idempotency else {
                    return Err(StoreError::Duplicate("order"));
                };
                let before = self.site_order_before(order.by, idempotency).await?;
                before.ok_or(StoreError::Duplicate("order"))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn site_order_before(
        &self,
        by: PersonId,
        idempotency: &Idempotency,
    ) -> Result<Option<OrderAdded>> {
        let row: Option<OrderRow> =
            query_as(select_orders!("ordered_by = $1 AND idempotency_key = $2"))
                .bind(by.0)
                .bind(&idempotency.key)
                .fetch_optional(self.reader())
                .await?;
        let Some(row) = row else { return Ok(None) };
        let digest = row.idempotency_digest.as_deref().unwrap_or_default();
        if bytes32(digest)? != idempotency.digest {
            return Ok(Some(OrderAdded::KeyReused));
        }
        Ok(Some(OrderAdded::Before(Box::new(row.try_into()?))))
    }

    async fn site_order(&self, order: OrderId) -> Result<Option<SiteOrderRecord>> {
        let row: Option<OrderRow> =
            query_as(select_orders!("id = $1")).bind(order.0).fetch_optional(self.reader()).await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn site_orders_since(
        &self,
        centre: CentreId,
        since: DateTime<Utc>,
        most: u32,
    ) -> Result<Vec<SiteOrderRecord>> {
        let rows: Vec<OrderRow> = query_as(select_orders!(
            "centre_id = $1 AND asked_at > $2 ORDER BY asked_at DESC, id DESC LIMIT $3"
        ))
        .bind(centre.0)
        .bind(storable(since))
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn site_orders_in_hand(
        &self,
        centre: CentreId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SiteOrderRecord>> {
        // No order is good for longer: what was asked before cannot count any more.
        let since = storable(now) - model::site_order::GOOD_FOR;
        let rows: Vec<OrderRow> = query_as(select_orders!(
            "centre_id = $1 AND asked_at >= $2 AND not_after > $3 AND answer IS NULL
             ORDER BY asked_at, id"
        ))
        .bind(centre.0)
        .bind(since)
        .bind(storable(now))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn answer_site_order(
        &self,
        centre: CentreId,
        order: OrderId,
        answer: OrderAnswer,
        at: DateTime<Utc>,
    ) -> Result<Option<OrderAnswer>> {
        let stands: Option<String> = query_scalar(
            "UPDATE site_orders SET answer = COALESCE(answer, $3),
                 answered_at = COALESCE(answered_at, $4)
             WHERE id = $1 AND centre_id = $2 RETURNING answer",
        )
        .bind(order.0)
        .bind(centre.0)
        .bind(word(answer)?)
        .bind(storable(at))
        .fetch_optional(self.writer())
        .await?;
        stands.map(|stands| from_word(&stands)).transpose()
    }
}

#[derive(FromRow)]
struct OrderRow {
    id: Uuid,
    centre_id: Uuid,
    what: String,
    ordered_by: Uuid,
    asked_at: DateTime<Utc>,
    not_after: DateTime<Utc>,
    idempotency_digest: Option<Vec<u8>>,
    answer: Option<String>,
    answered_at: Option<DateTime<Utc>>,
}

impl TryFrom<OrderRow> for SiteOrderRecord {
    type Error = StoreError;

    fn try_from(row: OrderRow) -> Result<Self> {
        let answer = row.answer.as_deref().map(from_word).transpose()?;
        Ok(Self {
            id: OrderId(row.id),
            centre: CentreId(row.centre_id),
            what: from_json(&row.what)?,
            by: PersonId(row.ordered_by),
            asked_at: row.asked_at,
            not_after: row.not_after,
            answer: answer.zip(row.answered_at),
        })
    }
}
