//! What becomes of events when there is no room for all of them.

use std::sync::atomic::Ordering;

use model::site_event::{SiteEvent, Weight, shed};
use sqlx::{Sqlite, Transaction};

use crate::chain::{self, Row, STANDS_FOR_OTHERS};
use crate::outbox::Appended;
use crate::{EdgeStore, StoreError, unsigned};

/// So many events are given up in one step at most.
const STEP: i64 = 4096;
/// So many events that stand for others are put together, also where there is nothing else to give up.
const MANY_STAND: usize = 64;

/// How much room the site's file may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From so many bytes on only what weighs [`Weight::Safety`] is added.
    pub budget: u64,
    /// What the disk gives at most, in pages; nothing where the disk itself says so.
    pub most_pages: Option<u32>,
    /// So many events are held in memory while the disk takes none; then those of little weight are given up there too.
    pub held: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { budget: 200_000_000, most_pages: None, held: 20_000 }
    }
}

impl EdgeStore {
    /// How much room this file may take.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { budget: self.budget.load(Ordering::Relaxed), ..self.limits }
    }

    /// Gives the file another budget, in bytes, from now on.
    pub fn set_budget(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Relaxed);
    }

    /// Refuses what is over the budget.
    pub(crate) async fn has_room_for(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        events: &[SiteEvent],
    ) -> Result<(), StoreError> {
        if events.iter().all(|event| event.what.weight() == Weight::Safety) {
            return Ok(());
        }
        let used: i64 = sqlx::query_scalar(
            "SELECT (page_count - freelist_count) * page_size
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        )
        .fetch_one(&mut **transaction)
        .await?;
        if unsigned(used) < self.limits().budget { Ok(()) } else { Err(StoreError::Full) }
    }

    /// Gives up the newest events that weigh so little and that the hub has not been offered, a few thousand at most.
    /// One event stands for them, in the place of the first; what follows moves up, and the chain goes on over it.
    /// The newest, because then the least has to be written anew where there is no room to write. Nothing where there
    /// are none of this weight.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn shed(&self, of: Weight) -> Result<Option<Appended>, StoreError> {
        if of == Weight::Safety {
            return Ok(None);
        }
        let mut transaction = self.begin().await?;
        let (offered, state_place): (i64, i64) =
            sqlx::query_as("SELECT offered, state_place FROM progress")
                .fetch_one(&mut *transaction)
                .await?;
        let offered =
            offered.max(i64::try_from(self.offered.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        // What stands for others already goes in with them, so that there is not one for each.
        let chosen: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT place, weight FROM outbox WHERE place > ? AND (weight = ? OR weight = ?)
             ORDER BY place DESC LIMIT ?",
        )
        .bind(offered)
        .bind(chain::weight(of))
        .bind(STANDS_FOR_OTHERS)
        .bind(STEP)
        .fetch_all(&mut *transaction)
        .await?;
        let fresh = chosen.iter().any(|(_, weight)| *weight != STANDS_FOR_OTHERS);
        let Some((first, _)) = chosen.last().copied() else { return Ok(None) };
        if chosen.len() < 2 || !fresh && chosen.len() < MANY_STAND {
            return Ok(None);
        }
        let (mut kept, mut given_up) = (Vec::new(), Vec::new());
        let (mut stands_at, mut gone_before_state) = (None, 0);
        for (place, row) in chain::rows_from(&mut transaction, first).await? {
            let goes = chosen.binary_search_by(|(one, _)| place.cmp(one)).is_ok();
            match serde_json::from_str::<SiteEvent>(&row.body) {
                Ok(event) if goes => {
                    if stands_at.is_none() {
                        stands_at = Some(kept.len());
                        kept.push(row);
                    } else if place <= state_place {
                        gone_before_state += 1;
                    }
                    given_up.push(event);
                }
                // What cannot be read is for the hub to see.
                _ => kept.push(row),
            }
        }
        let (Some(at), Some(stands)) = (stands_at, shed(&given_up)) else { return Ok(None) };
        if let Some(row) = kept.get_mut(at) {
            *row = Row::of(&stands)?;
        }
        let before = chain::before(&mut transaction, first).await?;
        sqlx::query("DELETE FROM outbox WHERE place >= ?")
            .bind(first)
            .execute(&mut *transaction)
            .await?;
        let (last, head) = chain::insert(&mut transaction, first, before, &kept).await?;
        let shifts: i64 = sqlx::query_scalar(
            "UPDATE progress SET last_place = ?, chain_head = ?, state_place = state_place - ?,
                 shifts = shifts + 1 RETURNING shifts",
        )
        .bind(last)
        .bind(head.0.as_slice())
        .bind(gone_before_state)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        tracing::warn!(events = given_up.len(), "events were given up for want of room");
        Ok(Some(Appended { place: unsigned(last), shifts: unsigned(shifts) }))
    }
}
