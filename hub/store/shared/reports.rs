//! What reports are made of.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{CentreId, MunicipalityId, PersonId};
use model::interval::Interval;
use model::report::Stay;
use sqlx::query_as;
use store::{Reports, Result};
use uuid::Uuid;

use crate::Here;

#[async_trait]
impl Reports for Here {
    async fn stays(
        &self,
        municipality: MunicipalityId,
        window: &Interval,
        now: DateTime<Utc>,
    ) -> Result<Vec<Stay>> {
        let rows: Vec<(Uuid, Uuid, DateTime<Utc>, Option<DateTime<Utc>>)> = query_as(
            "SELECT person_id, centre_id, checked_in_at, checked_out_at FROM visits
             WHERE checked_in_at >= $2 AND checked_in_at < $3
                 AND person_id IN (
                     SELECT v.person_id FROM visits v JOIN centres c ON c.id = v.centre_id
                     WHERE c.municipality_id = $1
                         AND v.checked_in_at >= $2 AND v.checked_in_at < $3)
             ORDER BY checked_in_at, id",
        )
        .bind(municipality.0)
        .bind(window.starts())
        .bind(window.ends())
        .fetch_all(self.reader())
        .await?;
        // A visit that took no time at all (so far) is none.
        let stay = |(person, centre, starts, ends): (Uuid, Uuid, _, Option<_>)| {
            Some(Stay {
                person: PersonId(person),
                centre: CentreId(centre),
                when: Interval::new(starts, ends.unwrap_or(now)).ok()?,
            })
        };
        Ok(rows.into_iter().filter_map(stay).collect())
    }
}
