//! The hub's orders that were taken, and what became of them.

use chrono::{DateTime, Utc};
use model::id::OrderId;
use model::site_order::OrderAnswer;

use crate::{EdgeStore, StoreError};

impl EdgeStore {
    /// Takes an order, before it is acted on; answers `false` where it was taken before, also by a
    /// program that was killed meanwhile. Only whoever is answered `true` may act.
    ///
    /// # Errors
    /// When the file cannot be written: then nobody may act.
    pub async fn take_order(
        &self,
        order: OrderId,
        not_after: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("INSERT OR IGNORE INTO orders (id, not_after) VALUES (?, ?)")
            .bind(order.0)
            .bind(not_after.timestamp_micros())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Keeps what became of an order, until the hub has it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn answer_order(
        &self,
        order: OrderId,
        answer: OrderAnswer,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE orders SET answer = ? WHERE id = ? AND answer IS NULL")
            .bind(serde_json::to_string(&answer)?)
            .bind(order.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The answers that the hub does not have yet.
    ///
    /// # Errors
    /// When the file cannot be read or an answer in it is none.
    pub async fn untold_answers(&self) -> Result<Vec<(OrderId, OrderAnswer)>, StoreError> {
        let rows: Vec<(sqlx::types::Uuid, String)> = sqlx::query_as(
            "SELECT id, answer FROM orders WHERE told = 0 AND answer IS NOT NULL ORDER BY not_after",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(id, answer)| Ok((OrderId(id), serde_json::from_str(&answer)?)))
            .collect()
    }

    /// Remembers that the hub has the answer to an order, or wants none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn answer_told(&self, order: OrderId) -> Result<(), StoreError> {
        sqlx::query("UPDATE orders SET told = 1 WHERE id = ?")
            .bind(order.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets the orders that ended before this instant. The caller sees to it that none of them
    /// can count again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn forget_orders(&self, before: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM orders WHERE not_after < ?")
            .bind(before.timestamp_micros())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
