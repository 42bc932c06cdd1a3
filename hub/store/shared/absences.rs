//! When a site was on its own, and what it did meanwhile.
//!
//! What is kept is from when to when, and where its word went on. What happened are its events; nothing of them is written
//! a second time.

use std::cmp::Reverse;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{BookingId, CentreId, SpaceId};
use model::site_event::SiteEvent;
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{Absence, Absences, Result, SILENT, SiteStatus, StoreError, WalkInConflict};
use uuid::Uuid;

use super::convert::{from_json, interval, number, signed, storable};
use crate::{Db, Here};

type Tx = Transaction<'static, Db>;

/// The most absences, or open conflicts, that one answer gives.
const MOST: i64 = 100;

/// What a site says now, as far as it tells whether it was away.
pub(super) struct Word<'a> {
    pub(super) centre: CentreId,
    /// What was known of it before.
    pub(super) known: &'a SiteStatus,
    /// Now, by the hub's clock.
    pub(super) at: DateTime<Utc>,
    /// How far it has told, by its own clock: one that is slow does not make what it tells late.
    pub(super) told_until: DateTime<Utc>,
    /// What it tells, in order.
    pub(super) events: &'a [(u64, &'a SiteEvent)],
}

/// Notes that a site was on its own, where it was: nothing was heard of it for a while, or it tells late what nothing was
/// told of before. The site's row is locked.
pub(super) async fn note(tx: &mut Tx, word: &Word<'_>) -> Result<()> {
    let Some(heard) = word.known.heard_at else { return Ok(()) };
    let silent = word.at - heard > SILENT;
    let told = word.at.min(word.told_until);
    let is_late = |event: &&SiteEvent| told.signed_duration_since(event.at) > SILENT;
    let late: Vec<DateTime<Utc>> = (word.events.iter().map(|(_, event)| *event))
        .filter(is_late)
        .map(|event| storable(event.at))
        .collect();
    if !silent && late.is_empty() {
        return Ok(());
    }
    let last: Option<(i64, DateTime<Utc>)> = query_as(
        "SELECT number, back_at FROM site_absences WHERE centre_id = $1
         ORDER BY number DESC LIMIT 1",
    )
    .bind(word.centre.0)
    .fetch_optional(&mut **tx)
    .await?;
    // A long absence is told in several batches: those that follow belong to it.
    let known_until = last.map(|(_, back_at)| back_at);
    let new = late.into_iter().filter(|at| known_until.is_none_or(|known| known < *at)).min();
    let gone_at = match (silent, new) {
        (true, _) => heard,
        (false, Some(first)) => first,
        (false, None) => return Ok(()),
    };
    let first_place = word.known.reached.saturating_add(1);
    query(
        "INSERT INTO site_absences (centre_id, number, gone_at, back_at, first_place)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(word.centre.0)
    .bind(last.map_or(0, |(number, _)| number) + 1)
    .bind(gone_at.min(word.at))
    .bind(storable(word.at))
    .bind(signed(first_place)?)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[async_trait]
impl Absences for Here {
    async fn absences(&self, centre: CentreId) -> Result<Vec<Absence>> {
        let rows: Vec<AbsenceRow> = query_as(
            "SELECT number, gone_at, back_at, first_place, read_at FROM site_absences
             WHERE centre_id = $1
             ORDER BY CASE WHEN read_at IS NULL THEN 0 ELSE 1 END, number DESC LIMIT $2",
        )
        .bind(centre.0)
        .bind(MOST)
        .fetch_all(self.reader())
        .await?;
        let mut absences: Vec<Absence> =
            rows.into_iter().map(Absence::try_from).collect::<Result<_>>()?;
        absences.sort_by_key(|one| Reverse(one.number));
        Ok(absences)
    }

    async fn unread_absences(&self, centre: CentreId) -> Result<u32> {
        let count: i64 = query_scalar(
            "SELECT COUNT(*) FROM site_absences WHERE centre_id = $1 AND read_at IS NULL",
        )
        .bind(centre.0)
        .fetch_one(self.reader())
        .await?;
        number(count)
    }

    async fn absence(&self, centre: CentreId, which: u32) -> Result<Option<Absence>> {
        let row: Option<AbsenceRow> = query_as(
            "SELECT number, gone_at, back_at, first_place, read_at FROM site_absences
             WHERE centre_id = $1 AND number = $2",
        )
        .bind(centre.0)
        .bind(i64::from(which))
        .fetch_optional(self.reader())
        .await?;
        row.map(Absence::try_from).transpose()
    }

    async fn done_alone(
        &self,
        centre: CentreId,
        absence: &Absence,
        most: u32,
    ) -> Result<Vec<(u64, SiteEvent)>> {
        // The next absence's events are not this one's, whatever the site's clock said.
        let next: Option<i64> = query_scalar(
            "SELECT MIN(first_place) FROM site_absences
             WHERE centre_id = $1 AND number > $2 AND first_place > $3",
        )
        .bind(centre.0)
        .bind(i64::from(absence.number))
        .bind(signed(absence.first_place)?)
        .fetch_one(self.reader())
        .await?;
        let next = next.unwrap_or(i64::MAX);
        // Where the line was gone again before anything was told, what was before is the former absence's.
        let former: Option<DateTime<Utc>> = query_scalar(
            "SELECT MAX(back_at) FROM site_absences
             WHERE centre_id = $1 AND number < $2 AND first_place = $3",
        )
        .bind(centre.0)
        .bind(i64::from(absence.number))
        .bind(signed(absence.first_place)?)
        .fetch_one(self.reader())
        .await?;
        // Once the site is back and tells what happened since, nothing of before follows: the log is not read to its end.
        // What it tells at first may be of the absence even where its clock was ahead.
        let live: Option<i64> = query_scalar(
            "SELECT place FROM site_events
             WHERE centre_id = $1 AND place >= $2 AND place < $3 AND at > $4 AND taken_at > $5
             ORDER BY place LIMIT 1",
        )
        .bind(centre.0)
        .bind(signed(absence.first_place)?)
        .bind(next)
        .bind(absence.back_at)
        .bind(storable(absence.back_at + SILENT))
        .fetch_optional(self.reader())
        .await?;
        let rows: Vec<(i64, String)> = query_as(
            "SELECT place, body FROM site_events
             WHERE centre_id = $1 AND place >= $2 AND place < $3 AND at <= $4
                 AND ($5 IS NULL OR at > $5)
                 AND kind NOT IN ('measured', 'sensor', 'terminal', 'door_opened', 'door_closed')
             ORDER BY place LIMIT $6",
        )
        .bind(centre.0)
        .bind(signed(absence.first_place)?)
        .bind(live.unwrap_or(next))
        .bind(absence.back_at)
        .bind(former)
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(|(place, body)| Ok((number(place)?, from_json(&body)?))).collect()
    }

    async fn walk_in_conflicts(
        &self,
        centre: CentreId,
        from: u64,
        to: u64,
    ) -> Result<Vec<WalkInConflict>> {
        let rows: Vec<ConflictRow> = query_as(
            "SELECT place, space_id, starts_at, ends_at, walk_in_id, booking_id, moved_to
             FROM walk_in_conflicts WHERE centre_id = $1 AND place >= $2 AND place <= $3
             ORDER BY place, starts_at, booking_id LIMIT 1000",
        )
        .bind(centre.0)
        .bind(signed(from)?)
        .bind(signed(to)?)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(WalkInConflict::try_from).collect()
    }

    async fn open_conflicts(
        &self,
        centre: CentreId,
        now: DateTime<Utc>,
    ) -> Result<Vec<WalkInConflict>> {
        let rows: Vec<ConflictRow> = query_as(
            "SELECT place, space_id, starts_at, ends_at, walk_in_id, booking_id, moved_to
             FROM walk_in_conflicts w
             WHERE centre_id = $1 AND moved_to IS NULL AND ends_at > $2
                 AND EXISTS (SELECT 1 FROM desk_claims c WHERE c.booking_id = w.booking_id
                     AND c.space_id = w.space_id AND c.released_at IS NULL
                     AND c.starts_at < w.ends_at AND c.ends_at > w.starts_at)
             ORDER BY starts_at, booking_id LIMIT $3",
        )
        .bind(centre.0)
        .bind(storable(now))
        .bind(MOST)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(WalkInConflict::try_from).collect()
    }

    async fn note_absence_read(
        &self,
        centre: CentreId,
        which: u32,
        at: DateTime<Utc>,
    ) -> Result<()> {
        query(
            "UPDATE site_absences SET read_at = $3
             WHERE centre_id = $1 AND number = $2 AND read_at IS NULL",
        )
        .bind(centre.0)
        .bind(i64::from(which))
        .bind(storable(at))
        .execute(self.writer())
        .await?;
        Ok(())
    }
}

#[derive(FromRow)]
struct AbsenceRow {
    number: i64,
    gone_at: DateTime<Utc>,
    back_at: DateTime<Utc>,
    first_place: i64,
    read_at: Option<DateTime<Utc>>,
}

impl TryFrom<AbsenceRow> for Absence {
    type Error = StoreError;
    fn try_from(row: AbsenceRow) -> Result<Self> {
        Ok(Self {
            number: number(row.number)?,
            gone_at: row.gone_at,
            back_at: row.back_at,
            first_place: number(row.first_place)?,
            read_at: row.read_at,
        })
    }
}

#[derive(FromRow)]
struct ConflictRow {
    place: i64,
    space_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    walk_in_id: Uuid,
    booking_id: Uuid,
    moved_to: Option<Uuid>,
}

impl TryFrom<ConflictRow> for WalkInConflict {
    type Error = StoreError;
    fn try_from(row: ConflictRow) -> Result<Self> {
        Ok(Self {
            place: number(row.place)?,
            space: SpaceId(row.space_id),
            when: interval(row.starts_at, row.ends_at)?,
            walk_in: BookingId(row.walk_in_id),
            booking: BookingId(row.booking_id),
            moved_to: row.moved_to.map(SpaceId),
        })
    }
}
