//! Whether a nursery can take children at certain times: asked of every moment, not of a day.

use std::cmp::Reverse;
use std::mem;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::board::Count;
use super::duty::OnDuty;
use super::figure::{Figures, Heads, Setting};
use super::rule_set::RuleSet;
use crate::interval::Interval;

/// Which figure of staff decides whether children are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admits {
    /// The number to roster.
    Plan,
    /// The number that must be there at every moment: the safe one.
    #[default]
    Live,
    /// Both.
    Both,
}

/// A nursery's day as the question needs it: rooms, who is on duty, who is there already.
#[derive(Clone, Debug)]
pub struct Nursery<'a> {
    /// The rules in force.
    pub rules: &'a RuleSet,
    /// Whether it is part of a larger nursery, whose staff is at hand.
    pub integrated: bool,
    /// The most children at once, whatever the rules say.
    pub places: u32,
    /// Its rooms, the one to fill first in front.
    pub rooms: &'a [Room],
    /// Its main hours; all hours are where none are said.
    pub main_hours: &'a [Interval],
    /// Who is on duty when.
    pub duty: &'a [Duty],
    /// Which children are there when.
    pub taken: &'a [Presence],
}

/// A room for children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its floor, in hundredths of a square metre.
    pub hundredths_m2: u32,
    /// It takes children from this age on…
    pub from_years: u32,
    /// …up to, not including, this one.
    pub below_years: Option<u32>,
}

impl Room {
    /// Whether it takes children of that age.
    #[must_use]
    pub fn takes(&self, years: u32) -> bool {
        self.from_years <= years && self.below_years.is_none_or(|below| years < below)
    }
}

/// Somebody on duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duty {
    /// From when until when.
    pub when: Interval,
    /// The place of their kind in the rules.
    pub kind: usize,
}

/// A child in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// From when until when.
    pub when: Interval,
    /// The place of the room.
    pub room: usize,
    /// The child's age in years, as the rules count it.
    pub years: u32,
    /// The figure of staff that must hold while it is there.
    pub admits: Admits,
}

/// A child that wants to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// From when until when.
    pub when: Interval,
    /// Its age in years, as the rules count it.
    pub years: u32,
    /// The figure of staff that admits it.
    pub admits: Admits,
}

impl Asked {
    fn placed(&self, room: usize) -> Presence {
        Presence { when: self.when, room, years: self.years, admits: self.admits }
    }
}

/// What is too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Short {
    /// Staff, by the number to roster.
    PlanStaff,
    /// Staff, by the number that must be there.
    LiveStaff,
    /// Qualified staff.
    Qualified,
    /// Somebody of the kind at this place, whom so many children need besides.
    Also(usize),
    /// Floor in the room at this place, in hundredths of a square metre.
    Floor(usize),
    /// Room in the group in the room at this place.
    Group(usize),
    /// Places.
    Places,
}

/// A stretch in which something is too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// From when until when.
    pub when: Interval,
    /// What.
    pub what: Short,
    /// How much there is, at the worst moment.
    pub have: u32,
    /// How much is needed then.
    pub need: u32,
}

/// Why children cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// No room takes the age of the one asked for at this place.
    NoRoom(usize),
    /// What is too little, and when, in the order of time; never empty.
    Short(Vec<Shortfall>),
}

impl Nursery<'_> {
    /// Whether all of `asked` can be taken together; answers with the place of the room for each.
    ///
    /// Every one gets the first room that takes its age and leaves nothing too little. Where that is not the
    /// first room for all, those with fewer rooms to choose from choose first.
    ///
    /// # Errors
    /// [`NotAdmitted`] says what is too little at which times.
    pub fn admit(&self, asked: &[Asked]) -> Result<Vec<usize>, NotAdmitted> {
        let first = |(at, wish): (usize, &Asked)| {
            self.rooms_for(wish.years).next().ok_or(NotAdmitted::NoRoom(at))
        };
        let mut rooms: Vec<usize> =
            asked.iter().enumerate().map(first).collect::<Result<_, _>>()?;
        let placed = |(wish, room): (&Asked, &usize)| wish.placed(*room);
        let sweep = Sweep::new(self);
        let windows = || asked.iter().map(|wish| wish.when);
        let all: Vec<Presence> = asked.iter().zip(&rooms).map(placed).collect();
        let short = sweep.short_within(windows(), &all);
        if short.is_empty() {
            return Ok(rooms);
        }
        // Whoever is there while something is too little looks for another room, the choosiest first.
        let troubled = |wish: &Asked| short.iter().any(|short| short.when.overlaps(&wish.when));
        let mut looking: Vec<usize> = (0..asked.len()).filter(|at| troubled(&asked[*at])).collect();
        looking.sort_by_key(|at| self.rooms_for(asked[*at].years).count());
        // Nobody has another room to look for.
        if looking.last().is_none_or(|at| self.rooms_for(asked[*at].years).count() == 1) {
            return Err(NotAdmitted::Short(short));
        }
        let settled = asked.iter().zip(&rooms).filter(|(wish, _)| !troubled(wish));
        let mut there: Vec<Presence> = settled.map(placed).collect();
        let length = |short: &[Shortfall]| -> i64 {
            short.iter().map(|one| one.when.length().num_seconds()).sum()
        };
        let mut found_all = true;
        for at in looking {
            let wish = &asked[at];
            let mut best: Option<(i64, usize)> = None;
            for room in self.rooms_for(wish.years) {
                there.push(wish.placed(room));
                let lacks = length(&sweep.short_within([wish.when], &there));
                there.pop();
                if best.is_none_or(|(least, _)| lacks < least) {
                    best = Some((lacks, room));
                }
                if lacks == 0 {
                    break;
                }
            }
            let (lacks, room) = best.unwrap_or((0, rooms[at]));
            found_all &= lacks == 0;
            rooms[at] = room;
            there.push(wish.placed(room));
        }
        if found_all {
            return Ok(rooms);
        }
        // All of them are asked for: what would help them all is what is told.
        Err(NotAdmitted::Short(sweep.short_within(windows(), &there)))
    }

    /// The places of the rooms that take that age, the one to fill first in front.
    fn rooms_for(&self, years: u32) -> impl Iterator<Item = usize> {
        self.rooms.iter().enumerate().filter(move |(_, room)| room.takes(years)).map(|(at, _)| at)
    }

    /// Which of `bookings`, each with all its children and those who came first in front, cannot be kept:
    /// the places of those that leave something too little beside the ones before them that can.
    #[must_use]
    pub fn failing(&self, bookings: &[Vec<Presence>]) -> Vec<usize> {
        let sweep = Sweep::new(self);
        let mut kept: Vec<Presence> = Vec::new();
        let mut failing = Vec::new();
        for (at, booking) in bookings.iter().enumerate() {
            let before = kept.len();
            kept.extend(booking);
            let windows = booking.iter().map(|presence| presence.when);
            if !sweep.short_within(windows, &kept).is_empty() {
                kept.truncate(before);
                failing.push(at);
            }
        }
        failing
    }

    /// What is too little within `window` as things stand, in the order of time.
    #[must_use]
    pub fn shortfalls(&self, window: Interval) -> Vec<Shortfall> {
        Sweep::new(self).short_within([window], &[])
    }

    /// Children against staff at the worst moment of `window`: where most staff is missing, or least is to spare.
    #[must_use]
    pub fn count(&self, window: &Interval) -> Count {
        let sweep = Sweep::new(self);
        let starts = (self.taken.iter().map(|one| one.when))
            .chain(self.duty.iter().map(|one| one.when))
            .chain(self.main_hours.iter().copied())
            .flat_map(|when| [when.starts(), when.ends()]);
        let within = |time: &DateTime<Utc>| window.contains(*time);
        let mut times: Vec<DateTime<Utc>> =
            starts.filter(within).chain([window.starts()]).collect();
        times.sort();
        times.dedup();
        let spare = |one: &Count| i64::from(one.staff) - i64::from(one.need);
        let counts = times.into_iter().map(|time| sweep.count_at(time));
        counts.min_by_key(|one| (spare(one), Reverse(one.children))).unwrap_or_default()
    }
}

/// Goes through the moments at which something changes.
struct Sweep<'n> {
    nursery: &'n Nursery<'n>,
    figures: Figures<'n>,
}

/// What one moment is like.
struct Moment {
    rooms: Vec<Heads>,
    duty: OnDuty,
    /// How many children are there whose figure is the one to roster, and the one that must be there.
    by_plan: u32,
    by_live: u32,
    /// How many of the main hours hold it.
    main: u32,
}

/// Many of them are sorted for each question: they are kept small.
#[derive(Clone, Copy)]
enum Change {
    In(Child),
    Out(Child),
    Come(u8),
    Go(u8),
    MainBegins,
    MainEnds,
}

#[derive(Clone, Copy)]
struct Child {
    room: u8,
    years: u8,
    admits: Admits,
}

/// Places of rooms and kinds are far below 255, which is none.
fn small(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}

fn micros(when: &Interval) -> (i64, i64) {
    (when.starts().timestamp_micros(), when.ends().timestamp_micros())
}

fn of_micros(from: i64, until: i64) -> Option<Interval> {
    let time = DateTime::from_timestamp_micros;
    Interval::new(time(from)?, time(until)?).ok()
}

impl<'n> Sweep<'n> {
    fn new(nursery: &'n Nursery<'n>) -> Self {
        Self { nursery, figures: Figures::new(nursery.rules) }
    }

    /// What is too little at some moment of `windows`, with `more` children than are there already.
    fn short_within(
        &self,
        windows: impl IntoIterator<Item = Interval>,
        more: &[Presence],
    ) -> Vec<Shortfall> {
        let mut windows: Vec<Interval> = windows.into_iter().collect();
        windows.sort();
        // Children of one wish mostly come together: no moment is looked at twice.
        let mut rests: Vec<Interval> = Vec::with_capacity(windows.len());
        for window in windows {
            let seen_until = rests.last().map_or(window.starts(), Interval::ends);
            rests.extend(Interval::new(window.starts().max(seen_until), window.ends()));
        }
        let edges: Vec<(i64, i64)> = rests.iter().map(micros).collect();
        let all = self.nursery.taken.len() + more.len() + self.nursery.duty.len();
        // What lies in the windows is mostly spread evenly over them.
        let some = 2 * all / edges.len().max(1) + 16;
        let mut changes: Vec<Vec<(i64, Change)>> =
            edges.iter().map(|_| Vec::with_capacity(some)).collect();
        let mut lay = |when: &Interval, begins, ends| {
            let (from, until) = micros(when);
            let first = edges.partition_point(|(_, over)| *over <= from);
            for ((starts, _), changes) in edges.iter().zip(&mut changes).skip(first) {
                if *starts >= until {
                    break;
                }
                changes.push((from.max(*starts), begins));
                changes.push((until, ends));
            }
        };
        for Presence { when, room, years, admits } in self.nursery.taken.iter().chain(more) {
            let years = u8::try_from(*years).unwrap_or(u8::MAX);
            let child = Child { room: small(*room), years, admits: *admits };
            lay(when, Change::In(child), Change::Out(child));
        }
        for Duty { when, kind } in self.nursery.duty {
            lay(when, Change::Come(small(*kind)), Change::Go(small(*kind)));
        }
        for when in self.nursery.main_hours {
            lay(when, Change::MainBegins, Change::MainEnds);
        }
        let mut short = Vec::new();
        for ((_, until), changes) in edges.into_iter().zip(changes) {
            self.sweep(until, changes, &mut short);
        }
        short.sort_by_key(|one| (one.when, one.what));
        short
    }

    fn count_at(&self, time: DateTime<Utc>) -> Count {
        let mut moment = Moment::empty(self.nursery.rooms.len());
        for one in self.nursery.taken.iter().filter(|one| one.when.contains(time)) {
            let years = u8::try_from(one.years).unwrap_or(u8::MAX);
            moment.change(Change::In(Child { room: small(one.room), years, admits: Admits::Live }));
        }
        for one in self.nursery.duty.iter().filter(|one| one.when.contains(time)) {
            moment.change(Change::Come(small(one.kind)));
        }
        moment.main =
            self.nursery.main_hours.iter().map(|when| u32::from(when.contains(time))).sum();
        let children = moment.rooms.iter().map(Heads::total).fold(0, u32::saturating_add);
        let need = match children {
            0 => 0,
            _ => self.figures.live_staff(&moment.rooms, self.setting(&moment)),
        };
        Count { children, staff: self.figures.staff(&moment.duty), need }
    }

    fn setting(&self, moment: &Moment) -> Setting {
        let main = self.nursery.main_hours.is_empty() || moment.main > 0;
        Setting { main_hours: main, integrated: self.nursery.integrated }
    }

    fn sweep(&self, until: i64, mut changes: Vec<(i64, Change)>, short: &mut Vec<Shortfall>) {
        changes.sort_unstable_by_key(|(time, _)| *time);
        let mut moment = Moment::empty(self.nursery.rooms.len());
        let mut found: Vec<Shortfall> = Vec::new();
        let mut before: Vec<Shortfall> = Vec::new();
        let mut rest = changes.as_slice();
        while let Some((time, _)) = rest.first().copied().filter(|(time, _)| *time < until) {
            let together = rest.partition_point(|(other, _)| *other == time);
            let (now, later) = rest.split_at(together);
            now.iter().for_each(|(_, change)| moment.change(*change));
            rest = later;
            let next = rest.first().map_or(until, |(next, _)| (*next).min(until));
            let Some(stretch) = of_micros(time, next) else { continue };
            self.judge(&moment, &stretch, &mut found);
            for one in &mut found {
                // What goes on is one shortfall, told by its worst moment.
                let goes_on = before.iter().find(|old| old.what == one.what);
                if let Some(old) = goes_on {
                    one.begin_with(old);
                }
            }
            for old in &before {
                if !found.iter().any(|one| one.what == old.what) {
                    short.push(*old);
                }
            }
            mem::swap(&mut before, &mut found);
            found.clear();
        }
        short.append(&mut before);
    }

    fn judge(&self, moment: &Moment, when: &Interval, found: &mut Vec<Shortfall>) {
        let Self { nursery, figures } = self;
        let mut weigh = |what, have: u32, need: u32| {
            if have < need {
                found.push(Shortfall { when: *when, what, have, need });
            }
        };
        let children = moment.rooms.iter().map(Heads::total).fold(0, u32::saturating_add);
        if children == 0 {
            return;
        }
        let setting = self.setting(moment);
        let staff = figures.staff(&moment.duty);
        let mut need = 0;
        if moment.by_plan > 0 {
            let plan = figures.plan_staff(&moment.rooms, setting);
            weigh(Short::PlanStaff, staff, plan);
            need = plan;
        }
        if moment.by_live > 0 {
            let live = figures.live_staff(&moment.rooms, setting);
            weigh(Short::LiveStaff, staff, live);
            need = need.max(live);
        }
        let qualified = figures.qualified_among(need);
        weigh(Short::Qualified, figures.qualified(&moment.duty), qualified);
        for (kind, need) in figures.also(children) {
            weigh(Short::Also(kind), moment.duty.of(kind), need);
        }
        for (at, (room, heads)) in nursery.rooms.iter().zip(&moment.rooms).enumerate() {
            weigh(Short::Floor(at), room.hundredths_m2, figures.floor_for(heads));
            // There is room for `limit`, and so many would be in it.
            if let Some(limit) = figures.group_limit(heads) {
                weigh(Short::Group(at), limit, heads.total());
            }
        }
        weigh(Short::Places, nursery.places, children);
    }
}

impl Shortfall {
    /// The same from where `old` began, with the worse of both figures.
    fn begin_with(&mut self, old: &Self) {
        if let Ok(when) = Interval::new(old.when.starts(), self.when.ends()) {
            self.when = when;
        }
        if old.need - old.have > self.need - self.have {
            (self.have, self.need) = (old.have, old.need);
        }
    }
}

impl Moment {
    fn empty(rooms: usize) -> Self {
        let (rooms, duty) = (vec![Heads::default(); rooms], OnDuty::default());
        Self { rooms, duty, by_plan: 0, by_live: 0, main: 0 }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::In(child) => {
                if let Some(heads) = self.rooms.get_mut(usize::from(child.room)) {
                    heads.come(child.years.into(), 1);
                    self.by_plan += u32::from(child.admits != Admits::Live);
                    self.by_live += u32::from(child.admits != Admits::Plan);
                }
            }
            Change::Out(child) => {
                if let Some(heads) = self.rooms.get_mut(usize::from(child.room)) {
                    heads.go(child.years.into(), 1);
                    self.by_plan -= u32::from(child.admits != Admits::Live);
                    self.by_live -= u32::from(child.admits != Admits::Plan);
                }
            }
            Change::Come(kind) => self.duty.come(kind.into()),
            Change::Go(kind) => self.duty.go(kind.into()),
            Change::MainBegins => self.main += 1,
            Change::MainEnds => self.main = self.main.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::super::rule_set::tests::licensed;
    use super::super::rule_set::{Also, Kind, Method};
    use super::*;

    fn minutes(from: i64, to: i64) -> Interval {
        let zero = DateTime::UNIX_EPOCH;
        Interval::new(zero + TimeDelta::minutes(from), zero + TimeDelta::minutes(to)).unwrap()
    }

    const HALL: Room = Room { hundredths_m2: 6_000, from_years: 0, below_years: None };

    fn on_duty(of: &[(i64, i64, usize)]) -> Vec<Duty> {
        of.iter().map(|(from, to, kind)| Duty { when: minutes(*from, *to), kind: *kind }).collect()
    }

    fn there(of: &[(i64, i64, u32)]) -> Vec<Presence> {
        let there = |(from, to, years): &(i64, i64, u32)| Presence {
            when: minutes(*from, *to),
            room: 0,
            years: *years,
            admits: Admits::Live,
        };
        of.iter().map(there).collect()
    }

    fn nursery<'a>(
        rules: &'a RuleSet,
        rooms: &'a [Room],
        duty: &'a [Duty],
        taken: &'a [Presence],
    ) -> Nursery<'a> {
        Nursery { rules, integrated: false, places: 100, rooms, main_hours: &[], duty, taken }
    }

    fn asked(from: i64, to: i64, years: u32) -> Asked {
        Asked { when: minutes(from, to), years, admits: Admits::Live }
    }

    fn short(from: i64, to: i64, what: Short, have: u32, need: u32) -> NotAdmitted {
        NotAdmitted::Short(vec![Shortfall { when: minutes(from, to), what, have, need }])
    }

    #[test]
    fn it_is_asked_of_every_moment() {
        let rules = RuleSet { group: Vec::new(), ..licensed() };
        // Three teachers; one has a break from 120 to 180.
        let duty = on_duty(&[(0, 480, 0), (0, 480, 0), (0, 120, 0), (180, 480, 0)]);
        let taken = there(&[(60, 240, 0), (60, 240, 0), (60, 240, 0), (60, 150, 1)]);
        let day = nursery(&rules, std::slice::from_ref(&HALL), &duty, &taken);
        // 3/3 + 1/6 are two staff; with three more of age 0 three, but the break has two.
        assert_eq!(day.admit(&[asked(0, 120, 0), asked(0, 120, 0)]), Ok(vec![0, 0]));
        assert_eq!(day.admit(&[asked(180, 480, 0)]), Ok(vec![0]));
        let three = [asked(100, 300, 0), asked(100, 300, 0), asked(100, 300, 0)];
        assert_eq!(day.admit(&three), Err(short(120, 150, Short::LiveStaff, 2, 3)));
        // The break is not in the way of whoever comes after it, or goes before.
        assert!(day.admit(&[asked(180, 300, 0), asked(180, 300, 0), asked(180, 300, 0)]).is_ok());
        // After everybody has gone home there is nobody.
        assert_eq!(
            day.admit(&[asked(470, 500, 4)]),
            Err(NotAdmitted::Short(vec![
                Shortfall { when: minutes(480, 500), what: Short::LiveStaff, have: 0, need: 2 },
                Shortfall { when: minutes(480, 500), what: Short::Qualified, have: 0, need: 1 },
            ]))
        );
        assert_eq!(day.shortfalls(minutes(0, 1_000)), []);
    }

    #[test]
    fn a_refusal_tells_what_all_of_them_need() {
        let rules = licensed();
        let duty = on_duty(&[(0, 480, 0), (0, 480, 0)]);
        let day = nursery(&rules, std::slice::from_ref(&HALL), &duty, &[]);
        let eighteen = vec![asked(0, 60, 2); 18];
        assert_eq!(day.admit(&eighteen), Err(short(0, 60, Short::LiveStaff, 2, 3)));
        let many = vec![asked(0, 60, 3); 20];
        let mut few = day.clone();
        few.duty = &duty[..1];
        assert_eq!(few.admit(&many), Err(short(0, 60, Short::LiveStaff, 1, 2)));
    }

    #[test]
    fn what_is_too_little_is_named() {
        let mut rules = licensed();
        let duty = on_duty(&[(0, 480, 0), (0, 480, 1), (0, 240, 0)]);
        let hall = Room { hundredths_m2: 1_400, ..HALL };
        let taken = there(&[(0, 480, 0), (0, 480, 1), (0, 480, 2)]);
        let day = nursery(&rules, std::slice::from_ref(&hall), &duty, &taken);
        assert_eq!(day.admit(&[asked(0, 60, 3)]), Ok(vec![0]));
        assert_eq!(
            day.admit(&[asked(0, 60, 1), asked(30, 60, 1)]),
            Err(short(30, 60, Short::Floor(0), 1_400, 1_518))
        );
        let none = nursery(&rules, &[], &duty, &taken);
        assert_eq!(none.admit(&[asked(0, 60, 1)]), Err(NotAdmitted::NoRoom(0)));
        let mut few = nursery(&rules, std::slice::from_ref(&HALL), &duty, &taken);
        few.places = 3;
        assert_eq!(few.admit(&[asked(0, 60, 3)]), Err(short(0, 60, Short::Places, 3, 4)));
        let crowd = there(&[(0, 480, 1); 6]);
        let mut full = nursery(&rules, std::slice::from_ref(&HALL), &duty, &crowd);
        assert_eq!(full.admit(&[asked(0, 60, 1)]), Err(short(0, 60, Short::Group(0), 6, 7)));
        full.taken = &[];
        let by_plan = Asked { admits: Admits::Plan, ..asked(470, 490, 5) };
        assert_eq!(full.admit(&[by_plan]).unwrap_err(), {
            let when = minutes(480, 490);
            NotAdmitted::Short(vec![
                Shortfall { when, what: Short::PlanStaff, have: 0, need: 2 },
                Shortfall { when, what: Short::Qualified, have: 0, need: 1 },
            ])
        });
        // All who are there look after children; nobody of them is a nurse.
        rules.kinds.push(Kind {
            kind: "nurse".to_owned(),
            counts: false,
            qualified: false,
            at_most: None,
        });
        rules.also.push(Also { kind: "nurse".to_owned(), children: 10 });
        let sick = nursery(&rules, std::slice::from_ref(&HALL), &duty, &taken);
        assert_eq!(sick.admit(&[asked(0, 60, 3)]), Err(short(0, 60, Short::Also(2), 0, 1)));
    }

    #[test]
    fn children_get_the_first_room_that_can_take_them() {
        let rules = licensed();
        let duty = on_duty(&[(0, 480, 0); 6]);
        let rooms = [
            Room { hundredths_m2: 700, from_years: 0, below_years: Some(2) },
            Room { hundredths_m2: 2_000, from_years: 0, below_years: None },
        ];
        let day = nursery(&rules, &rooms, &duty, &[]);
        let three = [asked(0, 60, 0), asked(0, 60, 1), asked(0, 60, 0)];
        assert_eq!(day.admit(&three), Ok(vec![0, 0, 1]), "two babies fill the first room");
        assert_eq!(day.admit(&[asked(0, 60, 2), asked(0, 60, 0)]), Ok(vec![1, 0]));
        // Whoever has the choice leaves the room to whoever has not.
        let rooms = [
            Room { hundredths_m2: 400, from_years: 0, below_years: Some(2) },
            Room { hundredths_m2: 400, from_years: 1, below_years: None },
        ];
        let small = nursery(&rules, &rooms, &duty, &[]);
        assert_eq!(small.admit(&[asked(0, 60, 1), asked(30, 90, 0)]), Ok(vec![1, 0]));
        assert_eq!(
            day.admit(&[asked(0, 60, 0), asked(60, 120, 0), asked(0, 60, 1)]),
            Ok(vec![0; 3])
        );
    }

    #[test]
    fn what_cannot_be_kept_is_exactly_what_came_last() {
        let rules = RuleSet { group: Vec::new(), ..licensed() };
        let bookings = [
            there(&[(0, 240, 0), (0, 240, 1)]),
            there(&[(0, 240, 0); 6]),
            there(&[(240, 480, 0)]),
            there(&[(120, 360, 5)]),
        ];
        let three = on_duty(&[(0, 480, 0), (0, 480, 0), (0, 480, 0)]);
        let failing = |duty: &[Duty]| {
            nursery(&rules, std::slice::from_ref(&HALL), duty, &[]).failing(&bookings)
        };
        assert_eq!(failing(&three), [0; 0], "7/3 + 1/6 + 1/25 are three");
        // With two, six babies more are too many beside the first two children; the others can stay.
        assert_eq!(failing(&three[..2]), [1]);
        assert_eq!(failing(&three[..1]), [0, 1, 2, 3]);
        assert_eq!(failing(&on_duty(&[(0, 240, 0), (0, 240, 0), (0, 480, 0)])), [2, 3]);
    }

    #[test]
    fn outside_the_main_hours_fewer_may_do() {
        let mut rules = licensed();
        rules.least.outside_main_hours = Some(1);
        let duty = on_duty(&[(0, 480, 0), (60, 420, 0)]);
        let main = [minutes(60, 420)];
        let mut day = nursery(&rules, std::slice::from_ref(&HALL), &duty, &[]);
        day.main_hours = &main;
        assert_eq!(day.admit(&[asked(0, 480, 4)]), Ok(vec![0]));
        let longer = [minutes(60, 440)];
        day.main_hours = &longer;
        assert_eq!(day.admit(&[asked(0, 480, 4)]), Err(short(420, 440, Short::LiveStaff, 1, 2)));
    }

    /// The same question asked minute by minute.
    fn any_minute_short(nursery: &Nursery<'_>, all: &[Presence], window: &Interval) -> bool {
        let figures = Figures::new(nursery.rules);
        let mut time = window.starts();
        while time < window.ends() {
            let mut rooms = vec![Heads::default(); nursery.rooms.len()];
            for one in all.iter().filter(|one| one.when.contains(time)) {
                rooms[one.room].come(one.years, 1);
            }
            let mut duty = OnDuty::default();
            for one in nursery.duty.iter().filter(|one| one.when.contains(time)) {
                duty.come(one.kind);
            }
            let setting = Setting { main_hours: true, integrated: false };
            let live = figures.live_staff(&rooms, setting);
            let plan = figures.plan_staff(&rooms, setting);
            let by = |admits: Admits| match admits {
                Admits::Plan => plan,
                Admits::Live => live,
                Admits::Both => plan.max(live),
            };
            let now = all.iter().filter(|one| one.when.contains(time));
            let staff = now.map(|one| by(one.admits)).max().unwrap_or(0);
            let bad_room = nursery.rooms.iter().zip(&rooms).any(|(room, heads)| {
                figures.floor_for(heads) > room.hundredths_m2
                    || figures.group_limit(heads).is_some_and(|limit| heads.total() > limit)
            });
            let children: u32 = rooms.iter().map(Heads::total).sum();
            let qualified = figures.qualified_among(staff);
            let besides = figures.also(children).any(|(kind, need)| duty.of(kind) < need);
            if children > 0
                && (figures.staff(&duty) < staff
                    || besides
                    || figures.qualified(&duty) < qualified
                    || bad_room
                    || children > nursery.places)
            {
                return true;
            }
            time += TimeDelta::minutes(1);
        }
        false
    }

    fn a_stretch() -> impl Strategy<Value = (i64, i64)> {
        (0_i64..55, 1_i64..30).prop_map(|(from, length)| (from, (from + length).min(60)))
    }

    proptest! {
        /// Families come and cancel; whatever was taken, no minute is ever short of anything.
        #[test]
        fn no_moment_falls_below(
            duty in prop::collection::vec((a_stretch(), 0_usize..2), 3..14),
            wishes in prop::collection::vec(
                (
                    prop::collection::vec((a_stretch(), 0_u32..6), 1..4),
                    prop::bool::weighted(0.3),
                    prop::sample::select(vec![Admits::Plan, Admits::Live, Admits::Both]),
                ),
                1..25,
            ),
            small in 300_u32..2_000, places in 2_u32..15,
            plan in 0_usize..4, live in 0_usize..4, helped in any::<bool>(),
        ) {
            const METHODS: [Method; 4] = [
                Method::TruncateAddRound,
                Method::ExactFractions,
                Method::BandByBand,
                Method::YoungestGoverns,
            ];
            let mut rules = RuleSet { plan: METHODS[plan], live: METHODS[live], ..licensed() };
            if helped {
                let kind = rules.kinds[1].kind.clone();
                rules.also.push(Also { kind, children: 4 });
            }
            let duty: Vec<_> =
                duty.into_iter().map(|((from, to), kind)| Duty { when: minutes(from, to), kind }).collect();
            let rooms = [
                Room { hundredths_m2: small, from_years: 0, below_years: Some(3) },
                Room { hundredths_m2: 1_500, from_years: 1, below_years: None },
            ];
            let day = minutes(0, 60);
            let mut taken: Vec<Presence> = Vec::new();
            for (family, cancels, admits) in wishes {
                let asked: Vec<_> =
                    family.iter().map(|((from, to), years)| Asked { admits, ..asked(*from, *to, *years) }).collect();
                let mut now = nursery(&rules, &rooms, &duty, &taken);
                now.places = places;
                let answer = now.admit(&asked);
                let with = |rooms: &[usize]| -> Vec<Presence> {
                    let more = asked.iter().zip(rooms).map(|(one, room)| Presence {
                        when: one.when, room: *room, years: one.years, admits,
                    });
                    taken.iter().copied().chain(more).collect()
                };
                match answer {
                    Ok(rooms) => {
                        let all = with(&rooms);
                        prop_assert!(!any_minute_short(&now, &all, &day));
                        taken = all;
                    }
                    Err(NotAdmitted::NoRoom(at)) => {
                        let years = asked[at].years;
                        prop_assert!(!rooms.iter().any(|room| room.takes(years)));
                    }
                    Err(NotAdmitted::Short(short)) => {
                        prop_assert!(!short.is_empty());
                        for one in &short {
                            prop_assert!(one.have < one.need, "{one:?}");
                            prop_assert!(asked.iter().any(|wish| wish.when.overlaps(&one.when)));
                        }
                        // With one child and one room for it, no other way was there to try.
                        if let [only] = asked.as_slice() {
                            let rooms: Vec<_> = now.rooms_for(only.years).collect();
                            let in_vain = |room: &usize| {
                                any_minute_short(&now, &with(&[*room]), &only.when)
                            };
                            prop_assert!(rooms.iter().all(in_vain));
                        }
                    }
                }
                if cancels && !taken.is_empty() {
                    taken.remove(taken.len() / 2);
                }
            }
        }

        /// What the sweep finds lies exactly where a minute is short.
        #[test]
        fn shortfalls_lie_where_a_minute_is_short(
            duty in prop::collection::vec((a_stretch(), 0_usize..2), 0..6),
            there in prop::collection::vec((a_stretch(), 0_u32..6), 0..10),
        ) {
            let rules = licensed();
            let duty: Vec<_> =
                duty.into_iter().map(|((from, to), kind)| Duty { when: minutes(from, to), kind }).collect();
            let taken: Vec<_> = there
                .into_iter()
                .map(|((from, to), years)| Presence { when: minutes(from, to), room: 0, years, admits: Admits::Both })
                .collect();
            let day = nursery(&rules, std::slice::from_ref(&HALL), &duty, &taken);
            let short = day.shortfalls(minutes(0, 60));
            for minute in 0..60 {
                let one = minutes(minute, minute + 1);
                prop_assert_eq!(
                    short.iter().any(|short| short.when.overlaps(&one)),
                    any_minute_short(&day, &taken, &one),
                    "minute {}", minute
                );
            }
            // One kind of shortfall is told once where it goes on.
            for (at, one) in short.iter().enumerate() {
                let goes_on = |old: &Shortfall| {
                    old.what == one.what && old.when.ends() >= one.when.starts()
                };
                prop_assert!(!short[..at].iter().any(goes_on));
            }
        }
    }
}
