//! The walk-in lease: claims that belong to no booking.
//!
//! Whoever changes them locks the site first and then its days, so that no sheet is made of what is about to change. A row
//! keeps its stretch for as long as it stands on a sheet: what is cut gets rows of its own.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use model::booking;
use model::centre::{Centre, SpaceKind};
use model::id::{CentreId, ClaimId, SpaceId};
use model::interval::Interval;
use model::lease::{Desk, Keep, Keeping, LeasedSpace, SHORTEST, keep};
use model::opening::{days_of, next_step, whole_day};
use sqlx::{Database, FromRow, Transaction, query, query_as, query_scalar};
use store::{BookingOrder, LeaseClaim, LeaseKept, Leases, Result, SILENT, Spare};
use uuid::Uuid;

use super::convert::{bytes32, from_word, interval, number, signed, storable};
use super::floor::features;
use super::sites::lock_site;
use super::tries::Tries;
use super::waitlist::{days_waited_for, offer};
use super::{LONGEST_CLAIM, Outcome};
use crate::{Db, Here, writes};

type Tx = Transaction<'static, Db>;
type Line = <Db as Database>::Connection;

/// What was leased so long ago is forgotten: no site that is back after that long is believed a walk-in on it.
const FORGOTTEN: TimeDelta = TimeDelta::days(30);

#[async_trait]
impl Leases for Here {
    async fn leased(&self, centre: CentreId, window: &Interval) -> Result<Vec<LeaseClaim>> {
        let rows: Vec<LeaseRow> = query_as(
            "SELECT id, space_id, starts_at, ends_at, listed_on, asked_back FROM desk_claims
             WHERE centre_id = $1 AND booking_id IS NULL AND released_at IS NULL
                 AND asked_back IS NULL AND starts_at > $2 AND starts_at < $3 AND ends_at > $4
             ORDER BY starts_at, id",
        )
        .bind(centre.0)
        .bind(window.starts() - LONGEST_CLAIM)
        .bind(window.ends())
        .bind(window.starts())
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(LeaseRow::claim).collect()
    }

    async fn next_sheet_listing(
        &self,
        centre: CentreId,
        content: &[u8; 32],
        lease: &[ClaimId],
        at: DateTime<Utc>,
    ) -> Result<Option<(u64, bool)>> {
        let mut tx = self.begin().await?;
        lock_site(&mut tx, centre).await?;
        let ids = || crate::id_list(lease.iter().map(|claim| claim.0));
        let theirs: Vec<Option<i64>> = if lease.is_empty() {
            Vec::new()
        } else {
            query_scalar(concat!(
                "SELECT listed_on FROM desk_claims
                 WHERE centre_id = $2 AND booking_id IS NULL AND released_at IS NULL
                     AND asked_back IS NULL AND id ",
                in_list!("$1"),
            ))
            .bind(ids())
            .bind(centre.0)
            .fetch_all(&mut *tx)
            .await?
        };
        if theirs.len() != lease.len() {
            tx.rollback().await?;
            return Ok(None);
        }
        let newest: Option<(i64, Vec<u8>)> = query_as(
            "SELECT version, content FROM sheets WHERE centre_id = $1
             ORDER BY version DESC LIMIT 1",
        )
        .bind(centre.0)
        .fetch_optional(&mut *tx)
        .await?;
        let (version, new) = match newest {
            Some((version, kept)) if bytes32(&kept)? == *content => (version, false),
            Some((version, _)) => (version + 1, true),
            None => (1, true),
        };
        if !new && theirs.iter().all(|listed| *listed == Some(version)) {
            tx.rollback().await?;
            return Ok(Some((number(version)?, false)));
        }
        if new {
            query(
                "INSERT INTO sheets (centre_id, version, content, made_at)
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(centre.0)
            .bind(version)
            .bind(content.as_slice())
            .bind(at)
            .execute(&mut *tx)
            .await?;
        }
        if !lease.is_empty() {
            query(concat!("UPDATE desk_claims SET listed_on = $2 WHERE id ", in_list!("$1")))
                .bind(ids())
                .bind(version)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(Some((number(version)?, new)))
    }

    async fn keep_lease(
        &self,
        centre: &Centre,
        at: DateTime<Utc>,
        seed: Uuid,
    ) -> Result<LeaseKept> {
        let mut line = self.reader().acquire().await?;
        // Nearly always there is nothing to do, and a lock would count up every day.
        let found = Found::read(&mut line, centre, at).await?;
        drop(line);
        if found.keep() == Keep::default() {
            return Ok(LeaseKept::default());
        }
        let mut tries = Tries::first();
        loop {
            let centre = centre.clone();
            let kept = self.write(move |tx| {
                let centre = centre.clone();
                Box::pin(async move { keep_once(tx, &centre, at, seed).await })
            });
            match kept.await {
                Err(failed) if tries.again_after(&failed) => {}
                other => return other,
            }
        }
    }

    async fn want_lease_back(&self, order: &BookingOrder, seed: Uuid) -> Result<bool> {
        // Many are refused in a rush, and few centres have a lease: whoever has none is not locked for it.
        let any: Option<Uuid> = query_scalar(
            "SELECT id FROM desk_claims WHERE centre_id = $1 AND booking_id IS NULL
                 AND released_at IS NULL AND ends_at > $2 LIMIT 1",
        )
        .bind(order.centre.id.0)
        .bind(storable(order.at))
        .fetch_optional(self.reader())
        .await?;
        if any.is_none() {
            return Ok(false);
        }
        let mut tries = Tries::first();
        loop {
            let order = order.clone();
            let asked = self.write(move |tx| {
                let order = order.clone();
                Box::pin(async move { want_once(tx, &order, seed).await })
            });
            match asked.await {
                Err(failed) if tries.again_after(&failed) => {}
                other => return other,
            }
        }
    }

    async fn free_returned_lease(
        &self,
        centre: &Centre,
        at: DateTime<Utc>,
        spare: &[Spare],
    ) -> Result<usize> {
        let waits: Option<Uuid> = query_scalar(
            "SELECT id FROM desk_claims WHERE centre_id = $1 AND booking_id IS NULL
                 AND released_at IS NULL AND asked_back IS NOT NULL LIMIT 1",
        )
        .bind(centre.id.0)
        .fetch_optional(self.reader())
        .await?;
        if waits.is_none() {
            return Ok(0);
        }
        let mut tries = Tries::first();
        loop {
            let (centre, spare) = (centre.clone(), spare.to_vec());
            let freed = self.write(move |tx| {
                let (centre, spare) = (centre.clone(), spare.clone());
                Box::pin(async move { free_once(tx, &centre, at, &spare).await })
            });
            match freed.await {
                Err(failed) if tries.again_after(&failed) => {}
                other => return other,
            }
        }
    }
}

/// Ids for new claims, counted on from one that nobody else counts from.
pub(super) struct ClaimIds {
    seed: u128,
    next: u128,
}

impl ClaimIds {
    pub(super) fn from(seed: Uuid) -> Self {
        Self { seed: seed.as_u128(), next: 1 << 64 }
    }

    /// One that no claim has, whatever a site takes for its bookings' ids.
    pub(super) async fn fresh(&mut self, tx: &mut Tx) -> Result<Uuid> {
        loop {
            let id = Uuid::from_u128(self.seed.wrapping_add(self.next));
            self.next += 1;
            let taken: Option<Uuid> = query_scalar("SELECT id FROM desk_claims WHERE id = $1")
                .bind(id)
                .fetch_optional(&mut **tx)
                .await?;
            if taken.is_none() {
                return Ok(id);
            }
        }
    }
}

/// Claims a stretch of a space for the lease.
pub(super) async fn insert(
    tx: &mut Tx,
    ids: &mut ClaimIds,
    centre: CentreId,
    leased: &LeasedSpace,
    like: &Listed,
) -> Result<()> {
    let id = ids.fresh(tx).await?;
    query(
        "INSERT INTO desk_claims (id, centre_id, space_id, starts_at, ends_at, leased, listed_on,
             asked_back)
         VALUES ($1, $2, $3, $4, $5, TRUE, $6, $7)",
    )
    .bind(id)
    .bind(centre.0)
    .bind(leased.space.0)
    .bind(leased.when.starts())
    .bind(leased.when.ends())
    .bind(like.on)
    .bind(&like.asked_back)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How far a site knows of a part of its lease.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    /// The newest sheet that lists it.
    pub(super) on: Option<i64>,
    /// Why it is asked back, where it is.
    pub(super) asked_back: Option<String>,
}

/// A claim of the lease.
#[derive(FromRow)]
pub(super) struct LeaseRow {
    pub(super) id: Uuid,
    space_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    listed_on: Option<i64>,
    asked_back: Option<String>,
}

impl LeaseRow {
    pub(super) fn claim(&self) -> Result<LeaseClaim> {
        let (claim, space) = (ClaimId(self.id), SpaceId(self.space_id));
        Ok(LeaseClaim { claim, space, when: interval(self.starts_at, self.ends_at)? })
    }

    pub(super) fn listed(&self) -> Listed {
        Listed { on: self.listed_on, asked_back: self.asked_back.clone() }
    }
}

/// The live claims of the lease at a space that overlap a stretch.
pub(super) async fn at_space(
    tx: &mut Tx,
    centre: CentreId,
    space: SpaceId,
    when: &Interval,
) -> Result<Vec<LeaseRow>> {
    Ok(query_as(
        "SELECT id, space_id, starts_at, ends_at, listed_on, asked_back FROM desk_claims
         WHERE centre_id = $1 AND space_id = $2 AND booking_id IS NULL AND released_at IS NULL
             AND starts_at < $3 AND ends_at > $4
         ORDER BY starts_at, id",
    )
    .bind(centre.0)
    .bind(space.0)
    .bind(when.ends())
    .bind(when.starts())
    .fetch_all(&mut **tx)
    .await?)
}

/// What the lease of a centre is kept by, as it is.
struct Found {
    keeping: Keeping,
    /// The claims that [`Keeping::lease`] is made of.
    claims: Vec<ClaimId>,
    /// Whether the site is there to be given more.
    there: bool,
    days: Vec<NaiveDate>,
}

impl Found {
    async fn read(line: &mut Line, centre: &Centre, at: DateTime<Utc>) -> Result<Self> {
        let settings = &centre.settings;
        let ahead = at + TimeDelta::hours(settings.walk_in_hours.into());
        let zone = centre.time_zone;
        let mut days = Interval::new(at, ahead).map_or_else(|_| Vec::new(), |w| days_of(&w, zone));
        // Whole days: else a desk would be claimed step by step as time goes by.
        let whole = |day: Option<&NaiveDate>| day.and_then(|day| whole_day(*day, zone));
        let ends = whole(days.last()).map_or(ahead, |day| day.ends());
        let begins = next_step(at, settings.grain_minutes, zone);
        let window = interval(at, ends.max(at + TimeDelta::minutes(1)))?;
        let closures: Vec<(Option<Uuid>, DateTime<Utc>, DateTime<Utc>)> = query_as(
            "SELECT space_id, starts_at, ends_at FROM closures
             WHERE centre_id = $1 AND starts_at < $2 AND ends_at > $3",
        )
        .bind(centre.id.0)
        .bind(window.ends())
        .bind(window.starts())
        .fetch_all(&mut *line)
        .await?;
        let mut open = Vec::new();
        for day in &days {
            let hours = centre.opening.on(*day, zone).into_iter();
            open.extend(hours.filter_map(|one| {
                Interval::new(
                    next_step(one.starts(), settings.grain_minutes, zone).max(begins),
                    one.ends(),
                )
                .ok()
            }));
        }
        let mut shut_all: Vec<Interval> = Vec::new();
        for (space, starts, ends) in &closures {
            if space.is_none() {
                shut_all.push(interval(*starts, *ends)?);
            }
        }
        let open = without(open, &shut_all, centre);
        // All of the lease that is to come: what lies beyond a horizon that was drawn nearer comes back.
        let claims: Vec<ClaimRow> = query_as(
            "SELECT id, booking_id, space_id, starts_at, ends_at, asked_back FROM desk_claims
             WHERE centre_id = $1 AND released_at IS NULL
                 AND starts_at > $2 AND (starts_at < $3 OR booking_id IS NULL) AND ends_at > $4
             ORDER BY starts_at, id",
        )
        .bind(centre.id.0)
        .bind(window.starts() - LONGEST_CLAIM)
        .bind(window.ends())
        .bind(window.starts())
        .fetch_all(&mut *line)
        .await?;
        let back: Vec<(DateTime<Utc>, DateTime<Utc>)> = query_as(
            "SELECT starts_at, ends_at FROM desk_claims
             WHERE centre_id = $1 AND booking_id IS NULL AND asked_back = 'wanted'
                 AND starts_at > $2 AND starts_at < $3 AND ends_at > $4",
        )
        .bind(centre.id.0)
        .bind(window.starts() - LONGEST_CLAIM)
        .bind(window.ends())
        .bind(window.starts())
        .fetch_all(&mut *line)
        .await?;
        let site: Option<(Option<i64>, Option<DateTime<Utc>>)> =
            query_as("SELECT sheet_in_force, heard_at FROM sites WHERE centre_id = $1")
                .bind(centre.id.0)
                .fetch_optional(&mut *line)
                .await?;
        let there = matches!(site, Some((Some(_), Some(heard))) if at - heard < SILENT);
        let spaces: Vec<SpaceRow> =
            query_as("SELECT id, kind, label, zone_ja, features FROM spaces WHERE centre_id = $1")
                .bind(centre.id.0)
                .fetch_all(&mut *line)
                .await?;
        let mut desks = Vec::new();
        for space in spaces {
            if from_word::<SpaceKind>(&space.kind)? != SpaceKind::Desk {
                continue;
            }
            let mut desk = Desk {
                space: SpaceId(space.id),
                area: space.zone_ja,
                features: features(space.features)?.bits().count_ones(),
                taken: Vec::new(),
                shut: Vec::new(),
            };
            for (_, starts, ends) in closures.iter().filter(|(one, ..)| *one == Some(space.id)) {
                desk.shut.push(interval(*starts, *ends)?);
            }
            desks.push((space.label, desk));
        }
        desks.sort_by(|one, other| (&one.0, one.1.space).cmp(&(&other.0, other.1.space)));
        let mut desks: Vec<Desk> = desks.into_iter().map(|(_, desk)| desk).collect();
        let buffer = TimeDelta::minutes(settings.buffer_minutes.into());
        let (mut lease, mut lease_claims) = (Vec::new(), Vec::new());
        for claim in claims {
            let space = SpaceId(claim.space_id);
            let when = interval(claim.starts_at, claim.ends_at)?;
            if claim.booking_id.is_none() && claim.asked_back.is_none() {
                lease.push(LeasedSpace { space, when });
                lease_claims.push(ClaimId(claim.id));
            } else if let Some(desk) = desks.iter_mut().find(|desk| desk.space == space) {
                desk.taken.push(interval(when.starts() - buffer, when.ends() + buffer)?);
            }
        }
        let given_back =
            back.into_iter().map(|(starts, ends)| interval(starts, ends)).collect::<Result<_>>()?;
        days.extend(booking::days_to_lock(
            centre,
            &lease.iter().map(|leased| leased.when).collect::<Vec<_>>(),
        ));
        days.sort();
        days.dedup();
        let keeping = Keeping {
            open,
            desks,
            lease,
            given_back,
            wanted: settings.walk_in_desks,
            grain_minutes: settings.grain_minutes,
        };
        Ok(Self { keeping, claims: lease_claims, there, days })
    }

    fn keep(&self) -> Keep {
        let mut keep = keep(&self.keeping);
        if !self.there {
            keep.take.clear();
        }
        keep
    }
}

/// Opening hours without the times at which the whole centre is shut, in steps of the grain.
fn without(open: Vec<Interval>, shut: &[Interval], centre: &Centre) -> Vec<Interval> {
    let step = |time| next_step(time, centre.settings.grain_minutes, centre.time_zone);
    let mut left = open;
    for shut in shut {
        left = left
            .into_iter()
            .flat_map(|open| {
                let before = Interval::new(open.starts(), open.ends().min(shut.starts())).ok();
                let after = Interval::new(step(shut.ends()).max(open.starts()), open.ends()).ok();
                if shut.overlaps(&open) { [before, after] } else { [Some(open), None] }
            })
            .flatten()
            .collect();
    }
    left.sort();
    left
}

async fn keep_once(
    tx: &mut Tx,
    centre: &Centre,
    at: DateTime<Utc>,
    seed: Uuid,
) -> Result<Outcome<LeaseKept>> {
    lock_site(tx, centre.id).await?;
    // Which days these are is known by looking; under the lock it is looked once more.
    let days = Found::read(&mut *tx, centre, at).await?.days;
    writes::lock_days(tx, centre.id, &days).await?;
    let found = Found::read(&mut *tx, centre, at).await?;
    let keep = found.keep();
    if keep == Keep::default() {
        return Ok(Outcome::Clean(LeaseKept::default()));
    }
    let back = keep.ask_back.iter().filter_map(|place| found.claims.get(*place));
    query(concat!(
        "UPDATE desk_claims SET asked_back = 'fewer'
         WHERE booking_id IS NULL AND released_at IS NULL AND asked_back IS NULL AND id ",
        in_list!("$1"),
    ))
    .bind(crate::id_list(back.map(|claim| claim.0)))
    .execute(&mut **tx)
    .await?;
    let mut ids = ClaimIds::from(seed);
    for leased in &keep.take {
        insert(tx, &mut ids, centre.id, leased, &Listed::default()).await?;
    }
    query("DELETE FROM desk_claims WHERE centre_id = $1 AND booking_id IS NULL AND ends_at < $2")
        .bind(centre.id.0)
        .bind(storable(at - FORGOTTEN))
        .execute(&mut **tx)
        .await?;
    writes::note_days(tx, centre.id, &days).await?;
    let (taken, asked_back) = (keep.take.len(), keep.ask_back.len());
    Ok(Outcome::Kept(LeaseKept { taken, asked_back }))
}

/// What of the lease stands in the way at a space that would do for an order.
struct Fitting {
    space: SpaceId,
    leased: Vec<LeaseRow>,
}

impl Fitting {
    fn is_on_its_way(&self) -> bool {
        self.leased.iter().all(|row| row.asked_back.is_some())
    }
}

async fn want_once(tx: &mut Tx, order: &BookingOrder, seed: Uuid) -> Result<Outcome<bool>> {
    let centre = &order.centre;
    let site = lock_site(tx, centre.id).await?;
    let there = site.sheet_in_force.is_some()
        && site.heard_at.is_some_and(|heard| order.at - heard < SILENT);
    if !there || order.desks == 0 {
        return Ok(Outcome::Clean(false));
    }
    let days = booking::days_to_lock(centre, &order.slots);
    writes::lock_days(tx, centre.id, &days).await?;
    let buffer = TimeDelta::minutes(centre.settings.buffer_minutes.into());
    let mut asked = Vec::new();
    for slot in &order.slots {
        let Ok(around) = Interval::new(slot.starts() - buffer, slot.ends() + buffer) else {
            return Ok(Outcome::Clean(false));
        };
        let (free, mut fitting) = fitting(tx, order, slot, &around).await?;
        let wanted = usize::try_from(order.desks).unwrap_or(usize::MAX).saturating_sub(free);
        // What is on its way already comes first, and then what takes the least.
        fitting.sort_by_key(|one| (!one.is_on_its_way(), one.leased.len()));
        if fitting.len() < wanted {
            return Ok(Outcome::Clean(false));
        }
        fitting.truncate(wanted);
        asked.extend(fitting.into_iter().map(|one| (one, around)));
    }
    let mut ids = ClaimIds::from(seed);
    let mut any = false;
    for (fitting, around) in &asked {
        // Another slot of the order may have cut the same claim by now.
        for row in at_space(tx, centre.id, fitting.space, around).await? {
            if row.asked_back.is_none() {
                ask_back_part(tx, &mut ids, centre.id, &row, around).await?;
                any = true;
            }
        }
    }
    if !any {
        // Nothing of the lease would help, or all of it is on its way.
        return Ok(Outcome::Clean(asked.iter().any(|(one, _)| !one.leased.is_empty())));
    }
    writes::note_days(tx, centre.id, &days).await?;
    Ok(Outcome::Kept(true))
}

/// How many spaces are free for a slot of an order, and those that the lease alone stands in the way of.
async fn fitting(
    tx: &mut Tx,
    order: &BookingOrder,
    slot: &Interval,
    around: &Interval,
) -> Result<(usize, Vec<Fitting>)> {
    let centre = order.centre.id;
    let spaces: Vec<(Uuid, String, i64)> = query_as(
        "SELECT id, kind, features FROM spaces s WHERE centre_id = $1
             AND NOT EXISTS (SELECT 1 FROM closures c WHERE c.centre_id = $1
                 AND (c.space_id IS NULL OR c.space_id = s.id)
                 AND c.starts_at < $2 AND c.ends_at > $3)
             AND NOT EXISTS (SELECT 1 FROM desk_claims d WHERE d.space_id = s.id
                 AND d.released_at IS NULL AND d.booking_id IS NOT NULL
                 AND d.starts_at < $4 AND d.ends_at > $5)
             AND NOT EXISTS (SELECT 1 FROM visits v WHERE v.space_id = s.id
                 AND v.checked_out_at IS NULL AND v.checked_in_at > $6)
         ORDER BY id",
    )
    .bind(centre.0)
    .bind(slot.ends())
    .bind(slot.starts())
    .bind(around.ends())
    .bind(around.starts())
    // Whoever sits there today, on whatever booking, is not asked to get up.
    .bind(slot.starts() - LONGEST_CLAIM)
    .fetch_all(&mut **tx)
    .await?;
    let (mut free, mut found) = (0, Vec::new());
    for (id, kind, bits) in spaces {
        let space = SpaceId(id);
        let fits = match order.pinned {
            Some(pinned) => pinned == space,
            None => {
                from_word::<SpaceKind>(&kind)? == SpaceKind::Desk
                    && features(bits)?.covers(order.needs.required)
            }
        };
        if !fits {
            continue;
        }
        let leased = at_space(tx, centre, space, around).await?;
        if leased.is_empty() { free += 1 } else { found.push(Fitting { space, leased }) }
    }
    Ok((free, found))
}

/// Asks back the part of a claim that overlaps a stretch. What is left of it stays the site's, where that is long enough
/// to be of use.
async fn ask_back_part(
    tx: &mut Tx,
    ids: &mut ClaimIds,
    centre: CentreId,
    row: &LeaseRow,
    around: &Interval,
) -> Result<()> {
    let LeaseClaim { space, when, .. } = row.claim()?;
    let long_enough = |rest: &Interval| rest.length() >= SHORTEST;
    let before = Interval::new(when.starts(), around.starts()).ok().filter(long_enough);
    let after = Interval::new(around.ends(), when.ends()).ok().filter(long_enough);
    let part = interval(
        before.map_or(when.starts(), |before| before.ends()),
        after.map_or(when.ends(), |after| after.starts()),
    )?;
    query(
        "UPDATE desk_claims SET asked_back = 'wanted', starts_at = $2, ends_at = $3
         WHERE id = $1",
    )
    .bind(row.id)
    .bind(part.starts())
    .bind(part.ends())
    .execute(&mut **tx)
    .await?;
    for when in before.into_iter().chain(after) {
        insert(tx, ids, centre, &LeasedSpace { space, when }, &row.listed()).await?;
    }
    Ok(())
}

async fn free_once(
    tx: &mut Tx,
    centre: &Centre,
    at: DateTime<Utc>,
    spare: &[Spare],
) -> Result<Outcome<usize>> {
    let site = lock_site(tx, centre.id).await?;
    let told: Option<i64> = query_scalar("SELECT sheet_told FROM sites WHERE centre_id = $1")
        .bind(centre.id.0)
        .fetch_one(&mut **tx)
        .await?;
    let acknowledged = site.sheet_in_force.map(signed).transpose()?;
    // Both, or nothing: the lesser of the two is what the site has let go of for good.
    let seen = acknowledged.zip(told).map_or(0, |(acknowledged, told)| acknowledged.min(told));
    let rows: Vec<LeaseRow> = query_as(
        "SELECT id, space_id, starts_at, ends_at, listed_on, asked_back FROM desk_claims
         WHERE centre_id = $1 AND booking_id IS NULL AND released_at IS NULL
             AND asked_back IS NOT NULL AND (listed_on IS NULL OR listed_on < $2)
             AND NOT EXISTS (SELECT 1 FROM visits v WHERE v.space_id = desk_claims.space_id
                 AND v.checked_out_at IS NULL AND v.checked_in_at > $3
                 AND desk_claims.starts_at < $4)",
    )
    .bind(centre.id.0)
    .bind(seen)
    // A site may have seated somebody there whose own desk could not be used: it is theirs until they go.
    .bind(storable(at - LONGEST_CLAIM))
    .bind(storable(at + LONGEST_CLAIM))
    .fetch_all(&mut **tx)
    .await?;
    if rows.is_empty() {
        return Ok(Outcome::Clean(0));
    }
    let claims = rows.iter().map(LeaseRow::claim).collect::<Result<Vec<_>>>()?;
    let stretches: Vec<Interval> = claims.iter().map(|claim| claim.when).collect();
    let mut days = booking::days_to_lock(centre, &stretches);
    for when in &stretches {
        days.extend(days_waited_for(&mut **tx, centre, when).await?);
    }
    days.sort();
    days.dedup();
    writes::lock_days(tx, centre.id, &days).await?;
    query(concat!("UPDATE desk_claims SET released_at = $2 WHERE id ", in_list!("$1")))
        .bind(crate::id_list(claims.iter().map(|claim| claim.claim.0)))
        .bind(storable(at))
        .execute(&mut **tx)
        .await?;
    offer(tx, centre, &days, at, spare).await?;
    writes::note_days(tx, centre.id, &days).await?;
    Ok(Outcome::Kept(claims.len()))
}

/// A live claim at a centre.
#[derive(FromRow)]
struct ClaimRow {
    id: Uuid,
    booking_id: Option<Uuid>,
    space_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    asked_back: Option<String>,
}

#[derive(FromRow)]
struct SpaceRow {
    id: Uuid,
    kind: String,
    label: String,
    zone_ja: String,
    features: i64,
}
