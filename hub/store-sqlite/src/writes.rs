//! The statements that differ from PostgreSQL's. SQLite runs inside this process, so a prepared
//! statement for each row is as good as one for all.

use chrono::NaiveDate;
use model::booking::Booking;
use model::id::CentreId;
use sqlx::{Sqlite, Transaction, query};
use store::{BookingOrder, Result};
use uuid::Uuid;

use crate::shared::book::{bind_row, insert_claims, insert_row};
use crate::shared::notices::{NoticeRow, insert_notice};
use crate::shared::{LogRow, note};

type Tx = Transaction<'static, Sqlite>;

/// `BEGIN IMMEDIATE` has locked everything already.
pub(crate) async fn lock_days(_: &mut Tx, _: CentreId, _: &[NaiveDate]) -> Result<()> {
    Ok(())
}

/// The same.
pub(crate) async fn lock_subjects(_: &mut Tx, _: &[Uuid]) -> Result<()> {
    Ok(())
}

/// Counts up the revisions of days whose claims have changed.
pub(crate) async fn note_days(tx: &mut Tx, centre: CentreId, days: &[NaiveDate]) -> Result<()> {
    for day in days {
        query(
            "INSERT INTO centre_days (centre_id, day, rev) VALUES ($1, $2, 1)
             ON CONFLICT (centre_id, day) DO UPDATE SET rev = rev + 1",
        )
        .bind(centre.0)
        .bind(day)
        .execute(&mut **tx)
        .await?;
    }
    note(centre, days);
    Ok(())
}

/// Inserts a new booking with its claims and what is told of it.
pub(crate) async fn insert_booking(
    tx: &mut Tx,
    order: &BookingOrder,
    booking: &Booking,
    told: &[NoticeRow],
) -> Result<()> {
    bind_row(query(insert_row!()), order, booking)?.execute(&mut **tx).await?;
    insert_claims(tx, booking).await?;
    for notice in told {
        insert_notice(tx, notice).await?;
    }
    Ok(())
}

/// Inserts the desk claims of a booking.
pub(crate) async fn insert_desk_claims(tx: &mut Tx, booking: &Booking) -> Result<()> {
    for claim in &booking.desks {
        query(
            "INSERT INTO desk_claims (id, booking_id, centre_id, space_id, starts_at, ends_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(claim.id.0)
        .bind(booking.id.0)
        .bind(booking.centre.0)
        .bind(claim.space.0)
        .bind(claim.when.starts())
        .bind(claim.when.ends())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Inserts the care claims of a booking.
pub(crate) async fn insert_care_claims(tx: &mut Tx, booking: &Booking) -> Result<()> {
    for claim in &booking.care {
        query(
            "INSERT INTO care_claims (id, booking_id, nursery_id, child_id, starts_at, ends_at,
                 room_id, age, school_age, scheme)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(claim.id.0)
        .bind(booking.id.0)
        .bind(claim.nursery.0)
        .bind(claim.child.0)
        .bind(claim.when.starts())
        .bind(claim.when.ends())
        .bind(claim.room.map(|room| room.0))
        .bind(claim.ages.map(|ages| i64::from(ages.months / 12)))
        .bind(claim.ages.map(|ages| i64::from(ages.school_year)))
        .bind(&claim.scheme)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Puts events into the log.
pub(crate) async fn insert_events(tx: &mut Tx, events: &[LogRow]) -> Result<()> {
    for event in events {
        query(
            "INSERT INTO site_events (centre_id, place, edge, at, kind, body, taken_at, chain, doubtful)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(event.centre)
        .bind(event.place)
        .bind(&event.edge)
        .bind(event.at)
        .bind(&event.kind)
        .bind(&event.body)
        .bind(event.taken_at)
        .bind(&event.chain)
        .bind(event.doubtful)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Takes the oldest job that is due: `$1` by whom, `$2` now, `$3` taken before this is forgotten.
pub(crate) const CLAIM_JOB: &str = "
    UPDATE jobs SET taken_by = $1, taken_at = $2
    WHERE (job, due_at) = (
        SELECT job, due_at FROM jobs
        WHERE done_at IS NULL AND due_at <= $2 AND (taken_at IS NULL OR taken_at < $3)
        ORDER BY due_at, job LIMIT 1)
    RETURNING job, due_at";

/// Takes the notices that are due: `$1` now, `$2` until when they are the taker's, `$3` how many.
pub(crate) const TAKE_DUE_NOTICES: &str = "
    UPDATE notices SET tries = tries + 1, next_try_at = $2
    WHERE id IN (
        SELECT id FROM notices
        WHERE next_try_at <= $1 AND sent_at IS NULL AND gave_up_at IS NULL
        ORDER BY next_try_at, id LIMIT $3)
    RETURNING id, person_id, kind, booking_id, body, made_at, tries";
