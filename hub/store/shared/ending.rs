//! How bookings end or come to stand, and who gets what that gives free.

use chrono::{DateTime, NaiveDate, Utc};
use model::booking::{self, Booking, BookingStatus};
use model::care::scheme::NotUnder;
use model::centre::Centre;
use model::id::{BookingId, ChildId};
use model::interval::Interval;
use model::notice::{NoticeBody, NoticeKind};
use sqlx::{Transaction, query, query_scalar};
use store::{
    BookingOrder, Counted, NewNotice, Result, Settled, Settling, Spare, Stands, Stood, status_text,
};
use uuid::Uuid;

use super::book::order_again;
use super::bookings::{booking_by_id, days_of};
use super::tries::Tries;
use super::waitlist::{days_waited_for, offer, outcome_of_offer};
use super::{Outcome, beside, counted, notices};
use crate::{Db, Here, writes};

type Tx = Transaction<'static, Db>;

/// Gives a booking up that holds something still to come and whose guest is not inside, nor a child in care.
pub(super) async fn cancel(
    store: &Here,
    id: BookingId,
    centre: &Centre,
    at: DateTime<Utc>,
    spare: &[Spare],
) -> Result<Option<(Booking, bool)>> {
    let mut tries = Tries::first();
    loop {
        let Some(before) = booking_by_id(store.reader(), id).await? else { return Ok(None) };
        let (centre, spare) = (centre.clone(), spare.to_vec());
        let days = days_to_end(store, &before, &centre).await?;
        let done = store.write(move |tx| {
            let (centre, spare, days) = (centre.clone(), spare.clone(), days.clone());
            Box::pin(async move {
                writes::lock_days(tx, centre.id, &days).await?;
                let Some(before) = still_within(tx, id, &centre, &days).await? else {
                    return Ok(Outcome::Clean(None));
                };
                let changed = give_up(tx, id, at).await?;
                if changed {
                    let told = NewNotice::of(&before, NoticeKind::Cancelled, at);
                    notices::put(tx, &told).await?;
                    outcome_of_offer(tx, id, false).await?;
                    offer(tx, &centre, &days, at, &spare).await?;
                    writes::note_days(tx, centre.id, &days).await?;
                }
                let after = booking_by_id(&mut **tx, id).await?.map(|after| (after, changed));
                Ok(if changed { Outcome::Kept(Some(after)) } else { Outcome::Clean(Some(after)) })
            })
        });
        match done.await {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => {}
            Err(failed) if tries.again_after(&failed) => {}
            Err(failed) => return Err(failed),
        }
    }
}

/// A booking as it is once its own row is locked, if all that it holds lies within the locked days;
/// nothing where a change has moved it since it was read.
pub(super) async fn still_within(
    tx: &mut Tx,
    id: BookingId,
    centre: &Centre,
    locked: &[NaiveDate],
) -> Result<Option<Booking>> {
    query("UPDATE bookings SET version = version WHERE id = $1")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let now = booking_by_id(&mut **tx, id).await?;
    Ok(now.filter(|now| is_within(now, centre, locked)))
}

fn is_within(booking: &Booking, centre: &Centre, locked: &[NaiveDate]) -> bool {
    days_of(booking, centre).iter().all(|day| locked.binary_search(day).is_ok())
}

async fn give_up(tx: &mut Tx, id: BookingId, at: DateTime<Utc>) -> Result<bool> {
    let held: Option<i64> = query_scalar(
        "UPDATE bookings SET status = $2, lapses_at = NULL, awaits_centre = FALSE,
             awaits_employer = FALSE, version = version + 1
         WHERE id = $1 AND status IN ('confirmed', 'held', 'asked')
             AND NOT EXISTS (
                 SELECT 1 FROM visits WHERE booking_id = $1 AND checked_out_at IS NULL)
             AND NOT EXISTS (SELECT 1 FROM care_claims
                 WHERE booking_id = $1 AND released_at IS NULL AND ends_at > $3
                     AND brought_at IS NOT NULL AND collected_at IS NULL)
             AND (EXISTS (SELECT 1 FROM desk_claims
                     WHERE booking_id = $1 AND released_at IS NULL AND ends_at > $3)
                 OR EXISTS (SELECT 1 FROM care_claims
                     WHERE booking_id = $1 AND released_at IS NULL AND ends_at > $3))
         RETURNING version",
    )
    .bind(id.0)
    .bind(status_text(BookingStatus::Cancelled))
    .bind(at)
    .fetch_optional(&mut **tx)
    .await?;
    if held.is_some() {
        release(tx, id, at).await?;
    }
    Ok(held.is_some())
}

/// Gives what a booking holds and has not ended free.
pub(super) async fn release(tx: &mut Tx, id: BookingId, at: DateTime<Utc>) -> Result<()> {
    query(
        "UPDATE desk_claims SET released_at = $2
         WHERE booking_id = $1 AND released_at IS NULL AND ends_at > $2",
    )
    .bind(id.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    query(
        "UPDATE care_claims SET released_at = $2
         WHERE booking_id = $1 AND released_at IS NULL AND ends_at > $2",
    )
    .bind(id.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Confirms, passes on or declines what is held or asked for.
pub(super) async fn settle(store: &Here, settling: &Settling<'_>) -> Result<Option<Settled>> {
    let (id, version, to, at) = (settling.id, settling.version, settling.to, settling.at);
    let mut tries = Tries::first();
    loop {
        let Some(before) = booking_by_id(store.reader(), id).await? else { return Ok(None) };
        let (centre, spare) = (settling.centre.clone(), settling.spare.to_vec());
        let days = days_to_end(store, &before, &centre).await?;
        let quotas = settling.quotas.to_vec();
        let children: Vec<ChildId> = before.care.iter().map(|claim| claim.child).collect();
        let done = store.write(move |tx| {
            let (centre, spare, days) = (centre.clone(), spare.clone(), days.clone());
            let (quotas, children) = (quotas.clone(), children.clone());
            Box::pin(async move {
                let mut subjects: Vec<Uuid> =
                    quotas.iter().map(|counted| counted.whose.lock()).collect();
                subjects.extend(counted::with_households(tx, &children).await?);
                counted::lock_subjects(tx, subjects).await?;
                writes::lock_days(tx, centre.id, &days).await?;
                let Some(held) = still_within(tx, id, &centre, &days).await? else {
                    return Ok(Outcome::Clean(None));
                };
                let as_seen = version.is_none_or(|version| version == held.version);
                let stands = becomes(&held, to).filter(|_| as_seen && held.lapses_at > Some(at));
                let Some(stands) = stands else {
                    return Ok(Outcome::Clean(Some(Some(Settled::Otherwise(held)))));
                };
                let order = held_as_order(&held, &centre, quotas, at);
                if let Some(over) = counted::over(tx, &order, Some(id)).await? {
                    return Ok(Outcome::Clean(Some(Some(Settled::Over(over)))));
                }
                if stands.is_some()
                    && let Some((visit, scheme, over)) =
                        beside::over_now(tx, &held, &centre).await?
                {
                    let why = (scheme.title, NotUnder::Over(over));
                    let not = Settled::NotUnder(visit.child, visit.when, why);
                    return Ok(Outcome::Clean(Some(Some(not))));
                }
                let status = stands.map_or(BookingStatus::Declined, Stands::status);
                query(
                    "UPDATE bookings SET status = $2, lapses_at = $3, awaits_centre = $4,
                         awaits_employer = $5, version = version + 1
                     WHERE id = $1",
                )
                .bind(id.0)
                .bind(status_text(status))
                .bind(stands.and_then(Stands::lapses_at))
                .bind(stands.is_some_and(|stands| stands.awaits().centre))
                .bind(stands.is_some_and(|stands| stands.awaits().employer))
                .execute(&mut **tx)
                .await?;
                if stands.is_none() {
                    release(tx, id, at).await?;
                    offer(tx, &centre, &days, at, &spare).await?;
                }
                outcome_of_offer(tx, id, stands.is_some()).await?;
                writes::note_days(tx, centre.id, &days).await?;
                let now = booking_by_id(&mut **tx, id).await?;
                if let Some(now) = &now {
                    tell_settled(tx, now, held.status, at).await?;
                }
                Ok(Outcome::Kept(Some(now.map(Settled::Done))))
            })
        });
        match done.await {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => {}
            Err(failed) if tries.again_after(&failed) => {}
            Err(failed) => return Err(failed),
        }
    }
}

/// How a booking stands after `to`, where that can become of it: `Some(None)` where it does not.
fn becomes(held: &Booking, to: Stood) -> Option<Option<Stands>> {
    match (held.status, to) {
        (BookingStatus::Held, Stood::Confirmed) => Some(Some(Stands::Confirmed)),
        (BookingStatus::Held, Stood::AskedUntil(until, awaits)) => {
            Some(Some(Stands::AskedUntil(until, awaits)))
        }
        (BookingStatus::Asked, Stood::Approved(by)) if held.awaits.of(by).any() => {
            let left = held.awaits.without(by);
            Some(Some(match held.lapses_at {
                Some(until) if left.any() => Stands::AskedUntil(until, left),
                _ => Stands::Confirmed,
            }))
        }
        (BookingStatus::Asked, Stood::Declined(by)) if held.awaits.of(by).any() => Some(None),
        _ => None,
    }
}

/// What a booking holds, as the order that is counted when it is to stand.
fn held_as_order(
    booking: &Booking,
    centre: &Centre,
    quotas: Vec<Counted>,
    at: DateTime<Utc>,
) -> BookingOrder {
    let live = booking.desks.iter().filter(|claim| claim.released_at.is_none());
    let mut slots: Vec<Interval> = live.map(|claim| claim.when).collect();
    let desks = slots.len();
    slots.sort();
    slots.dedup();
    BookingOrder {
        desks: u32::try_from(desks / slots.len().max(1)).unwrap_or(u32::MAX),
        slots,
        quotas,
        ..order_again(booking, centre, at)
    }
}

/// Tells the guest what was decided, or who has to decide.
async fn tell_settled(
    tx: &mut Tx,
    now: &Booking,
    from: BookingStatus,
    at: DateTime<Utc>,
) -> Result<()> {
    let kind = match (from, now.status) {
        (BookingStatus::Asked, BookingStatus::Confirmed) => NoticeKind::Approved,
        // The others have been asked with the first.
        (BookingStatus::Asked, BookingStatus::Asked) => return Ok(()),
        (_, BookingStatus::Declined) => NoticeKind::Declined,
        _ => return notices::put_new(tx, now, at).await,
    };
    notices::put(tx, &NewNotice::of(now, kind, at)).await
}

/// Ends what has lapsed at a centre.
pub(super) async fn lapse(
    store: &Here,
    centre: &Centre,
    at: DateTime<Utc>,
    spare: &[Spare],
) -> Result<Vec<Booking>> {
    let mut days = Vec::new();
    for id in lapsed(store.reader(), centre, at).await? {
        if let Some(booking) = booking_by_id(store.reader(), id).await? {
            days.extend(days_to_end(store, &booking, centre).await?);
        }
    }
    days.sort();
    days.dedup();
    if days.is_empty() {
        return Ok(Vec::new());
    }
    let mut tries = Tries::first();
    loop {
        let (centre, spare, days) = (centre.clone(), spare.to_vec(), days.clone());
        let ended = store.write(move |tx| {
            let (centre, spare, days) = (centre.clone(), spare.clone(), days.clone());
            Box::pin(async move {
                writes::lock_days(tx, centre.id, &days).await?;
                let ids = lapsed(&mut **tx, &centre, at).await?;
                if !end_lapsed(tx, &centre, at, &days, &spare).await? {
                    return Ok(Outcome::Clean(Vec::new()));
                }
                let mut ended = Vec::new();
                for id in ids {
                    ended.extend(booking_by_id(&mut **tx, id).await?);
                }
                ended.retain(|booking| booking.status == BookingStatus::Lapsed);
                Ok(Outcome::Kept(ended))
            })
        });
        match ended.await {
            Err(failed) if tries.again_after(&failed) => {}
            other => return other,
        }
    }
}

async fn lapsed<'c>(
    line: impl sqlx::Executor<'c, Database = Db>,
    centre: &Centre,
    at: DateTime<Utc>,
) -> Result<Vec<BookingId>> {
    let ids: Vec<Uuid> = query_scalar(
        "SELECT id FROM bookings WHERE lapses_at <= $1 AND centre_id = $2 ORDER BY id",
    )
    .bind(at)
    .bind(centre.id.0)
    .fetch_all(line)
    .await?;
    Ok(ids.into_iter().map(BookingId).collect())
}

/// Ends what has lapsed within the locked days; answers whether there was anything.
pub(super) async fn end_lapsed(
    tx: &mut Tx,
    centre: &Centre,
    at: DateTime<Utc>,
    locked: &[NaiveDate],
    spare: &[Spare],
) -> Result<bool> {
    let mut any = false;
    for id in lapsed(&mut **tx, centre, at).await? {
        // Only what is to be ended is locked: rivals on other days shall not queue for it here.
        let seen = booking_by_id(&mut **tx, id).await?;
        if !seen.is_some_and(|seen| is_within(&seen, centre, locked)) {
            continue;
        }
        let Some(booking) = still_within(tx, id, centre, locked).await? else { continue };
        let ended = query(
            "UPDATE bookings SET status = $2, lapses_at = NULL, awaits_centre = FALSE,
                 awaits_employer = FALSE, version = version + 1
             WHERE id = $1 AND lapses_at <= $3",
        )
        .bind(id.0)
        .bind(status_text(BookingStatus::Lapsed))
        .bind(at)
        .execute(&mut **tx)
        .await?
        .rows_affected();
        if ended > 0 {
            any = true;
            release(tx, id, at).await?;
            let unanswered = booking.status == BookingStatus::Asked;
            let body = NoticeBody { unanswered, ..NoticeBody::default() };
            let told = NewNotice { body, ..NewNotice::of(&booking, NoticeKind::HoldLapsed, at) };
            notices::put(tx, &told).await?;
            outcome_of_offer(tx, id, false).await?;
        }
    }
    if any {
        offer(tx, centre, locked, at, spare).await?;
        writes::note_days(tx, centre.id, locked).await?;
    }
    Ok(any)
}

/// The days of a booking, with those of whoever waits for a part of them; sorted.
pub(super) async fn days_to_end(
    store: &Here,
    booking: &Booking,
    centre: &Centre,
) -> Result<Vec<NaiveDate>> {
    let mut days = days_of(booking, centre);
    if let Some(span) = booking.span() {
        days.extend(days_waited_for(store.reader(), centre, &span).await?);
    }
    days.sort();
    days.dedup();
    Ok(days)
}

/// The days of slots, with those of whoever waits for a part of them; sorted.
pub(super) async fn days_with_waiting(
    store: &Here,
    centre: &Centre,
    slots: &[Interval],
) -> Result<Vec<NaiveDate>> {
    let mut days = booking::days_to_lock(centre, slots);
    for slot in slots {
        days.extend(days_waited_for(store.reader(), centre, slot).await?);
    }
    days.sort();
    days.dedup();
    Ok(days)
}
