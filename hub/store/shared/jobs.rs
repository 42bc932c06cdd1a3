//! Work that is due.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use model::id::{BookingId, CentreId, ClaimId};
use sqlx::{FromRow, query, query_as};
use store::{DueJob, Jobs, Result, StoreError, UnvisitedClaim};
use uuid::Uuid;

use super::convert::interval;
use crate::{Here, writes};

/// A job taken longer ago than this and not finished is anybody's again.
const MOST_TIME: TimeDelta = TimeDelta::minutes(5);

/// How long a job that is done is remembered.
const MEMORY: TimeDelta = TimeDelta::days(1);

#[async_trait]
impl Jobs for Here {
    async fn enqueue(&self, job: &str, due_at: DateTime<Utc>) -> Result<()> {
        query("INSERT INTO jobs (job, due_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(job)
            .bind(due_at)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    async fn claim(&self, worker: &str, now: DateTime<Utc>) -> Result<Option<DueJob>> {
        let row: Option<(String, DateTime<Utc>)> = query_as(writes::CLAIM_JOB)
            .bind(worker)
            .bind(now)
            .bind(now - MOST_TIME)
            .fetch_optional(self.writer())
            .await?;
        Ok(row.map(|(job, due_at)| DueJob { job, due_at }))
    }

    async fn finish(&self, job: &DueJob, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        query("UPDATE jobs SET done_at = $3 WHERE job = $1 AND due_at = $2")
            .bind(&job.job)
            .bind(job.due_at)
            .bind(at)
            .execute(&mut *tx)
            .await?;
        query("DELETE FROM jobs WHERE job = $1 AND done_at < $2")
            .bind(&job.job)
            .bind(at - MEMORY)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn unvisited_claims(&self, now: DateTime<Utc>) -> Result<Vec<UnvisitedClaim>> {
        let rows: Vec<UnvisitedRow> = query_as(
            "SELECT c.id, c.booking_id, b.centre_id, c.starts_at, c.ends_at, s.told_until
             FROM bookings b
                 JOIN desk_claims c ON c.booking_id = b.id
                 JOIN sites s ON s.centre_id = b.centre_id
             WHERE b.status = 'confirmed' AND b.visited_at IS NULL AND b.starts_at <= $1
                 AND c.released_at IS NULL AND c.starts_at <= $1
             ORDER BY c.starts_at, c.id",
        )
        .bind(now)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(UnvisitedClaim::try_from).collect()
    }
}

#[derive(FromRow)]
struct UnvisitedRow {
    id: Uuid,
    booking_id: Uuid,
    centre_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    told_until: Option<DateTime<Utc>>,
}

impl TryFrom<UnvisitedRow> for UnvisitedClaim {
    type Error = StoreError;
    fn try_from(row: UnvisitedRow) -> Result<Self> {
        Ok(Self {
            claim: ClaimId(row.id),
            booking: BookingId(row.booking_id),
            centre: CentreId(row.centre_id),
            when: interval(row.starts_at, row.ends_at)?,
            told_until: row.told_until,
        })
    }
}
