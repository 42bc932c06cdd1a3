//! The talks before a child's first day at a nursery, and the care that is booked there.

use chrono::{DateTime, NaiveDate, Utc};
use model::booking::BookingStatus;
use model::care::file::Interview;
use model::id::{BookingId, CentreId, ChildId, NurseryId, PersonId, RoomId};
use model::interval::Interval;
use sqlx::{Executor, FromRow, query, query_as, query_scalar};
use store::{CareAt, Result, StoreError};
use uuid::Uuid;

use super::LONGEST_CLAIM;
use super::convert::{from_word, interval, storable};
use crate::Db;

/// The interviews of some children, those of one child in no order.
pub(super) async fn of_children<'c>(
    line: impl Executor<'c, Database = Db>,
    children: &[ChildId],
) -> Result<Vec<(ChildId, NurseryId, Interview)>> {
    let rows: Vec<InterviewRow> = query_as(concat!(
        "SELECT child_id, nursery_id, asked_at, fixed_for, held_on, held_by FROM interviews
         WHERE child_id ",
        in_list!("$1"),
    ))
    .bind(crate::id_list(children.iter().map(|child| child.0)))
    .fetch_all(line)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Those of a nursery that are to come, those that wait longest in front.
pub(super) async fn to_come<'c>(
    line: impl Executor<'c, Database = Db>,
    nursery: NurseryId,
) -> Result<Vec<(ChildId, Interview)>> {
    let rows: Vec<InterviewRow> = query_as(
        "SELECT child_id, nursery_id, asked_at, fixed_for, held_on, held_by FROM interviews
         WHERE nursery_id = $1 AND held_on IS NULL ORDER BY COALESCE(fixed_for, asked_at), child_id",
    )
    .bind(nursery.0)
    .fetch_all(line)
    .await?;
    let interviews = rows.into_iter().map(TryInto::try_into);
    interviews.map(|one| one.map(|(child, _, interview)| (child, interview))).collect()
}

/// Notes how far one is; asking again changes nothing.
pub(super) async fn put<'c>(
    line: impl Executor<'c, Database = Db>,
    child: ChildId,
    nursery: NurseryId,
    interview: Interview,
) -> Result<bool> {
    let asked = match interview {
        Interview::Asked { at } => Some(storable(at)),
        Interview::Fixed { .. } | Interview::Held { .. } => None,
    };
    let (held_on, held_by) = match interview {
        Interview::Held { on, by } => (Some(on), Some(by.0)),
        Interview::Asked { .. } | Interview::Fixed { .. } => (None, None),
    };
    let done = query(
        "INSERT INTO interviews (child_id, nursery_id, asked_at, fixed_for, held_on, held_by)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (child_id, nursery_id) DO UPDATE SET
             fixed_for = COALESCE(excluded.fixed_for, interviews.fixed_for),
             held_on = COALESCE(excluded.held_on, interviews.held_on),
             held_by = COALESCE(excluded.held_by, interviews.held_by)
         WHERE excluded.asked_at IS NULL",
    )
    .bind(child.0)
    .bind(nursery.0)
    .bind(asked)
    .bind(interview.fixed_for().map(storable))
    .bind(held_on)
    .bind(held_by)
    .execute(line)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes one back that was not held.
pub(super) async fn drop_one<'c>(
    line: impl Executor<'c, Database = Db>,
    child: ChildId,
    nursery: NurseryId,
) -> Result<bool> {
    let done =
        query("DELETE FROM interviews WHERE child_id = $1 AND nursery_id = $2 AND held_on IS NULL")
            .bind(child.0)
            .bind(nursery.0)
            .execute(line)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// The live care in a nursery that overlaps `window`, by start and child.
pub(super) async fn care_at<'c>(
    line: impl Executor<'c, Database = Db>,
    nursery: NurseryId,
    window: &Interval,
) -> Result<Vec<CareAt>> {
    let rows: Vec<CareRow> = query_as(
        "SELECT c.booking_id, b.status, c.child_id, c.starts_at, c.ends_at, c.room_id, c.scheme
         FROM care_claims c JOIN bookings b ON b.id = c.booking_id
         WHERE c.nursery_id = $1 AND c.released_at IS NULL
             AND c.starts_at > $2 AND c.starts_at < $3 AND c.ends_at > $4
         ORDER BY c.starts_at, c.child_id",
    )
    .bind(nursery.0)
    .bind(storable(window.starts() - LONGEST_CLAIM))
    .bind(storable(window.ends()))
    .bind(storable(window.starts()))
    .fetch_all(line)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(CareAt {
                booking: BookingId(row.booking_id),
                status: from_word::<BookingStatus>(&row.status)?,
                child: ChildId(row.child_id),
                when: interval(row.starts_at, row.ends_at)?,
                room: row.room_id.map(RoomId),
                scheme: row.scheme,
            })
        })
        .collect()
}

/// The children with care of confirmed bookings in a centre's nurseries that overlaps `window`, or that was given free
/// after it had begun; and those who were brought and not collected, whatever became of their booking.
pub(super) async fn children_at<'c>(
    line: impl Executor<'c, Database = Db>,
    centre: CentreId,
    window: &Interval,
) -> Result<Vec<ChildId>> {
    let ids: Vec<Uuid> = query_scalar(
        "SELECT c.child_id FROM care_claims c JOIN bookings b ON b.id = c.booking_id
         WHERE c.nursery_id IN (SELECT id FROM nurseries WHERE centre_id = $1)
             AND c.starts_at > $2 AND c.starts_at < $3 AND c.ends_at > $4
             AND ((b.status = 'confirmed' AND c.released_at IS NULL)
                 OR (b.status IN ('confirmed', 'no_show') AND c.released_at > c.starts_at))
         UNION
         SELECT child_id FROM care_stays WHERE centre_id = $1 AND since < $3 AND until > $2
         ORDER BY 1",
    )
    .bind(centre.0)
    .bind(storable(window.starts() - LONGEST_CLAIM))
    .bind(storable(window.ends()))
    .bind(storable(window.starts()))
    .fetch_all(line)
    .await?;
    Ok(ids.into_iter().map(ChildId).collect())
}

#[derive(FromRow)]
struct InterviewRow {
    child_id: Uuid,
    nursery_id: Uuid,
    asked_at: Option<DateTime<Utc>>,
    fixed_for: Option<DateTime<Utc>>,
    held_on: Option<NaiveDate>,
    held_by: Option<Uuid>,
}

impl TryFrom<InterviewRow> for (ChildId, NurseryId, Interview) {
    type Error = StoreError;
    fn try_from(row: InterviewRow) -> Result<Self> {
        let interview = match (row.held_on.zip(row.held_by), row.fixed_for, row.asked_at) {
            (Some((on, by)), _, _) => Interview::Held { on, by: PersonId(by) },
            (None, Some(on), _) => Interview::Fixed { on },
            (None, None, Some(at)) => Interview::Asked { at },
            (None, None, None) => {
                return Err(StoreError::Corrupt("an interview that nobody asked for".to_owned()));
            }
        };
        Ok((ChildId(row.child_id), NurseryId(row.nursery_id), interview))
    }
}

#[derive(FromRow)]
struct CareRow {
    booking_id: Uuid,
    status: String,
    child_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    room_id: Option<Uuid>,
    scheme: Option<String>,
}
