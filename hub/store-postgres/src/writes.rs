//! The statements that differ from SQLite's: many rows in one round trip, and rows that others
//! have locked left alone.

use chrono::{DateTime, NaiveDate, Utc};
use model::booking::Booking;
use model::care::age::Ages;
use model::id::CentreId;
use sqlx::{Postgres, Transaction, query};
use store::{BookingOrder, Result};
use uuid::Uuid;

use crate::shared::book::{Statement, bind_row, insert_row};
use crate::shared::notices::NoticeRow;
use crate::shared::{LogRow, note};

type Tx = Transaction<'static, Postgres>;

/// Locks days, given in order, until the transaction ends, and counts up their revisions.
pub(crate) async fn lock_days(tx: &mut Tx, centre: CentreId, days: &[NaiveDate]) -> Result<()> {
    query(
        "INSERT INTO centre_days (centre_id, day, rev)
         SELECT $1, wanted.day, 1 FROM unnest($2::date[]) AS wanted (day) ORDER BY wanted.day
         ON CONFLICT (centre_id, day) DO UPDATE SET rev = centre_days.rev + 1",
    )
    .bind(centre.0)
    .bind(days)
    .execute(&mut **tx)
    .await?;
    note(centre, days);
    Ok(())
}

/// Their revisions have been counted up with the lock.
pub(crate) async fn note_days(_: &mut Tx, _: CentreId, _: &[NaiveDate]) -> Result<()> {
    Ok(())
}

/// Locks whom quotas count and children, given in order, until the transaction ends.
pub(crate) async fn lock_subjects(tx: &mut Tx, subjects: &[Uuid]) -> Result<()> {
    query(
        "INSERT INTO quota_locks (subject, rev)
         SELECT wanted.subject, 1 FROM unnest($1::uuid[]) AS wanted (subject)
         ORDER BY wanted.subject
         ON CONFLICT (subject) DO UPDATE SET rev = quota_locks.rev + 1",
    )
    .bind(subjects)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Inserts the desk claims of the booking `$1`.
macro_rules! insert_desks {
    ($centre:literal, $ids:literal, $spaces:literal, $starts:literal, $ends:literal) => {
        concat!(
            "INSERT INTO desk_claims (id, booking_id, centre_id, space_id, starts_at, ends_at)
             SELECT claim.id, $1, ",
            $centre,
            ", claim.space_id, claim.starts_at, claim.ends_at FROM unnest(",
            $ids,
            "::uuid[], ",
            $spaces,
            "::uuid[], ",
            $starts,
            "::timestamptz[], ",
            $ends,
            "::timestamptz[]) AS claim (id, space_id, starts_at, ends_at)",
        )
    };
}

/// Inserts a new booking with its claims and what is told of it: with desks alone in one round trip.
pub(crate) async fn insert_booking(
    tx: &mut Tx,
    order: &BookingOrder,
    booking: &Booking,
    told: &[NoticeRow],
) -> Result<()> {
    let statement = query(concat!(
        "WITH desks AS (",
        insert_desks!("$3", "$25", "$26", "$27", "$28"),
        "), told AS (
             INSERT INTO notices (id, person_id, kind, booking_id, body, made_at, next_try_at, tries)
             SELECT notice.id, notice.person_id, notice.kind, $1, notice.body, notice.made_at,
                 notice.next_try_at, 0
             FROM unnest($29::uuid[], $30::uuid[], $31::text[], $32::text[], $33::timestamptz[],
                     $34::timestamptz[])
                 AS notice (id, person_id, kind, body, made_at, next_try_at)
             ON CONFLICT (id) DO NOTHING) ",
        insert_row!(),
    ));
    bind_desks(bind_row(statement, order, booking)?, booking)
        .bind(told.iter().map(|notice| notice.id).collect::<Vec<Uuid>>())
        .bind(told.iter().map(|notice| notice.person).collect::<Vec<Uuid>>())
        .bind(told.iter().map(|notice| notice.kind.clone()).collect::<Vec<String>>())
        .bind(told.iter().map(|notice| notice.body.clone()).collect::<Vec<String>>())
        .bind(told.iter().map(|notice| notice.made_at).collect::<Vec<DateTime<Utc>>>())
        .bind(told.iter().map(|notice| notice.next_try_at).collect::<Vec<DateTime<Utc>>>())
        .execute(&mut **tx)
        .await?;
    if booking.care.is_empty() { Ok(()) } else { insert_care_claims(tx, booking).await }
}

/// Inserts the desk claims of a booking.
pub(crate) async fn insert_desk_claims(tx: &mut Tx, booking: &Booking) -> Result<()> {
    let statement = query(insert_desks!("$2", "$3", "$4", "$5", "$6"));
    bind_desks(statement.bind(booking.id.0).bind(booking.centre.0), booking)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn bind_desks<'q>(statement: Statement<'q>, booking: &Booking) -> Statement<'q> {
    let claims = &booking.desks;
    statement
        .bind(claims.iter().map(|claim| claim.id.0).collect::<Vec<Uuid>>())
        .bind(claims.iter().map(|claim| claim.space.0).collect::<Vec<Uuid>>())
        .bind(claims.iter().map(|claim| claim.when.starts()).collect::<Vec<DateTime<Utc>>>())
        .bind(claims.iter().map(|claim| claim.when.ends()).collect::<Vec<DateTime<Utc>>>())
}

/// Inserts the care claims of a booking.
pub(crate) async fn insert_care_claims(tx: &mut Tx, booking: &Booking) -> Result<()> {
    let claims = &booking.care;
    let ages = |of: fn(Ages) -> u32| -> Vec<Option<i64>> {
        claims.iter().map(|claim| claim.ages.map(|ages| of(ages).into())).collect()
    };
    query(
        "INSERT INTO care_claims (id, booking_id, nursery_id, child_id, starts_at, ends_at, room_id,
             age, school_age, scheme)
         SELECT claim.id, $1, claim.nursery_id, claim.child_id, claim.starts_at, claim.ends_at,
             claim.room_id, claim.age, claim.school_age, claim.scheme
         FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[],
                 $7::uuid[], $8::int8[], $9::int8[], $10::text[])
             AS claim (id, nursery_id, child_id, starts_at, ends_at, room_id, age, school_age,
                 scheme)",
    )
    .bind(booking.id.0)
    .bind(claims.iter().map(|claim| claim.id.0).collect::<Vec<Uuid>>())
    .bind(claims.iter().map(|claim| claim.nursery.0).collect::<Vec<Uuid>>())
    .bind(claims.iter().map(|claim| claim.child.0).collect::<Vec<Uuid>>())
    .bind(claims.iter().map(|claim| claim.when.starts()).collect::<Vec<DateTime<Utc>>>())
    .bind(claims.iter().map(|claim| claim.when.ends()).collect::<Vec<DateTime<Utc>>>())
    .bind(claims.iter().map(|claim| claim.room.map(|room| room.0)).collect::<Vec<Option<Uuid>>>())
    .bind(ages(|ages| ages.months / 12))
    .bind(ages(|ages| ages.school_year))
    .bind(claims.iter().map(|claim| claim.scheme.clone()).collect::<Vec<Option<String>>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Puts events into the log.
pub(crate) async fn insert_events(tx: &mut Tx, events: &[LogRow]) -> Result<()> {
    query(
        "INSERT INTO site_events (centre_id, place, edge, at, kind, body, taken_at, chain, doubtful)
         SELECT * FROM unnest($1::uuid[], $2::int8[], $3::text[], $4::timestamptz[], $5::text[],
             $6::text[], $7::timestamptz[], $8::bytea[], $9::int8[])",
    )
    .bind(events.iter().map(|event| event.centre).collect::<Vec<Uuid>>())
    .bind(events.iter().map(|event| event.place).collect::<Vec<i64>>())
    .bind(events.iter().map(|event| event.edge.as_str()).collect::<Vec<&str>>())
    .bind(events.iter().map(|event| event.at).collect::<Vec<DateTime<Utc>>>())
    .bind(events.iter().map(|event| event.kind.as_str()).collect::<Vec<&str>>())
    .bind(events.iter().map(|event| event.body.as_str()).collect::<Vec<&str>>())
    .bind(events.iter().map(|event| event.taken_at).collect::<Vec<DateTime<Utc>>>())
    .bind(events.iter().map(|event| event.chain.clone()).collect::<Vec<Option<Vec<u8>>>>())
    .bind(events.iter().map(|event| event.doubtful).collect::<Vec<i64>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the oldest job that is due: `$1` by whom, `$2` now, `$3` taken before this is forgotten.
pub(crate) const CLAIM_JOB: &str = "
    UPDATE jobs SET taken_by = $1, taken_at = $2
    WHERE (job, due_at) = (
        SELECT job, due_at FROM jobs
        WHERE done_at IS NULL AND due_at <= $2 AND (taken_at IS NULL OR taken_at < $3)
        ORDER BY due_at, job LIMIT 1
        FOR UPDATE SKIP LOCKED)
    RETURNING job, due_at";

/// Takes the notices that are due: `$1` now, `$2` until when they are the taker's, `$3` how many.
pub(crate) const TAKE_DUE_NOTICES: &str = "
    WITH due AS MATERIALIZED (
        SELECT id FROM notices
        WHERE next_try_at <= $1 AND sent_at IS NULL AND gave_up_at IS NULL
        ORDER BY next_try_at, id LIMIT $3
        FOR UPDATE SKIP LOCKED)
    UPDATE notices n SET tries = n.tries + 1, next_try_at = $2
    FROM due WHERE n.id = due.id
    RETURNING n.id, n.person_id, n.kind, n.booking_id, n.body, n.made_at, n.tries";
