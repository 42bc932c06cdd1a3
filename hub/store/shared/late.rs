//! Whoever comes after their desk was given free gets another for the rest of their time, where there
//! is one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use model::booking::{Booking, BookingStatus, DeskClaim};
use model::centre::{Centre, SpaceKind};
use model::id::{BookingId, CentreId, ChildId, SpaceId};
use model::interval::Interval;
use model::mask::BIT;
use model::notice::NoticeKind;
use model::opening::step_before;
use model::site_event::{Happening, SiteEvent};
use sqlx::{Transaction, query, query_scalar};
use store::{BookingOrder, NewNotice, Result, StoreError};

use super::book::{booking_of, insert_claims, order_again, place_on};
use super::bookings::{booking_by_id, note_stretches};
use super::care::Had;
use super::convert::{from_word, number};
use super::floor::Floor;
use super::{counted, notices};
use crate::Db;

type Tx = Transaction<'static, Db>;

/// Who was turned away longer ago than this may have gone home.
const STILL_THERE: TimeDelta = TimeDelta::minutes(2);

/// No guest has more bookings for one moment; a site that says so is not believed.
pub(super) const MOST_OF_ONE: usize = 16;
/// No more guests wait at a door at once.
const MOST_WAITING: usize = 100;

/// The bookings whose guests stand at the door in vain, each with the place where they were last turned away.
pub(super) fn who_waits(
    events: &[(u64, &SiteEvent)],
    now: DateTime<Utc>,
) -> BTreeMap<BookingId, u64> {
    let mut waiting = BTreeMap::new();
    for (place, event) in events {
        if let Happening::Refused { late_for, .. } = &event.what
            && now - event.at < STILL_THERE
        {
            waiting.extend(late_for.iter().take(MOST_OF_ONE).map(|booking| (*booking, *place)));
        }
    }
    waiting.into_iter().take(MOST_WAITING).collect()
}

/// Locks the children that come with them, and those who get their care `back`; before any day is locked.
pub(super) async fn lock_children(
    tx: &mut Tx,
    centre: CentreId,
    late: &BTreeSet<BookingId>,
    back: &[ChildId],
) -> Result<()> {
    let mut children = back.to_vec();
    for id in late {
        if let Some(booking) = booking_by_id(&mut **tx, *id).await?
            && booking.centre == centre
        {
            children.extend(booking.care.iter().map(|claim| claim.child));
        }
    }
    let subjects = counted::with_households(tx, &children).await?;
    counted::lock_subjects(tx, subjects).await
}

/// Gives the guest of a booking as many desks as they lost by coming late, and with them the care that
/// was lost; all of it or nothing. No quota is asked: this time was theirs before.
pub(super) async fn seat(
    tx: &mut Tx,
    centre: &Centre,
    id: BookingId,
    now: DateTime<Utc>,
    locked: &[NaiveDate],
) -> Result<()> {
    // The booking's own row first, as everybody who changes it does.
    query("UPDATE bookings SET version = version WHERE id = $1")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let Some(booking) = booking_by_id(&mut **tx, id).await? else { return Ok(()) };
    let stands = matches!(booking.status, BookingStatus::Confirmed | BookingStatus::NoShow);
    if booking.centre != centre.id || !stands {
        return Ok(());
    }
    let Some((lost, slot)) = lost(&booking, centre, now) else { return Ok(()) };
    let revived = revived(&booking, now);
    for pinned in where_to_look(tx, &booking, lost[0].space).await? {
        let order = BookingOrder {
            slots: vec![slot],
            desks: u32::try_from(lost.len()).unwrap_or(u32::MAX),
            pinned,
            children: children(&booking, now),
            ..order_again(&booking, centre, now)
        };
        let floor = Floor::read(tx, centre, &slot, now).await?;
        let had = Had { booking: &revived, stands: false };
        let placed = place_on(tx, floor, &order, locked, &slot, Some(had)).await?;
        let Ok(placed) = placed else { continue };
        let version: i64 = query_scalar(
            "UPDATE bookings SET status = 'confirmed', version = version + 1 WHERE id = $1
             RETURNING version",
        )
        .bind(id.0)
        .fetch_one(&mut **tx)
        .await?;
        forget_lost(tx, id, now).await?;
        let fresh = booking_of(&order, placed, booking.series, number(version)?);
        insert_claims(tx, &fresh).await?;
        let after = booking_by_id(&mut **tx, id).await?;
        let after = after.ok_or_else(|| StoreError::Corrupt("a booking went away".to_owned()))?;
        note_stretches(tx, &after).await?;
        return notices::put(tx, &NewNotice::of(&after, NoticeKind::Changed, now)).await;
    }
    Ok(())
}

/// The desks that were given free of the stretch that runs now, and what is left of it from the last
/// full five minutes on; nothing where the guest has a desk.
fn lost<'a>(
    booking: &'a Booking,
    centre: &Centre,
    now: DateTime<Utc>,
) -> Option<(Vec<&'a DeskClaim>, Interval)> {
    let running = || booking.desks.iter().filter(|claim| claim.when.contains(now));
    if running().any(|claim| claim.released_at.is_none()) {
        return None;
    }
    let ends = running().map(|claim| claim.when.ends()).max()?;
    let lost: Vec<&DeskClaim> = running().filter(|claim| claim.when.ends() == ends).collect();
    // After the start of what was lost, which the house rules keep for ten minutes: the site would take
    // the same desk from the same start for what was given free.
    let grain = u32::try_from(BIT.num_minutes()).unwrap_or(1);
    let starts = step_before(now, grain, centre.time_zone);
    Some((lost, Interval::new(starts, ends).ok()?))
}

/// Takes away what was lost of the stretch that runs now: the booking has the other in its place, as
/// after any change. That nobody had come in time stands in the site's events.
async fn forget_lost(tx: &mut Tx, id: BookingId, now: DateTime<Utc>) -> Result<()> {
    for lost in [
        "DELETE FROM desk_claims WHERE booking_id = $1 AND released_at IS NOT NULL
             AND starts_at <= $2 AND ends_at > $2",
        "DELETE FROM care_claims WHERE booking_id = $1 AND released_at IS NOT NULL
             AND starts_at <= $2 AND ends_at > $2",
    ] {
        query(lost).bind(id.0).bind(now).execute(&mut **tx).await?;
    }
    Ok(())
}

/// The booking with what was given free of the stretch that runs now as it was before.
fn revived(booking: &Booking, now: DateTime<Utc>) -> Booking {
    let mut revived = booking.clone();
    for claim in revived.desks.iter_mut().filter(|claim| claim.when.contains(now)) {
        claim.released_at = None;
    }
    for claim in revived.care.iter_mut().filter(|claim| claim.when.contains(now)) {
        claim.released_at = None;
    }
    revived
}

/// The children whose care was given free with the desks.
fn children(booking: &Booking, now: DateTime<Utc>) -> Vec<ChildId> {
    let running = || booking.care.iter().filter(|claim| claim.when.contains(now));
    let kept: BTreeSet<ChildId> =
        running().filter(|claim| claim.released_at.is_none()).map(|claim| claim.child).collect();
    let all: BTreeSet<ChildId> = running().map(|claim| claim.child).collect();
    all.difference(&kept).copied().collect()
}

/// Who picked a space gets that one, if it is still free; else any desk, if a desk it was.
async fn where_to_look(
    tx: &mut Tx,
    booking: &Booking,
    before: SpaceId,
) -> Result<Vec<Option<SpaceId>>> {
    if !booking.needs.pinned {
        return Ok(vec![None]);
    }
    let kind: Option<String> = query_scalar("SELECT kind FROM spaces WHERE id = $1")
        .bind(before.0)
        .fetch_optional(&mut **tx)
        .await?;
    let kind: Option<SpaceKind> = kind.as_deref().map(from_word).transpose()?;
    Ok(match kind {
        Some(SpaceKind::Desk) => vec![Some(before), None],
        _ => vec![Some(before)],
    })
}
