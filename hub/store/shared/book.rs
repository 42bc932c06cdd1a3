//! Making a booking: all of it or nothing.

use chrono::{DateTime, Utc};
use model::booking::{self, Booking, BookingStatus, CareClaim, DeskClaim};
use model::capacity;
use model::centre::SpaceKind;
use model::id::{BookingId, ChildId, ClaimId, NurseryId, PersonId, SpaceId};
use model::interval::Interval;
use sqlx::{Database, FromRow, Transaction, query, query_as};
use store::{BookResult, BookingOrder, Idempotency, NoRoom, Result, StoreError, status_text};
use uuid::Uuid;

use super::bookings::{booking_by_id, span_of};
use super::convert::{bytes32, from_word, interval, number};
use super::{Broken, LONGEST_CLAIM};
use crate::{Db, Here, writes};

/// How often an order is tried when rivals get in its way.
const MOST_TRIES: u32 = 4;

type Tx = Transaction<'static, Db>;

/// Makes the booking of `order`, or says why not.
pub(super) async fn book(store: &Here, order: &BookingOrder) -> Result<BookResult> {
    let span = span_of(&order.slots)
        .ok_or_else(|| StoreError::Corrupt("an order without slots".to_owned()))?;
    let mut tries = 1;
    loop {
        match book_once(store, order, &span).await {
            Err(StoreError::Unavailable(error)) => match crate::broken(&error) {
                Some(Broken::DeskOverlap) => {
                    return Ok(BookResult::Refused(NoRoom::Desk(order.slots[0])));
                }
                Some(Broken::BookingCode) => return Err(StoreError::Duplicate("booking code")),
                Some(Broken::Unique) => return Err(StoreError::Duplicate("booking")),
                // The next try sees what the rival has committed.
                Some(Broken::CareOverlap | Broken::IdempotencyKey | Broken::Rivals)
                    if tries < MOST_TRIES =>
                {
                    tries += 1;
                }
                _ => return Err(error.into()),
            },
            other => return other,
        }
    }
}

async fn book_once(store: &Here, order: &BookingOrder, span: &Interval) -> Result<BookResult> {
    let mut tx = store.begin().await?;
    let days = booking::days_to_lock(&order.centre, &order.slots);
    writes::lock_days(&mut tx, order.centre.id, &days).await?;
    // Under the lock: a rival with the same key has committed by now, and its answer is ours.
    if let Some(idempotency) = &order.idempotency
        && let Some(answer) = answered_before(&mut tx, order.person, idempotency).await?
    {
        tx.rollback().await?;
        return Ok(answer);
    }
    let placed = match place(&mut tx, order, span).await? {
        Ok(placed) => placed,
        Err(no_room) => {
            tx.rollback().await?;
            return Ok(BookResult::Refused(no_room));
        }
    };
    let booking = booking_of(order, placed);
    insert(&mut tx, order, &booking, span).await?;
    tx.commit().await?;
    Ok(BookResult::Made(booking))
}

/// How a request of `person`'s with this key was answered before.
pub(super) async fn answered_before(
    line: &mut <Db as Database>::Connection,
    person: PersonId,
    idempotency: &Idempotency,
) -> Result<Option<BookResult>> {
    let before: Option<(Uuid, Vec<u8>)> = query_as(
        "SELECT id, idempotency_digest FROM bookings
         WHERE person_id = $1 AND idempotency_key = $2",
    )
    .bind(person.0)
    .bind(&idempotency.key)
    .fetch_optional(&mut *line)
    .await?;
    let Some((id, digest)) = before else { return Ok(None) };
    if bytes32(&digest)? != idempotency.digest {
        return Ok(Some(BookResult::KeyReused));
    }
    Ok(booking_by_id(line, BookingId(id)).await?.map(BookResult::Before))
}

/// Where everything of an order goes.
struct Placed {
    desks: Vec<(SpaceId, Interval)>,
    nursery: Option<NurseryId>,
}

async fn place(
    tx: &mut Tx,
    order: &BookingOrder,
    span: &Interval,
) -> Result<Result<Placed, NoRoom>> {
    let desks = match place_desks(tx, order, span).await? {
        Ok(desks) => desks,
        Err(slot) => return Ok(Err(NoRoom::Desk(slot))),
    };
    let nursery = match place_care(tx, order, span).await? {
        Ok(nursery) => nursery,
        Err(no_room) => return Ok(Err(no_room)),
    };
    Ok(Ok(Placed { desks, nursery }))
}

/// A space of the centre, or one of its claims.
#[derive(FromRow)]
struct SpaceOrClaim {
    space_id: Uuid,
    kind: Option<String>,
    label: Option<String>,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

async fn place_desks(
    tx: &mut Tx,
    order: &BookingOrder,
    span: &Interval,
) -> Result<Result<Vec<(SpaceId, Interval)>, Interval>> {
    if order.desks == 0 {
        return Ok(Ok(Vec::new()));
    }
    let rows: Vec<SpaceOrClaim> = query_as(
        "SELECT id AS space_id, kind, label, NULL AS starts_at, NULL AS ends_at FROM spaces
         WHERE centre_id = $1
         UNION ALL
         SELECT space_id, NULL, NULL, starts_at, ends_at FROM desk_claims
         WHERE centre_id = $1 AND released_at IS NULL
             AND starts_at > $2 AND starts_at < $3 AND ends_at > $4",
    )
    .bind(order.centre.id.0)
    .bind(span.starts() - LONGEST_CLAIM)
    .bind(span.ends())
    .bind(span.starts())
    .fetch_all(&mut **tx)
    .await?;
    let mut spaces = Vec::new();
    let mut taken = Vec::new();
    for row in rows {
        let space = SpaceId(row.space_id);
        match (row.kind, row.label, row.starts_at, row.ends_at) {
            (Some(kind), Some(label), ..) => {
                let wanted = match order.pinned {
                    Some(pinned) => space == pinned,
                    None => from_word::<SpaceKind>(&kind)? == SpaceKind::Desk,
                };
                if wanted {
                    spaces.push((label, space));
                }
            }
            (.., Some(starts), Some(ends)) => taken.push((space, interval(starts, ends)?)),
            _ => return Err(StoreError::Corrupt("half a claim".to_owned())),
        }
    }
    spaces.sort();
    let spaces: Vec<SpaceId> = spaces.into_iter().map(|(_, space)| space).collect();
    let desks = usize::try_from(order.desks).unwrap_or(usize::MAX);
    Ok(capacity::place_desks(&spaces, &taken, &order.slots, desks))
}

/// A nursery of the centre with one of its claims, or none.
#[derive(FromRow)]
struct NurseryClaim {
    id: Uuid,
    places: i64,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

async fn place_care(
    tx: &mut Tx,
    order: &BookingOrder,
    span: &Interval,
) -> Result<Result<Option<NurseryId>, NoRoom>> {
    if order.children.is_empty() {
        return Ok(Ok(None));
    }
    if let Some((child, slot)) = child_elsewhere(tx, order, span).await? {
        return Ok(Err(NoRoom::ChildElsewhere(child, slot)));
    }
    let rows: Vec<NurseryClaim> = query_as(
        "SELECT n.id, n.places, c.starts_at, c.ends_at
         FROM nurseries n LEFT JOIN care_claims c ON c.nursery_id = n.id
             AND c.released_at IS NULL
             AND c.starts_at > $2 AND c.starts_at < $3 AND c.ends_at > $4
         WHERE n.centre_id = $1 ORDER BY n.id",
    )
    .bind(order.centre.id.0)
    .bind(span.starts() - LONGEST_CLAIM)
    .bind(span.ends())
    .bind(span.starts())
    .fetch_all(&mut **tx)
    .await?;
    let mut full = None;
    for claims in rows.chunk_by(|one, next| one.id == next.id) {
        let taken = claims
            .iter()
            .filter_map(|claim| claim.starts_at.zip(claim.ends_at))
            .map(|(starts, ends)| interval(starts, ends))
            .collect::<Result<Vec<_>>>()?;
        let places = number(claims[0].places)?;
        match capacity::care_fits(places, &taken, &order.slots, order.children.len()) {
            Ok(()) => return Ok(Ok(Some(NurseryId(claims[0].id)))),
            Err(slot) => full = full.or(Some(slot)),
        }
    }
    Ok(Err(full.map_or(NoRoom::NoNursery, NoRoom::Care)))
}

/// A child of the order that is in care already at that time, wherever that is.
async fn child_elsewhere(
    tx: &mut Tx,
    order: &BookingOrder,
    span: &Interval,
) -> Result<Option<(ChildId, Interval)>> {
    let rows: Vec<(Uuid, DateTime<Utc>, DateTime<Utc>)> = query_as(concat!(
        "SELECT child_id, starts_at, ends_at FROM care_claims
         WHERE released_at IS NULL AND starts_at > $2 AND starts_at < $3 AND ends_at > $4
             AND child_id ",
        in_list!("$1"),
    ))
    .bind(crate::id_list(order.children.iter().map(|child| child.0)))
    .bind(span.starts() - LONGEST_CLAIM)
    .bind(span.ends())
    .bind(span.starts())
    .fetch_all(&mut **tx)
    .await?;
    let taken = rows
        .into_iter()
        .map(|(child, starts, ends)| Ok((ChildId(child), interval(starts, ends)?)))
        .collect::<Result<Vec<_>>>()?;
    let at_once = |child: &ChildId, slot: &Interval| {
        taken.iter().any(|(other, when)| other == child && when.overlaps(slot))
    };
    Ok(order
        .slots
        .iter()
        .flat_map(|slot| order.children.iter().map(move |child| (*child, *slot)))
        .find(|(child, slot)| at_once(child, slot)))
}

/// The booking as it will stand; its claims are numbered from its own id on.
fn booking_of(order: &BookingOrder, placed: Placed) -> Booking {
    let mut ids =
        (1_u128..).map(|n| ClaimId(Uuid::from_u128(order.id.0.as_u128().wrapping_add(n))));
    let mut next = move || ids.next().unwrap_or(ClaimId(order.id.0));
    let desks = placed
        .desks
        .into_iter()
        .map(|(space, when)| DeskClaim { id: next(), space, when, released_at: None })
        .collect();
    let care = placed.nursery.map_or_else(Vec::new, |nursery| {
        let places = order
            .slots
            .iter()
            .flat_map(|slot| order.children.iter().map(move |child| (*child, *slot)));
        places
            .map(|(child, when)| CareClaim { id: next(), nursery, child, when, released_at: None })
            .collect()
    });
    Booking {
        id: order.id,
        person: order.person,
        centre: order.centre.id,
        code: order.code,
        status: BookingStatus::Confirmed,
        desks,
        care,
        on_account_of: order.on_account_of,
        tariff_rev: order.tariff_rev,
        rule_rev: order.rule_rev,
        made_at: order.at,
        version: 1,
    }
}

async fn insert(
    tx: &mut Tx,
    order: &BookingOrder,
    booking: &Booking,
    span: &Interval,
) -> Result<()> {
    query(
        "INSERT INTO bookings (id, person_id, centre_id, code, status, on_account_of, tariff_rev,
             rule_rev, made_at, version, starts_at, ends_at, idempotency_key, idempotency_digest)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(booking.id.0)
    .bind(booking.person.0)
    .bind(booking.centre.0)
    .bind(booking.code.to_string())
    .bind(status_text(booking.status))
    .bind(booking.on_account_of.map(|id| id.0))
    .bind(i64::from(booking.tariff_rev))
    .bind(i64::from(booking.rule_rev))
    .bind(booking.made_at)
    .bind(i64::from(booking.version))
    .bind(span.starts())
    .bind(span.ends())
    .bind(order.idempotency.as_ref().map(|one| one.key.as_str()))
    .bind(order.idempotency.as_ref().map(|one| one.digest.as_slice()))
    .execute(&mut **tx)
    .await?;
    if !booking.desks.is_empty() {
        writes::insert_desk_claims(tx, booking).await?;
    }
    if !booking.care.is_empty() {
        writes::insert_care_claims(tx, booking).await?;
    }
    Ok(())
}
