//! Work that is due.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use model::centre::Centre;
use model::id::{BookingId, CentreId, ClaimId, PersonId};
use model::no_show::SiteWord;
use model::notice::{NoticeBody, NoticeKind};
use sqlx::{FromRow, query, query_as, query_scalar};
use store::{DueJob, Jobs, NewNotice, Result, StoreError, UnvisitedClaim};
use uuid::Uuid;

use super::bookings::{booking_by_id, days_of};
use super::convert::interval;
use super::ending::still_within;
use super::{meaning, notices, noting};
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
            "SELECT c.id, c.booking_id, b.centre_id, c.starts_at, c.ends_at, s.started_at,
                 CASE WHEN h.version IS NULL THEN NULL ELSE s.told_until END AS told_until
             FROM bookings b
                 JOIN desk_claims c ON c.booking_id = b.id
                 JOIN sites s ON s.centre_id = b.centre_id
                 LEFT JOIN sheets h ON h.centre_id = s.centre_id
                     AND h.version = s.sheet_in_force AND h.made_at >= b.made_at
             WHERE b.status = 'confirmed' AND b.visited_at IS NULL AND b.starts_at <= $1
                 AND c.released_at IS NULL AND c.starts_at <= $1
             ORDER BY c.starts_at, c.id",
        )
        .bind(now)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(UnvisitedClaim::try_from).collect()
    }

    async fn release_unvisited(
        &self,
        claim: &UnvisitedClaim,
        centre: &Centre,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let (done, noted) = noting(self.release(claim, centre, at)).await;
        self.news.tell(noted);
        done
    }

    async fn tell_late(
        &self,
        claim: &UnvisitedClaim,
        kept_until: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let awaited: Option<Uuid> = query_scalar(
            "SELECT person_id FROM bookings
             WHERE id = $1 AND status = 'confirmed' AND visited_at IS NULL",
        )
        .bind(claim.booking.0)
        .fetch_optional(self.reader())
        .await?;
        let Some(person) = awaited else { return Ok(false) };
        let notice = NewNotice {
            person: PersonId(person),
            kind: NoticeKind::Late,
            booking: Some(claim.booking),
            body: NoticeBody { answer_by: Some(kept_until), ..NoticeBody::default() },
            // Several desks of one time are one piece of news.
            occasion: claim.when.starts().timestamp_micros().to_string(),
            at,
        };
        // Mostly it was told before, and looking takes no lock.
        let told: Option<Uuid> = query_scalar("SELECT id FROM notices WHERE id = $1")
            .bind(notice.id().0)
            .fetch_optional(self.reader())
            .await?;
        if told.is_some() {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        notices::put(&mut tx, &notice).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Here {
    async fn release(
        &self,
        claim: &UnvisitedClaim,
        centre: &Centre,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let Some(before) = booking_by_id(self.reader(), claim.booking).await? else {
            return Ok(false);
        };
        let mut tx = self.begin().await?;
        let days = days_of(&before, centre);
        writes::lock_days(&mut tx, before.centre, &days).await?;
        if still_within(&mut tx, before.id, centre, &days).await?.is_none() {
            // Moved meanwhile: the next round looks again.
            tx.rollback().await?;
            return Ok(false);
        }
        // The booking's own row first: a check-in that is being taken in holds it too.
        let awaited = query(
            "UPDATE bookings SET version = version
             WHERE id = $1 AND status = 'confirmed' AND visited_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM visits WHERE booking_id = $1)",
        )
        .bind(claim.booking.0)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let released = query(
            "UPDATE desk_claims SET released_at = $3
             WHERE id = $1 AND booking_id = $2 AND released_at IS NULL",
        )
        .bind(claim.claim.0)
        .bind(claim.booking.0)
        .bind(at)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if awaited == 0 || released == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        meaning::after_no_show(&mut tx, claim.booking, at, &[]).await?;
        writes::note_days(&mut tx, before.centre, &days).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[derive(FromRow)]
struct UnvisitedRow {
    id: Uuid,
    booking_id: Uuid,
    centre_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
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
            site: SiteWord { started_at: row.started_at, told_until: row.told_until },
        })
    }
}
