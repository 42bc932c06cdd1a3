//! How much may be booked: by a person, a household, or all people of an employer together.
//!
//! Quotas are data with a date and a source. They count desks: what lives in a booking now and has
//! not been given free.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::capacity::greatest_overlap;
use crate::id::{CentreId, EmployerId, QuotaId};
use crate::interval::Interval;
use crate::language::LocalText;
use crate::opening::{days_of, local, whole_month};

/// One quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Its id.
    pub id: QuotaId,
    /// Whose bookings are counted together.
    pub subject: Subject,
    /// Only bookings that this employer pays for.
    pub employer: Option<EmployerId>,
    /// Only bookings at this centre.
    pub centre: Option<CentreId>,
    /// What is counted.
    pub measure: Measure,
    /// The most that there may be.
    pub most: u32,
    /// The first local day it counts on.
    pub from_day: NaiveDate,
    /// The first local day it does not count on any more.
    pub until_day: Option<NaiveDate>,
    /// Where it comes from.
    pub source: LocalText,
}

/// Whose bookings are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Each person for themselves.
    Person,
    /// The guardians of a household together.
    Household,
    /// All people of an employer together.
    Employer,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Desk minutes in a calendar month of the centre's own time zone.
    MinutesAMonth,
    /// Local days with a desk in an ISO week.
    DaysAWeek,
    /// Desks at any one moment.
    AtOnce,
}

/// The longest word on where a quota comes from, in characters.
pub const LONGEST_SOURCE: usize = 200;

/// Why a quota cannot be as somebody wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuota {
    /// More than can be counted at all.
    #[error("so much is at most {0}")]
    TooMuch(u32),
    /// It ends before it counts.
    #[error("it ends before it begins")]
    Days,
    /// All people of an employer, but of which is not said.
    #[error("say of which employer")]
    NoEmployer,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 3] = [Self::MinutesAMonth, Self::DaysAWeek, Self::AtOnce];

    /// Its word, in JSON and in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MinutesAMonth => "minutes_a_month",
            Self::DaysAWeek => "days_a_week",
            Self::AtOnce => "at_once",
        }
    }

    /// No quota may be more: beyond it there is nothing to hold back.
    #[must_use]
    pub fn most(self) -> u32 {
        match self {
            // A thousand desks for a whole month.
            Self::MinutesAMonth => 1_000 * 31 * 24 * 60,
            Self::DaysAWeek => 7,
            Self::AtOnce => 10_000,
        }
    }
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 3] = [Self::Person, Self::Household, Self::Employer];

    /// Its word, in JSON and in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Household => "household",
            Self::Employer => "employer",
        }
    }
}

/// A quota that a wish would go over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// Which.
    pub quota: Quota,
    /// How much of it is still free where the wish goes over: minutes, days or desks.
    pub left: u32,
    /// The first day of the month or week, or the day of the moment, where it does.
    pub on: NaiveDate,
}

impl Quota {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// The first [`BadQuota`] found.
    pub fn check(&self) -> Result<(), BadQuota> {
        if self.most > self.measure.most() {
            return Err(BadQuota::TooMuch(self.measure.most()));
        }
        if self.until_day.is_some_and(|until| until <= self.from_day) {
            return Err(BadQuota::Days);
        }
        if self.subject == Subject::Employer && self.employer.is_none() {
            return Err(BadQuota::NoEmployer);
        }
        Ok(())
    }

    /// Whether it counts on `day` for bookings at `centre` that `payer` pays for.
    #[must_use]
    pub fn counts(&self, day: NaiveDate, centre: CentreId, payer: Option<EmployerId>) -> bool {
        self.from_day <= day
            && self.until_day.is_none_or(|until| day < until)
            && self.centre.is_none_or(|only| only == centre)
            && self.employer.is_none_or(|only| Some(only) == payer)
    }

    /// The stretch of time in which other bookings matter to one of `slots`.
    #[must_use]
    pub fn reach(&self, slots: &[Interval], zone: Tz) -> Option<Interval> {
        let days = || slots.iter().flat_map(|slot| days_of(slot, zone));
        let (first, last) = (days().min()?, days().max()?);
        match self.measure {
            Measure::AtOnce => Interval::new(
                slots.iter().map(Interval::starts).min()?,
                slots.iter().map(Interval::ends).max()?,
            )
            .ok(),
            Measure::MinutesAMonth => {
                Interval::new(whole_month(first, zone)?.starts(), whole_month(last, zone)?.ends())
                    .ok()
            }
            Measure::DaysAWeek => {
                Interval::new(week(first, zone)?.starts(), week(last, zone)?.ends()).ok()
            }
        }
    }

    /// Whether `asked` goes over it, given the desks `held` already; each desk is an interval of
    /// its own.
    #[must_use]
    pub fn over(&self, held: &[Interval], asked: &[Interval], zone: Tz) -> Option<Over> {
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        let days = || asked.iter().flat_map(|slot| days_of(slot, zone));
        let told = |held: usize, on| {
            let left = u32::try_from(most.saturating_sub(held)).unwrap_or(u32::MAX);
            Some(Over { quota: self.clone(), left, on })
        };
        match self.measure {
            Measure::AtOnce => asked.iter().find_map(|slot| {
                let before = greatest_overlap(held.iter().copied(), slot);
                let all = held.iter().chain(asked).copied();
                (greatest_overlap(all, slot) > most)
                    .then(|| told(before, slot.starts().with_timezone(&zone).date_naive()))?
            }),
            Measure::MinutesAMonth => days().find_map(|day| {
                let month = whole_month(day, zone)?;
                let (before, more) = (minutes_in(held, &month), minutes_in(asked, &month));
                (before + more > most)
                    .then(|| told(before, month.starts().with_timezone(&zone).date_naive()))?
            }),
            Measure::DaysAWeek => days().find_map(|day| {
                let week = week(day, zone)?;
                let before = days_in(held.iter(), &week, zone);
                let all = days_in(held.iter().chain(asked), &week, zone);
                (all > most && all > before)
                    .then(|| told(before, week.starts().with_timezone(&zone).date_naive()))?
            }),
        }
    }
}

fn minutes_in(desks: &[Interval], window: &Interval) -> usize {
    let minutes = desks
        .iter()
        .filter_map(|desk| desk.common(window))
        .map(|part| usize::try_from(part.length().num_minutes()).unwrap_or_default());
    minutes.sum()
}

fn days_in<'a>(desks: impl Iterator<Item = &'a Interval>, window: &Interval, zone: Tz) -> usize {
    let mut days: Vec<NaiveDate> = desks
        .filter_map(|desk| desk.common(window))
        .flat_map(|part| days_of(&part, zone))
        .collect();
    days.sort();
    days.dedup();
    days.len()
}

fn week(day: NaiveDate, zone: Tz) -> Option<Interval> {
    let monday = day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into()))?;
    stretch(monday, monday.checked_add_days(Days::new(7))?, zone)
}

fn stretch(first: NaiveDate, after: NaiveDate, zone: Tz) -> Option<Interval> {
    let at = |day| -> Option<DateTime<Utc>> { local(day, 0, zone) };
    Interval::new(at(first)?, at(after)?).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;
    use uuid::Uuid;

    use super::*;

    fn quota(measure: Measure, most: u32) -> Quota {
        Quota {
            id: QuotaId(Uuid::from_u128(1)),
            subject: Subject::Person,
            employer: None,
            centre: None,
            measure,
            most,
            from_day: "2026-04-01".parse().unwrap(),
            until_day: None,
            source: LocalText::new("規程", "rules"),
        }
    }

    fn slot(from: &str, to: &str) -> Interval {
        let at = |text: &str| format!("{text}:00+09:00").parse::<DateTime<Utc>>().unwrap();
        Interval::new(at(from), at(to)).unwrap()
    }

    #[test]
    fn words_are_those_of_the_json() {
        for measure in Measure::ALL {
            assert_eq!(serde_json::to_value(measure).unwrap(), measure.as_str());
        }
        for subject in Subject::ALL {
            assert_eq!(serde_json::to_value(subject).unwrap(), subject.as_str());
        }
    }

    #[test]
    fn a_quota_that_makes_no_sense_is_told() {
        let of = |measure, most| quota(measure, most).check();
        for measure in Measure::ALL {
            assert_eq!(of(measure, 0), Ok(()), "nothing at all is a quota");
            assert_eq!(of(measure, measure.most()), Ok(()));
            let told = Err(BadQuota::TooMuch(measure.most()));
            assert_eq!(of(measure, measure.most() + 1), told);
            assert_eq!(of(measure, u32::MAX), told);
        }
        let ends = |day: &str| {
            let until_day = Some(day.parse().unwrap());
            Quota { until_day, ..quota(Measure::AtOnce, 1) }.check()
        };
        assert_eq!(ends("2026-04-02"), Ok(()));
        assert_eq!(ends("2026-04-01"), Err(BadQuota::Days));
        assert_eq!(ends("2025-04-01"), Err(BadQuota::Days));
        let all = Quota { subject: Subject::Employer, ..quota(Measure::AtOnce, 1) };
        assert_eq!(all.check(), Err(BadQuota::NoEmployer));
        let employer = Some(EmployerId(Uuid::from_u128(2)));
        assert_eq!(Quota { employer, ..all }.check(), Ok(()));
    }

    #[test]
    fn minutes_are_counted_in_the_month_they_lie_in() {
        let ten_hours = quota(Measure::MinutesAMonth, 600);
        let held = [slot("2026-11-30T09:00", "2026-11-30T17:00")];
        let over = |asked: &[Interval]| ten_hours.over(&held, asked, Tokyo);
        assert_eq!(over(&[slot("2026-11-29T09:00", "2026-11-29T11:00")]), None);
        let told = over(&[slot("2026-11-29T09:00", "2026-11-29T11:15")]).unwrap();
        assert_eq!((told.left, told.on.to_string().as_str()), (120, "2026-11-01"));
        // Midnight in Tokyo parts the months, not midnight in UTC.
        assert_eq!(over(&[slot("2026-12-01T00:00", "2026-12-01T08:00")]), None);
        assert!(over(&[slot("2026-11-30T21:00", "2026-12-01T08:00")]).is_some());
        // Two desks are twice the minutes.
        let two = [slot("2026-11-02T09:00", "2026-11-02T10:15"); 2];
        assert!(over(&two).is_some());
        assert_eq!(
            ten_hours.reach(&two, Tokyo),
            Some(slot("2026-11-01T00:00", "2026-12-01T00:00"))
        );
    }

    #[test]
    fn days_are_counted_once_each_in_their_week() {
        let two_days = quota(Measure::DaysAWeek, 2);
        let held = [
            slot("2026-11-23T09:00", "2026-11-23T10:00"),
            slot("2026-11-24T09:00", "2026-11-24T10:00"),
        ];
        let over = |asked: &[Interval]| two_days.over(&held, asked, Tokyo);
        assert_eq!(over(&[slot("2026-11-24T13:00", "2026-11-24T14:00")]), None);
        assert_eq!(over(&[slot("2026-11-30T13:00", "2026-11-30T14:00")]), None);
        let told = over(&[slot("2026-11-29T13:00", "2026-11-29T14:00")]).unwrap();
        assert_eq!((told.left, told.on.to_string().as_str()), (0, "2026-11-23"));
    }

    #[test]
    fn what_lies_over_each_other_is_counted_at_its_worst_moment() {
        let one = quota(Measure::AtOnce, 1);
        let held = [slot("2026-11-24T09:00", "2026-11-24T10:00")];
        assert_eq!(one.over(&held, &[slot("2026-11-24T10:00", "2026-11-24T11:00")], Tokyo), None);
        assert!(one.over(&held, &[slot("2026-11-24T09:59", "2026-11-24T11:00")], Tokyo).is_some());
        assert!(one.over(&[], &[slot("2026-11-24T09:00", "2026-11-24T11:00"); 2], Tokyo).is_some());
    }

    #[test]
    fn it_counts_from_its_day_for_those_it_names() {
        let firm = EmployerId(Uuid::from_u128(2));
        let here = CentreId(Uuid::from_u128(3));
        let named = Quota {
            employer: Some(firm),
            centre: Some(here),
            until_day: Some("2027-01-01".parse().unwrap()),
            ..quota(Measure::AtOnce, 1)
        };
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert!(named.counts(day("2026-12-31"), here, Some(firm)));
        assert!(!named.counts(day("2027-01-01"), here, Some(firm)));
        assert!(!named.counts(day("2026-03-31"), here, Some(firm)));
        assert!(!named.counts(day("2026-12-31"), here, None));
        assert!(!named.counts(day("2026-12-31"), CentreId(Uuid::from_u128(4)), Some(firm)));
    }
}
