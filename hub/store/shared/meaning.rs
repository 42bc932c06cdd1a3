//! What a site's events mean for visits and bookings.
//!
//! An event that speaks of something unknown means nothing here; it stays in the log, and those
//! after it count.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use model::centre::Centre;
use model::id::{BookingId, CentreId, PersonId, SpaceId, VisitId};
use model::site_event::{Happening, SiteEvent};
use sqlx::{Transaction, query, query_scalar};
use store::Result;

use super::bookings::{booking_by_id, days_of, mark_if_empty};
use super::convert::storable;
use crate::{Db, writes};

type Tx = Transaction<'static, Db>;

/// Applies events in their order.
pub(super) async fn apply(
    tx: &mut Tx,
    centre: &Centre,
    events: impl Iterator<Item = &SiteEvent> + Clone,
) -> Result<()> {
    lock_no_shows(tx, centre, events.clone()).await?;
    for event in events {
        let at = storable(event.at);
        match &event.what {
            Happening::CheckedIn { visit, person, booking, space, .. } => {
                check_in(tx, centre.id, &Arrival { visit, person, booking, space, at }).await?;
            }
            Happening::CheckedOut { visit, .. } => check_out(tx, centre.id, *visit, at).await?,
            Happening::NoShow { booking, space } => {
                no_show(tx, centre.id, *booking, *space, at).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Locks all days that no-shows will give free, at once and sorted, as a booking does.
async fn lock_no_shows(
    tx: &mut Tx,
    centre: &Centre,
    events: impl Iterator<Item = &SiteEvent>,
) -> Result<()> {
    let bookings: BTreeSet<BookingId> = events
        .filter_map(|event| match event.what {
            Happening::NoShow { booking, .. } => Some(booking),
            _ => None,
        })
        .collect();
    let mut days = BTreeSet::new();
    for id in bookings {
        if let Some(booking) = booking_by_id(&mut **tx, id).await?
            && booking.centre == centre.id
        {
            days.extend(days_of(&booking, centre));
        }
    }
    let days: Vec<_> = days.into_iter().collect();
    if !days.is_empty() {
        writes::lock_days(tx, centre.id, &days).await?;
    }
    Ok(())
}

struct Arrival<'a> {
    visit: &'a VisitId,
    person: &'a PersonId,
    booking: &'a BookingId,
    space: &'a SpaceId,
    at: DateTime<Utc>,
}

async fn check_in(tx: &mut Tx, centre: CentreId, arrival: &Arrival<'_>) -> Result<()> {
    query(
        "UPDATE bookings SET visited_at = $3
         WHERE id = $1 AND centre_id = $2 AND visited_at IS NULL",
    )
    .bind(arrival.booking.0)
    .bind(centre.0)
    .bind(arrival.at)
    .execute(&mut **tx)
    .await?;
    query(
        "INSERT INTO visits (id, person_id, centre_id, booking_id, space_id, checked_in_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
    )
    .bind(arrival.visit.0)
    .bind(arrival.person.0)
    .bind(centre.0)
    .bind(arrival.booking.0)
    .bind(arrival.space.0)
    .bind(arrival.at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn check_out(tx: &mut Tx, centre: CentreId, visit: VisitId, at: DateTime<Utc>) -> Result<()> {
    // A clock that was put back in between does not make a visit end before it began.
    query(
        "UPDATE visits
         SET checked_out_at = CASE WHEN checked_in_at > $3 THEN checked_in_at ELSE $3 END
         WHERE id = $1 AND centre_id = $2 AND checked_out_at IS NULL",
    )
    .bind(visit.0)
    .bind(centre.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Releases the claim of this space that began last, and the booking with it if nothing is left.
async fn no_show(
    tx: &mut Tx,
    centre: CentreId,
    booking: BookingId,
    space: SpaceId,
    at: DateTime<Utc>,
) -> Result<()> {
    let version: Option<i64> = query_scalar(
        "UPDATE bookings SET version = version + 1
         WHERE id = $1 AND centre_id = $2 AND status = 'confirmed'
             AND EXISTS (SELECT 1 FROM desk_claims WHERE booking_id = $1 AND space_id = $3
                 AND released_at IS NULL AND starts_at <= $4)
         RETURNING version",
    )
    .bind(booking.0)
    .bind(centre.0)
    .bind(space.0)
    .bind(at)
    .fetch_optional(&mut **tx)
    .await?;
    if version.is_none() {
        return Ok(());
    }
    query(
        "UPDATE desk_claims SET released_at = $3
         WHERE id = (SELECT id FROM desk_claims WHERE booking_id = $1 AND space_id = $2
             AND released_at IS NULL AND starts_at <= $3 ORDER BY starts_at DESC LIMIT 1)",
    )
    .bind(booking.0)
    .bind(space.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    mark_if_empty(tx, booking).await
}
