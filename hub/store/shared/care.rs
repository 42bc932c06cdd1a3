//! Care places: by number alone, or by staff, floor and groups at every moment.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::booking::{self, CareClaim};
use model::capacity;
use model::care::age::Ages;
use model::care::duty::Shift;
use model::care::intake::{CareTaken, Intake, Lack, NotTaken};
use model::care::rule_set::RuleSet;
use model::care::staffing::Staffing;
use model::centre::Centre;
use model::id::{BookingId, ChildId, NurseryId, RoomId, ShiftId};
use model::interval::Interval;
use model::opening::{days_of, whole_day};
use sqlx::{Executor, FromRow, Transaction, query, query_as};
use store::{BookingOrder, Care, NoRoom, Result, Roster, RosterPut, Rostered, StoreError};
use uuid::Uuid;

use super::convert::{from_json, interval, number, to_json};
use super::ending::end_lapsed;
use super::tries::Tries;
use super::{LONGEST_CLAIM, Outcome, duplicate};
use crate::{Db, Here, writes};

type Tx = Transaction<'static, Db>;

/// How old a child counts, as the database has it.
pub(super) fn ages(actual: Option<i64>, school_year: Option<i64>) -> Result<Option<Ages>> {
    let Some((actual, school_year)) = actual.zip(school_year) else { return Ok(None) };
    Ok(Some(Ages { actual: number(actual)?, school_year: number(school_year)? }))
}

/// Booked care, as the database has it.
pub(super) fn taken(
    starts: DateTime<Utc>,
    ends: DateTime<Utc>,
    room: Option<Uuid>,
    age: Option<i64>,
    school_age: Option<i64>,
) -> Result<CareTaken> {
    let ages = ages(age, school_age)?.unwrap_or_default();
    Ok(CareTaken { when: interval(starts, ends)?, room: room.map(RoomId), ages })
}

/// Where the children of an order go.
pub(super) struct CarePlaced {
    /// The nursery.
    pub(super) nursery: NurseryId,
    /// The rooms, slot by slot and in each child by child; none where the nursery has none, or had none.
    pub(super) rooms: Vec<Option<RoomId>>,
}

/// The nurseries of a centre with what holds their places for a while.
pub(super) struct CarePlaces {
    centre: Centre,
    rule_sets: Vec<RuleSet>,
    nurseries: Vec<CareHouse>,
}

/// One of them.
struct CareHouse {
    id: NurseryId,
    places: u32,
    staffing: Option<Staffing>,
    claims: Vec<Booked>,
    shifts: Vec<Shift>,
}

/// Care with its booking, and since when that stands.
type Booked = ((DateTime<Utc>, BookingId), CareTaken);

impl CarePlaces {
    /// Reads them, as far as it matters to stretches within `span`.
    pub(super) async fn read(tx: &mut Tx, centre: &Centre, span: &Interval) -> Result<Self> {
        let rows: Vec<NurseryClaim> = query_as(
            "SELECT n.id, n.places, n.staffing IS NOT NULL AS staffed, c.booking_id, b.made_at,
                 c.starts_at, c.ends_at, c.room_id, c.age, c.school_age
             FROM nurseries n LEFT JOIN care_claims c ON c.nursery_id = n.id
                 AND c.released_at IS NULL
                 AND c.starts_at > $2 AND c.starts_at < $3 AND c.ends_at > $4
             LEFT JOIN bookings b ON b.id = c.booking_id
             WHERE n.centre_id = $1 ORDER BY n.id",
        )
        .bind(centre.id.0)
        .bind(span.starts() - LONGEST_CLAIM)
        .bind(span.ends())
        .bind(span.starts())
        .fetch_all(&mut **tx)
        .await?;
        let mut nurseries = Vec::new();
        for rows in rows.chunk_by(|one, next| one.id == next.id) {
            let (id, staffed) = (NurseryId(rows[0].id), rows[0].staffed);
            let claims = rows.iter().filter_map(|row| row.claim().transpose());
            let claims = claims.collect::<Result<_>>()?;
            let (staffing, shifts) = if staffed {
                (staffing_of(tx, id).await?, shifts_of(&mut **tx, id, span).await?)
            } else {
                (None, Vec::new())
            };
            nurseries.push(CareHouse {
                id,
                places: number(rows[0].places)?,
                staffing,
                claims,
                shifts: shifts.into_iter().map(|rostered| rostered.shift).collect(),
            });
        }
        let staffed = nurseries.iter().any(|nursery| nursery.staffing.is_some());
        let rule_sets = if staffed { rule_sets(&mut **tx).await? } else { Vec::new() };
        Ok(Self { centre: centre.clone(), rule_sets, nurseries })
    }

    /// The first nursery that can take the children of `order`. What lies within care that the booking `had`
    /// is not asked for again: whoever changes something else keeps it, whatever has come since.
    pub(super) fn place(
        &self,
        order: &BookingOrder,
        had: &[CareClaim],
    ) -> std::result::Result<CarePlaced, NoRoom> {
        let mut first = None;
        for nursery in &self.nurseries {
            match self.place_in(nursery, order, had) {
                Ok(rooms) => return Ok(CarePlaced { nursery: nursery.id, rooms }),
                // That one takes no such age says nothing of the others, which may only be full.
                Err(no_room) => {
                    first = first.filter(|first| !matches!(first, NoRoom::NoRoomForAge(_)));
                    first = first.or(Some(no_room));
                }
            }
        }
        Err(first.unwrap_or(NoRoom::NoNursery))
    }

    fn place_in(
        &self,
        nursery: &CareHouse,
        order: &BookingOrder,
        had: &[CareClaim],
    ) -> std::result::Result<Vec<Option<RoomId>>, NoRoom> {
        let mut taken: Vec<CareTaken> = nursery.claims.iter().map(|(_, taken)| *taken).collect();
        let Some(staffing) = &nursery.staffing else {
            let taken: Vec<Interval> = taken.iter().map(|taken| taken.when).collect();
            let places = usize::try_from(nursery.places).unwrap_or(usize::MAX);
            return capacity::care_fits(places, &taken, &order.slots, order.children.len())
                .map(|()| Vec::new())
                .map_err(NoRoom::Care);
        };
        let slots = order.slots.iter();
        let places: Vec<(ChildId, Interval)> = slots
            .flat_map(|slot| order.children.iter().map(move |child| (*child, *slot)))
            .collect();
        // The room of what is kept, as it was; none yet for what is asked.
        let mut rooms: Vec<Option<Option<RoomId>>> = Vec::with_capacity(places.len());
        let mut asked: Vec<(ChildId, (Interval, Ages))> = Vec::new();
        for (child, slot) in places {
            let ages = order.ages_of(child, &slot).unwrap_or_default();
            let holds = |had: &&CareClaim| {
                had.nursery == nursery.id
                    && had.child == child
                    && had.released_at.is_none()
                    && had.when.covers(&slot)
            };
            let kept = had.iter().find(holds).map(|had| had.room);
            match kept {
                Some(room) => taken.push(CareTaken { when: slot, room, ages }),
                None => asked.push((child, (slot, ages))),
            }
            rooms.push(kept);
        }
        let wishes: Vec<(Interval, Ages)> = asked.iter().map(|(_, wish)| *wish).collect();
        let found = self.intake(nursery, staffing, &taken).take(&wishes);
        let mut found = found
            .map_err(|why| match why {
                NotTaken::NoRoomForAge(at) => NoRoom::NoRoomForAge(asked[at].0),
                NotTaken::Short(lacks) => NoRoom::CareShort(lacks),
            })?
            .into_iter();
        Ok(rooms.into_iter().map(|kept| kept.unwrap_or_else(|| found.next())).collect())
    }

    /// Which bookings with care in `nursery` cannot be kept, those made first in front.
    fn failing(&self, nursery: NurseryId) -> Vec<(BookingId, Vec<Lack>)> {
        let found = self.nurseries.iter().find(|other| other.id == nursery);
        let Some((nursery, staffing)) =
            found.and_then(|nursery| Some((nursery, nursery.staffing.as_ref()?)))
        else {
            return Vec::new();
        };
        let mut bookings: BTreeMap<(DateTime<Utc>, BookingId), Vec<CareTaken>> = BTreeMap::new();
        for (booking, taken) in &nursery.claims {
            bookings.entry(*booking).or_default().push(*taken);
        }
        let (names, care): (Vec<_>, Vec<_>) = bookings.into_iter().unzip();
        let failing = self.intake(nursery, staffing, &[]).failing(&care);
        let named = |(at, lacks): (usize, Vec<Lack>)| Some((names.get(at)?.1, lacks));
        failing.into_iter().filter_map(named).collect()
    }

    fn intake<'a>(
        &'a self,
        nursery: &'a CareHouse,
        staffing: &'a Staffing,
        taken: &'a [CareTaken],
    ) -> Intake<'a> {
        Intake {
            staffing,
            places: nursery.places,
            rule_sets: &self.rule_sets,
            zone: self.centre.time_zone,
            municipality: self.centre.municipality,
            taken,
            shifts: &nursery.shifts,
        }
    }
}

async fn rule_sets<'c>(line: impl Executor<'c, Database = Db>) -> Result<Vec<RuleSet>> {
    let mut bodies: Vec<(String, String)> =
        query_as("SELECT name, body FROM rule_sets").fetch_all(line).await?;
    bodies.sort();
    let read = |(_, body): &(String, String)| {
        let rules: RuleSet = from_json(body)?;
        rules.check().map_err(|bad| StoreError::Corrupt(bad.to_string()))?;
        Ok(rules)
    };
    bodies.iter().map(read).collect()
}

async fn staffing_of(tx: &mut Tx, nursery: NurseryId) -> Result<Option<Staffing>> {
    let row: Option<(Option<String>,)> = query_as("SELECT staffing FROM nurseries WHERE id = $1")
        .bind(nursery.0)
        .fetch_optional(&mut **tx)
        .await?;
    row.and_then(|(staffing,)| staffing).as_deref().map(from_json).transpose()
}

async fn shifts_of<'c>(
    line: impl Executor<'c, Database = Db>,
    nursery: NurseryId,
    window: &Interval,
) -> Result<Vec<Rostered>> {
    let rows: Vec<ShiftRow> = query_as(
        "SELECT id, caregiver, kind, starts_at, ends_at, breaks FROM shifts
         WHERE nursery_id = $1 AND starts_at > $2 AND starts_at < $3 AND ends_at > $4",
    )
    .bind(nursery.0)
    .bind(window.starts() - LONGEST_CLAIM)
    .bind(window.ends())
    .bind(window.starts())
    .fetch_all(line)
    .await?;
    let mut shifts: Vec<Rostered> =
        rows.into_iter().map(Rostered::try_from).collect::<Result<_>>()?;
    shifts.sort_by(|one, other| {
        (one.shift.when.starts(), &one.caregiver, one.id).cmp(&(
            other.shift.when.starts(),
            &other.caregiver,
            other.id,
        ))
    });
    Ok(shifts)
}

#[async_trait]
impl Care for Here {
    async fn add_rule_set(&self, rules: &RuleSet, at: DateTime<Utc>) -> Result<()> {
        query("INSERT INTO rule_sets (name, body, added_at) VALUES ($1, $2, $3)")
            .bind(&rules.name)
            .bind(to_json(rules)?)
            .bind(at)
            .execute(self.writer())
            .await
            .map_err(duplicate("rule set"))?;
        Ok(())
    }

    async fn rule_sets(&self) -> Result<Vec<RuleSet>> {
        rule_sets(self.reader()).await
    }

    async fn set_staffing(&self, nursery: NurseryId, staffing: Option<&Staffing>) -> Result<bool> {
        let changed = query("UPDATE nurseries SET staffing = $2 WHERE id = $1")
            .bind(nursery.0)
            .bind(staffing.map(to_json).transpose()?)
            .execute(self.writer())
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    async fn shifts(&self, nursery: NurseryId, window: &Interval) -> Result<Vec<Rostered>> {
        shifts_of(self.reader(), nursery, window).await
    }

    async fn put_roster(&self, roster: &Roster) -> Result<RosterPut> {
        let mut tries = Tries::first();
        loop {
            let roster = roster.clone();
            let put = self.write_tentatively(move |tx| {
                let roster = roster.clone();
                Box::pin(async move { put_once(tx, &roster).await })
            });
            match put.await {
                Err(failed) if tries.again_after(&failed) => {}
                other => return other,
            }
        }
    }
}

async fn put_once(tx: &mut Tx, roster: &Roster) -> Result<Outcome<RosterPut>> {
    let Roster { centre, nursery, days, shifts, at, only_try } = roster;
    let mut days = days.clone();
    days.sort();
    days.dedup();
    // A shift is at most a day long: none that is replaced reaches beyond the next day.
    let mut locked = days.clone();
    locked.extend(days.iter().filter_map(|day| day.succ_opt()));
    let new: Vec<Interval> = shifts.iter().map(|one| one.shift.when).collect();
    locked.extend(booking::days_to_lock(centre, &new));
    locked.sort();
    locked.dedup();
    // Bookings of these days wait meanwhile: none is made by a roster that is just being replaced.
    writes::lock_days(tx, centre.id, &locked).await?;
    end_lapsed(tx, centre, *at, &locked, &[]).await?;
    let touched: Vec<Interval> =
        locked.iter().filter_map(|day| whole_day(*day, centre.time_zone)).collect();
    let Some(span) = super::bookings::span_of(&touched) else {
        return Ok(Outcome::Clean(RosterPut::Done(Vec::new())));
    };
    let begins_on = |shift: &Rostered| -> Option<NaiveDate> {
        days_of(&shift.shift.when, centre.time_zone).first().copied()
    };
    let before = shifts_of(&mut **tx, *nursery, &span).await?;
    let (replaced, stays): (Vec<_>, Vec<_>) = before
        .into_iter()
        .partition(|shift| begins_on(shift).is_some_and(|day| days.binary_search(&day).is_ok()));
    for shift in shifts {
        let meets = |other: &&Rostered| {
            other.caregiver == shift.caregiver && other.shift.when.overlaps(&shift.shift.when)
        };
        if let Some(other) = stays.iter().find(meets) {
            let (caregiver, when) = (other.caregiver.clone(), other.shift.when);
            return Ok(Outcome::Undo(RosterPut::Overlaps { caregiver, when }));
        }
    }
    for shift in replaced {
        query("DELETE FROM shifts WHERE id = $1").bind(shift.id.0).execute(&mut **tx).await?;
    }
    for Rostered { id, caregiver, shift } in shifts {
        query(
            "INSERT INTO shifts (id, nursery_id, caregiver, kind, starts_at, ends_at, breaks)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.0)
        .bind(nursery.0)
        .bind(caregiver)
        .bind(&shift.kind)
        .bind(shift.when.starts())
        .bind(shift.when.ends())
        .bind(to_json(&shift.breaks)?)
        .execute(&mut **tx)
        .await?;
    }
    // Care may reach far beyond these days: it is judged with all who work then, and told of where it fails on them.
    let wide = Interval::new(span.starts() - LONGEST_CLAIM, span.ends() + LONGEST_CLAIM);
    let wide = wide.map_err(|bad| StoreError::Corrupt(bad.to_string()))?;
    let mut failing = CarePlaces::read(tx, centre, &wide).await?.failing(*nursery);
    for (_, lacks) in &mut failing {
        lacks.retain(|lack| touched.iter().any(|day| day.overlaps(&lack.when)));
    }
    failing.retain(|(_, lacks)| !lacks.is_empty());
    if *only_try {
        return Ok(Outcome::Undo(RosterPut::Done(failing)));
    }
    writes::note_days(tx, centre.id, &locked).await?;
    Ok(Outcome::Kept(RosterPut::Done(failing)))
}

/// A nursery of a centre with one of its claims, or none.
#[derive(FromRow)]
struct NurseryClaim {
    id: Uuid,
    places: i64,
    staffed: bool,
    booking_id: Option<Uuid>,
    made_at: Option<DateTime<Utc>>,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    room_id: Option<Uuid>,
    age: Option<i64>,
    school_age: Option<i64>,
}

impl NurseryClaim {
    fn claim(&self) -> Result<Option<Booked>> {
        let times = self.starts_at.zip(self.ends_at);
        let Some((((starts, ends), booking), made_at)) =
            times.zip(self.booking_id).zip(self.made_at)
        else {
            return Ok(None);
        };
        let taken = taken(starts, ends, self.room_id, self.age, self.school_age)?;
        Ok(Some(((made_at, BookingId(booking)), taken)))
    }
}

#[derive(FromRow)]
struct ShiftRow {
    id: Uuid,
    caregiver: String,
    kind: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    breaks: String,
}

impl TryFrom<ShiftRow> for Rostered {
    type Error = StoreError;
    fn try_from(row: ShiftRow) -> Result<Self> {
        Ok(Self {
            id: ShiftId(row.id),
            caregiver: row.caregiver,
            shift: Shift {
                kind: row.kind,
                when: interval(row.starts_at, row.ends_at)?,
                breaks: from_json(&row.breaks)?,
            },
        })
    }
}
