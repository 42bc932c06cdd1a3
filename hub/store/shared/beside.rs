//! What the children of an order have besides it: other care in the same months, at whatever centres, with
//! that of the children they live with.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use model::booking::Booking;
use model::care::file::Interview;
use model::care::scheme::{CareVisit, OverCap, Scheme};
use model::centre::Centre;
use model::id::{BookingId, ChildId, NurseryId};
use model::interval::Interval;
use model::opening::whole_month;
use sqlx::{FromRow, Transaction, query_as};
use store::Result;
use uuid::Uuid;

use super::LONGEST_CLAIM;
use super::bookings::span_of;
use super::convert::interval;
use super::interviews;
use super::roster::schemes;
use crate::Db;

type Tx = Transaction<'static, Db>;

/// Care that is booked for some children.
#[derive(Default)]
pub(super) struct Beside {
    /// With whom each child lives, by the household.
    households: BTreeMap<ChildId, Uuid>,
    care: Vec<(CareVisit, Option<String>)>,
    /// Read only where a nursery asks for them.
    interviews: Vec<(ChildId, NurseryId, Interview)>,
    /// Where the centre's site is not heard of: the end of the local day on which it takes no more.
    pub(super) silent_until: Option<DateTime<Utc>>,
}

impl Beside {
    /// Reads what `children` have in the months of `slots` by the clock of `centre`; what the booking `but` holds does
    /// not count.
    pub(super) async fn read(
        tx: &mut Tx,
        children: &[ChildId],
        slots: &[Interval],
        centre: &Centre,
        but: Option<BookingId>,
    ) -> Result<Self> {
        let Some(window) = span_of(slots).and_then(|span| months_around(&span, centre)) else {
            return Ok(Self::default());
        };
        let rows: Vec<CareRow> = query_as(concat!(
            "SELECT k.id, k.household_id, c.scheme, c.starts_at, c.ends_at
             FROM children k LEFT JOIN care_claims c ON c.child_id = k.id AND c.released_at IS NULL
                 AND c.starts_at > $2 AND c.starts_at < $3 AND c.ends_at > $4 AND c.booking_id <> $5
             WHERE k.household_id IN (SELECT household_id FROM children WHERE id ",
            in_list!("$1"),
            ")",
        ))
        .bind(crate::id_list(children.iter().map(|child| child.0)))
        .bind(window.starts() - LONGEST_CLAIM)
        .bind(window.ends())
        .bind(window.starts())
        .bind(but.map_or(Uuid::nil(), |id| id.0))
        .fetch_all(&mut **tx)
        .await?;
        let mut beside = Self::default();
        for CareRow { id, household_id, scheme, starts_at, ends_at } in rows {
            let child = ChildId(id);
            beside.households.insert(child, household_id);
            if let Some((starts, ends)) = starts_at.zip(ends_at) {
                beside.care.push((CareVisit { child, when: interval(starts, ends)? }, scheme));
            }
        }
        Ok(beside)
    }

    /// Reads the interviews of `children`.
    pub(super) async fn read_interviews(
        &mut self,
        tx: &mut Tx,
        children: &[ChildId],
    ) -> Result<()> {
        self.interviews = interviews::of_children(&mut **tx, children).await?;
        Ok(())
    }

    /// A child's interview with a nursery.
    pub(super) fn interview(&self, child: ChildId, nursery: NurseryId) -> Option<Interview> {
        let theirs = |one: &&(ChildId, NurseryId, Interview)| (one.0, one.1) == (child, nursery);
        self.interviews.iter().find(theirs).map(|(_, _, interview)| *interview)
    }

    /// The time that is left for a child around `slot`: from the end of its care before until the start of its
    /// care after.
    pub(super) fn left_around(
        &self,
        child: ChildId,
        slot: &Interval,
    ) -> (DateTime<Utc>, DateTime<Utc>) {
        let theirs =
            || self.care.iter().filter(|(one, _)| one.child == child).map(|(one, _)| one.when);
        let before = theirs().map(|when| when.ends()).filter(|ends| *ends <= slot.starts()).max();
        let after =
            theirs().map(|when| when.starts()).filter(|starts| *starts >= slot.ends()).min();
        (before.unwrap_or(DateTime::<Utc>::MIN_UTC), after.unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// Whether a child is in care already at some time of `slot`.
    pub(super) fn has_care(&self, child: ChildId, slot: &Interval) -> bool {
        self.care.iter().any(|(one, _)| one.child == child && one.when.overlaps(slot))
    }

    /// The first cap of a scheme that `asked` goes over, with the first care that is asked for there. What `kept` of the
    /// same booking holds counts with what there is.
    pub(super) fn over(
        &self,
        scheme: &Scheme,
        kept: &[CareVisit],
        asked: &[CareVisit],
        centre: &Centre,
    ) -> Option<(CareVisit, OverCap)> {
        let household = |child: ChildId| self.households.get(&child).copied().unwrap_or(child.0);
        let under = |(one, of): &(CareVisit, Option<String>)| {
            (of.as_deref() == Some(scheme.name.as_str())).then_some(*one)
        };
        let held: Vec<CareVisit> =
            self.care.iter().filter_map(under).chain(kept.iter().copied()).collect();
        let mut by_household: BTreeMap<Uuid, Vec<CareVisit>> = BTreeMap::new();
        for one in asked {
            by_household.entry(household(one.child)).or_default().push(*one);
        }
        by_household.into_iter().find_map(|(theirs, asked)| {
            let of_theirs = |one: &CareVisit| household(one.child) == theirs;
            let held: Vec<CareVisit> = held.iter().copied().filter(of_theirs).collect();
            let over = scheme.over(&held, &asked, centre.time_zone)?;
            Some((*asked.first()?, over))
        })
    }
}

/// The first cap that care of `held` goes over as things stand now: what is held for who waits was not counted
/// against what they have booked since.
pub(super) async fn over_now(
    tx: &mut Tx,
    held: &Booking,
    centre: &Centre,
) -> Result<Option<(CareVisit, Scheme, OverCap)>> {
    let mut by_scheme: BTreeMap<&str, Vec<CareVisit>> = BTreeMap::new();
    for claim in held.care.iter().filter(|claim| claim.released_at.is_none()) {
        if let Some(scheme) = &claim.scheme {
            let visit = CareVisit { child: claim.child, when: claim.when };
            by_scheme.entry(scheme).or_default().push(visit);
        }
    }
    if by_scheme.is_empty() {
        return Ok(None);
    }
    let children: Vec<ChildId> = held.care.iter().map(|claim| claim.child).collect();
    let slots: Vec<Interval> = held.care.iter().map(|claim| claim.when).collect();
    let beside = Beside::read(tx, &children, &slots, centre, Some(held.id)).await?;
    for scheme in schemes(&mut **tx).await? {
        let Some(asked) = by_scheme.get(scheme.name.as_str()) else { continue };
        if let Some((visit, over)) = beside.over(&scheme, &[], asked, centre) {
            return Ok(Some((visit, scheme, over)));
        }
    }
    Ok(None)
}

/// From the beginning of the first month to the end of the last.
fn months_around(span: &Interval, centre: &Centre) -> Option<Interval> {
    let zone = centre.time_zone;
    let day = |time: DateTime<Utc>| -> NaiveDate { time.with_timezone(&zone).date_naive() };
    let (first, last) =
        (whole_month(day(span.starts()), zone)?, whole_month(day(span.ends()), zone)?);
    Interval::new(first.starts(), last.ends()).ok()
}

/// A child of a household with one stretch of its care, or none.
#[derive(FromRow)]
struct CareRow {
    id: Uuid,
    household_id: Uuid,
    scheme: Option<String>,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}
