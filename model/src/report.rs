//! What towns are told: counts that can be explained, and cells too small to show.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::id::{CentreId, PersonId};
use crate::interval::Interval;
use crate::opening;

/// Visit minutes in an ISO week that make a user a teleworker: 8 hours
/// (テレワーク人口倍増アクションプラン 2007, annex 3).
pub const TELEWORKER_MINUTES: i64 = 480;

/// Cells that count fewer people than this are not shown.
pub const LEAST_SHOWN: u32 = 3;

/// One stay, as the report needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Who.
    pub person: PersonId,
    /// Where.
    pub centre: CentreId,
    /// From check-in to check-out.
    pub when: Interval,
}

/// A number of people, or the word that it is too small to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Shown as it is; 0 tells nothing of anybody.
    Shown(u32),
    /// 1 or more, but fewer than [`LEAST_SHOWN`] people.
    Masked,
}

impl Cell {
    /// The cell for `people`.
    #[must_use]
    pub fn of(people: usize) -> Self {
        match u32::try_from(people).unwrap_or(u32::MAX) {
            1..LEAST_SHOWN => Self::Masked,
            count => Self::Shown(count),
        }
    }
}

/// What one centre saw in one month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthRow {
    /// Stays that began in the month; masked where the users are.
    pub visits: Cell,
    /// Different people.
    pub users: Cell,
    /// Of them, those with [`TELEWORKER_MINUTES`] visit minutes or more, over all centres together,
    /// in an ISO week that has at least one day in the month.
    pub teleworkers: Cell,
}

/// Rows by centre and first day of the month.
///
/// A stay belongs to the local month of its check-in; its minutes to the ISO week they lie in.
#[must_use]
pub fn by_month(stays: &[Stay], zone: Tz) -> BTreeMap<(NaiveDate, CentreId), MonthRow> {
    let regular = regular_weeks(stays, zone);
    let mut months: BTreeMap<(NaiveDate, CentreId), (usize, BTreeSet<PersonId>)> = BTreeMap::new();
    for stay in stays {
        let month = first_of_month(local_day(stay.when.starts(), zone));
        let (visits, people) = months.entry((month, stay.centre)).or_default();
        *visits += 1;
        people.insert(stay.person);
    }
    months
        .into_iter()
        .map(|((month, centre), (visits, people))| {
            let teleworkers = people
                .iter()
                .filter(|person| {
                    regular
                        .iter()
                        .any(|(who, monday)| who == *person && week_touches(*monday, month))
                })
                .count();
            let users = Cell::of(people.len());
            // With so few users, even "none of them" would tell of somebody.
            let row = match users {
                Cell::Masked => MonthRow { visits: users, users, teleworkers: users },
                Cell::Shown(_) => MonthRow {
                    visits: Cell::Shown(u32::try_from(visits).unwrap_or(u32::MAX)),
                    users,
                    teleworkers: Cell::of(teleworkers),
                },
            };
            ((month, centre), row)
        })
        .collect()
}

/// The people and Mondays of weeks in which they reached [`TELEWORKER_MINUTES`].
fn regular_weeks(stays: &[Stay], zone: Tz) -> BTreeSet<(PersonId, NaiveDate)> {
    let mut time: BTreeMap<(PersonId, NaiveDate), TimeDelta> = BTreeMap::new();
    for stay in stays {
        for day in opening::days_of(&stay.when, zone) {
            let part = opening::whole_day(day, zone).and_then(|whole| whole.common(&stay.when));
            if let Some(part) = part {
                *time.entry((stay.person, monday_of(day))).or_default() += part.length();
            }
        }
    }
    time.into_iter()
        .filter(|(_, total)| total.num_minutes() >= TELEWORKER_MINUTES)
        .map(|(week, _)| week)
        .collect()
}

fn local_day(time: DateTime<Utc>, zone: Tz) -> NaiveDate {
    time.with_timezone(&zone).date_naive()
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

fn monday_of(day: NaiveDate) -> NaiveDate {
    day - TimeDelta::days(day.weekday().num_days_from_monday().into())
}

fn week_touches(monday: NaiveDate, month: NaiveDate) -> bool {
    (0..7).any(|day| first_of_month(monday + TimeDelta::days(day)) == month)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;
    use uuid::Uuid;

    use super::*;

    fn stay(person: u128, centre: u128, from: &str, minutes: i64) -> Stay {
        let starts: DateTime<Utc> = format!("{from}+09:00").parse().unwrap();
        Stay {
            person: PersonId(Uuid::from_u128(person)),
            centre: CentreId(Uuid::from_u128(centre)),
            when: Interval::new(starts, starts + TimeDelta::minutes(minutes)).unwrap(),
        }
    }

    fn row(
        rows: &BTreeMap<(NaiveDate, CentreId), MonthRow>,
        month: &str,
        centre: u128,
    ) -> MonthRow {
        rows[&(month.parse().unwrap(), CentreId(Uuid::from_u128(centre)))]
    }

    #[test]
    fn eight_hours_count_over_all_centres_together_and_479_minutes_do_not() {
        let mut stays = Vec::new();
        for person in 1..=3 {
            stays.push(stay(person, 7, "2026-11-09T09:00:00", 240));
            stays.push(stay(person, 8, "2026-11-15T09:00:00", 240));
        }
        for person in 4..=6 {
            stays.push(stay(person, 7, "2026-11-09T09:00:00", 479));
        }
        let rows = by_month(&stays, Tokyo);
        assert_eq!(row(&rows, "2026-11-01", 7).users, Cell::Shown(6));
        assert_eq!(row(&rows, "2026-11-01", 7).teleworkers, Cell::Shown(3));
        assert_eq!(row(&rows, "2026-11-01", 8).teleworkers, Cell::Shown(3));
    }

    #[test]
    fn minutes_of_two_weeks_are_not_added() {
        let stays: Vec<_> = (1..=3)
            .flat_map(|p| {
                [stay(p, 7, "2026-11-08T09:00:00", 300), stay(p, 7, "2026-11-09T09:00:00", 300)]
            })
            .collect();
        assert_eq!(row(&by_month(&stays, Tokyo), "2026-11-01", 7).teleworkers, Cell::Shown(0));
    }

    #[test]
    fn one_or_two_people_are_not_shown_and_neither_are_their_visits() {
        let stays = [stay(1, 7, "2026-11-09T09:00:00", 600), stay(2, 7, "2026-11-09T09:00:00", 60)];
        let row = row(&by_month(&stays, Tokyo), "2026-11-01", 7);
        assert_eq!(
            row,
            MonthRow { visits: Cell::Masked, users: Cell::Masked, teleworkers: Cell::Masked }
        );
        assert_eq!([Cell::of(0), Cell::of(3)], [Cell::Shown(0), Cell::Shown(3)]);
    }

    #[test]
    fn a_stay_belongs_to_the_local_month() {
        let rows = by_month(&[stay(1, 7, "2026-12-01T00:30:00", 60)], Tokyo);
        assert_eq!(rows.keys().next().unwrap().0, "2026-12-01".parse::<NaiveDate>().unwrap());
    }
}
