//! What a site's events mean for visits and bookings.
//!
//! An event that speaks of something unknown means nothing here; it stays in the log, and those
//! after it count.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use model::booking::{Booking, DeskClaim, days_to_lock};
use model::care::day::CareEvent;
use model::centre::Centre;
use model::id::{BookingId, CentreId, ChildId, PersonId, SpaceId, VisitId};
use model::no_show::deadline;
use model::site_event::{Happening, SiteEvent};
use sqlx::{Transaction, query, query_as, query_scalar};
use store::{EventBatch, Result};
use uuid::Uuid;

use super::bookings::{booking_by_id, days_of, mark_if_empty};
use super::convert::{interval, storable};
use super::diary::{self, Told};
use super::people::note_use;
use super::waitlist::{days_waited_for, offer};
use super::walk_in::{self, WalkIn};
use super::{cards, late, notices};
use crate::{Db, writes};

type Tx = Transaction<'static, Db>;

/// Applies `new` events of a batch, with their places, in their order.
pub(super) async fn apply(
    tx: &mut Tx,
    batch: &EventBatch,
    new: &[(u64, &SiteEvent)],
) -> Result<()> {
    let events = new.iter().map(|(_, event)| *event);
    let (centre, now) = (&batch.centre, batch.at);
    let waits = late::who_waits(new, now);
    let mut late: BTreeSet<BookingId> = waits.keys().copied().collect();
    let brought = brought(events.clone());
    let back = diary::who_lost_care(tx, centre.id, &brought).await?;
    late::lock_children(tx, centre.id, &late, &back).await?;
    let locked = lock_what_changes(tx, batch, events.clone(), &late).await?;
    for (place, event) in new {
        let at = told_at(event, now);
        match &event.what {
            Happening::CheckedIn { visit, person, booking, space, .. } => {
                check_in(tx, centre.id, &Arrival { visit, person, booking, space, at }).await?;
            }
            Happening::WalkedIn { person, booking, space, until, .. } => {
                let (person, booking, space) = (*person, *booking, *space);
                let until = storable(*until);
                let spare = batch.spare.first();
                let revisions = spare.map_or((1, 1), |one| (one.tariff_rev, one.rule_rev));
                let place = *place;
                let walk_in =
                    WalkIn { centre, place, person, booking, space, at, until, now, revisions };
                walk_in::make(tx, &walk_in, &locked).await?;
            }
            Happening::SheetInForce { version } => {
                in_force(tx, centre.id, *version).await?;
            }
            Happening::CheckedOut { visit, gives_up, .. } => {
                let left = check_out(tx, centre.id, *visit, at).await?;
                if let (Some((booking, space)), Some(until)) = (left, *gives_up) {
                    // By its own clock, by which it let its guest in and lets nobody in from now on.
                    let at = storable(event.at);
                    give_up(tx, centre, &Leaver { booking, space, at, until }).await?;
                }
            }
            Happening::NoShow { booking, space, starts_at } => {
                let starts_at = storable(*starts_at);
                let missed =
                    Missed { booking, space, starts_at, at, brought: children(&brought, *booking) };
                no_show(tx, centre, &missed, now).await?;
            }
            Happening::Refused { came_for, late_for, .. } => {
                for booking in came_for.iter().take(late::MOST_OF_ONE) {
                    came(tx, centre.id, *booking, at).await?;
                }
                for booking in late_for {
                    // Once, when they were last turned away: something may have come free before.
                    if waits.get(booking) == Some(place) && late.remove(booking) {
                        late::seat(tx, centre, *booking, now, &locked).await?;
                    }
                }
            }
            Happening::CredentialProved { credential, level } => {
                cards::seen_at(tx, *credential, *level).await?;
            }
            Happening::Care(care) => {
                let told = Told { centre, place: *place, at, care };
                diary::apply(tx, &told).await?;
            }
            _ => {}
        }
    }
    if !locked.is_empty() {
        offer(tx, centre, &locked, now, &batch.spare).await?;
        writes::note_days(tx, centre.id, &locked).await?;
    }
    Ok(())
}

/// Notes which sheet a site's events say is in force: all that it did before, by an older one, has been told.
async fn in_force(tx: &mut Tx, centre: CentreId, version: u64) -> Result<()> {
    let Ok(version) = i64::try_from(version) else { return Ok(()) };
    query("UPDATE sites SET sheet_told = $2 WHERE centre_id = $1")
        .bind(centre.0)
        .bind(version)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Who was brought, and on which booking: those are no no-shows, in whichever order it is told.
fn brought<'a>(events: impl Iterator<Item = &'a SiteEvent>) -> BTreeSet<(BookingId, ChildId)> {
    let one = |event: &SiteEvent| match event.what {
        Happening::Care(CareEvent::DroppedOff { child, booking, .. }) => Some((booking, child)),
        _ => None,
    };
    events.filter_map(one).collect()
}

fn children(brought: &BTreeSet<(BookingId, ChildId)>, on: BookingId) -> Vec<ChildId> {
    brought.iter().filter(|(booking, _)| *booking == on).map(|(_, child)| *child).collect()
}

/// When something happened: a clock that is ahead tells of nothing later than now.
fn told_at(event: &SiteEvent, now: DateTime<Utc>) -> DateTime<Utc> {
    storable(event.at.min(now))
}

/// Locks all days on which something will come free or is looked for, those of who waits for it, and those whose sheet
/// says who is in care, at once and sorted, as a booking does; then the bookings themselves. Answers the days.
async fn lock_what_changes(
    tx: &mut Tx,
    batch: &EventBatch,
    events: impl Iterator<Item = &SiteEvent>,
    late: &BTreeSet<BookingId>,
) -> Result<Vec<NaiveDate>> {
    let (centre, now) = (&batch.centre, batch.at);
    let (mut bookings, mut visits) = (late.clone(), BTreeSet::new());
    let (mut collected, mut cared_for, mut days) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    // Who comes and leaves in one batch has no visit in the database yet.
    let mut arrived = BTreeMap::new();
    let mut walked_in = Vec::new();
    for event in events {
        match event.what {
            Happening::WalkedIn { space, until, .. } => {
                let when = walk_in::stretch(centre, told_at(event, now), until);
                walked_in.extend(when.map(|when| (space, when)));
            }
            Happening::Care(
                CareEvent::HandedOver { child, .. } | CareEvent::PutRight { child, .. },
            ) => {
                collected.push((child, told_at(event, now)));
                days.insert(now.with_timezone(&centre.time_zone).date_naive());
            }
            Happening::Care(CareEvent::DroppedOff { booking, .. }) => {
                cared_for.insert(booking);
                days.insert(now.with_timezone(&centre.time_zone).date_naive());
            }
            Happening::Care(CareEvent::Recalled { booking, .. }) => {
                cared_for.insert(booking);
            }
            Happening::NoShow { booking, .. } => drop(bookings.insert(booking)),
            Happening::CheckedIn { visit, booking, .. } => drop(arrived.insert(visit, booking)),
            Happening::CheckedOut { visit, gives_up: Some(_), .. } => drop(visits.insert(visit)),
            _ => {}
        }
    }
    for visit in visits {
        let known: Option<Uuid> =
            query_scalar("SELECT booking_id FROM visits WHERE id = $1 AND centre_id = $2")
                .bind(visit.0)
                .bind(centre.id.0)
                .fetch_optional(&mut **tx)
                .await?;
        bookings.extend(known.map(BookingId).or_else(|| arrived.get(&visit).copied()));
    }
    for (space, when) in walked_in {
        days.extend(days_to_lock(centre, &[when]));
        bookings.extend(walk_in::who_holds(tx, space, &when).await?);
    }
    for (child, at) in collected {
        let stays = diary::stays_near(tx, centre.id, child, at).await?;
        bookings.extend(stays.into_iter().map(|stay| stay.booking));
    }
    for id in &bookings {
        if let Some(booking) = booking_by_id(&mut **tx, *id).await?
            && booking.centre == centre.id
        {
            days.extend(days_of(&booking, centre));
            if let Some(span) = booking.span() {
                days.extend(days_waited_for(&mut **tx, centre, &span).await?);
            }
        }
    }
    let days: Vec<_> = days.into_iter().collect();
    if !days.is_empty() {
        writes::lock_days(tx, centre.id, &days).await?;
    }
    bookings.extend(cared_for);
    for id in bookings {
        query("UPDATE bookings SET version = version WHERE id = $1 AND centre_id = $2")
            .bind(id.0)
            .bind(centre.id.0)
            .execute(&mut **tx)
            .await?;
    }
    Ok(days)
}

struct Arrival<'a> {
    visit: &'a VisitId,
    person: &'a PersonId,
    booking: &'a BookingId,
    space: &'a SpaceId,
    at: DateTime<Utc>,
}

async fn check_in(tx: &mut Tx, centre: CentreId, arrival: &Arrival<'_>) -> Result<()> {
    came(tx, centre, *arrival.booking, arrival.at).await?;
    query(
        // What is another centre's is none of this site's business.
        "INSERT INTO visits (id, person_id, centre_id, booking_id, space_id, checked_in_at)
         SELECT $1, $2, $3, $4, $5, $6
         WHERE NOT EXISTS (SELECT 1 FROM bookings WHERE id = $4 AND centre_id <> $3)
             AND NOT EXISTS (SELECT 1 FROM spaces WHERE id = $5 AND centre_id <> $3)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(arrival.visit.0)
    .bind(arrival.person.0)
    .bind(centre.0)
    .bind(arrival.booking.0)
    .bind(arrival.space.0)
    .bind(arrival.at)
    .execute(&mut **tx)
    .await?;
    note_use(tx, *arrival.person, arrival.at).await
}

/// Notes that a booking's guest came, whether or not they found a desk.
pub(super) async fn came(
    tx: &mut Tx,
    centre: CentreId,
    booking: BookingId,
    at: DateTime<Utc>,
) -> Result<()> {
    query(
        "UPDATE bookings SET visited_at = $3
         WHERE id = $1 AND centre_id = $2 AND visited_at IS NULL",
    )
    .bind(booking.0)
    .bind(centre.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a visit; answers the booking it was on and the space, the first time.
async fn check_out(
    tx: &mut Tx,
    centre: CentreId,
    visit: VisitId,
    at: DateTime<Utc>,
) -> Result<Option<(BookingId, SpaceId)>> {
    // A clock that was put back in between does not make a visit end before it began.
    let ended: Option<(Uuid, Uuid)> = query_as(
        "UPDATE visits
         SET checked_out_at = CASE WHEN checked_in_at > $3 THEN checked_in_at ELSE $3 END
         WHERE id = $1 AND centre_id = $2 AND checked_out_at IS NULL
         RETURNING booking_id, space_id",
    )
    .bind(visit.0)
    .bind(centre.0)
    .bind(at)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(ended.map(|(booking, space)| (BookingId(booking), SpaceId(space))))
}

/// Somebody who has left for good.
struct Leaver {
    booking: BookingId,
    space: SpaceId,
    at: DateTime<Utc>,
    /// Until when the space was still theirs.
    until: DateTime<Utc>,
}

/// Ends the claims that somebody gives up at the next step of the grain. The rows stay, so that a
/// stretch keeps its number in calendars; one that was left before it began keeps its first step.
async fn give_up(tx: &mut Tx, centre: &Centre, leaver: &Leaver) -> Result<()> {
    // The booking's own row first, as everybody who changes it does.
    query("UPDATE bookings SET version = version WHERE id = $1")
        .bind(leaver.booking.0)
        .execute(&mut **tx)
        .await?;
    let Some(booking) = booking_by_id(&mut **tx, leaver.booking).await? else { return Ok(()) };
    if booking.centre != centre.id || !booking.status.holds() {
        return Ok(());
    }
    let mut shorter = false;
    for claim in given_up(&booking, leaver, centre) {
        let grain = centre.settings.grain_minutes;
        let first_step = claim.when.starts() + TimeDelta::minutes(grain.into());
        let ends = model::opening::next_step(leaver.at, grain, centre.time_zone).max(first_step);
        if ends >= claim.when.ends() {
            continue;
        }
        query("UPDATE desk_claims SET ends_at = $2 WHERE id = $1 AND released_at IS NULL")
            .bind(claim.id.0)
            .bind(ends)
            .execute(&mut **tx)
            .await?;
        walk_in::give_back(tx, centre, claim, ends).await?;
        shorter = true;
    }
    if !shorter {
        return Ok(());
    }
    query("UPDATE bookings SET version = version + 1 WHERE id = $1")
        .bind(leaver.booking.0)
        .execute(&mut **tx)
        .await?;
    note_end(tx, leaver.booking).await
}

/// Notes until when a booking goes once a claim of it has ended early.
pub(super) async fn note_end(tx: &mut Tx, booking: BookingId) -> Result<()> {
    let after = booking_by_id(&mut **tx, booking).await?;
    if let Some(span) = after.and_then(|after| after.span()) {
        query("UPDATE bookings SET ends_at = $2 WHERE id = $1")
            .bind(booking.0)
            .bind(span.ends())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The claims on the space that was left; where the site had sent its guest elsewhere, the only one of
/// that time.
fn given_up<'a>(booking: &'a Booking, leaver: &Leaver, centre: &Centre) -> Vec<&'a DeskClaim> {
    let early = TimeDelta::minutes(centre.settings.early_minutes.into());
    let claims: Vec<&DeskClaim> = booking
        .desks
        .iter()
        .filter(|claim| claim.released_at.is_none())
        .filter(|claim| claim.when.starts() < leaver.until && leaver.at < claim.when.ends())
        // Whatever a site says, other days are not given up with this one.
        .filter(|claim| claim.when.starts() - early <= leaver.at)
        .collect();
    let there: Vec<&DeskClaim> =
        claims.iter().filter(|claim| claim.space == leaver.space).copied().collect();
    match (there.is_empty(), claims.len()) {
        (false, _) => there,
        (true, 1) => claims,
        (true, _) => Vec::new(),
    }
}

struct Missed<'a> {
    booking: &'a BookingId,
    space: &'a SpaceId,
    starts_at: DateTime<Utc>,
    at: DateTime<Utc>,
    /// The children that the same batch says were brought on it.
    brought: Vec<ChildId>,
}

/// Releases the claim, the care that goes with it, and the booking if nothing of it is left. A
/// deadline that the hub's own clock has not reached releases nothing: the site's clock is wrong.
async fn no_show(
    tx: &mut Tx,
    centre: &Centre,
    missed: &Missed<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    // The booking's own row first, as everybody who changes it does.
    let ends_at: Option<DateTime<Utc>> = query_scalar(
        "UPDATE bookings SET version = version
         WHERE id = $1 AND centre_id = $2 AND status = 'confirmed'
         RETURNING (SELECT ends_at FROM desk_claims WHERE booking_id = $1 AND space_id = $3
             AND starts_at = $4 AND released_at IS NULL)",
    )
    .bind(missed.booking.0)
    .bind(centre.id.0)
    .bind(missed.space.0)
    .bind(missed.starts_at)
    .fetch_optional(&mut **tx)
    .await?
    .flatten();
    let Some(ends_at) = ends_at else { return Ok(()) };
    if deadline(&interval(missed.starts_at, ends_at)?, &centre.settings) > now {
        return Ok(());
    }
    query(
        "UPDATE desk_claims SET released_at = $4
         WHERE booking_id = $1 AND space_id = $2 AND starts_at = $3 AND released_at IS NULL",
    )
    .bind(missed.booking.0)
    .bind(missed.space.0)
    .bind(missed.starts_at)
    .bind(missed.at)
    .execute(&mut **tx)
    .await?;
    after_no_show(tx, *missed.booking, missed.at, &missed.brought).await
}

/// Does what follows from a released desk: counts the booking's version up, releases its care in
/// every slot that has lost all its desks and saw nobody, neither guest nor child, and marks it where nothing is left.
/// The care of those who were `brought` stays.
pub(super) async fn after_no_show(
    tx: &mut Tx,
    booking: BookingId,
    at: DateTime<Utc>,
    brought: &[ChildId],
) -> Result<()> {
    query("UPDATE bookings SET version = version + 1 WHERE id = $1")
        .bind(booking.0)
        .execute(&mut **tx)
        .await?;
    query(concat!(
        "UPDATE care_claims SET released_at = $2
         WHERE booking_id = $1 AND released_at IS NULL AND brought_at IS NULL
             AND NOT (child_id ",
        in_list!("$3"),
        ") AND EXISTS (SELECT 1 FROM desk_claims d WHERE d.booking_id = $1
                 AND d.released_at IS NOT NULL
                 AND d.starts_at < care_claims.ends_at AND d.ends_at > care_claims.starts_at)
             AND NOT EXISTS (SELECT 1 FROM desk_claims d WHERE d.booking_id = $1
                 AND d.released_at IS NULL
                 AND d.starts_at < care_claims.ends_at AND d.ends_at > care_claims.starts_at)
             AND NOT EXISTS (SELECT 1 FROM visits v JOIN desk_claims d ON d.booking_id = v.booking_id
                 WHERE v.booking_id = $1 AND d.released_at IS NOT NULL
                 AND d.starts_at < care_claims.ends_at AND d.ends_at > care_claims.starts_at
                 AND v.checked_in_at < d.ends_at
                 AND (v.checked_out_at IS NULL OR v.checked_out_at > d.starts_at))",
    ))
    .bind(booking.0)
    .bind(at)
    .bind(crate::id_list(brought.iter().map(|child| child.0)))
    .execute(&mut **tx)
    .await?;
    mark_if_empty(tx, booking).await?;
    notices::put_released(tx, booking, at).await
}
