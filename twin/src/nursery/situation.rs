//! How the nurseries stand at one moment, and what is to come of their day.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound as _, NaiveDate, TimeDelta, Utc};
use model::care::admission::Admits;
use model::care::age;
use model::care::board::{
    AlarmView, CaregiverView, ChildState, ChildView, Count, NurseryView, Quarter, RoomCount,
};
use model::care::day::{CareAlarm, CaregiverState, LATE_FOR_SHIFT, NotDone};
use model::care::duty::Shift;
use model::care::intake::{CareTaken, Intake, Lack, Lacking};
use model::care::staffing::Staffing;
use model::day_sheet::{SheetCare, SheetCareClaim, SheetNursery, SheetShift};
use model::id::{ChildId, RoomId, ShiftId};
use model::interval::Interval;

use bevy_ecs::prelude::World;

use super::bring::works_in;
use super::{Caregiver, CaregiverEntry, EndedStay, InCare, OpenAlarm, OpenStay};
use crate::book::Book;
use crate::parts::Notes;

/// Children who have not been collected in time are expected to stay so long on.
const STAYS_ON: TimeDelta = TimeDelta::minutes(15);
/// A break that the roster does not know is expected to last so long at most.
const BREAK: TimeDelta = TimeDelta::minutes(60);
/// Whoever has not said that they go is counted so long after their shift: they may have forgotten to.
const OVERTIME: TimeDelta = TimeDelta::minutes(15);
/// Nothing is looked at further ahead.
const DAY: TimeDelta = TimeDelta::hours(24);
const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// What the sheet and the events say, at one time.
pub(crate) struct Situation<'a> {
    pub care: &'a SheetCare,
    pub stays: Vec<OpenStay>,
    pub collected: &'a [EndedStay],
    pub caregivers: Vec<CaregiverEntry>,
    pub now: DateTime<Utc>,
}

impl<'a> Situation<'a> {
    /// Nothing where the sheet says nothing of children.
    pub fn of<'w>(
        book: &'a Book,
        notes: &'a Notes,
        stays: impl Iterator<Item = &'w InCare>,
        caregivers: impl Iterator<Item = &'w Caregiver>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        Some(Self {
            care: book.care.as_ref()?,
            stays: stays.map(|stay| stay.0).collect(),
            collected: &notes.collected,
            caregivers: caregivers.map(|one| one.0).collect(),
            now,
        })
    }

    /// The same of a whole world.
    pub fn of_world(world: &'a World, now: DateTime<Utc>) -> Option<Self> {
        let stays = world.iter_entities().filter_map(|entity| entity.get::<InCare>());
        let caregivers = world.iter_entities().filter_map(|entity| entity.get::<Caregiver>());
        Self::of(world.resource::<Book>(), world.resource::<Notes>(), stays, caregivers, now)
    }

    /// Every nursery of the sheet.
    pub fn views(&self, alarms: &[OpenAlarm]) -> Vec<NurseryView> {
        self.care.nurseries.iter().map(|one| self.view(one, alarms)).collect()
    }

    fn view(&self, nursery: &SheetNursery, alarms: &[OpenAlarm]) -> NurseryView {
        let id = nursery.nursery.id;
        let (now, lacks) = self.at_once(nursery, None);
        let stays = || self.stays.iter().filter(|stay| stay.nursery == id);
        let mut ours: Vec<&OpenAlarm> =
            alarms.iter().filter(|open| self.concerns(&open.alarm, nursery)).collect();
        ours.sort_by_key(|open| (open.since, &open.alarm));
        NurseryView {
            nursery: id,
            staffed: nursery.nursery.staffing.is_some(),
            now,
            lacks,
            quarters: self.quarters(nursery),
            rooms: rooms_of(nursery).map(|room| self.room(room, stays())).collect(),
            children: self.children(nursery),
            caregivers: self.shifts_today(nursery).map(|shift| self.caregiver(shift)).collect(),
            alarms: ours.into_iter().map(|open| self.alarm(nursery, open)).collect(),
        }
    }

    /// Children against staff now, and what is too little, with one more child where one is given.
    pub fn at_once(
        &self,
        nursery: &SheetNursery,
        more: Option<&SheetCareClaim>,
    ) -> (Count, Vec<Lack>) {
        let Some(window) = self.within(self.now, TimeDelta::seconds(1)) else {
            return <(Count, Vec<Lack>)>::default();
        };
        let stay = |stay: &OpenStay| self.taken(stay.child, stay.room, window);
        let more = more.map(|claim| self.taken_as(claim, window));
        let taken: Vec<CareTaken> = self.stays_at(nursery).map(stay).chain(more).collect();
        let mut here: Vec<&SheetShift> =
            self.shifts_today(nursery).filter(|shift| self.counts_now(shift)).collect();
        // Whoever has two shifts today is one person all the same.
        here.sort_by_key(|shift| &shift.caregiver);
        here.dedup_by_key(|shift| &shift.caregiver);
        let shifts: Vec<Shift> = here
            .into_iter()
            .map(|shift| Shift { kind: shift.shift.kind.clone(), when: window, breaks: Vec::new() })
            .collect();
        self.judged(nursery, &taken, &shifts, &window)
    }

    /// What will be too little from now until the end of the day's last care.
    pub fn ahead(&self, nursery: &SheetNursery) -> Vec<Lack> {
        let taken = self.to_come(nursery);
        let Some(end) = taken.iter().map(|one| one.when.ends()).max() else { return Vec::new() };
        let Ok(window) = Interval::new(self.now, end.min(self.now + DAY)) else {
            return Vec::new();
        };
        self.judged(nursery, &taken, &self.will_work(nursery), &window).1
    }

    fn quarters(&self, nursery: &SheetNursery) -> Vec<Quarter> {
        let taken = self.to_come(nursery);
        let Some(end) = taken.iter().map(|one| one.when.ends()).max() else { return Vec::new() };
        let shifts = self.will_work(nursery);
        let end = end.min(self.now + DAY);
        let mut quarters = Vec::new();
        let mut from = self.quarter_after(TimeDelta::zero());
        while from < end {
            let Some(window) = self.within(from, QUARTER) else { break };
            let (count, lacks) = self.judged(nursery, &taken, &shifts, &window);
            quarters.push(Quarter { from, count, short: !lacks.is_empty() });
            from += QUARTER;
        }
        quarters
    }

    /// The beginning of the quarter of an hour that follows when so much more time has passed.
    fn quarter_after(&self, more: TimeDelta) -> DateTime<Utc> {
        let then = self.now + more;
        then.duration_trunc(QUARTER).unwrap_or(then) + QUARTER
    }

    fn judged(
        &self,
        nursery: &SheetNursery,
        taken: &[CareTaken],
        shifts: &[Shift],
        window: &Interval,
    ) -> (Count, Vec<Lack>) {
        let places = nursery.nursery.places;
        let Some(staffing) = &nursery.nursery.staffing else {
            return by_places(places, taken, window);
        };
        let intake = self.intake(nursery, staffing, taken, shifts);
        (intake.count(window), intake.shortfalls(window))
    }

    fn intake<'i>(
        &'i self,
        nursery: &'i SheetNursery,
        staffing: &'i Staffing,
        taken: &'i [CareTaken],
        shifts: &'i [Shift],
    ) -> Intake<'i> {
        Intake {
            staffing,
            places: nursery.nursery.places,
            rule_sets: &nursery.rule_sets,
            zone: self.care.zone,
            municipality: self.care.municipality,
            taken,
            shifts,
        }
    }

    fn stays_at(&self, nursery: &SheetNursery) -> impl Iterator<Item = &OpenStay> {
        let id = nursery.nursery.id;
        self.stays.iter().filter(move |stay| stay.nursery == id)
    }

    /// Who is there or comes, and until when.
    fn to_come(&self, nursery: &SheetNursery) -> Vec<CareTaken> {
        let stays = self.stays_at(nursery).filter_map(|stay| {
            let until = self.until(stay);
            // In whole quarters, so that what is foreseen does not change with every look.
            let ends = if self.now < until { until } else { self.quarter_after(STAYS_ON) };
            Some(self.taken(stay.child, stay.room, Interval::new(self.now, ends).ok()?))
        });
        let expected = self.expected(nursery).filter_map(|claim| {
            let starts = claim.when.starts().max(self.now);
            Some(self.taken_as(claim, Interval::new(starts, claim.when.ends()).ok()?))
        });
        stays.chain(expected).collect()
    }

    /// The care of today that nobody has been brought for yet.
    fn expected(&self, nursery: &SheetNursery) -> impl Iterator<Item = &'a SheetCareClaim> {
        let id = nursery.nursery.id;
        self.care.claims.iter().filter(move |claim| {
            claim.nursery == id
                && self.today(claim.when.starts())
                && self.now < claim.when.ends()
                && !self.was_brought(claim)
        })
    }

    /// Whether the child was brought for this care, or is in care at its time.
    fn was_brought(&self, claim: &SheetCareClaim) -> bool {
        let here = self.stays.iter().find(|stay| stay.child == claim.child);
        let collected = self.collected.iter().filter(|one| one.stay.child == claim.child);
        here.is_some_and(|stay| claim.when.starts() < self.until(stay))
            || collected.into_iter().any(|one| {
                one.stay.booking == claim.booking
                    && claim.when.starts() < one.stay.until
                    && one.stay.since < claim.when.ends()
            })
    }

    fn taken(&self, child: ChildId, room: Option<RoomId>, when: Interval) -> CareTaken {
        let claims = self.care.claims.iter().filter(|claim| claim.child == child);
        let claim = claims.min_by_key(|claim| (claim.when.starts() - self.now).abs());
        let ages = claim.and_then(|claim| claim.ages).unwrap_or_default();
        CareTaken { when, room, ages, admits: Some(Admits::Live) }
    }

    fn taken_as(&self, claim: &SheetCareClaim, when: Interval) -> CareTaken {
        let ages = claim.ages.unwrap_or_default();
        CareTaken { when, room: claim.room, ages, admits: Some(Admits::Live) }
    }

    /// Until when a child's care is booked: that it was brought for, and what follows it there without a gap.
    pub fn until(&self, stay: &OpenStay) -> DateTime<Utc> {
        let theirs = || {
            let claims = self.care.claims.iter();
            claims.filter(|claim| claim.child == stay.child && claim.nursery == stay.nursery)
        };
        // It may have been changed since.
        let first = theirs().filter(|claim| {
            claim.booking == stay.booking
                && claim.when.starts() < stay.until
                && stay.since < claim.when.ends()
        });
        let mut until = first.map(|claim| claim.when.ends()).max().unwrap_or(stay.until);
        let follows = |until: DateTime<Utc>| {
            let next = theirs().filter(|claim| claim.when.starts() <= until);
            next.map(|claim| claim.when.ends()).filter(|ends| until < *ends).max()
        };
        while let Some(later) = follows(until) {
            until = later;
        }
        until
    }

    /// The care that a child may be brought for now, or the next of today, among what `theirs` lets through.
    pub fn claim_of(
        &self,
        child: ChildId,
        early: TimeDelta,
        theirs: impl Fn(&SheetCareClaim) -> bool,
    ) -> Option<&'a SheetCareClaim> {
        let claims = self.care.claims.iter().filter(|claim| claim.child == child);
        let open = claims.filter(|claim| {
            self.now < claim.when.ends()
                && self.today(claim.when.starts())
                && !self.was_brought(claim)
                && theirs(claim)
        });
        // Of what has begun the last: what was missed before is missed.
        let (begun, later): (Vec<&SheetCareClaim>, Vec<&SheetCareClaim>) =
            open.partition(|claim| claim.when.starts() - early <= self.now);
        let last = begun.into_iter().max_by_key(|claim| claim.when.starts());
        last.or_else(|| later.into_iter().min_by_key(|claim| claim.when.starts()))
    }

    /// Whether it has had care today.
    pub fn had_care(&self, child: ChildId) -> bool {
        self.care.claims.iter().any(|claim| {
            claim.child == child && claim.when.ends() <= self.now && self.today(claim.when.starts())
        })
    }

    /// Whether care is of today.
    pub fn is_today(&self, claim: &SheetCareClaim) -> bool {
        self.today(claim.when.starts())
    }

    /// The nursery of a shift of today, where somebody works there.
    pub fn shift_of(
        &self,
        shift: ShiftId,
        staff: model::id::PersonId,
    ) -> Result<model::id::NurseryId, NotDone> {
        let found = self
            .care
            .nurseries
            .iter()
            .find(|one| self.shifts_today(one).any(|today| today.id == shift))
            .map(|one| one.nursery.id)
            .ok_or(NotDone::NoSuchShift)?;
        if works_in(self.care, staff, found) { Ok(found) } else { Err(NotDone::NoSuchShift) }
    }

    fn today(&self, time: DateTime<Utc>) -> bool {
        // Care over midnight, and what was begun the day before, stays today's until it ends.
        self.day_of(time) == self.day_of(self.now) || (time <= self.now && self.now - time < DAY)
    }

    /// The local day now.
    pub fn day(&self) -> NaiveDate {
        self.day_of(self.now)
    }

    fn day_of(&self, time: DateTime<Utc>) -> NaiveDate {
        time.with_timezone(&self.care.zone).date_naive()
    }

    /// Its full years today; a newborn's where nothing is known of it.
    pub fn years(&self, child: ChildId) -> u32 {
        self.care.child(child).map_or(0, |known| age::years(known.born, self.day()))
    }

    /// After how long a sleeping child is looked at again.
    pub fn nap_interval(&self, stay: &OpenStay) -> Option<TimeDelta> {
        let terms = &self.care.nursery(stay.nursery)?.nursery.terms;
        terms.nap_interval(self.years(stay.child))
    }

    fn shifts_today(
        &self,
        nursery: &SheetNursery,
    ) -> impl Iterator<Item = &'a SheetShift> + use<'a> {
        let id = nursery.nursery.id;
        let (now, care) = (self.now, self.care);
        let day = self.day();
        let shifts = care.nursery(id).map_or(&[][..], |one| one.shifts.as_slice());
        shifts.iter().filter(move |one| {
            let when = &one.shift.when;
            when.contains(now) || when.starts().with_timezone(&care.zone).date_naive() == day
        })
    }

    fn said(&self, shift: ShiftId) -> Option<&CaregiverEntry> {
        self.caregivers.iter().find(|one| one.shift == shift)
    }

    /// Only whoever has come is counted, and not whoever may have forgotten to say that they go.
    fn counts_now(&self, shift: &SheetShift) -> bool {
        let end = shift.shift.when.ends();
        self.said(shift.id).is_some_and(|one| {
            one.state == CaregiverState::Here && (self.now < end + OVERTIME || one.at >= end)
        })
    }

    /// Who is expected to be with the children from now on.
    fn will_work(&self, nursery: &SheetNursery) -> Vec<Shift> {
        let mut all: Vec<(&str, Shift)> = self
            .shifts_today(nursery)
            .filter_map(|shift| Some((shift.caregiver.as_str(), self.will_be_there(shift)?)))
            .collect();
        all.sort_by_key(|(caregiver, shift)| (*caregiver, shift.when));
        let mut works: Vec<(&str, Shift)> = Vec::with_capacity(all.len());
        for (caregiver, mut shift) in all {
            // Whoever has two shifts is there once.
            let before = works.last().filter(|(other, _)| *other == caregiver);
            if let Some((_, before)) = before {
                let from = shift.when.starts().max(before.when.ends());
                let Ok(when) = Interval::new(from, shift.when.ends()) else { continue };
                shift.when = when;
                shift.breaks.retain(|pause| when.covers(pause));
            }
            works.push((caregiver, shift));
        }
        works.into_iter().map(|(_, shift)| shift).collect()
    }

    fn will_be_there(&self, SheetShift { id, shift, .. }: &SheetShift) -> Option<Shift> {
        let (starts, ends) = (shift.when.starts(), shift.when.ends());
        let from = match self.said(*id) {
            Some(CaregiverEntry { state: CaregiverState::Gone, .. }) => return None,
            Some(CaregiverEntry { state: CaregiverState::Here, .. }) => self.now,
            Some(CaregiverEntry { state: CaregiverState::OnBreak, at, .. }) => {
                let planned = shift.breaks.iter().find(|pause| pause.contains(self.now));
                planned.map_or(*at + BREAK, Interval::ends).max(self.now)
            }
            None if self.now < starts + LATE_FOR_SHIFT => starts.max(self.now),
            None => return None,
        };
        let when = Interval::new(from, ends).ok()?;
        let breaks = shift.breaks.iter().filter(|pause| when.covers(pause)).copied().collect();
        Some(Shift { kind: shift.kind.clone(), when, breaks })
    }

    /// Caregivers of the nursery who are not with the children for the whole of `when`, and could be asked: those who
    /// work that day first.
    fn could_be_asked(&self, nursery: &SheetNursery, when: &Interval) -> Vec<ShiftId> {
        let busy = |shift: &&SheetShift| {
            self.will_be_there(shift)
                .is_some_and(|works| works.on_duty().iter().any(|duty| duty.covers(when)))
        };
        self.shifts_today(nursery).filter(|shift| !busy(shift)).map(|shift| shift.id).collect()
    }

    fn room<'s>(&self, room: RoomId, stays: impl Iterator<Item = &'s OpenStay>) -> RoomCount {
        let mut by_age: BTreeMap<u32, u32> = BTreeMap::new();
        for stay in stays.filter(|stay| stay.room == Some(room)) {
            *by_age.entry(self.years(stay.child)).or_default() += 1;
        }
        RoomCount { room, by_age: by_age.into_iter().collect() }
    }

    fn children(&self, nursery: &SheetNursery) -> Vec<ChildView> {
        let id = nursery.nursery.id;
        let stays = self.stays_at(nursery).map(|stay| {
            let until = self.until(stay);
            let state = ChildState::InCare {
                since: stay.since,
                received: stay.received,
                asleep: stay.asleep,
                recalled: stay.recalled,
            };
            (stay, until, state)
        });
        let ended = self
            .collected
            .iter()
            .filter(|one| one.stay.nursery == id && self.day_of(one.collected_at) == self.day())
            .map(|one| (&one.stay, one.stay.until, ChildState::Collected { at: one.collected_at }));
        let seen = stays.chain(ended).filter_map(|(stay, until, state)| {
            let when = Interval::new(stay.since.min(until - TimeDelta::seconds(1)), until).ok()?;
            let (child, booking, room) = (stay.child, stay.booking, stay.room);
            Some(ChildView { child, booking, when, room, state })
        });
        let expected = self.expected(nursery).map(|claim| ChildView {
            child: claim.child,
            booking: claim.booking,
            when: claim.when,
            room: claim.room,
            state: ChildState::Expected,
        });
        let mut children: Vec<ChildView> = seen.chain(expected).collect();
        children.sort_by_key(|one| (one.when, one.child));
        children
    }

    fn caregiver(&self, shift: &SheetShift) -> CaregiverView {
        CaregiverView {
            shift: shift.id,
            when: shift.shift.when,
            breaks: shift.shift.breaks.clone(),
            state: self.said(shift.id).map(|one| (one.state, one.at)),
        }
    }

    fn alarm(&self, nursery: &SheetNursery, open: &OpenAlarm) -> AlarmView {
        let when = match &open.alarm {
            CareAlarm::Short { .. } => self.within(self.now, TimeDelta::seconds(1)),
            CareAlarm::ShortSoon { from, until, .. } => Interval::new(*from, *until).ok(),
            _ => None,
        };
        AlarmView {
            alarm: open.alarm.clone(),
            since: open.since,
            ask: when.map_or_else(Vec::new, |when| self.could_be_asked(nursery, &when)),
        }
    }

    fn concerns(&self, alarm: &CareAlarm, nursery: &SheetNursery) -> bool {
        let id = nursery.nursery.id;
        match alarm {
            CareAlarm::Short { nursery, .. } | CareAlarm::ShortSoon { nursery, .. } => {
                *nursery == id
            }
            CareAlarm::Due { child }
            | CareAlarm::Late { child }
            | CareAlarm::NapCheck { child }
            | CareAlarm::Waiting { child }
            | CareAlarm::GuardianOut { child } => {
                self.stays_at(nursery).any(|stay| stay.child == *child)
            }
        }
    }

    fn within(&self, from: DateTime<Utc>, length: TimeDelta) -> Option<Interval> {
        Interval::new(from, from.checked_add_signed(length)?).ok()
    }
}

fn rooms_of(nursery: &SheetNursery) -> impl Iterator<Item = RoomId> {
    let staffing = nursery.nursery.staffing.as_ref();
    staffing.into_iter().flat_map(|staffing| staffing.rooms.iter().map(|room| room.id))
}

/// Where nothing is said of rooms and rules, places alone are counted.
fn by_places(places: u32, taken: &[CareTaken], window: &Interval) -> (Count, Vec<Lack>) {
    let edges = taken.iter().flat_map(|one| [one.when.starts(), one.when.ends()]);
    let mut times: Vec<DateTime<Utc>> =
        edges.filter(|time| window.contains(*time)).chain([window.starts()]).collect();
    times.sort();
    times.dedup();
    let at = |time| {
        let there = taken.iter().filter(|one| one.when.contains(time)).count();
        u32::try_from(there).unwrap_or(u32::MAX)
    };
    let mut most = 0;
    let mut lacks: Vec<Lack> = Vec::new();
    for (nth, time) in times.iter().enumerate() {
        let children = at(*time);
        most = most.max(children);
        let ends = times.get(nth + 1).copied().unwrap_or(window.ends());
        if children <= places {
            continue;
        }
        let goes_on = lacks.last_mut().filter(|lack| lack.when.ends() == *time);
        match goes_on {
            Some(lack) => {
                lack.need = lack.need.max(children);
                lack.when = Interval::new(lack.when.starts(), ends).unwrap_or(lack.when);
            }
            None => lacks.extend(Interval::new(*time, ends).ok().map(|when| Lack {
                when,
                what: Lacking::Places,
                have: places,
                need: children,
            })),
        }
    }
    (Count { children: most, ..Count::default() }, lacks)
}
