//! What the days of centres hold, read for many centres at once.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::care::duty::Shift;
use model::id::{CentreId, NurseryId, SpaceId};
use model::interval::Interval;
use sqlx::{FromRow, query_as, query_scalar};
use store::{DayNews, Days, LiveClaims, Result};
use tokio::sync::broadcast;
use uuid::Uuid;

use super::LONGEST_CLAIM;
use super::care::{admits, taken};
use super::convert::{from_json, interval};
use super::roster::schemes;
use crate::{Here, id_list};

#[async_trait]
impl Days for Here {
    fn day_news(&self) -> broadcast::Receiver<DayNews> {
        self.news.listen()
    }

    async fn hear_others(&self) -> Result<()> {
        self.others().await
    }

    async fn day_revisions(
        &self,
        centres: &[CentreId],
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<(CentreId, NaiveDate, i64)>> {
        let rows: Vec<(Uuid, NaiveDate, i64)> = query_as(concat!(
            "SELECT centre_id, day, rev FROM centre_days
             WHERE day >= $2 AND day <= $3 AND centre_id ",
            in_list!("$1"),
        ))
        .bind(id_list(centres.iter().map(|id| id.0)))
        .bind(from)
        .bind(to)
        .fetch_all(self.reader())
        .await?;
        Ok(rows.into_iter().map(|(centre, day, rev)| (CentreId(centre), day, rev)).collect())
    }

    async fn claims_at(&self, centres: &[CentreId], window: &Interval) -> Result<LiveClaims> {
        // From the centres and nurseries on, so that the claims are found by their index.
        let desks: Vec<(Uuid, Uuid, DateTime<Utc>, DateTime<Utc>)> = query_as(concat!(
            "SELECT c.centre_id, c.space_id, c.starts_at, c.ends_at
             FROM centres z JOIN desk_claims c ON c.centre_id = z.id
             WHERE c.released_at IS NULL
                 AND c.starts_at > $2 AND c.starts_at < $3 AND c.ends_at > $4 AND z.id ",
            in_list!("$1"),
        ))
        .bind(id_list(centres.iter().map(|id| id.0)))
        .bind(window.starts() - LONGEST_CLAIM)
        .bind(window.ends())
        .bind(window.starts())
        .fetch_all(self.reader())
        .await?;
        let care: Vec<TakenRow> = query_as(concat!(
            "SELECT c.nursery_id, c.starts_at, c.ends_at, c.room_id, c.age, c.school_age, c.scheme
             FROM nurseries n JOIN care_claims c ON c.nursery_id = n.id
             WHERE c.released_at IS NULL
                 AND c.starts_at > $2 AND c.starts_at < $3 AND c.ends_at > $4 AND n.centre_id ",
            in_list!("$1"),
        ))
        .bind(id_list(centres.iter().map(|id| id.0)))
        .bind(window.starts() - LONGEST_CLAIM)
        .bind(window.ends())
        .bind(window.starts())
        .fetch_all(self.reader())
        .await?;
        let shifts: Vec<(Uuid, String, DateTime<Utc>, DateTime<Utc>, String)> = query_as(concat!(
            "SELECT s.nursery_id, s.kind, s.starts_at, s.ends_at, s.breaks
             FROM nurseries n JOIN shifts s ON s.nursery_id = n.id
             WHERE s.starts_at > $2 AND s.starts_at < $3 AND s.ends_at > $4 AND n.centre_id ",
            in_list!("$1"),
        ))
        .bind(id_list(centres.iter().map(|id| id.0)))
        .bind(window.starts() - LONGEST_CLAIM)
        .bind(window.ends())
        .bind(window.starts())
        .fetch_all(self.reader())
        .await?;
        let under = care.iter().any(|row| row.scheme.is_some());
        let schemes = if under { schemes(self.reader()).await? } else { Vec::new() };
        Ok(LiveClaims {
            shifts: shifts
                .into_iter()
                .map(|(nursery, kind, starts, ends, breaks)| {
                    let (when, breaks) = (interval(starts, ends)?, from_json(&breaks)?);
                    Ok((NurseryId(nursery), Shift { kind, when, breaks }))
                })
                .collect::<Result<_>>()?,
            desks: desks
                .into_iter()
                .map(|(centre, space, starts, ends)| {
                    Ok((CentreId(centre), SpaceId(space), interval(starts, ends)?))
                })
                .collect::<Result<_>>()?,
            care: care
                .into_iter()
                .map(|row| {
                    let admits = admits(&schemes, row.scheme.as_deref());
                    let taken = taken(
                        row.starts_at,
                        row.ends_at,
                        row.room_id,
                        row.age,
                        row.school_age,
                        admits,
                    )?;
                    Ok((NurseryId(row.nursery_id), taken))
                })
                .collect::<Result<_>>()?,
        })
    }

    async fn places_revision(&self) -> Result<i64> {
        Ok(query_scalar("SELECT rev FROM revisions WHERE name = 'places'")
            .fetch_one(self.reader())
            .await?)
    }
}

/// A care claim as it is counted.
#[derive(FromRow)]
struct TakenRow {
    nursery_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    room_id: Option<Uuid>,
    age: Option<i64>,
    school_age: Option<i64>,
    scheme: Option<String>,
}
