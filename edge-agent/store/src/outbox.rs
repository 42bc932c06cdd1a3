use model::site_event::SiteEvent;

use crate::{EdgeStore, StoreError, number};

/// How far a site is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The place of the last event that was appended, 0 before the first.
    pub last_place: u64,
    /// The last place that the hub has committed.
    pub committed: u64,
    /// Whether the hub was met: asked how far it is before it was told anything out of this file.
    pub met: bool,
    /// The kept state, and the place of the last event in it.
    pub state: Option<(u64, String)>,
}

impl EdgeStore {
    /// Appends events in one transaction, the first at place `first`, and answers the last place.
    ///
    /// # Errors
    /// [`StoreError::OutOfOrder`] when `first` does not follow; otherwise when the file cannot be
    /// written. Nothing is kept then.
    pub async fn append(&self, first: u64, events: &[SiteEvent]) -> Result<u64, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let last: i64 = sqlx::query_scalar("SELECT last_place FROM progress")
            .fetch_one(&mut *transaction)
            .await?;
        let mut place = number(first)?;
        if place != last + 1 {
            let expected = u64::try_from(last + 1).unwrap_or_default();
            return Err(StoreError::OutOfOrder { expected, given: first });
        }
        for event in events {
            sqlx::query("INSERT INTO outbox (place, body) VALUES (?, ?)")
                .bind(place)
                .bind(serde_json::to_string(event)?)
                .execute(&mut *transaction)
                .await?;
            place += 1;
        }
        sqlx::query("UPDATE progress SET last_place = ?")
            .bind(place - 1)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(u64::try_from(place - 1).unwrap_or_default())
    }

    /// Up to `most` kept events from place `from` on, in order, each with its place.
    ///
    /// # Errors
    /// When the file cannot be read or an event in it is none.
    pub async fn events_from(
        &self,
        from: u64,
        most: u32,
    ) -> Result<Vec<(u64, SiteEvent)>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT place, body FROM outbox WHERE place >= ? ORDER BY place LIMIT ?",
        )
        .bind(number(from)?)
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(place, body)| {
                Ok((u64::try_from(place).unwrap_or_default(), serde_json::from_str(&body)?))
            })
            .collect()
    }

    /// Remembers that the hub has committed everything up to `place`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn committed(&self, place: u64) -> Result<(), StoreError> {
        sqlx::query("UPDATE progress SET committed = max(committed, ?)")
            .bind(number(place)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Keeps the site's state after the event at `place`, and drops the events that the hub has
    /// committed and the state holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn keep_state(&self, place: u64, state: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("UPDATE progress SET state_place = ?, state = ?")
            .bind(number(place)?)
            .bind(state)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM outbox WHERE place <= (SELECT min(committed, state_place) FROM progress)",
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Gives all events that the hub has not committed new places, the first of them `first`, and
    /// answers the last place. For a site that lost its file while the hub still counts on.
    /// `state` is the site's state after the last event.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn renumber(&self, first: u64, state: &str) -> Result<u64, StoreError> {
        let first = number(first)?;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let bodies: Vec<String> = sqlx::query_scalar(
            "SELECT body FROM outbox WHERE place > (SELECT committed FROM progress) ORDER BY place",
        )
        .fetch_all(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM outbox").execute(&mut *transaction).await?;
        let mut place = first;
        for body in bodies {
            sqlx::query("INSERT INTO outbox (place, body) VALUES (?, ?)")
                .bind(place)
                .bind(body)
                .execute(&mut *transaction)
                .await?;
            place += 1;
        }
        sqlx::query(
            "UPDATE progress SET last_place = ?1, committed = ?2, state_place = ?1, state = ?3, met = 1",
        )
        .bind(place - 1)
        .bind(first - 1)
        .bind(state)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(u64::try_from(place - 1).unwrap_or_default())
    }

    /// Remembers that the hub was met, and knows nothing of this site that the site does not.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn met(&self) -> Result<(), StoreError> {
        sqlx::query("UPDATE progress SET met = 1").execute(&self.pool).await?;
        Ok(())
    }

    /// How far the site is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn progress(&self) -> Result<Progress, StoreError> {
        let (last, committed, met, place, state): (i64, i64, bool, i64, Option<String>) =
            sqlx::query_as("SELECT last_place, committed, met, state_place, state FROM progress")
                .fetch_one(&self.pool)
                .await?;
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        Ok(Progress {
            last_place: unsigned(last),
            committed: unsigned(committed),
            met,
            state: state.map(|state| (unsigned(place), state)),
        })
    }
}
