//! What a house decides about its bookings: closures, quotas and settings.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::booking::{self, Booking};
use model::centre::Centre;
use model::closure::{Closure, ClosureKind};
use model::id::{CentreId, ClosureId, EmployerId, PersonId, QuotaId, SpaceId};
use model::language::LocalText;
use model::quota::Quota;
use sqlx::{Executor, FromRow, query, query_as};
use store::{House, Result, StoreError};
use uuid::Uuid;

use super::bookings::bookings_there;
use super::convert::{from_word, interval, number, word};
use super::places::{centre_changed, with_settings};
use super::{Outcome, notices};
use crate::{Db, Here, writes};

#[async_trait]
impl House for Here {
    async fn close(&self, centre: &Centre, closure: &Closure) -> Result<Vec<Booking>> {
        let days = booking::days_to_lock(centre, &[closure.when]);
        let new = closure.clone();
        self.write(move |tx| {
            let (new, days) = (new.clone(), days.clone());
            Box::pin(async move {
                // Whoever books on these days has committed, or will see it.
                writes::lock_days(tx, new.centre, &days).await?;
                query(
                    "INSERT INTO closures (id, centre_id, space_id, kind, starts_at, ends_at,
                         reason_ja, reason_en, made_by, made_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                )
                .bind(new.id.0)
                .bind(new.centre.0)
                .bind(new.space.map(|space| space.0))
                .bind(word(new.kind)?)
                .bind(new.when.starts())
                .bind(new.when.ends())
                .bind(&new.reason.ja)
                .bind(&new.reason.en)
                .bind(new.made_by.map(|person| person.0))
                .bind(new.made_at)
                .execute(&mut **tx)
                .await?;
                centre_changed(tx, new.centre).await?;
                writes::note_days(tx, new.centre, &days).await?;
                let met = met_in(&mut **tx, &new).await?;
                for booking in &met {
                    notices::put_closed(tx, booking, &new).await?;
                }
                Ok(Outcome::Kept(met))
            })
        })
        .await
    }

    async fn reopen(&self, centre: &Centre, id: ClosureId) -> Result<bool> {
        let mut tx = self.begin().await?;
        let gone = query("DELETE FROM closures WHERE id = $1 AND centre_id = $2")
            .bind(id.0)
            .bind(centre.id.0)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if gone > 0 {
            centre_changed(&mut tx, centre.id).await?;
        }
        tx.commit().await?;
        Ok(gone > 0)
    }

    async fn closures(&self, from: DateTime<Utc>) -> Result<Vec<Closure>> {
        let rows: Vec<ClosureRow> = query_as(
            "SELECT id, centre_id, space_id, kind, starts_at, ends_at, reason_ja, reason_en,
                 made_by, made_at
             FROM closures WHERE ends_at > $1 ORDER BY starts_at, id",
        )
        .bind(from)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(Closure::try_from).collect()
    }

    async fn met_by(&self, closure: &Closure) -> Result<Vec<Booking>> {
        met_in(self.reader(), closure).await
    }

    async fn add_quota(&self, quota: &Quota) -> Result<()> {
        query(
            "INSERT INTO quotas (id, subject, employer_id, centre_id, measure, most, from_day,
                 until_day, source_ja, source_en)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(quota.id.0)
        .bind(word(quota.subject)?)
        .bind(quota.employer.map(|id| id.0))
        .bind(quota.centre.map(|id| id.0))
        .bind(word(quota.measure)?)
        .bind(i64::from(quota.most))
        .bind(quota.from_day)
        .bind(quota.until_day)
        .bind(&quota.source.ja)
        .bind(&quota.source.en)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn end_quota(&self, id: QuotaId, day: NaiveDate) -> Result<bool> {
        let ended = query(
            "UPDATE quotas SET until_day = $2 WHERE id = $1 AND (until_day IS NULL OR until_day > $2)",
        )
        .bind(id.0)
        .bind(day)
        .execute(self.writer())
        .await?;
        Ok(ended.rows_affected() > 0)
    }

    async fn quotas(&self, day: NaiveDate) -> Result<Vec<Quota>> {
        let rows: Vec<QuotaRow> = query_as(
            "SELECT id, subject, employer_id, centre_id, measure, most, from_day, until_day,
                 source_ja, source_en
             FROM quotas WHERE until_day IS NULL OR until_day > $1 ORDER BY id",
        )
        .bind(day)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(Quota::try_from).collect()
    }

    async fn set_settings(&self, centre: &Centre) -> Result<bool> {
        let update = query(
            "UPDATE centres SET settings_version = settings_version + 1, rev = rev + 1,
                 grain_minutes = $3, no_show_minutes = $4, early_minutes = $5,
                 horizon_days = $6, longest_minutes = $7, shortest_minutes = $8,
                 buffer_minutes = $9, cancel_minutes = $10, hold_minutes = $11,
                 offer_minutes = $12, approval = $13, approval_minutes = $14,
                 walk_in_desks = $15, walk_in_hours = $16
             WHERE id = $1 AND settings_version = $2",
        )
        .bind(centre.id.0)
        .bind(i64::from(centre.settings_version));
        let changed =
            with_settings(update, &centre.settings)?.execute(self.writer()).await?.rows_affected();
        Ok(changed > 0)
    }
}

async fn met_in<'c>(
    from: impl Executor<'c, Database = Db>,
    closure: &Closure,
) -> Result<Vec<Booking>> {
    if closure.kind == ClosureKind::NoNew {
        return Ok(Vec::new());
    }
    let mut met = bookings_there(from, closure.centre, &closure.when).await?;
    met.retain(|booking| closure.meets(booking));
    Ok(met)
}

#[derive(FromRow)]
struct ClosureRow {
    id: Uuid,
    centre_id: Uuid,
    space_id: Option<Uuid>,
    kind: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    reason_ja: String,
    reason_en: String,
    made_by: Option<Uuid>,
    made_at: DateTime<Utc>,
}

impl TryFrom<ClosureRow> for Closure {
    type Error = StoreError;
    fn try_from(row: ClosureRow) -> Result<Self> {
        Ok(Self {
            id: ClosureId(row.id),
            centre: CentreId(row.centre_id),
            space: row.space_id.map(SpaceId),
            kind: from_word(&row.kind)?,
            when: interval(row.starts_at, row.ends_at)?,
            reason: LocalText { ja: row.reason_ja, en: row.reason_en },
            made_by: row.made_by.map(PersonId),
            made_at: row.made_at,
        })
    }
}

#[derive(FromRow)]
struct QuotaRow {
    id: Uuid,
    subject: String,
    employer_id: Option<Uuid>,
    centre_id: Option<Uuid>,
    measure: String,
    most: i64,
    from_day: NaiveDate,
    until_day: Option<NaiveDate>,
    source_ja: String,
    source_en: String,
}

impl TryFrom<QuotaRow> for Quota {
    type Error = StoreError;
    fn try_from(row: QuotaRow) -> Result<Self> {
        Ok(Self {
            id: QuotaId(row.id),
            subject: from_word(&row.subject)?,
            employer: row.employer_id.map(EmployerId),
            centre: row.centre_id.map(CentreId),
            measure: from_word(&row.measure)?,
            most: number(row.most)?,
            from_day: row.from_day,
            until_day: row.until_day,
            source: LocalText { ja: row.source_ja, en: row.source_en },
        })
    }
}
