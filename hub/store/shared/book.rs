//! Making a booking, or all of a series: all of it or nothing.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use model::booking::{self, Booking, BookingStatus, CareClaim, DeskClaim, Stretches};
use model::care::age::AgesByDay;
use model::centre::Centre;
use model::id::{BookingId, ChildId, ClaimId, PersonId, SeriesId, SpaceId};
use model::interval::Interval;
use model::opening::{days_of, whole_day};
use model::series::Series;
use sqlx::query::Query;
use sqlx::{Database, Transaction, query, query_as, query_scalar};
use store::{
    BookResult, BookingOrder, Idempotency, NewNotice, NoRoom, Result, SILENT, StoreError,
    status_text,
};
use uuid::Uuid;

use super::beside::Beside;
use super::bookings::{booking_by_id, span_of};
use super::care::{CarePlace, CarePlaced, CarePlaces, Had};
use super::convert::bytes32;
use super::ending::end_lapsed;
use super::floor::Floor;
use super::notices::NoticeRow;
use super::tries::Tries;
use super::{Broken, Outcome, counted, notices};
use crate::{Db, Here, writes};

type Tx = Transaction<'static, Db>;

/// Makes the booking of `order`, or says why not.
pub(super) async fn book(store: &Here, order: &BookingOrder) -> Result<BookResult> {
    let shared = Arc::new(order.clone());
    let mut tries = Tries::first();
    loop {
        let order = shared.clone();
        let booked = store
            .write(move |tx| {
                let order = order.clone();
                Box::pin(async move { book_once(tx, &order).await })
            })
            .await;
        match booked {
            Err(StoreError::Unavailable(error)) => match crate::broken(&error) {
                Some(Broken::DeskOverlap) => {
                    let slot = shared.slots[0];
                    return Ok(BookResult::Refused(NoRoom::Desk { slot, proven: false }));
                }
                Some(Broken::BookingCode) => return Err(StoreError::Duplicate("booking code")),
                Some(Broken::Unique) => return Err(StoreError::Duplicate("booking")),
                _ => {
                    let failed = error.into();
                    if !tries.again_after(&failed) {
                        return Err(failed);
                    }
                }
            },
            other => return other,
        }
    }
}

async fn book_once(tx: &mut Tx, order: &BookingOrder) -> Result<Outcome<BookResult>> {
    counted::lock(tx, [order].into_iter()).await?;
    let days = booking::days_to_lock(&order.centre, &order.slots);
    writes::lock_days(tx, order.centre.id, &days).await?;
    // Under the lock: a rival with the same key has committed by now, and its answer is ours.
    if let Some(idempotency) = &order.idempotency
        && let Some(answer) = answered_before(tx, order.person, idempotency).await?
    {
        return Ok(Outcome::Clean(answer));
    }
    let Found { room, ended } = place(tx, order, &days).await?;
    let placed = match room {
        Ok(placed) => placed,
        // Whoever is refused has ended others' holds all the same, and passed them on.
        Err(no_room) if ended => return Ok(Outcome::Kept(BookResult::Refused(no_room))),
        Err(no_room) => return Ok(Outcome::Clean(BookResult::Refused(no_room))),
    };
    let booking = booking_of(order, placed, None, 1);
    // Whoever has just pressed the button needs no mail that says so: what is held by hand is seen.
    let told = match booking.status {
        BookingStatus::Held => Vec::new(),
        _ => notices::of_new(tx, &booking, order.at).await?,
    };
    insert(tx, order, &booking, &told).await?;
    writes::note_days(tx, order.centre.id, &days).await?;
    Ok(Outcome::Kept(BookResult::Made(booking)))
}

/// Makes the bookings of a series, or says of each why not.
pub(super) async fn book_series(
    store: &Here,
    series: &Series,
    began: Option<BookingId>,
    orders: &[BookingOrder],
    each: bool,
) -> Result<Vec<BookResult>> {
    let shared = Arc::new((series.clone(), orders.to_vec()));
    let mut tries = Tries::first();
    loop {
        let again = shared.clone();
        let made = store
            .write_tentatively(move |tx| {
                let shared = again.clone();
                Box::pin(async move { series_once(tx, &shared.0, began, &shared.1, each).await })
            })
            .await;
        match made {
            Err(StoreError::Unavailable(error)) => match crate::broken(&error) {
                Some(Broken::BookingCode) => return Err(StoreError::Duplicate("booking code")),
                Some(Broken::Unique) => return Err(StoreError::Duplicate("booking")),
                Some(_) if tries.once_more() => {}
                _ => return Err(error.into()),
            },
            other => return other,
        }
    }
}

async fn series_once(
    tx: &mut Tx,
    series: &Series,
    began: Option<BookingId>,
    orders: &[BookingOrder],
    each: bool,
) -> Result<Outcome<Vec<BookResult>>> {
    let Some(first) = orders.first() else { return Ok(Outcome::Clean(Vec::new())) };
    counted::lock(tx, orders.iter()).await?;
    let slots: Vec<Interval> = orders.iter().flat_map(|order| order.slots.clone()).collect();
    let days = booking::days_to_lock(&first.centre, &slots);
    writes::lock_days(tx, first.centre.id, &days).await?;
    if let Some(idempotency) = &first.idempotency
        && let Some(answer) = answered_before(tx, first.person, idempotency).await?
    {
        return Ok(Outcome::Clean(vec![answer]));
    }
    query(
        "INSERT INTO series (id, person_id, centre_id, rule, made_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(series.id.0)
    .bind(series.person.0)
    .bind(series.centre.0)
    .bind(series.rule.to_string())
    .bind(series.made_at)
    .execute(&mut **tx)
    .await?;
    query(
        "UPDATE bookings SET series_id = $2
         WHERE id = $1 AND series_id IS NULL AND person_id = $3",
    )
    .bind(began.map(|id| id.0))
    .bind(series.id.0)
    .bind(series.person.0)
    .execute(&mut **tx)
    .await?;
    let mut answers = Vec::with_capacity(orders.len());
    let (mut made, mut refused) = (false, false);
    // The first that is made has the key, whichever day that is: the same request again finds it.
    let mut key = first.idempotency.clone();
    for order in orders {
        match place(tx, order, &days).await?.room {
            Ok(placed) => {
                let booking = booking_of(order, placed, Some(series.id), 1);
                let told = notices::of_new(tx, &booking, order.at).await?;
                let order = BookingOrder { idempotency: key.take(), ..order.clone() };
                insert(tx, &order, &booking, &told).await?;
                made = true;
                answers.push(BookResult::Made(booking));
            }
            Err(no_room) => {
                refused = true;
                answers.push(BookResult::Refused(no_room));
            }
        }
    }
    if made && (each || !refused) {
        writes::note_days(tx, first.centre.id, &days).await?;
        Ok(Outcome::Kept(answers))
    } else {
        Ok(Outcome::Undo(answers))
    }
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
pub(super) struct Placed {
    desks: Vec<(SpaceId, Interval)>,
    care: Option<CarePlaced>,
}

/// What looking for room came to.
pub(super) struct Found {
    /// Where everything goes, if there is room.
    pub(super) room: std::result::Result<Placed, NoRoom>,
    /// Whether holds were ended whose time was over.
    pub(super) ended: bool,
}

/// Finds room for `order` once what has lapsed is ended.
pub(super) async fn place(tx: &mut Tx, order: &BookingOrder, days: &[NaiveDate]) -> Result<Found> {
    let span = span_of(&order.slots)
        .ok_or_else(|| StoreError::Corrupt("an order without slots".to_owned()))?;
    let mut floor = Floor::read(tx, &order.centre, &span, order.at).await?;
    let ended = !floor.lapsed.is_empty()
        && end_lapsed(tx, &order.centre, order.at, days, &order.spare).await?;
    if ended {
        floor = Floor::read(tx, &order.centre, &span, order.at).await?;
    }
    Ok(Found { room: place_on(tx, floor, order, days, &span, None).await?, ended })
}

/// The same where the floor has been read, for a booking that `had` something before.
pub(super) async fn place_on(
    tx: &mut Tx,
    floor: Floor,
    order: &BookingOrder,
    days: &[NaiveDate],
    span: &Interval,
    had: Option<Had<'_>>,
) -> Result<Result<Placed, NoRoom>> {
    if let Some(over) = counted::over(tx, order, None).await? {
        return Ok(Err(NoRoom::Quota(over)));
    }
    // Care first: finding desks may move others.
    let care = match place_care(tx, order, span, had).await? {
        Ok(care) => care,
        Err(no_room) => return Ok(Err(no_room)),
    };
    Ok(floor.place(tx, order, days).await?.map(|desks| Placed { desks, care }))
}

/// Holds for who waits what an order of theirs asks for, if there is room.
pub(super) async fn hold(
    tx: &mut Tx,
    order: &BookingOrder,
    days: &[NaiveDate],
) -> Result<Result<Booking, NoRoom>> {
    let span = span_of(&order.slots)
        .ok_or_else(|| StoreError::Corrupt("an order without slots".to_owned()))?;
    let floor = Floor::read(tx, &order.centre, &span, order.at).await?;
    match place_on(tx, floor, order, days, &span, None).await? {
        Ok(placed) => {
            let booking = booking_of(order, placed, None, 1);
            insert(tx, order, &booking, &[]).await?;
            Ok(Ok(booking))
        }
        Err(no_room) => Ok(Err(no_room)),
    }
}

async fn place_care(
    tx: &mut Tx,
    order: &BookingOrder,
    span: &Interval,
    had: Option<Had<'_>>,
) -> Result<Result<Option<CarePlaced>, NoRoom>> {
    if order.children.is_empty() {
        return Ok(Ok(None));
    }
    let mut beside = Beside::read(tx, &order.children, &order.slots, &order.centre, None).await?;
    if let Some((child, slot)) = elsewhere(order, &beside) {
        return Ok(Err(NoRoom::ChildElsewhere(child, slot)));
    }
    if let Some(child) = shut_out(tx, order).await? {
        return Ok(Err(NoRoom::NotTheirs(child)));
    }
    beside.silent_until = silent_until(tx, order, span).await?;
    let places = CarePlaces::read(tx, &order.centre, span).await?;
    if places.need_interviews() {
        beside.read_interviews(tx, &order.children).await?;
    }
    Ok(places.place(order, had, &beside).map(Some))
}

/// A child of the order whom its guest is barred from: who waited for care, or was just asking, may be since then.
async fn shut_out(tx: &mut Tx, order: &BookingOrder) -> Result<Option<ChildId>> {
    let child: Option<Uuid> = query_scalar(concat!(
        "SELECT child_id FROM barred_accounts WHERE person_id = $2 AND child_id ",
        in_list!("$1"),
        " ORDER BY child_id LIMIT 1",
    ))
    .bind(crate::id_list(order.children.iter().map(|child| child.0)))
    .bind(order.person.0)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(child.map(ChildId))
}

/// The end of the local day, where care begins on it and nothing is heard of the centre's site.
async fn silent_until(
    tx: &mut Tx,
    order: &BookingOrder,
    span: &Interval,
) -> Result<Option<DateTime<Utc>>> {
    let zone = order.centre.time_zone;
    let today = order.at.with_timezone(&zone).date_naive();
    let today = whole_day(today, zone).filter(|today| span.starts() < today.ends());
    let Some(today) = today else { return Ok(None) };
    let silent: Option<bool> = query_scalar(
        "SELECT heard_at IS NULL OR heard_at <= $2 FROM sites
         WHERE centre_id = $1 AND sheet_in_force IS NOT NULL",
    )
    .bind(order.centre.id.0)
    .bind(order.at - SILENT)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(silent.filter(|silent| *silent).map(|_| today.ends()))
}

/// A child of the order that is in care already at that time, wherever that is.
fn elsewhere(order: &BookingOrder, beside: &Beside) -> Option<(ChildId, Interval)> {
    let slots = order.slots.iter();
    let mut wishes = slots.flat_map(|slot| order.children.iter().map(move |child| (*child, *slot)));
    wishes.find(|(child, slot)| beside.has_care(*child, slot))
}

/// The booking as it will stand; its claims are numbered from its own id and version on.
pub(super) fn booking_of(
    order: &BookingOrder,
    placed: Placed,
    series: Option<SeriesId>,
    version: u32,
) -> Booking {
    let first = order.id.0.as_u128().wrapping_add(u128::from(version - 1) << 16);
    let mut ids = (1_u128..).map(|n| ClaimId(Uuid::from_u128(first.wrapping_add(n))));
    let mut next = move || ids.next().unwrap_or(ClaimId(order.id.0));
    let desks: Vec<DeskClaim> = placed
        .desks
        .into_iter()
        .map(|(space, when)| DeskClaim {
            id: next(),
            space,
            when,
            released_at: None,
            refunded_at: None,
        })
        .collect();
    let care = placed.care.map_or_else(Vec::new, |CarePlaced { nursery, places }| {
        let claim = |CarePlace { child, when, ages, scheme, room }| CareClaim {
            id: next(),
            nursery,
            child,
            room,
            ages,
            scheme,
            when,
            released_at: None,
            refunded_at: None,
        };
        places.into_iter().map(claim).collect()
    });
    Booking {
        id: order.id,
        person: order.person,
        centre: order.centre.id,
        code: order.code,
        status: order.stands.status(),
        most: Stretches::of(&desks, &care),
        desks,
        care,
        needs: order.needs,
        lapses_at: order.stands.lapses_at(),
        awaits: order.stands.awaits(),
        series,
        on_account_of: order.on_account_of,
        tariff_rev: order.tariff_rev,
        rule_rev: order.rule_rev,
        made_at: order.at,
        version,
    }
}

/// An order for one desk at `centre` as a booking's guest would make it now.
pub(super) fn order_again(booking: &Booking, centre: &Centre, at: DateTime<Utc>) -> BookingOrder {
    let mut ages = AgesByDay::default();
    for claim in &booking.care {
        for day in days_of(&claim.when, centre.time_zone) {
            if let Some(known) = claim.ages {
                ages.put(claim.child, day, known);
            }
        }
    }
    let (had, revisions) = ((booking.id, booking.code), (booking.tariff_rev, booking.rule_rev));
    BookingOrder {
        needs: booking.needs,
        ages,
        on_account_of: booking.on_account_of,
        ..BookingOrder::of_desk(had, booking.person, centre, Vec::new(), revisions, at)
    }
}

/// Inserts a booking with its claims and what is told of it.
pub(super) async fn insert(
    tx: &mut Tx,
    order: &BookingOrder,
    booking: &Booking,
    told: &[NewNotice],
) -> Result<()> {
    let told: Vec<NoticeRow> =
        told.iter().map(|notice| NoticeRow::of(notice, notice.at)).collect::<Result<_>>()?;
    writes::insert_booking(tx, order, booking, &told).await
}

/// Inserts the row of a booking; [`bind_row`] binds `$1` to `$24`.
macro_rules! insert_row {
    () => {
        "INSERT INTO bookings (id, person_id, centre_id, code, status, on_account_of, tariff_rev,
             rule_rev, made_at, version, starts_at, ends_at, idempotency_key, idempotency_digest,
             required, wanted, pinned, together, lapses_at, series_id, awaits_centre, awaits_employer,
             desk_stretches, care_stretches)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
             $19, $20, $21, $22, $23, $24)"
    };
}
pub(crate) use insert_row;

/// A statement that the database keeps prepared.
pub(crate) type Statement<'q> = Query<'q, Db, <Db as Database>::Arguments>;

/// Binds what [`insert_row`] inserts.
pub(crate) fn bind_row<'q>(
    statement: Statement<'q>,
    order: &BookingOrder,
    booking: &Booking,
) -> Result<Statement<'q>> {
    let span =
        booking.span().ok_or_else(|| StoreError::Corrupt("a booking without claims".to_owned()))?;
    let idempotency = order.idempotency.as_ref();
    Ok(statement
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
        .bind(idempotency.map(|one| one.key.clone()))
        .bind(idempotency.map(|one| one.digest.to_vec()))
        .bind(i64::from(booking.needs.required.bits()))
        .bind(i64::from(booking.needs.wanted.bits()))
        .bind(booking.needs.pinned)
        .bind(booking.needs.together)
        .bind(booking.lapses_at)
        .bind(booking.series.map(|id| id.0))
        .bind(booking.awaits.centre)
        .bind(booking.awaits.employer)
        .bind(i64::from(booking.most.desks))
        .bind(i64::from(booking.most.care)))
}

/// Inserts the claims of a booking that has none of these yet.
pub(crate) async fn insert_claims(tx: &mut Tx, booking: &Booking) -> Result<()> {
    if !booking.desks.is_empty() {
        writes::insert_desk_claims(tx, booking).await?;
    }
    if !booking.care.is_empty() {
        writes::insert_care_claims(tx, booking).await?;
    }
    Ok(())
}
