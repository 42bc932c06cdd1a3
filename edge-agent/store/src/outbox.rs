use std::sync::atomic::Ordering;

use model::site_event::SiteEvent;
use sqlx::{Sqlite, Transaction};
use wire::event::EventBody;

use crate::chain::{self, Row};
use crate::{EdgeStore, StoreError, number, unsigned};

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
    /// How often events got other places than those that were counted out to them.
    pub shifts: u64,
}

/// Where the outbox stands after something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The place of the last event.
    pub place: u64,
    /// As [`Progress::shifts`].
    pub shifts: u64,
}

impl EdgeStore {
    /// Appends events in one transaction, the first at place `first`, and answers the last place.
    ///
    /// # Errors
    /// [`StoreError::OutOfOrder`] when `first` does not follow; one that [`StoreError::is_full`] when there is no room;
    /// otherwise when the file cannot be written. Nothing is kept then.
    pub async fn append(&self, first: u64, events: &[SiteEvent]) -> Result<u64, StoreError> {
        Ok(self.append_shifted(first, events, false).await?.place)
    }

    /// The same; `shifted` says that these are not the events that were counted out, one for one.
    ///
    /// # Errors
    /// As [`EdgeStore::append`].
    pub async fn append_shifted(
        &self,
        first: u64,
        events: &[SiteEvent],
        shifted: bool,
    ) -> Result<Appended, StoreError> {
        let mut transaction = self.begin().await?;
        self.has_room_for(&mut transaction, events).await?;
        let (last, head): (i64, Vec<u8>) =
            sqlx::query_as("SELECT last_place, chain_head FROM progress")
                .fetch_one(&mut *transaction)
                .await?;
        let place = number(first)?;
        if place != last + 1 {
            let expected = unsigned(last + 1);
            return Err(StoreError::OutOfOrder { expected, given: first });
        }
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            rows.push(Row::of(event)?);
        }
        let (last, head) =
            chain::insert(&mut transaction, place, chain::hash(&head)?, &rows).await?;
        let shifts: i64 = sqlx::query_scalar(
            "UPDATE progress SET last_place = ?, chain_head = ?, shifts = shifts + ? RETURNING shifts",
        )
        .bind(last)
        .bind(head.0.as_slice())
        .bind(i64::from(shifted))
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Appended { place: unsigned(last), shifts: unsigned(shifts) })
    }

    /// Up to `most` kept events from place `from` on, in order, each with its place. One that can be read no more is
    /// left out, and said.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn events_from(
        &self,
        from: u64,
        most: u32,
    ) -> Result<Vec<(u64, SiteEvent)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT place, CAST(body AS BLOB) FROM outbox WHERE place >= ? ORDER BY place LIMIT ?",
        )
        .bind(number(from)?)
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        let mut events = Vec::with_capacity(rows.len());
        for (place, body) in rows {
            match chain::text(body).parse::<EventBody>() {
                Ok(event) => events.push((unsigned(place), event.into_event())),
                Err(error) => {
                    tracing::error!(place, %error, "an event in the site's file cannot be read");
                }
            }
        }
        Ok(events)
    }

    /// Remembers that the hub has committed everything up to `place`, and drops what the kept state holds of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn committed(&self, place: u64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE progress SET committed = max(committed, ?)")
            .bind(number(place)?)
            .execute(&mut *transaction)
            .await?;
        drop_the_old(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Keeps the site's state after the event at `place`, and drops the events that the hub has
    /// committed and the state holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn keep_state(&self, place: u64, state: &str) -> Result<(), StoreError> {
        self.keep_state_if(place, state, None).await
    }

    /// The same, provided that no event got another place since there were so many `shifts`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn keep_state_unless_shifted(
        &self,
        place: u64,
        state: &str,
        shifts: u64,
    ) -> Result<(), StoreError> {
        self.keep_state_if(place, state, Some(shifts)).await
    }

    async fn keep_state_if(
        &self,
        place: u64,
        state: &str,
        shifts: Option<u64>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let now: i64 =
            sqlx::query_scalar("SELECT shifts FROM progress").fetch_one(&mut *transaction).await?;
        if shifts.is_some_and(|then| then != unsigned(now)) {
            return Ok(());
        }
        // Room is made first: on a full disk the state finds it in what goes.
        sqlx::query("UPDATE progress SET state_place = ?")
            .bind(number(place)?)
            .execute(&mut *transaction)
            .await?;
        drop_the_old(&mut transaction).await?;
        sqlx::query("UPDATE progress SET state = ?").bind(state).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Gives all events that the hub has not committed new places, the first of them `first`, begins a new chain with
    /// them, and answers the last place. For a site that lost its file while the hub still counts on.
    /// `state` is the site's state after the last event.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn renumber(&self, first: u64, state: &str) -> Result<u64, StoreError> {
        let first = number(first)?;
        let mut transaction = self.begin().await?;
        let committed: i64 = sqlx::query_scalar("SELECT committed FROM progress")
            .fetch_one(&mut *transaction)
            .await?;
        let rows = chain::rows_from(&mut transaction, committed + 1).await?;
        let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        sqlx::query("DELETE FROM outbox").execute(&mut *transaction).await?;
        sqlx::query("UPDATE progress SET chain_file = randomblob(16), chain_began = ?")
            .bind(first)
            .execute(&mut *transaction)
            .await?;
        let start = chain::start(&mut transaction).await?;
        let (last, head) = chain::insert(&mut transaction, first, start, &rows).await?;
        sqlx::query(
            "UPDATE progress SET last_place = ?1, committed = ?2, state_place = ?1, state = ?3, met = 1,
                 chain_head = ?4, dropped = ?2, dropped_hash = ?5, offered = ?2",
        )
        .bind(last)
        .bind(first - 1)
        .bind(state)
        .bind(head.0.as_slice())
        .bind(start.0.as_slice())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.offered.store(unsigned(first - 1), Ordering::Relaxed);
        Ok(unsigned(last))
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
        let (last, committed, met, place, state, shifts): (
            i64,
            i64,
            bool,
            i64,
            Option<String>,
            i64,
        ) = sqlx::query_as(
            "SELECT last_place, committed, met, state_place, state, shifts FROM progress",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Progress {
            last_place: unsigned(last),
            committed: unsigned(committed),
            met,
            state: state.map(|state| (unsigned(place), state)),
            shifts: unsigned(shifts),
        })
    }
}

/// Drops what the hub has committed and the kept state holds, but for the hash of the last of it: what follows is told
/// with it.
async fn drop_the_old(transaction: &mut Transaction<'_, Sqlite>) -> Result<(), StoreError> {
    let upto: i64 = sqlx::query_scalar("SELECT min(committed, state_place) FROM progress")
        .fetch_one(&mut **transaction)
        .await?;
    let last: Option<(i64, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT place, chain FROM outbox WHERE place <= ? ORDER BY place DESC LIMIT 1",
    )
    .bind(upto)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some((place, hash)) = last else { return Ok(()) };
    sqlx::query("UPDATE progress SET dropped = ?, dropped_hash = ?")
        .bind(place)
        .bind(hash)
        .execute(&mut **transaction)
        .await?;
    sqlx::query("DELETE FROM outbox WHERE place <= ?")
        .bind(upto)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
