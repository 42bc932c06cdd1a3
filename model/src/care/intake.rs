//! Whether a nursery takes children: its staffing, the rules of each day, who is there and who works.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::admission::{
    Admits, Asked, Duty, NotAdmitted, Nursery, Presence, Room, Short, Shortfall,
};
use super::age::Ages;
use super::board::Count;
use super::duty::Shift;
use super::rule_set::RuleSet;
use super::staffing::Staffing;
use crate::id::{MunicipalityId, RoomId};
use crate::interval::Interval;
use crate::language::LocalText;
use crate::opening::{days_of, local};

/// A nursery that goes by staffing, over some days.
#[derive(Clone, Copy, Debug)]
pub struct Intake<'a> {
    /// How it is staffed.
    pub staffing: &'a Staffing,
    /// The most children at once, whatever the rules say.
    pub places: u32,
    /// All rule sets that there are.
    pub rule_sets: &'a [RuleSet],
    /// The zone its days are told in.
    pub zone: Tz,
    /// Where it lies.
    pub municipality: MunicipalityId,
    /// Care that is booked.
    pub taken: &'a [CareTaken],
    /// Who works.
    pub shifts: &'a [Shift],
}

/// Care of one child that is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CareTaken {
    /// When.
    pub when: Interval,
    /// In which room, where that is known.
    pub room: Option<RoomId>,
    /// How old the child counts.
    pub ages: Ages,
    /// The figure that its scheme is admitted by; the nursery's own where it says none.
    #[serde(default)]
    pub admits: Option<Admits>,
}

/// Care of one child that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CareWanted {
    /// When.
    pub when: Interval,
    /// How old the child counts.
    pub ages: Ages,
    /// The figure that its scheme is admitted by; the nursery's own where it says none.
    pub admits: Option<Admits>,
}

/// Why children are not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// No room takes the age of what is asked at this place.
    NoRoomForAge(usize),
    /// What is too little, in the order of time; never empty.
    Short(Vec<Lack>),
}

/// A stretch in which a nursery has too little of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// From when until when.
    pub when: Interval,
    /// Of what.
    pub what: Lacking,
    /// How much there is, at the worst moment.
    pub have: u32,
    /// How much is needed then.
    pub need: u32,
}

/// What a nursery has too little of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lacking {
    /// Rules: it is under none then, or they change in the middle of it.
    Rules,
    /// Staff, by the number to roster.
    PlanStaff,
    /// Staff, by the number that must be there.
    LiveStaff,
    /// Qualified staff.
    Qualified,
    /// Staff of this kind.
    Kind(String),
    /// Floor in this room, in hundredths of a square metre.
    Floor(LocalText),
    /// Room in the group of this room.
    Group(LocalText),
    /// Places.
    Places,
}

impl Intake<'_> {
    /// Whether all of `asked` can be there; answers with their rooms.
    ///
    /// # Errors
    /// [`NotTaken`] says why not.
    pub fn take(&self, asked: &[CareWanted]) -> Result<Vec<RoomId>, NotTaken> {
        // What is under the same rules is asked for together: whoever is refused hears of all of it.
        let mut by_rules: BTreeMap<&str, (&RuleSet, Vec<usize>)> = BTreeMap::new();
        for (at, CareWanted { when, .. }) in asked.iter().enumerate() {
            let rules =
                self.rules_at(when).ok_or_else(|| NotTaken::Short(vec![no_rules(*when)]))?;
            by_rules.entry(&rules.name).or_insert((rules, Vec::new())).1.push(at);
        }
        let mut rooms: BTreeMap<usize, RoomId> = BTreeMap::new();
        for (rules, places) in by_rules.into_values() {
            let wishes = places.iter().map(|at| {
                let CareWanted { when, ages, admits } = asked[*at];
                let admits = admits.unwrap_or(self.staffing.admits);
                Asked { when, years: ages.by(rules.basis), admits }
            });
            let wishes: Vec<Asked> = wishes.collect();
            let windows = wishes.iter().map(|wish| wish.when);
            let ground = Ground::of(self, rules, self.taken, windows);
            match ground.nursery(self, rules).admit(&wishes) {
                Ok(found) => {
                    let room = |at: usize| Some(self.staffing.rooms.get(at)?.id);
                    rooms.extend(places.into_iter().zip(found.into_iter().filter_map(room)));
                }
                Err(NotAdmitted::NoRoom(at)) => return Err(NotTaken::NoRoomForAge(places[at])),
                Err(NotAdmitted::Short(short)) => {
                    return Err(NotTaken::Short(self.lacks(rules, &short)));
                }
            }
        }
        Ok(rooms.into_values().collect())
    }

    /// Which of `bookings`, those who came first in front, cannot be kept, and what is too little while they
    /// are there. What is [taken](Self::taken) besides is not looked at.
    #[must_use]
    pub fn failing(&self, bookings: &[Vec<CareTaken>]) -> Vec<(usize, Vec<Lack>)> {
        let mut failing: BTreeMap<usize, Vec<Lack>> = BTreeMap::new();
        let all: Vec<CareTaken> = bookings.concat();
        for (at, booking) in bookings.iter().enumerate() {
            let unruled = booking.iter().filter(|one| self.rules_at(&one.when).is_none());
            let lacks: Vec<Lack> = unruled.map(|one| no_rules(one.when)).collect();
            if !lacks.is_empty() {
                failing.insert(at, lacks);
            }
        }
        for rules in self.rule_sets {
            let ours = |one: &&CareTaken| {
                self.rules_at(&one.when).is_some_and(|other| other.name == rules.name)
            };
            let there: Vec<Vec<Presence>> = bookings
                .iter()
                .map(|one| one.iter().filter(ours).map(|one| self.presence(one, rules)).collect())
                .collect();
            let ground = Ground::of(self, rules, &all, all.iter().map(|one| one.when));
            let whole = ground.nursery(self, rules);
            for at in (Nursery { taken: &[], ..whole.clone() }).failing(&there) {
                let mut windows: Vec<Interval> = there[at].iter().map(|one| one.when).collect();
                windows.sort();
                windows.dedup();
                let short: Vec<Shortfall> =
                    windows.into_iter().flat_map(|when| whole.shortfalls(when)).collect();
                failing.entry(at).or_default().append(&mut self.lacks(rules, &short));
            }
        }
        failing.into_iter().collect()
    }

    /// What is too little within `window` with everybody who is [taken](Self::taken), in the order of time.
    #[must_use]
    pub fn shortfalls(&self, window: &Interval) -> Vec<Lack> {
        let there = self.taken.iter().filter(|one| one.when.overlaps(window));
        let unruled = there.clone().filter(|one| self.rules_at(&one.when).is_none());
        let mut lacks: Vec<Lack> = unruled.map(|one| no_rules(one.when)).collect();
        for rules in self.rule_sets {
            let ours = |one: &&CareTaken| {
                self.rules_at(&one.when).is_some_and(|other| other.name == rules.name)
            };
            let ours: Vec<CareTaken> = there.clone().filter(ours).copied().collect();
            if !ours.is_empty() {
                let ground = Ground::of(self, rules, &ours, [*window]);
                let short = ground.nursery(self, rules).shortfalls(*window);
                lacks.append(&mut self.lacks(rules, &short));
            }
        }
        lacks.sort_by_key(|lack| lack.when);
        lacks
    }

    /// Children against staff at the worst moment of `window`; children alone where no rules hold.
    #[must_use]
    pub fn count(&self, window: &Interval) -> Count {
        let Some(rules) = self.rules_at(window) else {
            let there = self.taken.iter().filter(|one| one.when.overlaps(window)).count();
            return Count {
                children: u32::try_from(there).unwrap_or(u32::MAX),
                ..Count::default()
            };
        };
        let ground = Ground::of(self, rules, self.taken, [*window]);
        ground.nursery(self, rules).count(window)
    }

    /// The rules of all days of `when`; none where they change in the middle of it.
    fn rules_at(&self, when: &Interval) -> Option<&RuleSet> {
        let mut days = days_of(when, self.zone).into_iter();
        let on = |day| self.staffing.rules_on(self.rule_sets, day, self.municipality);
        let first = on(days.next()?)?;
        days.all(|day| on(day).is_some_and(|other| other.name == first.name)).then_some(first)
    }

    /// Its main hours on all days of `asked`; without any, all hours are.
    fn main_hours(&self, asked: impl IntoIterator<Item = Interval>) -> Vec<Interval> {
        let Some(main) = self.staffing.main_hours else { return Vec::new() };
        let mut days: Vec<NaiveDate> =
            asked.into_iter().flat_map(|when| days_of(&when, self.zone)).collect();
        days.sort();
        days.dedup();
        let on = |day: NaiveDate| {
            let from = local(day, main.from, self.zone)?;
            Interval::new(from, local(day, main.until, self.zone)?).ok()
        };
        days.into_iter().filter_map(on).collect()
    }

    /// Whoever was booked when the nursery had no rooms, or others, is in the first that takes the age.
    fn presence(&self, taken: &CareTaken, rules: &RuleSet) -> Presence {
        let years = taken.ages.by(rules.basis);
        let rooms = &self.staffing.rooms;
        let known = rooms.iter().position(|room| taken.room == Some(room.id));
        let room = known.or_else(|| rooms.iter().position(|room| room.room.takes(years)));
        let admits = taken.admits.unwrap_or(self.staffing.admits);
        Presence { when: taken.when, room: room.unwrap_or(0), years, admits }
    }

    fn lacks(&self, rules: &RuleSet, short: &[Shortfall]) -> Vec<Lack> {
        let name = |room: &usize| Some(self.staffing.rooms.get(*room)?.name.clone());
        let lack = |short: &Shortfall| {
            let what = match &short.what {
                Short::PlanStaff => Lacking::PlanStaff,
                Short::LiveStaff => Lacking::LiveStaff,
                Short::Qualified => Lacking::Qualified,
                Short::Also(kind) => Lacking::Kind(rules.kinds.get(*kind)?.kind.clone()),
                Short::Floor(room) => Lacking::Floor(name(room)?),
                Short::Group(room) => Lacking::Group(name(room)?),
                Short::Places => Lacking::Places,
            };
            Some(Lack { when: short.when, what, have: short.have, need: short.need })
        };
        short.iter().filter_map(lack).collect()
    }
}

fn no_rules(when: Interval) -> Lack {
    Lack { when, what: Lacking::Rules, have: 0, need: 1 }
}

/// What a question to [`Nursery`] lends.
struct Ground {
    rooms: Vec<Room>,
    main_hours: Vec<Interval>,
    duty: Vec<Duty>,
    taken: Vec<Presence>,
}

impl Ground {
    fn of(
        intake: &Intake<'_>,
        rules: &RuleSet,
        taken: &[CareTaken],
        asked: impl IntoIterator<Item = Interval>,
    ) -> Self {
        let mut duty = Vec::new();
        for shift in intake.shifts {
            // Who is of no kind that the rules know does not count.
            if let Some(kind) = rules.kind(&shift.kind) {
                duty.extend(shift.on_duty().into_iter().map(|when| Duty { when, kind }));
            }
        }
        Self {
            rooms: intake.staffing.rooms.iter().map(|room| room.room).collect(),
            main_hours: intake.main_hours(asked),
            duty,
            taken: taken.iter().map(|one| intake.presence(one, rules)).collect(),
        }
    }

    fn nursery<'a>(&'a self, intake: &Intake<'_>, rules: &'a RuleSet) -> Nursery<'a> {
        Nursery {
            rules,
            integrated: intake.staffing.integrated,
            places: intake.places,
            rooms: &self.rooms,
            main_hours: &self.main_hours,
            duty: &self.duty,
            taken: &self.taken,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::{DateTime, TimeDelta, Utc};
    use chrono_tz::Asia::Tokyo;
    use uuid::Uuid;

    use super::super::admission::Admits;
    use super::super::age::Basis;
    use super::super::rule_set::tests::licensed;
    use super::super::staffing::{CareRoom, MainHours};
    use super::*;

    /// Hours after midnight in Japan, on the last day of March 2027.
    fn hours(from: i64, to: i64) -> Interval {
        let midnight: DateTime<Utc> = "2027-03-30T15:00:00Z".parse().unwrap();
        Interval::new(midnight + TimeDelta::hours(from), midnight + TimeDelta::hours(to)).unwrap()
    }

    fn room(number: u128, from_years: u32, below_years: Option<u32>) -> CareRoom {
        CareRoom {
            id: RoomId(Uuid::from_u128(number)),
            name: LocalText::new("組", "Room"),
            room: Room { hundredths_m2: 5_000, from_years, below_years },
        }
    }

    fn staffing(rooms: Vec<CareRoom>) -> Staffing {
        let rule_sets = vec!["first".to_owned(), "second".to_owned()];
        Staffing { rule_sets, admits: Admits::Live, integrated: false, main_hours: None, rooms }
    }

    /// Until March two babies to one and by actual age, from April three and by the school year.
    fn sets() -> [RuleSet; 2] {
        let mut first = RuleSet { name: "first".to_owned(), basis: Basis::ActualAge, ..licensed() };
        first.bands[0].children = 2;
        let from_day = "2027-04-01".parse().unwrap();
        [first, RuleSet { name: "second".to_owned(), from_day, ..licensed() }]
    }

    fn wanted(when: Interval, ages: Ages) -> CareWanted {
        CareWanted { when, ages, admits: None }
    }

    fn shift(when: Interval) -> Shift {
        Shift { kind: "nursery-teacher".to_owned(), when, breaks: Vec::new() }
    }

    fn intake<'a>(
        staffing: &'a Staffing,
        rule_sets: &'a [RuleSet],
        taken: &'a [CareTaken],
        shifts: &'a [Shift],
    ) -> Intake<'a> {
        let municipality = MunicipalityId(Uuid::nil());
        Intake { staffing, places: 50, rule_sets, zone: Tokyo, municipality, taken, shifts }
    }

    #[test]
    fn rooms_are_told_in_the_order_of_what_was_asked() {
        let (babies, others) = (room(1, 0, Some(1)), room(2, 1, None));
        let (baby, other) = (babies.id, others.id);
        let (staffing, sets) = (staffing(vec![babies, others]), sets());
        let shifts = vec![shift(hours(8, 18)); 2].into_iter().chain(vec![shift(hours(32, 42)); 2]);
        let shifts: Vec<Shift> = shifts.collect();
        let asked = intake(&staffing, &sets, &[], &shifts);
        let (today, tomorrow) = (hours(9, 12), hours(33, 36));
        // One who is a baby by its age is of the older class by the school year, from April on.
        let grows = Ages { months: 11, school_year: 1 };
        let small = Ages::default();
        let wish = [
            wanted(today, grows),
            wanted(today, small),
            wanted(tomorrow, grows),
            wanted(tomorrow, small),
        ];
        assert_eq!(asked.take(&wish), Ok(vec![baby, baby, other, baby]));
        let five = [wanted(today, small); 5];
        let lack = |have, need| Lack { when: today, what: Lacking::LiveStaff, have, need };
        assert_eq!(asked.take(&five), Err(NotTaken::Short(vec![lack(2, 3)])));
        assert!(asked.take(&[wanted(tomorrow, small); 5]).is_ok(), "three to one from April on");
        let before = hours(-24 * 2_000, -24 * 2_000 + 1);
        let none = Lack { when: before, what: Lacking::Rules, have: 0, need: 1 };
        assert_eq!(asked.take(&[wanted(before, small)]), Err(NotTaken::Short(vec![none.clone()])));
        // Nor is a night between two sets of rules under either.
        let night = wanted(hours(22, 26), small);
        assert!(
            matches!(asked.take(&[night]), Err(NotTaken::Short(lacks)) if lacks[0].what == Lacking::Rules)
        );
        // What is booked on such a day cannot be kept, nor what comes after too little.
        let care = |when| CareTaken { when, room: None, ages: small, admits: None };
        let failing = asked.failing(&[vec![care(before)], vec![care(today); 4], vec![care(today)]]);
        assert_eq!(failing, [(0, vec![none]), (2, vec![lack(2, 3)])]);
    }

    #[test]
    fn what_will_be_too_little_is_told_where_it_is() {
        let (staffing, sets) = (staffing(vec![room(1, 0, None)]), sets());
        let care = |when| CareTaken { when, room: None, ages: Ages::default(), admits: None };
        let (today, tomorrow) = (hours(9, 12), hours(33, 36));
        let before = hours(-24 * 2_000, -24 * 2_000 + 1);
        let mut taken = vec![care(today); 4];
        taken.extend([care(tomorrow), care(before)]);
        let shifts = [shift(hours(8, 18)), shift(hours(8, 11))];
        let asked = intake(&staffing, &sets, &taken, &shifts);
        let lack = |when, have| Lack { when, what: Lacking::LiveStaff, have, need: 2 };
        let (short, alone) = (lack(hours(11, 12), 1), lack(tomorrow, 0));
        let nobody = Lack { what: Lacking::Qualified, need: 1, ..alone.clone() };
        assert_eq!(asked.shortfalls(&hours(0, 48)), [short.clone(), alone, nobody]);
        assert_eq!(asked.shortfalls(&hours(0, 24)), std::slice::from_ref(&short));
        let half = Lack {
            when: Interval::new(hours(11, 12).starts() + TimeDelta::minutes(30), today.ends())
                .unwrap(),
            ..short
        };
        assert_eq!(
            asked.shortfalls(&Interval::new(half.when.starts(), hours(0, 24).ends()).unwrap()),
            [half]
        );
        assert_eq!(asked.shortfalls(&hours(12, 33)), []);
        let none = Lack { when: before, what: Lacking::Rules, have: 0, need: 1 };
        assert_eq!(asked.shortfalls(&before), [none]);
    }

    #[test]
    fn whoever_has_no_room_any_more_is_in_the_first_that_takes_them() {
        let (staffing, sets) = (staffing(vec![room(1, 0, Some(1)), room(2, 1, None)]), sets());
        let shifts = vec![shift(hours(8, 18)); 4];
        let lost = CareTaken {
            when: hours(9, 12),
            room: Some(RoomId(Uuid::from_u128(9))),
            ages: Ages { months: 36, school_year: 3 },
            admits: None,
        };
        // Six babies fill their group: the lost child of three years is not among them.
        let taken: Vec<CareTaken> = vec![lost; 3];
        let asked = intake(&staffing, &sets, &taken, &shifts);
        assert!(asked.take(&[wanted(hours(9, 12), Ages::default()); 6]).is_ok());
    }

    #[test]
    fn main_hours_are_those_of_each_day() {
        let mut staffing = staffing(vec![room(1, 0, None)]);
        let mut sets = sets();
        sets[0].least.outside_main_hours = Some(1);
        let shifts = [shift(hours(6, 20)), shift(hours(8, 18))];
        let early = [wanted(hours(7, 9), Ages { months: 48, school_year: 4 })];
        assert!(intake(&staffing, &sets, &[], &shifts).take(&early).is_err());
        staffing.main_hours = Some(MainHours { from: 8 * 60, until: 18 * 60 });
        assert!(intake(&staffing, &sets, &[], &shifts).take(&early).is_ok());
    }
}
