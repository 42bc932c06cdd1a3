//! Another time, place or number for a booking that stands.

use std::sync::Arc;

use model::booking::{Booking, BookingStatus};
use model::id::{BookingId, SpaceId};
use model::interval::Interval;
use model::notice::{NoticeBody, NoticeKind};
use model::opening::next_step;
use sqlx::{Transaction, query, query_scalar};
use store::{BookingOrder, Changed, NewNotice, NoRoom, Result, Spare, StoreError, status_text};

use super::book::{booking_of, insert_claims, place_on};
use super::bookings::{booking_by_id, note_stretches, span_of};
use super::care::Had;
use super::ending::{days_with_waiting, end_lapsed};
use super::floor::Floor;
use super::tries::Tries;
use super::waitlist::offer;
use super::{Broken, Outcome, counted, notices};
use crate::{Db, Here, writes};

type Tx = Transaction<'static, Db>;

/// Gives a booking the claims of `order` in the place of its own.
pub(super) async fn change(
    store: &Here,
    id: BookingId,
    version: u32,
    order: &BookingOrder,
    spare: &[Spare],
) -> Result<Changed> {
    let shared = Arc::new((order.clone(), spare.to_vec()));
    let mut tries = Tries::first();
    loop {
        let Some(before) = booking_by_id(store.reader(), id).await? else {
            return Ok(Changed::Absent);
        };
        if before.version != version {
            return Ok(Changed::Newer(before));
        }
        let mut slots = stretches(&before);
        slots.extend(&order.slots);
        let days = days_with_waiting(store, &order.centre, &slots).await?;
        let again = shared.clone();
        let changed = store
            .write_tentatively(move |tx| {
                let (shared, days) = (again.clone(), days.clone());
                Box::pin(async move { once(tx, id, version, &shared.0, &shared.1, &days).await })
            })
            .await;
        match changed {
            Err(StoreError::Unavailable(error))
                if crate::broken(&error) == Some(Broken::DeskOverlap) =>
            {
                let slot = order.slots[0];
                return Ok(Changed::Refused(NoRoom::Desk { slot, proven: false }));
            }
            Err(failed) if tries.again_after(&failed) => {}
            other => return other,
        }
    }
}

async fn once(
    tx: &mut Tx,
    id: BookingId,
    version: u32,
    order: &BookingOrder,
    spare: &[Spare],
    days: &[chrono::NaiveDate],
) -> Result<Outcome<Changed>> {
    counted::lock(tx, [order].into_iter()).await?;
    writes::lock_days(tx, order.centre.id, days).await?;
    // The booking's own row first, as everybody who changes it does.
    let open: Option<bool> = query_scalar(
        "UPDATE bookings SET version = version + 1 WHERE id = $1 AND version = $2
         RETURNING status IN ('confirmed', 'held', 'asked')
             AND (lapses_at IS NULL OR lapses_at > $3)
             AND NOT EXISTS (
                 SELECT 1 FROM visits WHERE booking_id = $1 AND checked_out_at IS NULL)
             AND NOT EXISTS (SELECT 1 FROM care_claims
                 WHERE booking_id = $1 AND released_at IS NULL AND ends_at > $3
                     AND brought_at IS NOT NULL AND collected_at IS NULL)",
    )
    .bind(id.0)
    .bind(i64::from(version))
    .bind(order.at)
    .fetch_optional(&mut **tx)
    .await?;
    let now = booking_by_id(&mut **tx, id).await?;
    let Some(now) = now else { return Ok(Outcome::Clean(Changed::Absent)) };
    match open {
        None => return Ok(Outcome::Clean(Changed::Newer(now))),
        Some(false) => {
            return Ok(Outcome::Undo(Changed::Fixed(Booking { version, ..now })));
        }
        Some(true) => {}
    }
    // What others have let lapse goes to who waits before this booking makes room for itself.
    end_lapsed(tx, &order.centre, order.at, days, &order.spare).await?;
    give_way(tx, &now, order).await?;
    let span = span_of(&order.slots)
        .ok_or_else(|| StoreError::Corrupt("an order without slots".to_owned()))?;
    let floor = Floor::read(tx, &order.centre, &span, order.at).await?;
    let had = Had { booking: &now, stands: true };
    let placed = match place_on(tx, floor, order, days, &span, Some(had)).await? {
        Ok(placed) => placed,
        Err(no_room) => return Ok(Outcome::Undo(Changed::Refused(no_room))),
    };
    let fresh = booking_of(order, placed, now.series, version + 1);
    insert_claims(tx, &fresh).await?;
    query(
        "UPDATE bookings SET required = $2, wanted = $3, pinned = $4, together = $5,
             tariff_rev = $6, rule_rev = $7, status = $8, lapses_at = $9,
             awaits_centre = $10, awaits_employer = $11
         WHERE id = $1",
    )
    .bind(id.0)
    .bind(i64::from(order.needs.required.bits()))
    .bind(i64::from(order.needs.wanted.bits()))
    .bind(order.needs.pinned)
    .bind(order.needs.together)
    .bind(i64::from(order.tariff_rev))
    .bind(i64::from(order.rule_rev))
    .bind(status_text(order.stands.status()))
    .bind(order.stands.lapses_at())
    .bind(order.stands.awaits().centre)
    .bind(order.stands.awaits().employer)
    .execute(&mut **tx)
    .await?;
    offer(tx, &order.centre, days, order.at, spare).await?;
    writes::note_days(tx, order.centre.id, days).await?;
    let Some(after) = booking_by_id(&mut **tx, id).await? else {
        return Ok(Outcome::Undo(Changed::Absent));
    };
    note_stretches(tx, &after).await?;
    if after.status == BookingStatus::Asked {
        notices::put_new(tx, &after, order.at).await?;
    }
    let told = news(tx, &now, &after, order).await?;
    notices::put(tx, &told).await?;
    Ok(Outcome::Kept(Changed::Done(after)))
}

/// Takes away what the new claims stand in the place of: what has not begun, and what runs where a new
/// stretch overlaps it, or where it is all that there is. Of what runs, a desk that saw nobody goes as a
/// whole; everything else ends at the next step of the grain.
async fn give_way(tx: &mut Tx, before: &Booking, order: &BookingOrder) -> Result<()> {
    let (id, at) = (before.id.0, order.at);
    // Care first: with a desk it has begun when the desk has, whatever the hand-over.
    for not_begun in [
        "DELETE FROM care_claims
         WHERE booking_id = $1 AND released_at IS NULL AND (starts_at >= $2 OR EXISTS (
             SELECT 1 FROM desk_claims d
             WHERE d.booking_id = $1 AND d.released_at IS NULL AND d.starts_at >= $2
                 AND d.starts_at < care_claims.ends_at AND d.ends_at > care_claims.starts_at))",
        "DELETE FROM desk_claims
         WHERE booking_id = $1 AND released_at IS NULL AND starts_at >= $2",
    ] {
        query(not_begun).bind(id).bind(at).execute(&mut **tx).await?;
    }
    let (running, to_come): (Vec<Interval>, Vec<Interval>) =
        before.to_come(at).into_iter().partition(|one| one.starts() < at);
    let overlapped = running.iter().any(|runs| order.slots.iter().any(|slot| slot.overlaps(runs)));
    if running.is_empty() || !(overlapped || to_come.is_empty()) {
        return Ok(());
    }
    query(
        "DELETE FROM desk_claims
         WHERE booking_id = $1 AND released_at IS NULL AND starts_at < $2 AND ends_at > $2
             AND NOT EXISTS (SELECT 1 FROM visits v WHERE v.booking_id = $1
                 AND v.checked_in_at < desk_claims.ends_at
                 AND (v.checked_out_at IS NULL OR v.checked_out_at > desk_claims.starts_at))",
    )
    .bind(id)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    let settings = &order.centre.settings;
    let next = next_step(at, settings.grain_minutes, order.centre.time_zone);
    for runs in [
        "UPDATE desk_claims SET ends_at = $3
         WHERE booking_id = $1 AND released_at IS NULL AND starts_at < $2 AND ends_at > $3",
        "UPDATE care_claims SET ends_at = $3
         WHERE booking_id = $1 AND released_at IS NULL AND starts_at < $2 AND ends_at > $3",
    ] {
        query(runs).bind(id).bind(at).bind(next).execute(&mut **tx).await?;
    }
    Ok(())
}

/// What the guest is told: that only their desk is another, where they had picked it and so knew it;
/// else that the booking has changed. The new desk has a name only where it is picked too: any other may
/// change until they come.
async fn news(
    tx: &mut Tx,
    before: &Booking,
    after: &Booking,
    order: &BookingOrder,
) -> Result<NewNotice> {
    let live = |booking: &Booking| -> Vec<SpaceId> {
        let claims = booking.desks.iter().filter(|claim| claim.released_at.is_none());
        claims.map(|claim| claim.space).collect()
    };
    let spaces = live(after);
    let known = live(before).pop().filter(|_| before.needs.pinned);
    let Some(_) = known.filter(|known| !spaces.is_empty() && !spaces.contains(known)) else {
        return Ok(NewNotice::of(after, NoticeKind::Changed, order.at));
    };
    let same_times = stretches(before) == stretches(after) && before.care.len() == after.care.len();
    let kind = if same_times { NoticeKind::Moved } else { NoticeKind::Changed };
    let picked = spaces.first().filter(|_| after.needs.pinned).map(|space| space.0);
    let desk = query_scalar("SELECT label FROM spaces WHERE id = $1")
        .bind(picked)
        .fetch_optional(&mut **tx)
        .await?;
    let body = NoticeBody { desk, ..NoticeBody::default() };
    Ok(NewNotice { body, ..NewNotice::of(after, kind, order.at) })
}

fn stretches(booking: &Booking) -> Vec<Interval> {
    let desks = booking.desks.iter().map(|claim| claim.when);
    desks.chain(booking.care.iter().map(|claim| claim.when)).collect()
}
