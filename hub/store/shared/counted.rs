//! Quotas, counted under a lock that all who book under them take; and the lock that those take who
//! want a place for the same child, at whatever centres.

use chrono::{DateTime, Utc};
use model::id::{BookingId, ChildId};
use model::interval::Interval;
use model::quota::Over;
use sqlx::{Transaction, query_as, query_scalar};
use store::{BookingOrder, Counted, Result, Whose};
use uuid::Uuid;

use super::LONGEST_CLAIM;
use super::convert::interval;
use crate::{Db, writes};

type Tx = Transaction<'static, Db>;

/// Locks whom the quotas of orders count, and the children that orders are for; before any day is
/// locked. Without it, rivals for one child at several centres would wait for each other in the
/// database's own constraint, in circles.
pub(super) async fn lock<'a>(
    tx: &mut Tx,
    orders: impl Iterator<Item = &'a BookingOrder>,
) -> Result<()> {
    let (mut subjects, mut children) = (Vec::new(), Vec::new());
    for order in orders {
        subjects.extend(order.quotas.iter().map(|counted| counted.whose.lock()));
        children.extend(order.children.iter().copied());
    }
    subjects.extend(with_households(tx, &children).await?);
    lock_subjects(tx, subjects).await
}

/// What those lock who want care for these children: each of them, and their households, whose care a scheme may
/// count together.
pub(super) async fn with_households(tx: &mut Tx, children: &[ChildId]) -> Result<Vec<Uuid>> {
    if children.is_empty() {
        return Ok(Vec::new());
    }
    let households: Vec<Uuid> = query_scalar(concat!(
        "SELECT DISTINCT household_id FROM children WHERE id ",
        in_list!("$1"),
    ))
    .bind(crate::id_list(children.iter().map(|child| child.0)))
    .fetch_all(&mut **tx)
    .await?;
    Ok(children.iter().map(|child| child.0).chain(households).collect())
}

/// The same for these.
pub(super) async fn lock_subjects(tx: &mut Tx, mut subjects: Vec<Uuid>) -> Result<()> {
    subjects.sort();
    subjects.dedup();
    if subjects.is_empty() { Ok(()) } else { writes::lock_subjects(tx, &subjects).await }
}

/// The first quota that `order` goes over; what the booking `but` holds does not count.
pub(super) async fn over(
    tx: &mut Tx,
    order: &BookingOrder,
    but: Option<BookingId>,
) -> Result<Option<Over>> {
    let zone = order.centre.time_zone;
    let asked: Vec<Interval> = order
        .slots
        .iter()
        .flat_map(|slot| std::iter::repeat_n(*slot, usize::try_from(order.desks).unwrap_or(0)))
        .collect();
    for counted in &order.quotas {
        let Some(reach) = counted.quota.reach(&order.slots, zone) else { continue };
        let held = held(tx, counted, &reach, but).await?;
        if let Some(over) = counted.quota.over(&held, &asked, zone) {
            return Ok(Some(over));
        }
    }
    Ok(None)
}

async fn held(
    tx: &mut Tx,
    counted: &Counted,
    reach: &Interval,
    but: Option<BookingId>,
) -> Result<Vec<Interval>> {
    let but = but.map_or(Uuid::nil(), |id| id.0);
    let (centre, payer) = (counted.quota.centre, counted.quota.employer);
    let any = |id: Option<Uuid>| (id.is_none(), id.unwrap_or_default());
    let (any_centre, centre) = any(centre.map(|id| id.0));
    let (any_payer, payer) = any(payer.map(|id| id.0));
    let rows: Vec<(DateTime<Utc>, DateTime<Utc>)> = match &counted.whose {
        Whose::People(_, people) => {
            query_as(concat!(
                "SELECT c.starts_at, c.ends_at
                 FROM bookings b JOIN desk_claims c ON c.booking_id = b.id
                 WHERE b.ends_at > $2 AND b.starts_at < $3 AND c.released_at IS NULL
                     AND c.starts_at > $4 AND c.starts_at < $3 AND c.ends_at > $2
                     AND b.id <> $5 AND ($6 OR b.centre_id = $7) AND ($8 OR b.on_account_of = $9)
                     AND b.person_id ",
                in_list!("$1"),
            ))
            .bind(crate::id_list(people.iter().map(|person| person.0)))
            .bind(reach.starts())
            .bind(reach.ends())
            .bind(reach.starts() - LONGEST_CLAIM)
            .bind(but)
            .bind(any_centre)
            .bind(centre)
            .bind(any_payer)
            .bind(payer)
            .fetch_all(&mut **tx)
            .await?
        }
        Whose::Employer(employer) => {
            query_as(
                "SELECT c.starts_at, c.ends_at
                 FROM bookings b JOIN desk_claims c ON c.booking_id = b.id
                 WHERE b.on_account_of = $1 AND b.ends_at > $2 AND b.starts_at < $3
                     AND c.released_at IS NULL
                     AND c.starts_at > $4 AND c.starts_at < $3 AND c.ends_at > $2
                     AND b.id <> $5 AND ($6 OR b.centre_id = $7)",
            )
            .bind(employer.0)
            .bind(reach.starts())
            .bind(reach.ends())
            .bind(reach.starts() - LONGEST_CLAIM)
            .bind(but)
            .bind(any_centre)
            .bind(centre)
            .fetch_all(&mut **tx)
            .await?
        }
    };
    rows.into_iter().map(|(starts, ends)| interval(starts, ends)).collect()
}
