//! Schemes that care is given under: who may have it, and how much. Temporary care (一時預かり), the open-to-all
//! scheme (こども誰でも通園制度) and what a town makes of them are data with a date and a source.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::admission::Admits;
use super::rule_set::is_name;
use crate::id::{ChildId, MunicipalityId};
use crate::interval::Interval;
use crate::language::LocalText;
use crate::opening::whole_month;

/// One scheme, for as long as it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// What tables and logs call it: `jp-open-to-all`.
    pub name: String,
    /// What people call it.
    pub title: LocalText,
    /// Where it comes from, and what was read into it.
    pub source: LocalText,
    /// Whether its figures were read in their source. A centre that relies on others confirms them first.
    pub confirmed: bool,
    /// The first day it holds on.
    pub from_day: NaiveDate,
    /// The first day it does not hold on any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_day: Option<NaiveDate>,
    /// The only municipality it holds in; everywhere without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub municipality: Option<MunicipalityId>,
    /// The figure of staff that admits under it; the nursery's own where it says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admits: Option<Admits>,
    /// Whether care under it goes only with a desk.
    #[serde(default)]
    pub needs_desk: bool,
    /// It takes children from so many months of age on, by actual age…
    #[serde(default)]
    pub from_months: u32,
    /// …up to, not including, so many years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_years: Option<u32>,
    /// The longest stretch of care, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_minutes: Option<u32>,
    /// How far ahead it can be booked; as far as the centre's own bookings where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// How much of it there may be in a calendar month; what is not used is not carried over.
    #[serde(default, rename = "cap", skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
}

/// How far ahead care can be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ahead {
    /// From so many days before the day on.
    Days(u32),
    /// From the same day so many months before on.
    Months(u32),
}

/// The most of something in a calendar month of the centre's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Whose care is counted together.
    pub whose: CapOf,
    /// What is counted.
    pub measure: CapMeasure,
    /// The most that there may be.
    pub most: u32,
    /// Up to so many minutes on one day are half a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_day_minutes: Option<u32>,
}

/// Whose care is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapOf {
    /// Each child for itself.
    Child,
    /// The children of a household together.
    Household,
}

/// What is counted in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapMeasure {
    /// Minutes of care.
    Minutes,
    /// Half days: a day is two of them, or one where it is [short](Cap::half_day_minutes).
    HalfDays,
    /// Stretches of care; of children who come at the same time together, one.
    Visits,
}

/// Why a scheme cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScheme {
    /// No name, or one that no file or table could carry.
    #[error("a name takes 1 to 60 of a-z, 0-9 and -")]
    Name,
    /// It ends before it begins.
    #[error("until_day is not after from_day")]
    Days,
    /// A number that nothing could be reckoned with.
    #[error("{name} is from {least} to {most}")]
    Number {
        /// Which.
        name: &'static str,
        /// The least it may be.
        least: u32,
        /// The most it may be.
        most: u32,
    },
    /// It takes nobody.
    #[error("below_years lies above from_months")]
    Ages,
    /// What half a day is counts where half days are counted, and only there.
    #[error("half_day_minutes goes with measure = \"half_days\", and only with it")]
    HalfDay,
    /// More than anybody reads.
    #[error("a scheme has at most {MOST_CAPS} caps")]
    Caps,
}

/// The most caps of one scheme.
pub const MOST_CAPS: usize = 8;

/// Why a scheme does not take a child's care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotUnder {
    /// It goes only with a desk.
    NeedsDesk,
    /// The child is too young; it takes them from so many months on.
    TooYoung(u32),
    /// The child is too old; it takes them below so many years.
    TooOld(u32),
    /// A stretch is too long; so many minutes are the most.
    TooLong(u32),
    /// It can be booked from this day on.
    NotYet(NaiveDate),
    /// It would be more than there may be.
    Over(OverCap),
}

/// A cap that would be gone over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverCap {
    /// Which.
    pub cap: Cap,
    /// How much is left before this: minutes, half days or visits.
    pub left: u32,
    /// The first day of the month.
    pub month: NaiveDate,
}

/// One child's care at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CareVisit {
    /// Whose.
    pub child: ChildId,
    /// When.
    pub when: Interval,
}

impl Scheme {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// The first [`BadScheme`] found.
    pub fn check(&self) -> Result<(), BadScheme> {
        if !is_name(&self.name) {
            return Err(BadScheme::Name);
        }
        if self.until_day.is_some_and(|until| until <= self.from_day) {
            return Err(BadScheme::Days);
        }
        if self.below_years.is_some_and(|below| below.saturating_mul(12) <= self.from_months) {
            return Err(BadScheme::Ages);
        }
        if self.caps.len() > MOST_CAPS {
            return Err(BadScheme::Caps);
        }
        let within = |name, number: Option<u32>, least, most| match number {
            Some(number) if !(least..=most).contains(&number) => {
                Err(BadScheme::Number { name, least, most })
            }
            _ => Ok(()),
        };
        within("from_months", Some(self.from_months), 0, 18 * 12)?;
        within("below_years", self.below_years, 1, 18)?;
        within("longest_minutes", self.longest_minutes, 15, 7 * 24 * 60)?;
        match self.ahead {
            Some(Ahead::Days(days)) => within("ahead.days", Some(days), 0, 400)?,
            Some(Ahead::Months(months)) => within("ahead.months", Some(months), 0, 13)?,
            None => {}
        }
        for cap in &self.caps {
            within("cap.most", Some(cap.most), 0, 1_000_000)?;
            within("cap.half_day_minutes", cap.half_day_minutes, 1, 24 * 60)?;
            if cap.half_day_minutes.is_some() != (cap.measure == CapMeasure::HalfDays) {
                return Err(BadScheme::HalfDay);
            }
        }
        Ok(())
    }

    /// Whether it holds on the day `on` in `municipality`.
    #[must_use]
    pub fn holds(&self, on: NaiveDate, municipality: MunicipalityId) -> bool {
        self.from_day <= on
            && self.until_day.is_none_or(|until| on < until)
            && self.municipality.is_none_or(|only| only == municipality)
    }

    /// Whether it is for a child of so many full months, with or without a desk.
    ///
    /// # Errors
    /// [`NotUnder`] says why not.
    pub fn is_for(&self, months: u32, with_desk: bool) -> Result<(), NotUnder> {
        if self.needs_desk && !with_desk {
            return Err(NotUnder::NeedsDesk);
        }
        if months < self.from_months {
            return Err(NotUnder::TooYoung(self.from_months));
        }
        match self.below_years {
            Some(below) if months / 12 >= below => Err(NotUnder::TooOld(below)),
            _ => Ok(()),
        }
    }

    /// Whether care then may be booked now.
    ///
    /// # Errors
    /// [`NotUnder`] says why not.
    pub fn allows(&self, when: &Interval, now: DateTime<Utc>, zone: Tz) -> Result<(), NotUnder> {
        if let Some(longest) = self.longest_minutes
            && when.length().num_minutes() > i64::from(longest)
        {
            return Err(NotUnder::TooLong(longest));
        }
        let local_day = |time: DateTime<Utc>| time.with_timezone(&zone).date_naive();
        let day = local_day(when.starts());
        let opens = self.ahead.map_or(Some(NaiveDate::MIN), |ahead| ahead.opens(day));
        match opens {
            Some(opens) if local_day(now) < opens => Err(NotUnder::NotYet(opens)),
            _ => Ok(()),
        }
    }

    /// The first cap that `asked` goes over, given the care `held` already under it.
    #[must_use]
    pub fn over(&self, held: &[CareVisit], asked: &[CareVisit], zone: Tz) -> Option<OverCap> {
        self.caps.iter().find_map(|cap| cap.over(held, asked, zone))
    }
}

/// The scheme that a child's care goes under: the one of this name, or the first of `offered` that is for such
/// children where no name is said.
///
/// # Errors
/// Why there is none, with the scheme that says so; without one where it is not offered.
pub fn choose<'a>(
    offered: &[&'a Scheme],
    name: Option<&str>,
    months: u32,
    with_desk: bool,
) -> Result<&'a Scheme, Option<(&'a Scheme, NotUnder)>> {
    let mut why = None;
    let named = |one: &&&Scheme| name.is_none_or(|name| one.name == name);
    for scheme in offered.iter().filter(named) {
        match scheme.is_for(months, with_desk) {
            Ok(()) => return Ok(scheme),
            Err(not) => why = why.or(Some((*scheme, not))),
        }
    }
    Err(why)
}

impl Ahead {
    /// The first day on which care on `day` can be booked.
    fn opens(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Days(days) => day.checked_sub_days(chrono::Days::new(days.into())),
            Self::Months(months) => day.checked_sub_months(Months::new(months)),
        }
    }
}

impl Cap {
    /// Whether `asked` goes over it. Of a household, all of `held` and `asked` must be its own.
    fn over(&self, held: &[CareVisit], asked: &[CareVisit], zone: Tz) -> Option<OverCap> {
        let mut months: Vec<NaiveDate> =
            asked.iter().flat_map(|one| months_of(&one.when, zone)).collect();
        months.sort();
        months.dedup();
        months.into_iter().find_map(|month| {
            let whole = whole_month(month, zone)?;
            let mut by_subject: BTreeMap<Option<ChildId>, (Vec<CareVisit>, Vec<CareVisit>)> =
                BTreeMap::new();
            let subject = |one: &CareVisit| (self.whose == CapOf::Child).then_some(one.child);
            for one in asked {
                by_subject.entry(subject(one)).or_default().1.push(*one);
            }
            for one in held {
                if let Some((before, _)) = by_subject.get_mut(&subject(one)) {
                    before.push(*one);
                }
            }
            by_subject.into_values().find_map(|(before, mut all)| {
                all.extend(&before);
                let used = self.used(&before, &whole, zone);
                // What is over already is not made worse by what does not touch this month.
                (self.used(&all, &whole, zone) > self.most.max(used)).then(|| OverCap {
                    cap: *self,
                    left: self.most.saturating_sub(used),
                    month,
                })
            })
        })
    }

    /// How much of `visits` counts in `month`.
    fn used(&self, visits: &[CareVisit], month: &Interval, zone: Tz) -> u32 {
        let minutes = |when: &Interval| {
            let part = when.common(month).map_or(0, |part| part.length().num_minutes());
            u32::try_from(part).unwrap_or(0)
        };
        let begin_in = visits.iter().filter(|one| month.contains(one.when.starts()));
        match self.measure {
            CapMeasure::Minutes => {
                visits.iter().map(|one| minutes(&one.when)).fold(0, u32::saturating_add)
            }
            CapMeasure::Visits => {
                let mut begins: Vec<DateTime<Utc>> =
                    begin_in.map(|one| one.when.starts()).collect();
                begins.sort();
                begins.dedup();
                u32::try_from(begins.len()).unwrap_or(u32::MAX)
            }
            CapMeasure::HalfDays => {
                let mut days: BTreeMap<(ChildId, NaiveDate), u32> = BTreeMap::new();
                for one in begin_in {
                    let day = one.when.starts().with_timezone(&zone).date_naive();
                    let minutes = u32::try_from(one.when.length().num_minutes()).unwrap_or(0);
                    *days.entry((one.child, day)).or_default() += minutes;
                }
                let half = self.half_day_minutes.unwrap_or(0);
                days.into_values().map(|minutes| if minutes <= half { 1 } else { 2 }).sum()
            }
        }
    }
}

/// The months that `when` touches, each by its first day.
fn months_of(when: &Interval, zone: Tz) -> Vec<NaiveDate> {
    let first = |time: DateTime<Utc>| time.with_timezone(&zone).date_naive().with_day(1);
    let (begin, end) =
        (first(when.starts()), first(when.ends() - chrono::TimeDelta::microseconds(1)));
    let mut months: Vec<NaiveDate> = begin.into_iter().chain(end).collect();
    months.dedup();
    months
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::TimeDelta;
    use chrono_tz::Asia::Tokyo;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    /// Ten hours a month of a child from six months of age until it is three.
    fn open_to_all() -> Scheme {
        let words = || LocalText::new("こども誰でも通園制度", "Open to all");
        Scheme {
            name: "open".to_owned(),
            title: words(),
            source: words(),
            confirmed: true,
            from_day: day("2026-04-01"),
            until_day: None,
            municipality: None,
            admits: None,
            needs_desk: false,
            from_months: 6,
            below_years: Some(3),
            longest_minutes: None,
            ahead: None,
            caps: vec![cap(CapOf::Child, CapMeasure::Minutes, 600, None)],
        }
    }

    fn cap(whose: CapOf, measure: CapMeasure, most: u32, half_day_minutes: Option<u32>) -> Cap {
        Cap { whose, measure, most, half_day_minutes }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn tokyo(day: &str, from: u32, to: u32) -> Interval {
        let at = |minutes| crate::opening::local(self::day(day), minutes, Tokyo).unwrap();
        Interval::new(at(from * 60), at(to * 60)).unwrap()
    }

    fn visit(child: u128, day: &str, from: u32, to: u32) -> CareVisit {
        CareVisit { child: ChildId(Uuid::from_u128(child)), when: tokyo(day, from, to) }
    }

    #[test]
    fn a_scheme_that_cannot_be_kept_is_refused() {
        let bad = |change: fn(&mut Scheme)| {
            let mut scheme = open_to_all();
            change(&mut scheme);
            scheme.check().err()
        };
        assert_eq!(bad(|_| ()), None);
        assert_eq!(bad(|one| one.name = "Open".to_owned()), Some(BadScheme::Name));
        assert_eq!(bad(|one| one.until_day = Some(one.from_day)), Some(BadScheme::Days));
        assert_eq!(bad(|one| one.from_months = 36), Some(BadScheme::Ages));
        assert_eq!(bad(|one| one.caps[0].half_day_minutes = Some(240)), Some(BadScheme::HalfDay));
        assert_eq!(bad(|one| one.caps[0].measure = CapMeasure::HalfDays), Some(BadScheme::HalfDay));
        assert_eq!(bad(|one| one.caps = vec![one.caps[0]; 9]), Some(BadScheme::Caps));
        let number = |name, least, most| Some(BadScheme::Number { name, least, most });
        assert_eq!(bad(|one| one.below_years = Some(19)), number("below_years", 1, 18));
        let ahead = bad(|one| one.ahead = Some(Ahead::Days(401)));
        assert_eq!(ahead, number("ahead.days", 0, 400));
        let longest = bad(|one| one.longest_minutes = Some(0));
        assert_eq!(longest, number("longest_minutes", 15, 7 * 24 * 60));
    }

    #[test]
    fn ages_are_the_laws() {
        use super::super::age::months;
        let scheme = open_to_all();
        let born = day("2024-06-10");
        // Six months are reached at the end of the day before; the last day is two days before the birthday.
        for (on, want) in [
            ("2024-12-08", Err(NotUnder::TooYoung(6))),
            ("2024-12-09", Ok(())),
            ("2027-06-08", Ok(())),
            ("2027-06-09", Err(NotUnder::TooOld(3))),
        ] {
            assert_eq!(scheme.is_for(months(born, day(on)), false), want, "{on}");
        }
    }

    #[test]
    fn the_first_that_is_for_the_child_counts_where_none_is_named() {
        let open = open_to_all();
        let linked = Scheme {
            name: "linked".to_owned(),
            needs_desk: true,
            from_months: 0,
            below_years: None,
            ..open_to_all()
        };
        let offered = [&open, &linked];
        let name = |wanted, months, desk| {
            choose(&offered, wanted, months, desk)
                .map(|one| one.name.clone())
                .map_err(|why| why.map(|(scheme, not)| (scheme.name.clone(), not)))
        };
        assert_eq!(name(None, 7, false), Ok("open".to_owned()));
        assert_eq!(name(None, 40, true), Ok("linked".to_owned()));
        assert_eq!(name(Some("linked"), 7, true), Ok("linked".to_owned()));
        let why = |name: &str, not| Err(Some((name.to_owned(), not)));
        assert_eq!(name(Some("linked"), 7, false), why("linked", NotUnder::NeedsDesk));
        assert_eq!(name(None, 40, false), why("open", NotUnder::TooOld(3)));
        assert_eq!(name(Some("other"), 7, true), Err(None));
    }

    #[test]
    fn it_opens_on_its_day_and_a_visit_has_its_length() {
        let mut scheme = open_to_all();
        scheme.longest_minutes = Some(180);
        let now = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let care = tokyo("2027-03-31", 9, 12);
        assert_eq!(scheme.allows(&care, now("2026-04-01T00:00:00Z"), Tokyo), Ok(()));
        let long = tokyo("2027-03-31", 9, 13);
        let told = scheme.allows(&long, now("2026-04-01T00:00:00Z"), Tokyo);
        assert_eq!(told, Err(NotUnder::TooLong(180)));
        scheme.ahead = Some(Ahead::Months(1));
        // There is no 31 February: it opens on the last day of the month.
        let early = scheme.allows(&care, now("2027-02-27T14:59:59Z"), Tokyo);
        assert_eq!(early, Err(NotUnder::NotYet(day("2027-02-28"))));
        assert_eq!(scheme.allows(&care, now("2027-02-27T15:00:00Z"), Tokyo), Ok(()));
        scheme.ahead = Some(Ahead::Days(3));
        let early = scheme.allows(&care, now("2027-03-27T14:59:59Z"), Tokyo);
        assert_eq!(early, Err(NotUnder::NotYet(day("2027-03-28"))));
    }

    #[test]
    fn what_is_left_of_a_month_is_told() {
        let scheme = open_to_all();
        let held = [visit(1, "2026-12-01", 9, 17), visit(2, "2026-12-01", 9, 17)];
        let over = |asked: &[CareVisit]| {
            scheme.over(&held, asked, Tokyo).map(|over| (over.left, over.month.to_string()))
        };
        assert_eq!(over(&[visit(1, "2026-12-02", 9, 11)]), None);
        let december = Some((120, "2026-12-01".to_owned()));
        assert_eq!(over(&[visit(1, "2026-12-02", 9, 12)]), december);
        // Two children have ten hours each, and what is left in one month is not carried into the next.
        assert_eq!(over(&[visit(1, "2026-12-02", 9, 11), visit(3, "2026-12-02", 9, 19)]), None);
        let january = Some((600, "2027-01-01".to_owned()));
        assert_eq!(over(&[visit(1, "2027-01-05", 8, 19)]), january);
        // A night is of both months; each has its part.
        let night = visit(1, "2026-12-31", 20, 30);
        let december = Some((120, "2026-12-01".to_owned()));
        assert_eq!(over(&[night]), december);
        let alone = scheme.over(&[], &[night], Tokyo);
        assert_eq!(alone, None);
    }

    #[test]
    fn days_visits_and_households_are_counted_as_they_say() {
        let days = cap(CapOf::Child, CapMeasure::HalfDays, 3, Some(240));
        let short = visit(1, "2026-12-01", 9, 13);
        let rest = visit(1, "2026-12-01", 14, 16);
        assert_eq!(days.over(&[], &[short], Tokyo), None);
        let whole = [short, rest, visit(1, "2026-12-02", 9, 13)];
        assert_eq!(days.over(&[], &whole, Tokyo), None);
        let over = days.over(&whole, &[visit(1, "2026-12-03", 9, 10)], Tokyo);
        assert_eq!(over.map(|over| over.left), Some(0));
        // The rest of a day makes a half one whole.
        let two = [short, visit(1, "2026-12-02", 9, 18)];
        assert_eq!(days.over(&two, &[rest], Tokyo).map(|over| over.left), Some(0));

        let visits = cap(CapOf::Household, CapMeasure::Visits, 2, None);
        let together = [visit(1, "2026-12-01", 9, 12), visit(2, "2026-12-01", 9, 12)];
        assert_eq!(visits.over(&together, &[visit(1, "2026-12-02", 9, 12)], Tokyo), None);
        let third = [visit(1, "2026-12-02", 9, 12), visit(2, "2026-12-03", 9, 12)];
        assert_eq!(visits.over(&together, &third, Tokyo).map(|over| over.left), Some(1));
        // Whoever has more than there may be already is not refused what does not touch that month.
        let many = cap(CapOf::Household, CapMeasure::Visits, 0, None);
        assert_eq!(many.over(&together, &[], Tokyo), None);
    }

    proptest! {
        /// Whatever is taken in one by one, no month of anybody holds more than there may be.
        #[test]
        fn no_month_holds_more(
            most in 0_u32..1_500, household in any::<bool>(),
            wishes in prop::collection::vec((1_u128..4, 0_i64..80, 0_i64..20, 1_i64..14), 0..60),
        ) {
            let whose = if household { CapOf::Household } else { CapOf::Child };
            let cap = cap(whose, CapMeasure::Minutes, most, None);
            let midnight: DateTime<Utc> = "2026-11-30T15:00:00Z".parse().unwrap();
            let mut held: Vec<CareVisit> = Vec::new();
            for (child, days, hour, hours) in wishes {
                let starts = midnight + TimeDelta::days(days) + TimeDelta::hours(hour);
                let when = Interval::new(starts, starts + TimeDelta::hours(hours)).unwrap();
                let asked = CareVisit { child: ChildId(Uuid::from_u128(child)), when };
                match cap.over(&held, &[asked], Tokyo) {
                    None => held.push(asked),
                    Some(over) => prop_assert!(i64::from(over.left) < hours * 60),
                }
            }
            for month in ["2026-12-01", "2027-01-01", "2027-02-01"] {
                let month = whole_month(day(month), Tokyo).unwrap();
                let of = |child: u128| -> i64 {
                    let theirs = held.iter().filter(|one| one.child.0.as_u128() == child);
                    theirs.filter_map(|one| one.when.common(&month)).map(|part| part.length().num_minutes()).sum()
                };
                let each: Vec<i64> = (1..4).map(of).collect();
                let counted = if household { each.iter().sum() } else { *each.iter().max().unwrap() };
                prop_assert!(counted <= i64::from(most));
            }
        }
    }
}
