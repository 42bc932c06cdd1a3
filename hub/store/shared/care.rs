//! Care places: by number alone, or by staff, floor and groups at every moment; under what scheme, from when.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use model::booking::{Booking, CareClaim};
use model::capacity;
use model::care::admission::Admits;
use model::care::age::Ages;
use model::care::duty::Shift;
use model::care::file::Interview;
use model::care::intake::{CareTaken, CareWanted, Intake, Lack, NotTaken};
use model::care::rule_set::RuleSet;
use model::care::scheme::{CareVisit, NotUnder, Scheme, choose};
use model::care::staffing::Staffing;
use model::care::terms::{MOST_AROUND, Terms, cut};
use model::centre::Centre;
use model::id::{BookingId, ChildId, NurseryId, RoomId};
use model::interval::Interval;
use model::opening::step_before;
use sqlx::{FromRow, Transaction, query_as};
use store::{BookingOrder, NoRoom, Result, StoreError};
use uuid::Uuid;

use super::LONGEST_CLAIM;
use super::beside::Beside;
use super::convert::{from_json, interval, number};
use super::roster::{rule_sets, schemes, shifts_of};
use crate::Db;

type Tx = Transaction<'static, Db>;

/// The terms of a nursery that nothing has been said of.
const NO_TERMS: &str = "{}";

/// How old a child counts, as the database has it.
pub(super) fn ages(actual: Option<i64>, school_year: Option<i64>) -> Result<Option<Ages>> {
    let Some((actual, school_year)) = actual.zip(school_year) else { return Ok(None) };
    let years: u32 = number(actual)?;
    Ok(Some(Ages { months: years.saturating_mul(12), school_year: number(school_year)? }))
}

/// Booked care, as the database has it.
pub(super) fn taken(
    starts: DateTime<Utc>,
    ends: DateTime<Utc>,
    room: Option<Uuid>,
    age: Option<i64>,
    school_age: Option<i64>,
    admits: Option<Admits>,
) -> Result<CareTaken> {
    let ages = ages(age, school_age)?.unwrap_or_default();
    Ok(CareTaken { when: interval(starts, ends)?, room: room.map(RoomId), ages, admits })
}

/// Where the children of an order go.
pub(super) struct CarePlaced {
    /// The nursery.
    pub(super) nursery: NurseryId,
    /// Slot by slot, and in each child by child.
    pub(super) places: Vec<CarePlace>,
}

/// One child's place.
#[derive(Clone, Debug)]
pub(super) struct CarePlace {
    pub(super) child: ChildId,
    pub(super) when: Interval,
    pub(super) ages: Option<Ages>,
    pub(super) scheme: Option<String>,
    /// None where the nursery has no rooms, or had none.
    pub(super) room: Option<RoomId>,
}

impl CarePlace {
    fn visit(&self) -> CareVisit {
        CareVisit { child: self.child, when: self.when }
    }
}

/// At how many times care begins.
fn begins(visits: &[CareVisit]) -> usize {
    let begins: BTreeSet<DateTime<Utc>> = visits.iter().map(|one| one.when.starts()).collect();
    begins.len()
}

/// What a place is to a booking.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    /// It has it, and is not asked for it again.
    Kept,
    /// It had it: room is looked for, and nothing else is asked.
    Again,
    /// It asks for it.
    New,
}

/// What a booking had before a change.
#[derive(Clone, Copy)]
pub(super) struct Had<'a> {
    /// The booking, with its claims as they stood.
    pub(super) booking: &'a Booking,
    /// Whether its care is its own still; if not, others may have got the room.
    pub(super) stands: bool,
}

impl<'a> Had<'a> {
    /// The care of a child that `slot` lies within, with the stretch that it went with.
    fn keeps(
        &self,
        places: &CarePlaces,
        nursery: &CareHouse,
        order: &BookingOrder,
        child: ChildId,
        slot: &Interval,
    ) -> Option<(&'a CareClaim, Interval)> {
        let with_desk = order.desks > 0;
        let needs_desk = |name: &String| {
            places.schemes.iter().any(|scheme| scheme.name == *name && scheme.needs_desk)
        };
        let desks = self.booking.desks.iter().filter(|desk| desk.released_at.is_none());
        self.care_of(child).find_map(|claim| {
            let desk = desks.clone().find(|desk| desk.when.overlaps(&claim.when));
            let stretch = desk.map_or(claim.when, |desk| desk.when);
            let same = claim.nursery == nursery.id && stretch.covers(slot);
            // Care without a desk had no hand-overs; and some is given only with one.
            let as_before = if with_desk {
                desk.is_some() || nursery.terms.handover.is_none()
            } else {
                !claim.scheme.as_ref().is_some_and(needs_desk)
            };
            let named = order.schemes.get(&child);
            let meant = named.is_none_or(|named| claim.scheme.as_ref() == Some(named));
            (same && as_before && meant).then_some((claim, stretch))
        })
    }

    /// The scheme that a child's care was under, at the time nearest to `when`.
    fn scheme_of(&self, child: ChildId, when: &Interval) -> Option<&'a str> {
        let far = |claim: &&CareClaim| (claim.when.starts() - when.starts()).abs();
        self.care_of(child).min_by_key(far)?.scheme.as_deref()
    }

    /// The care that it has under a scheme.
    fn visits_under(&self, scheme: &Scheme) -> Vec<CareVisit> {
        let theirs = |claim: &&CareClaim| {
            claim.released_at.is_none() && claim.scheme.as_ref() == Some(&scheme.name)
        };
        let visit = |claim: &CareClaim| CareVisit { child: claim.child, when: claim.when };
        self.booking.care.iter().filter(theirs).map(visit).collect()
    }

    fn care_of(&self, child: ChildId) -> impl Iterator<Item = &'a CareClaim> + use<'a> {
        let theirs = move |claim: &&CareClaim| claim.child == child && claim.released_at.is_none();
        self.booking.care.iter().filter(theirs)
    }
}

/// The nurseries of a centre with what holds their places for a while.
pub(super) struct CarePlaces {
    centre: Centre,
    rule_sets: Vec<RuleSet>,
    schemes: Vec<Scheme>,
    nurseries: Vec<CareHouse>,
}

/// One of them.
struct CareHouse {
    id: NurseryId,
    places: u32,
    walking_minutes: u32,
    terms: Terms,
    staffing: Option<Staffing>,
    claims: Vec<Booked>,
    shifts: Vec<Shift>,
}

/// Care with its booking, and since when that stands.
type Booked = ((DateTime<Utc>, BookingId), CareTaken);

impl CarePlaces {
    /// Reads them, as far as it matters to stretches within `span` and the hand-overs around them.
    pub(super) async fn read(tx: &mut Tx, centre: &Centre, span: &Interval) -> Result<Self> {
        let span = Interval::new(span.starts() - MOST_AROUND, span.ends() + MOST_AROUND);
        let span = span.map_err(|bad| StoreError::Corrupt(bad.to_string()))?;
        let rows: Vec<NurseryClaim> = query_as(
            "SELECT n.id, n.places, n.walking_minutes, n.terms, n.staffing IS NOT NULL AS staffed,
                 c.booking_id, b.made_at, c.starts_at, c.ends_at, c.room_id, c.age, c.school_age, c.scheme
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
        let under_schemes = rows.iter().any(|row| row.scheme.is_some() || row.terms != NO_TERMS);
        let schemes = if under_schemes { schemes(&mut **tx).await? } else { Vec::new() };
        let mut nurseries = Vec::new();
        for rows in rows.chunk_by(|one, next| one.id == next.id) {
            let (id, staffed) = (NurseryId(rows[0].id), rows[0].staffed);
            let claims = rows.iter().filter_map(|row| row.claim(&schemes).transpose());
            let claims = claims.collect::<Result<_>>()?;
            let (staffing, shifts) = if staffed {
                (staffing_of(tx, id).await?, shifts_of(&mut **tx, id, &span).await?)
            } else {
                (None, Vec::new())
            };
            nurseries.push(CareHouse {
                id,
                places: number(rows[0].places)?,
                walking_minutes: number(rows[0].walking_minutes)?,
                terms: from_json(&rows[0].terms)?,
                staffing,
                claims,
                shifts: shifts.into_iter().map(|rostered| rostered.shift).collect(),
            });
        }
        let staffed = nurseries.iter().any(|nursery| nursery.staffing.is_some());
        let rule_sets = if staffed { rule_sets(&mut **tx).await? } else { Vec::new() };
        Ok(Self { centre: centre.clone(), rule_sets, schemes, nurseries })
    }

    /// Whether one of them talks with the guardians before a child's first day.
    pub(super) fn need_interviews(&self) -> bool {
        self.nurseries.iter().any(|nursery| nursery.terms.interview)
    }

    /// The first nursery that can take the children of `order`, who have this care `beside` it. What lies
    /// within what the booking `had` is not asked for again: whoever changes something else keeps it,
    /// whatever has come since.
    pub(super) fn place(
        &self,
        order: &BookingOrder,
        had: Option<Had<'_>>,
        beside: &Beside,
    ) -> std::result::Result<CarePlaced, NoRoom> {
        let mut first = None;
        for nursery in &self.nurseries {
            match self.place_in(nursery, order, had, Some(beside)) {
                Ok(places) => return Ok(CarePlaced { nursery: nursery.id, places }),
                // That one takes no such child, or not then, says nothing of the others, which may only be full.
                Err(no_room) => {
                    let says_little = |first: &NoRoom| {
                        matches!(
                            first,
                            NoRoom::NoRoomForAge(_)
                                | NoRoom::NotUnder(..)
                                | NoRoom::NurseryShut(..)
                        )
                    };
                    first = first.filter(|first| !says_little(first)).or(Some(no_room));
                }
            }
        }
        Err(first.unwrap_or(NoRoom::NoNursery))
    }

    /// Whether the children of `order` may find room, hand-overs left out: what a child has besides may cut them.
    pub(super) fn may_take(&self, order: &BookingOrder) -> bool {
        self.nurseries.iter().any(|nursery| self.place_in(nursery, order, None, None).is_ok())
    }

    fn place_in(
        &self,
        nursery: &CareHouse,
        order: &BookingOrder,
        had: Option<Had<'_>>,
        beside: Option<&Beside>,
    ) -> std::result::Result<Vec<CarePlace>, NoRoom> {
        let wishes = self.wishes(nursery, order, had, beside)?;
        let (mut places, is): (Vec<CarePlace>, Vec<Is>) = wishes.into_iter().unzip();
        if let Some(until) = beside.and_then(|beside| beside.silent_until) {
            let today = |place: &&CarePlace| place.when.starts() < until;
            if let Some(place) = new(&places, &is).find(today) {
                return Err(NoRoom::SiteSilent(place.when));
            }
        }
        self.put_under_schemes(nursery, order, had, &mut places, &is, beside)?;
        if let Some(beside) = beside.filter(|_| nursery.terms.interview) {
            for CarePlace { child, when, .. } in new(&places, &is) {
                let interview = beside.interview(*child, nursery.id);
                if !interview.is_some_and(|one| one.is_before(when.starts(), order.at)) {
                    let fixed = interview.and_then(Interview::fixed_for);
                    return Err(NoRoom::NeedsInterview {
                        child: *child,
                        nursery: nursery.id,
                        fixed,
                    });
                }
            }
        }
        let asked: Vec<usize> = (0..is.len()).filter(|at| is[*at] != Is::Kept).collect();
        let kept: Vec<&CarePlace> = places
            .iter()
            .zip(&is)
            .filter(|(_, is)| **is == Is::Kept)
            .map(|(place, _)| place)
            .collect();
        let Some(staffing) = &nursery.staffing else {
            let taken = nursery.claims.iter().map(|(_, taken)| taken.when);
            let taken: Vec<Interval> = taken.chain(kept.iter().map(|kept| kept.when)).collect();
            let most = usize::try_from(nursery.places).unwrap_or(usize::MAX);
            let asked: Vec<Interval> = asked.iter().map(|at| places[*at].when).collect();
            return capacity::care_fits(most, &taken, &asked)
                .map(|()| places)
                .map_err(NoRoom::Care);
        };
        let mut taken: Vec<CareTaken> = nursery.claims.iter().map(|(_, taken)| *taken).collect();
        taken.extend(kept.iter().map(|kept| CareTaken {
            when: kept.when,
            room: kept.room,
            ages: kept.ages.unwrap_or_default(),
            admits: admits(&self.schemes, kept.scheme.as_deref()),
        }));
        let wishes = asked.iter().map(|at| CareWanted {
            when: places[*at].when,
            ages: places[*at].ages.unwrap_or_default(),
            admits: admits(&self.schemes, places[*at].scheme.as_deref()),
        });
        let wishes: Vec<CareWanted> = wishes.collect();
        let found = self.intake(nursery, staffing, &taken).take(&wishes);
        let found = found.map_err(|why| match why {
            NotTaken::NoRoomForAge(at) => NoRoom::NoRoomForAge(places[asked[at]].child),
            NotTaken::Short(lacks) => NoRoom::CareShort(lacks),
        })?;
        for (at, room) in asked.into_iter().zip(found) {
            places[at].room = Some(room);
        }
        Ok(places)
    }

    /// The care of each child: with its hand-overs, as far as neither the past nor other care of the children is in
    /// the way. Those who come together have the same.
    fn wishes(
        &self,
        nursery: &CareHouse,
        order: &BookingOrder,
        had: Option<Had<'_>>,
        beside: Option<&Beside>,
    ) -> std::result::Result<Vec<(CarePlace, Is)>, NoRoom> {
        let (with_desk, grain) = (order.desks > 0, self.centre.settings.grain_minutes);
        let now = step_before(order.at, grain, self.centre.time_zone);
        let mut wishes = Vec::with_capacity(order.slots.len() * order.children.len());
        let mut last_ends = DateTime::<Utc>::MIN_UTC;
        for (at, slot) in order.slots.iter().enumerate() {
            // Where it is not known what bounds them, hand-overs are left out.
            let around = with_desk && beside.is_some();
            let care = nursery.terms.care_of(slot, around, nursery.walking_minutes, &self.centre);
            let mut from = last_ends;
            let mut until =
                order.slots.get(at + 1).map_or(DateTime::<Utc>::MAX_UTC, Interval::starts);
            for (child, beside) in order.children.iter().zip(beside.into_iter().cycle()) {
                let (after, before) = beside.left_around(*child, slot);
                (from, until) = (from.max(after), until.min(before));
            }
            for child in &order.children {
                let ages = order.ages_of(*child, slot);
                let mut place =
                    CarePlace { child: *child, when: *slot, ages, scheme: None, room: None };
                let kept =
                    had.and_then(|had| Some((had, had.keeps(self, nursery, order, *child, slot)?)));
                let is = if let Some((had, (claim, stretch))) = kept {
                    let common = || care.as_ref().ok().and_then(|care| care.common(&claim.when));
                    let same = stretch == *slot && (with_desk || claim.when == stretch);
                    let whole = if same { claim.when } else { common().unwrap_or(*slot) };
                    let from = if had.stands { from } else { from.max(now) };
                    place.when = cut(&whole, from, until, slot);
                    (place.room, place.scheme) = (claim.room, claim.scheme.clone());
                    if had.stands { Is::Kept } else { Is::Again }
                } else {
                    let care = care.clone().map_err(|open| NoRoom::NurseryShut(*slot, open))?;
                    place.when = cut(&care, from.max(now), until, slot);
                    Is::New
                };
                last_ends = last_ends.max(place.when.ends());
                wishes.push((place, is));
            }
        }
        Ok(wishes)
    }

    /// Puts those of `places` that are new under the schemes that take them.
    fn put_under_schemes(
        &self,
        nursery: &CareHouse,
        order: &BookingOrder,
        had: Option<Had<'_>>,
        places: &mut [CarePlace],
        is: &[Is],
        beside: Option<&Beside>,
    ) -> std::result::Result<(), NoRoom> {
        if nursery.terms.schemes.is_empty() {
            return Ok(());
        }
        let Centre { municipality, time_zone: zone, .. } = self.centre;
        let with_desk = order.desks > 0;
        for (place, _) in places.iter_mut().zip(is).filter(|(_, is)| **is == Is::New) {
            let day = place.when.starts().with_timezone(&zone).date_naive();
            let offered = nursery.terms.offered(&self.schemes, day, municipality);
            let named = order.schemes.get(&place.child).map(String::as_str);
            let months = place.ages.unwrap_or_default().months;
            let when = place.when;
            let refused = |why: Option<(&Scheme, NotUnder)>| {
                let why = why.map(|(scheme, not)| (scheme.title.clone(), not));
                NoRoom::NotUnder(place.child, when, why)
            };
            // Whoever changes a booking stays under what it was under, as long as that is for the child.
            let before = || had?.scheme_of(place.child, &when);
            let liked = before().filter(|_| named.is_none());
            let liked =
                liked.and_then(|liked| choose(&offered, Some(liked), months, with_desk).ok());
            let scheme = match liked {
                Some(scheme) => scheme,
                None => choose(&offered, named, months, with_desk).map_err(refused)?,
            };
            scheme.allows(&when, order.at, zone).map_err(|not| refused(Some((scheme, not))))?;
            place.scheme = Some(scheme.name.clone());
        }
        for scheme in &self.schemes {
            let under = |place: &CarePlace| place.scheme.as_ref() == Some(&scheme.name);
            let theirs = |new: bool| -> Vec<CareVisit> {
                let all = places.iter().zip(is).filter(|(place, _)| under(place));
                all.filter(|(_, is)| (**is == Is::New) == new)
                    .map(|(place, _)| place.visit())
                    .collect()
            };
            let (mut kept, mut asked) = (theirs(false), theirs(true));
            // What is kept in more parts than it had is counted as if it were new.
            if had.is_some_and(|had| begins(&kept) > begins(&had.visits_under(scheme))) {
                asked.append(&mut kept);
            }
            let over = beside.and_then(|beside| beside.over(scheme, &kept, &asked, &self.centre));
            if let Some((visit, over)) = over {
                let why = Some((scheme.title.clone(), NotUnder::Over(over)));
                return Err(NoRoom::NotUnder(visit.child, visit.when, why));
            }
        }
        Ok(())
    }

    /// Whether a nursery that goes by its places alone has one more at `when`; one that goes by staff says by
    /// [`Self::failing`] whom it cannot keep.
    pub(super) fn has_place(&self, nursery: NurseryId, when: &Interval) -> bool {
        let Some(nursery) = self.nurseries.iter().find(|other| other.id == nursery) else {
            return false;
        };
        let taken: Vec<Interval> = nursery.claims.iter().map(|(_, taken)| taken.when).collect();
        let most = usize::try_from(nursery.places).unwrap_or(usize::MAX);
        nursery.staffing.is_some() || capacity::care_fits(most, &taken, &[*when]).is_ok()
    }

    /// Which bookings with care in `nursery` cannot be kept, those made first in front.
    pub(super) fn failing(&self, nursery: NurseryId) -> Vec<(BookingId, Vec<Lack>)> {
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

/// Those of `places` that are asked for.
fn new<'a>(places: &'a [CarePlace], is: &'a [Is]) -> impl Iterator<Item = &'a CarePlace> {
    places.iter().zip(is).filter(|(_, is)| **is == Is::New).map(|(place, _)| place)
}

/// The figure that a scheme is admitted by, if it says one.
pub(super) fn admits(schemes: &[Scheme], name: Option<&str>) -> Option<Admits> {
    schemes.iter().find(|one| Some(one.name.as_str()) == name)?.admits
}

async fn staffing_of(tx: &mut Tx, nursery: NurseryId) -> Result<Option<Staffing>> {
    let row: Option<(Option<String>,)> = query_as("SELECT staffing FROM nurseries WHERE id = $1")
        .bind(nursery.0)
        .fetch_optional(&mut **tx)
        .await?;
    row.and_then(|(staffing,)| staffing).as_deref().map(from_json).transpose()
}

/// A nursery of a centre with one of its claims, or none.
#[derive(FromRow)]
struct NurseryClaim {
    id: Uuid,
    places: i64,
    walking_minutes: i64,
    terms: String,
    staffed: bool,
    booking_id: Option<Uuid>,
    made_at: Option<DateTime<Utc>>,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    room_id: Option<Uuid>,
    age: Option<i64>,
    school_age: Option<i64>,
    scheme: Option<String>,
}

impl NurseryClaim {
    fn claim(&self, schemes: &[Scheme]) -> Result<Option<Booked>> {
        let times = self.starts_at.zip(self.ends_at);
        let Some((((starts, ends), booking), made_at)) =
            times.zip(self.booking_id).zip(self.made_at)
        else {
            return Ok(None);
        };
        let admits = admits(schemes, self.scheme.as_deref());
        let taken = taken(starts, ends, self.room_id, self.age, self.school_age, admits)?;
        Ok(Some(((made_at, BookingId(booking)), taken)))
    }
}
