//! What a site's word of a child in care means: for its booking, for those who answer for it, and for its diary.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use model::care::day::{CareAlarm, CareEvent, NoteKind};
use model::centre::Centre;
use model::id::{BookingId, CentreId, ChildId, NurseryId, PersonId};
use model::interval::Interval;
use model::notice::{NoticeBody, NoticeKind};
use sqlx::{Executor, FromRow, Transaction, query, query_as, query_scalar};
use store::{DiaryEntry, IncidentRecord, NewNotice, Report, Result, StoreError};
use uuid::Uuid;

use super::care::CarePlaces;
use super::convert::{from_json, interval, number, signed, storable, to_json};
use super::meaning::{came, note_end};
use super::{LONGEST_CLAIM, notices};
use crate::{Db, Here};

type Tx = Transaction<'static, Db>;

/// Care that begins so long after something was told may be meant by it.
const SOON: TimeDelta = TimeDelta::days(1);

/// What a site told.
pub(super) struct Told<'a> {
    pub(super) centre: &'a Centre,
    pub(super) place: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) care: &'a CareEvent,
}

/// Puts an event into its child's diary, and does what it means.
pub(super) async fn apply(tx: &mut Tx, told: &Told<'_>) -> Result<()> {
    let Told { centre, at, care, .. } = told;
    match care {
        CareEvent::DroppedOff { child, nursery, booking, until, .. } => {
            came(tx, centre.id, *booking, *at).await?;
            let until = storable(*until);
            if was_cared_for(&mut **tx, centre.id, *child, Some(*booking)).await? {
                stays(tx, told, (*child, *nursery, *booking), until).await?;
            }
            brought(tx, told, *child, *booking, until).await?;
            write_down(tx, told).await
        }
        // While the care still runs: afterwards nobody could tell whose it was.
        CareEvent::HandedOver { child, .. } | CareEvent::PutRight { child, .. } => {
            write_down(tx, told).await?;
            let stay = stay_on(tx, centre.id, *child).await?;
            collected(tx, told, *child).await?;
            left(tx, centre.id, *child).await?;
            match stay {
                Some(stay) => no_news_any_more(tx, stay.booking, *at).await,
                None => Ok(()),
            }
        }
        // Looks stand in the record.
        CareEvent::LookedAt { .. } => Ok(()),
        CareEvent::Recalled { child, booking, .. } => {
            write_down(tx, told).await?;
            recalled(tx, told, *child, *booking).await
        }
        CareEvent::AlarmRaised {
            alarm: alarm @ (CareAlarm::Due { child } | CareAlarm::Late { child }),
        } => {
            let Some(stay) = stay_of(tx, centre, *child, *at).await? else { return Ok(()) };
            let kind = match alarm {
                // Whoever was collected meanwhile need not be.
                CareAlarm::Due { .. } if !stay.open => return Ok(()),
                CareAlarm::Due { .. } => NoticeKind::CollectSoon,
                _ => NoticeKind::CollectLate,
            };
            // Several children who are fetched at one time are one piece of news.
            let occasion = stay.when.ends().timestamp_micros().to_string();
            tell(tx, told, *child, &stay, kind, occasion).await
        }
        _ => write_down(tx, told).await,
    }
}

/// Whether a child has or had care in a centre's nurseries, or is there. A change takes claims away that have not begun:
/// `on` is a booking that its guardians have, whatever is left of it.
pub(super) async fn was_cared_for<'c>(
    line: impl Executor<'c, Database = Db>,
    centre: CentreId,
    child: ChildId,
    on: Option<BookingId>,
) -> Result<bool> {
    let found: i64 = query_scalar(
        "SELECT COUNT(*) FROM (
             SELECT 1 AS one FROM care_claims c JOIN nurseries n ON n.id = c.nursery_id
             WHERE c.child_id = $1 AND n.centre_id = $2
             UNION ALL
             SELECT 1 FROM care_stays WHERE child_id = $1 AND centre_id = $2
             UNION ALL
             SELECT 1 FROM bookings b JOIN guardians g ON g.person_id = b.person_id
                 JOIN children c ON c.household_id = g.household_id
             WHERE b.id = $3 AND b.centre_id = $2 AND c.id = $1) found",
    )
    .bind(child.0)
    .bind(centre.0)
    .bind(on.map(|id| id.0))
    .fetch_one(line)
    .await?;
    Ok(found > 0)
}

/// Whether a child was brought on a booking and is not collected yet.
pub(super) async fn is_in_care<'c>(
    line: impl Executor<'c, Database = Db>,
    booking: BookingId,
) -> Result<bool> {
    let found: i64 = query_scalar(
        "SELECT COUNT(*) FROM care_claims WHERE booking_id = $1 AND released_at IS NULL
             AND brought_at IS NOT NULL AND collected_at IS NULL",
    )
    .bind(booking.0)
    .fetch_one(line)
    .await?;
    Ok(found > 0)
}

/// Notes that a child is there, for as long as its site says nothing else.
async fn stays(
    tx: &mut Tx,
    told: &Told<'_>,
    (child, nursery, booking): (ChildId, NurseryId, BookingId),
    until: DateTime<Utc>,
) -> Result<()> {
    // What a site says of the end is not believed for ever.
    let since = told.at.max(DateTime::UNIX_EPOCH);
    let until = until.clamp(since + TimeDelta::minutes(1), since + LONGEST_CLAIM);
    query(
        "INSERT INTO care_stays (centre_id, child_id, nursery_id, booking_id, since, until)
         SELECT $1, c.id, n.id, $4, $5, $6 FROM children c, nurseries n
         WHERE c.id = $2 AND length(c.sealed) > 0 AND n.id = $3 AND n.centre_id = $1
         ON CONFLICT (centre_id, child_id) DO UPDATE SET nursery_id = excluded.nursery_id,
             booking_id = excluded.booking_id, since = excluded.since, until = excluded.until",
    )
    .bind(told.centre.id.0)
    .bind(child.0)
    .bind(nursery.0)
    .bind(booking.0)
    .bind(since)
    .bind(until)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes that a child is there no more.
async fn left(tx: &mut Tx, centre: CentreId, child: ChildId) -> Result<()> {
    query("DELETE FROM care_stays WHERE centre_id = $1 AND child_id = $2")
        .bind(centre.0)
        .bind(child.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// On which booking a child is there, if it is.
pub(super) async fn stay_on(tx: &mut Tx, centre: CentreId, child: ChildId) -> Result<Option<Stay>> {
    let row: Option<(Uuid, Uuid, DateTime<Utc>, DateTime<Utc>)> = query_as(
        "SELECT booking_id, nursery_id, since, until FROM care_stays
         WHERE centre_id = $1 AND child_id = $2",
    )
    .bind(centre.0)
    .bind(child.0)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|(booking, nursery, since, until)| {
        Ok(Stay {
            claim: None,
            booking: BookingId(booking),
            nursery: NurseryId(nursery),
            when: interval(since, until)?,
            open: true,
        })
    })
    .transpose()
}

/// Care of a child that is booked and confirmed, or that it was brought for.
pub(super) struct Stay {
    /// None where the booking does not hold it any more.
    claim: Option<Uuid>,
    pub(super) booking: BookingId,
    nursery: NurseryId,
    when: Interval,
    /// Whether the child was brought and not collected.
    open: bool,
}

/// What a child has of care at a centre around this time, by start.
pub(super) async fn stays_near(
    tx: &mut Tx,
    centre: CentreId,
    child: ChildId,
    at: DateTime<Utc>,
) -> Result<Vec<Stay>> {
    let rows: Vec<StayRow> = query_as(
        "SELECT c.id, c.booking_id, c.nursery_id, c.starts_at, c.ends_at, c.brought_at, c.collected_at
         FROM care_claims c
             JOIN nurseries n ON n.id = c.nursery_id
             JOIN bookings b ON b.id = c.booking_id
         WHERE c.child_id = $1 AND n.centre_id = $2 AND b.status = 'confirmed'
             AND c.released_at IS NULL AND c.starts_at > $3 AND c.starts_at < $4
         ORDER BY c.starts_at, c.id",
    )
    .bind(child.0)
    .bind(centre.0)
    .bind(storable(at - LONGEST_CLAIM))
    .bind(storable(at + SOON))
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Stay::try_from).collect()
}

/// The care that something told of a child at this time belongs to: that which it was brought for, else the one that
/// runs or runs soon, else the last.
async fn stay_of(
    tx: &mut Tx,
    centre: &Centre,
    child: ChildId,
    at: DateTime<Utc>,
) -> Result<Option<Stay>> {
    let mut stays = stays_near(tx, centre.id, child, at).await?;
    let open = stays.iter().rposition(|stay| stay.open);
    if open.is_none()
        && let Some(stay) = stay_on(tx, centre.id, child).await?
    {
        return Ok(Some(stay));
    }
    let runs = stays.iter().position(|stay| stay.runs(at, early(centre)));
    let before = stays.iter().rposition(|stay| stay.when.starts() <= at);
    let found = open.or(runs).or(before);
    Ok(found.or((!stays.is_empty()).then_some(0)).map(|at| stays.swap_remove(at)))
}

/// So long before their time guests are let in.
fn early(centre: &Centre) -> TimeDelta {
    TimeDelta::minutes(centre.settings.early_minutes.into())
}

impl Stay {
    fn runs(&self, at: DateTime<Utc>, early: TimeDelta) -> bool {
        self.when.starts() - early <= at && at < self.when.ends()
    }
}

async fn write_down(tx: &mut Tx, told: &Told<'_>) -> Result<()> {
    let Told { centre, place, at, care } = told;
    let Some(child) = care.child() else { return Ok(()) };
    // Nothing is kept again of a child that was erased before its site had told everything.
    let known: Option<Uuid> =
        query_scalar("SELECT id FROM children WHERE id = $1 AND length(sealed) > 0")
            .bind(child.0)
            .fetch_optional(&mut **tx)
            .await?;
    let on = match care {
        CareEvent::DroppedOff { booking, .. } | CareEvent::Recalled { booking, .. } => {
            Some(*booking)
        }
        _ => None,
    };
    // A site has something to tell of the children that come to it.
    if known.is_none() || !was_cared_for(&mut **tx, centre.id, child, on).await? {
        return Ok(());
    }
    let stay = stay_of(tx, centre, child, *at).await?;
    let (nursery, booking) = match care {
        CareEvent::DroppedOff { nursery, booking, .. } => {
            (ours(tx, centre.id, *nursery).await?, Some(*booking))
        }
        CareEvent::Recalled { booking, .. } => {
            (stay.as_ref().map(|stay| stay.nursery), Some(*booking))
        }
        _ => stay.as_ref().map(|stay| (stay.nursery, stay.booking)).unzip(),
    };
    query(
        "INSERT INTO care_diary (centre_id, place, child_id, nursery_id, booking_id, at, what)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (centre_id, place) DO NOTHING",
    )
    .bind(centre.id.0)
    .bind(signed(*place)?)
    .bind(child.0)
    .bind(nursery.map(|id| id.0))
    .bind(booking.map(|id| id.0))
    .bind(*at)
    .bind(to_json(care)?)
    .execute(&mut **tx)
    .await?;
    if matches!(care, CareEvent::Noted { kind: NoteKind::Incident, .. }) {
        query(
            "INSERT INTO care_incidents (centre_id, place, nursery_id, child_id, at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (centre_id, place) DO NOTHING",
        )
        .bind(centre.id.0)
        .bind(signed(*place)?)
        .bind(nursery.map(|id| id.0))
        .bind(child.0)
        .bind(*at)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// A nursery, if it is the centre's.
async fn ours(tx: &mut Tx, centre: CentreId, nursery: NurseryId) -> Result<Option<NurseryId>> {
    let found: Option<Uuid> =
        query_scalar("SELECT id FROM nurseries WHERE id = $1 AND centre_id = $2")
            .bind(nursery.0)
            .bind(centre.0)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(found.map(NurseryId))
}

/// Notes that a child is in care: what it was brought for is no no-show, and nobody gives it up meanwhile.
async fn brought(
    tx: &mut Tx,
    told: &Told<'_>,
    child: ChildId,
    booking: BookingId,
    until: DateTime<Utc>,
) -> Result<()> {
    // The booking's own row first, as everybody who changes it does.
    query("UPDATE bookings SET version = version WHERE id = $1")
        .bind(booking.0)
        .execute(&mut **tx)
        .await?;
    let stays = stays_near(tx, told.centre.id, child, told.at).await?;
    let meant = stays.iter().find(|stay| {
        stay.booking == booking && stay.when.starts() < until && told.at < stay.when.ends()
    });
    let Some(meant) = meant else {
        return given_back(tx, told, (child, booking), until).await;
    };
    query("UPDATE care_claims SET brought_at = $2, collected_at = NULL WHERE id = $1")
        .bind(meant.claim)
        .bind(told.at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Of those who were brought, the children whose care was given free before: who gets it back is in nobody else's way.
pub(super) async fn who_lost_care(
    tx: &mut Tx,
    centre: CentreId,
    brought: &BTreeSet<(BookingId, ChildId)>,
) -> Result<Vec<ChildId>> {
    let mut lost = Vec::new();
    for (booking, child) in brought {
        let found: i64 = query_scalar(
            "SELECT COUNT(*) FROM care_claims c JOIN nurseries n ON n.id = c.nursery_id
             WHERE c.booking_id = $1 AND c.child_id = $2 AND n.centre_id = $3
                 AND c.released_at IS NOT NULL",
        )
        .bind(booking.0)
        .bind(child.0)
        .bind(centre.0)
        .fetch_one(&mut **tx)
        .await?;
        lost.extend((found > 0).then_some(*child));
    }
    Ok(lost)
}

/// Gives care back that was given free because nobody had come, if nothing else took its place meanwhile: somebody has.
/// Else the child is there without it.
async fn given_back(
    tx: &mut Tx,
    told: &Told<'_>,
    (child, booking): (ChildId, BookingId),
    until: DateTime<Utc>,
) -> Result<()> {
    let lost: Option<(Uuid, Uuid, DateTime<Utc>, DateTime<Utc>)> = query_as(
        "SELECT c.id, c.nursery_id, c.starts_at, c.ends_at
         FROM care_claims c
             JOIN nurseries n ON n.id = c.nursery_id
             JOIN bookings b ON b.id = c.booking_id
         WHERE c.booking_id = $1 AND c.child_id = $2 AND n.centre_id = $3
             AND b.status IN ('confirmed', 'no_show')
             AND c.released_at > c.starts_at AND c.starts_at < $4 AND c.ends_at > $5
             AND NOT EXISTS (SELECT 1 FROM care_claims o WHERE o.child_id = $2
                 AND o.released_at IS NULL AND o.starts_at < c.ends_at AND o.ends_at > c.starts_at)
         ORDER BY c.starts_at, c.id LIMIT 1",
    )
    .bind(booking.0)
    .bind(child.0)
    .bind(told.centre.id.0)
    .bind(until)
    .bind(told.at)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((claim, nursery, starts, ends)) = lost else { return Ok(()) };
    let (span, nursery) = (interval(starts, ends)?, NurseryId(nursery));
    if !CarePlaces::read(tx, told.centre, &span).await?.has_place(nursery, &span) {
        return Ok(());
    }
    let before = failing(tx, told.centre, nursery, &span).await?;
    let set = "UPDATE care_claims SET released_at = NULL, brought_at = $2, collected_at = NULL WHERE id = $1";
    let released: Option<DateTime<Utc>> =
        query_scalar("SELECT released_at FROM care_claims WHERE id = $1")
            .bind(claim)
            .fetch_one(&mut **tx)
            .await?;
    query(set).bind(claim).bind(told.at).execute(&mut **tx).await?;
    if !failing(tx, told.centre, nursery, &span).await?.is_subset(&before) {
        query("UPDATE care_claims SET released_at = $2, brought_at = NULL WHERE id = $1")
            .bind(claim)
            .bind(released)
            .execute(&mut **tx)
            .await?;
        return Ok(());
    }
    query("UPDATE bookings SET status = 'confirmed', version = version + 1 WHERE id = $1")
        .bind(booking.0)
        .execute(&mut **tx)
        .await?;
    note_end(tx, booking).await
}

/// The bookings that a nursery cannot keep at some time.
async fn failing(
    tx: &mut Tx,
    centre: &Centre,
    nursery: NurseryId,
    span: &Interval,
) -> Result<BTreeSet<BookingId>> {
    let mut failing = CarePlaces::read(tx, centre, span).await?.failing(nursery);
    failing.retain(|(_, lacks)| lacks.iter().any(|lack| lack.when.overlaps(span)));
    Ok(failing.into_iter().map(|(booking, _)| booking).collect())
}

/// Ends what a child was brought for at the next step of the grain; the place is for others then. Care that it was
/// fetched from before it began keeps its first step.
async fn collected(tx: &mut Tx, told: &Told<'_>, child: ChildId) -> Result<()> {
    let (centre, at) = (told.centre, told.at);
    let near = stays_near(tx, centre.id, child, at).await?;
    let ends = |early| near.iter().filter(move |stay| stay.open || stay.runs(at, early));
    let mut left: Vec<&Stay> = ends(TimeDelta::zero()).collect();
    if left.is_empty() {
        left = ends(early(centre)).collect();
    }
    // Whatever is locked is locked in this order.
    left.sort_by_key(|stay| (stay.booking, stay.when));
    let grain = centre.settings.grain_minutes;
    for stay in left {
        // The booking's own row first, as everybody who changes it does.
        query("UPDATE bookings SET version = version WHERE id = $1")
            .bind(stay.booking.0)
            .execute(&mut **tx)
            .await?;
        query("UPDATE care_claims SET collected_at = $2 WHERE id = $1 AND released_at IS NULL")
            .bind(stay.claim)
            .bind(at)
            .execute(&mut **tx)
            .await?;
        let first_step = stay.when.starts() + TimeDelta::minutes(grain.into());
        let ends = model::opening::next_step(at, grain, centre.time_zone).max(first_step);
        if ends < stay.when.ends() {
            query(
                "UPDATE care_claims SET ends_at = $2
                 WHERE id = $1 AND released_at IS NULL AND ends_at > $2",
            )
            .bind(stay.claim)
            .bind(ends)
            .execute(&mut **tx)
            .await?;
            count_up(tx, stay.booking).await?;
            note_end(tx, stay.booking).await?;
        }
        no_news_any_more(tx, stay.booking, at).await?;
    }
    Ok(())
}

/// That a child should be collected is no news once all of its booking are.
async fn no_news_any_more(tx: &mut Tx, booking: BookingId, at: DateTime<Utc>) -> Result<()> {
    query(
        "UPDATE notices SET gave_up_at = $2
         WHERE booking_id = $1 AND kind IN ('recalled', 'collect_soon', 'collect_late')
             AND sent_at IS NULL AND gave_up_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM care_claims WHERE booking_id = $1
                 AND brought_at IS NOT NULL AND collected_at IS NULL AND released_at IS NULL)",
    )
    .bind(booking.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes that what is left of a child's care, and of the desks that go with it, is not charged. The parent leaves with
/// the child: the desk comes free when they check out, as ever.
async fn recalled(tx: &mut Tx, told: &Told<'_>, child: ChildId, booking: BookingId) -> Result<()> {
    let (centre, at) = (told.centre, told.at);
    query("UPDATE bookings SET version = version WHERE id = $1 AND centre_id = $2")
        .bind(booking.0)
        .bind(centre.id.0)
        .execute(&mut **tx)
        .await?;
    let mut stays = stays_near(tx, centre.id, child, at).await?;
    stays.retain(|stay| stay.booking == booking && (stay.open || stay.runs(at, TimeDelta::zero())));
    // Nothing is charged where the booking does not hold the care any more; the child is ill all the same.
    let stay = match stays.pop() {
        Some(stay) => Some(stay),
        None => stay_on(tx, centre.id, child).await?,
    };
    let Some(stay) = &stay else { return Ok(()) };
    let occasion = format!("{child} {}", stay.when.starts().timestamp_micros());
    let Some(claim) = stay.claim else {
        return tell(tx, told, child, stay, NoticeKind::Recalled, occasion).await;
    };
    let new =
        query("UPDATE care_claims SET recalled_at = $2 WHERE id = $1 AND recalled_at IS NULL")
            .bind(claim)
            .bind(at)
            .execute(&mut **tx)
            .await?
            .rows_affected();
    if new == 0 {
        return Ok(());
    }
    query(
        "UPDATE desk_claims SET refunded_at = $2
         WHERE booking_id = $1 AND released_at IS NULL AND refunded_at IS NULL
             AND starts_at < $4 AND ends_at > $3 AND ends_at > $2",
    )
    .bind(booking.0)
    .bind(at)
    .bind(stay.when.starts())
    .bind(stay.when.ends())
    .execute(&mut **tx)
    .await?;
    count_up(tx, booking).await?;
    tell(tx, told, child, stay, NoticeKind::Recalled, occasion).await
}

async fn count_up(tx: &mut Tx, booking: BookingId) -> Result<()> {
    query("UPDATE bookings SET version = version + 1 WHERE id = $1")
        .bind(booking.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Tells those who answer for a child, and whoever has booked its care; whoever is barred from it hears nothing of it.
async fn tell(
    tx: &mut Tx,
    told: &Told<'_>,
    child: ChildId,
    stay: &Stay,
    kind: NoticeKind,
    occasion: String,
) -> Result<()> {
    let readers: Vec<Uuid> = query_scalar(
        "SELECT r.person_id FROM (
             SELECT g.person_id FROM guardians g JOIN children c ON c.household_id = g.household_id
             WHERE c.id = $1 AND length(c.sealed) > 0
             UNION
             SELECT person_id FROM bookings WHERE id = $2) r
         WHERE NOT EXISTS (SELECT 1 FROM barred_accounts b
             WHERE b.child_id = $1 AND b.person_id = r.person_id)
         ORDER BY r.person_id",
    )
    .bind(child.0)
    .bind(stay.booking.0)
    .fetch_all(&mut **tx)
    .await?;
    for reader in readers {
        let notice = NewNotice {
            person: PersonId(reader),
            kind,
            booking: Some(stay.booking),
            body: NoticeBody { answer_by: Some(stay.when.ends()), ..NoticeBody::default() },
            occasion: occasion.clone(),
            at: told.at,
        };
        notices::put(tx, &notice).await?;
    }
    Ok(())
}

pub(super) async fn diary_of(
    store: &Here,
    child: ChildId,
    window: &Interval,
) -> Result<Vec<DiaryEntry>> {
    let rows: Vec<EntryRow> = query_as(
        "SELECT centre_id, place, nursery_id, booking_id, at, what FROM care_diary
         WHERE child_id = $1 AND at >= $2 AND at < $3 ORDER BY at, centre_id, place",
    )
    .bind(child.0)
    .bind(storable(window.starts()))
    .bind(storable(window.ends()))
    .fetch_all(store.reader())
    .await?;
    rows.into_iter().map(DiaryEntry::try_from).collect()
}

pub(super) async fn incidents_at(store: &Here, nursery: NurseryId) -> Result<Vec<IncidentRecord>> {
    let rows: Vec<IncidentRow> = query_as(
        "SELECT d.centre_id, d.place, d.nursery_id, d.booking_id, d.at, d.what,
             i.first_reported_at, i.second_reported_at
         FROM care_incidents i
             JOIN care_diary d ON d.centre_id = i.centre_id AND d.place = i.place
         WHERE i.nursery_id = $1 AND i.second_reported_at IS NULL
         ORDER BY i.at DESC, i.centre_id, i.place DESC",
    )
    .bind(nursery.0)
    .fetch_all(store.reader())
    .await?;
    rows.into_iter()
        .map(|row| {
            let IncidentRow { entry, first_reported_at, second_reported_at } = row;
            Ok(IncidentRecord { entry: entry.try_into()?, first_reported_at, second_reported_at })
        })
        .collect()
}

pub(super) async fn need_no_report(store: &Here, centre: CentreId, places: &[u64]) -> Result<()> {
    for place in places {
        query(
            "DELETE FROM care_incidents
             WHERE centre_id = $1 AND place = $2 AND first_reported_at IS NULL",
        )
        .bind(centre.0)
        .bind(signed(*place)?)
        .execute(store.writer())
        .await?;
    }
    Ok(())
}

pub(super) async fn report_incident(
    store: &Here,
    nursery: NurseryId,
    (centre, place): (CentreId, u64),
    report: Report,
    at: DateTime<Utc>,
) -> Result<bool> {
    let statement = match report {
        Report::First => {
            "UPDATE care_incidents SET first_reported_at = $4
             WHERE centre_id = $1 AND place = $2 AND nursery_id = $3 AND first_reported_at IS NULL"
        }
        Report::Second => {
            "UPDATE care_incidents SET second_reported_at = $4
             WHERE centre_id = $1 AND place = $2 AND nursery_id = $3
                 AND first_reported_at IS NOT NULL AND second_reported_at IS NULL"
        }
    };
    // No site has told so many events.
    let Ok(place) = signed(place) else { return Ok(false) };
    let done = query(statement)
        .bind(centre.0)
        .bind(place)
        .bind(nursery.0)
        .bind(storable(at))
        .execute(store.writer())
        .await?;
    Ok(done.rows_affected() > 0)
}

#[derive(FromRow)]
struct StayRow {
    id: Uuid,
    booking_id: Uuid,
    nursery_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    brought_at: Option<DateTime<Utc>>,
    collected_at: Option<DateTime<Utc>>,
}

impl TryFrom<StayRow> for Stay {
    type Error = StoreError;
    fn try_from(row: StayRow) -> Result<Self> {
        Ok(Self {
            claim: Some(row.id),
            booking: BookingId(row.booking_id),
            nursery: NurseryId(row.nursery_id),
            when: interval(row.starts_at, row.ends_at)?,
            open: row.brought_at.is_some() && row.collected_at.is_none(),
        })
    }
}

#[derive(FromRow)]
struct EntryRow {
    centre_id: Uuid,
    place: i64,
    nursery_id: Option<Uuid>,
    booking_id: Option<Uuid>,
    at: DateTime<Utc>,
    what: String,
}

impl TryFrom<EntryRow> for DiaryEntry {
    type Error = StoreError;
    fn try_from(row: EntryRow) -> Result<Self> {
        Ok(Self {
            centre: CentreId(row.centre_id),
            place: number(row.place)?,
            at: row.at,
            nursery: row.nursery_id.map(NurseryId),
            booking: row.booking_id.map(BookingId),
            what: from_json(&row.what)?,
        })
    }
}

#[derive(FromRow)]
struct IncidentRow {
    #[sqlx(flatten)]
    entry: EntryRow,
    first_reported_at: Option<DateTime<Utc>>,
    second_reported_at: Option<DateTime<Utc>>,
}
