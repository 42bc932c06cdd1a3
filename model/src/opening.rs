//! When a centre is open: weekly hours, with national holidays of their own.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::interval::Interval;

/// The kind of day that an opening hour speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// A day of the week that is no holiday.
    Weekday(Weekday),
    /// A national holiday, whatever its day of the week.
    Holiday,
}

/// One stretch of opening on one kind of day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningHours {
    /// The kind of day.
    pub day: DayKind,
    /// Minutes after local midnight.
    pub opens: u32,
    /// Minutes after local midnight; 1440 is the end of the day.
    pub closes: u32,
}

/// A centre's weekly hours, and the holidays that override them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningRules {
    /// Stretches of opening; a kind of day without any is closed.
    pub hours: Vec<OpeningHours>,
    /// The holidays in force.
    pub holidays: BTreeSet<NaiveDate>,
}

impl OpeningRules {
    /// The stretches of the local day `date`, in UTC and in order.
    #[must_use]
    pub fn on(&self, date: NaiveDate, zone: Tz) -> Vec<Interval> {
        let mut open: Vec<Interval> = self.as_written(date, zone).collect();
        open.sort();
        open
    }

    /// Whether the centre is open all through `wanted`, over midnight too.
    #[must_use]
    pub fn covers(&self, wanted: &Interval, zone: Tz) -> bool {
        let mut reached = wanted.starts();
        for date in days_touched(wanted, zone) {
            let goes_on = |reached: DateTime<Utc>| {
                let mut open = self.as_written(date, zone);
                open.find(|open| open.starts() <= reached && reached < open.ends())
            };
            while let Some(open) = goes_on(reached) {
                reached = open.ends();
                if reached >= wanted.ends() {
                    return true;
                }
            }
        }
        false
    }

    /// The stretches of the local day `date`, in the order that they are written in.
    fn as_written(&self, date: NaiveDate, zone: Tz) -> impl Iterator<Item = Interval> {
        let kind = if self.holidays.contains(&date) {
            DayKind::Holiday
        } else {
            DayKind::Weekday(date.weekday())
        };
        self.hours.iter().filter(move |hours| hours.day == kind).filter_map(move |hours| {
            let (from, to) = (local(date, hours.opens, zone)?, local(date, hours.closes, zone)?);
            Interval::new(from, to).ok()
        })
    }
}

/// The local days that `interval` touches, in order.
#[must_use]
pub fn days_of(interval: &Interval, zone: Tz) -> Vec<NaiveDate> {
    days_touched(interval, zone).collect()
}

fn days_touched(interval: &Interval, zone: Tz) -> impl Iterator<Item = NaiveDate> + use<> {
    let last = (interval.ends() - TimeDelta::microseconds(1)).with_timezone(&zone).date_naive();
    let first = interval.starts().with_timezone(&zone).date_naive();
    first.iter_days().take_while(move |day| *day <= last).take(366)
}

/// The whole local day `date`, in UTC: 23 to 25 hours where clocks change.
#[must_use]
pub fn whole_day(date: NaiveDate, zone: Tz) -> Option<Interval> {
    Interval::new(local(date, 0, zone)?, local(date, 24 * 60, zone)?).ok()
}

/// The whole calendar month that `day` lies in, in UTC.
#[must_use]
pub fn whole_month(day: NaiveDate, zone: Tz) -> Option<Interval> {
    let first = day.with_day(1)?;
    let next = first.checked_add_months(Months::new(1))?;
    Interval::new(local(first, 0, zone)?, local(next, 0, zone)?).ok()
}

/// The instant `minutes` after local midnight of `date`; the earlier one where a clock change
/// gives two, and the first after the gap where it gives none.
#[must_use]
pub fn local(date: NaiveDate, minutes: u32, zone: Tz) -> Option<DateTime<Utc>> {
    let naive =
        date.and_hms_opt(0, 0, 0)?.checked_add_signed(TimeDelta::minutes(minutes.into()))?;
    zone.from_local_datetime(&naive)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(naive + TimeDelta::hours(1))).earliest())
        .map(|time| time.with_timezone(&Utc))
}

/// The first step of the grain, by the wall clock of `zone`, that is not before `time`.
#[must_use]
pub fn next_step(time: DateTime<Utc>, grain_minutes: u32, zone: Tz) -> DateTime<Utc> {
    use chrono::Timelike as _;
    let local = time.with_timezone(&zone);
    let into = TimeDelta::minutes((local.minute() % grain_minutes.max(1)).into())
        + TimeDelta::seconds(local.second().into())
        + TimeDelta::nanoseconds(local.nanosecond().into());
    if into.is_zero() {
        return time;
    }
    let step = TimeDelta::minutes(grain_minutes.max(1).into());
    time.checked_add_signed(step - into).unwrap_or(time)
}

/// The last step of the grain, by the wall clock of `zone`, that is not after `time`.
#[must_use]
pub fn step_before(time: DateTime<Utc>, grain_minutes: u32, zone: Tz) -> DateTime<Utc> {
    let next = next_step(time, grain_minutes, zone);
    let step = TimeDelta::minutes(grain_minutes.max(1).into());
    if next == time { time } else { next.checked_sub_signed(step).unwrap_or(time) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;

    use super::*;

    fn rules() -> OpeningRules {
        let weekdays = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
        let mut hours: Vec<OpeningHours> = weekdays
            .map(|day| OpeningHours { day: DayKind::Weekday(day), opens: 480, closes: 1260 })
            .into();
        hours.push(OpeningHours { day: DayKind::Weekday(Weekday::Sat), opens: 0, closes: 1440 });
        hours.push(OpeningHours { day: DayKind::Weekday(Weekday::Sun), opens: 0, closes: 1440 });
        OpeningRules { hours, holidays: [NaiveDate::from_ymd_opt(2026, 11, 23).unwrap()].into() }
    }

    fn tokyo(text: &str, hours: i64) -> Interval {
        let starts: DateTime<Utc> = format!("{text}+09:00").parse().unwrap();
        Interval::new(starts, starts + TimeDelta::hours(hours)).unwrap()
    }

    #[test]
    fn a_holiday_without_hours_is_closed_even_on_a_monday() {
        assert!(!rules().covers(&tokyo("2026-11-23T10:00:00", 2), Tokyo));
        assert!(rules().covers(&tokyo("2026-11-24T10:00:00", 2), Tokyo));
    }

    #[test]
    fn closing_time_holds_and_midnight_does_not_where_both_days_are_open() {
        assert!(rules().covers(&tokyo("2026-11-24T19:00:00", 2), Tokyo));
        assert!(!rules().covers(&tokyo("2026-11-24T19:00:00", 3), Tokyo));
        assert!(rules().covers(&tokyo("2026-11-21T23:00:00", 2), Tokyo));
        assert!(!rules().covers(&tokyo("2026-11-22T23:00:00", 2), Tokyo));
    }

    #[test]
    fn a_day_is_as_long_as_its_zone_says() {
        let berlin = chrono_tz::Europe::Berlin;
        let lengths = ["2026-03-29", "2026-10-25", "2026-06-01"]
            .map(|day| whole_day(day.parse().unwrap(), berlin).unwrap().length().num_hours());
        assert_eq!(lengths, [23, 25, 24]);
    }

    #[test]
    fn a_step_is_told_by_the_wall_clock() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let tokyo = Tokyo;
        let next = |text: &str, grain, zone| next_step(time(text), grain, zone);
        assert_eq!(next("2026-11-24T01:00:00Z", 15, tokyo), time("2026-11-24T01:00:00Z"));
        assert_eq!(next("2026-11-24T01:00:00.001Z", 15, tokyo), time("2026-11-24T01:15:00Z"));
        assert_eq!(next("2026-11-24T01:59:59Z", 10, tokyo), time("2026-11-24T02:00:00Z"));
        // In Kathmandu, 5:45 ahead, steps of ten minutes are not those of UTC.
        let kathmandu = chrono_tz::Asia::Kathmandu;
        assert_eq!(next("2026-11-24T01:01:00Z", 10, kathmandu), time("2026-11-24T01:05:00Z"));
        assert_eq!(next_step(DateTime::<Utc>::MAX_UTC, 15, tokyo), DateTime::<Utc>::MAX_UTC);
        assert_eq!(next("2026-11-24T01:00:30Z", 0, tokyo), time("2026-11-24T01:01:00Z"));
    }
}
