//! How old a child is, as the law counts.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::id::ChildId;

/// From which day on a rule reads a child's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// How old it is today.
    ActualAge,
    /// How old it was on the day before its school year began; this age counts all year.
    SchoolYear(YearStart),
}

/// The day a school year begins on, the same in every year: in Japan the first of April.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearStart {
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

impl Basis {
    /// The years of age that count on the day `on`; 0 for whoever was not born then.
    #[must_use]
    pub fn years(self, born: NaiveDate, on: NaiveDate) -> u32 {
        match self {
            Self::ActualAge => years(born, on),
            Self::SchoolYear(start) => {
                start.eve(on).map_or_else(|| years(born, on), |eve| years(born, eve))
            }
        }
    }
}

impl Default for YearStart {
    /// Japan's.
    fn default() -> Self {
        Self { month: 4, day: 1 }
    }
}

/// The ages of one child on one day that rules may ask for: what is known of it where its birth date is not.
/// The default is a newborn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "KeptAges")]
pub struct Ages {
    /// Full months by [`Basis::ActualAge`].
    pub months: u32,
    /// Years by [`Basis::SchoolYear`].
    pub school_year: u32,
}

/// Ages as they are kept: those of before schemes had years alone, and count as their last month.
#[derive(Deserialize)]
struct KeptAges {
    months: Option<u32>,
    actual: Option<u32>,
    school_year: u32,
}

impl From<KeptAges> for Ages {
    fn from(kept: KeptAges) -> Self {
        let years = || kept.actual.unwrap_or_default().saturating_mul(12).saturating_add(11);
        Self { months: kept.months.unwrap_or_else(years), school_year: kept.school_year }
    }
}

impl Ages {
    /// The ages of a child born on `born` on the day `on`, where school years begin on `start`.
    #[must_use]
    pub fn of(born: NaiveDate, on: NaiveDate, start: YearStart) -> Self {
        Self { months: months(born, on), school_year: Basis::SchoolYear(start).years(born, on) }
    }

    /// The years that rules of this basis count.
    #[must_use]
    pub fn by(self, basis: Basis) -> u32 {
        match basis {
            Basis::ActualAge => self.months / 12,
            Basis::SchoolYear(_) => self.school_year,
        }
    }
}

/// How old children count on some days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgesByDay(BTreeMap<ChildId, BTreeMap<NaiveDate, Ages>>);

impl AgesByDay {
    /// Notes how old a child counts on a day.
    pub fn put(&mut self, child: ChildId, day: NaiveDate, ages: Ages) {
        self.0.entry(child).or_default().insert(day, ages);
    }

    /// How old it counts then, if that is known.
    #[must_use]
    pub fn on(&self, child: ChildId, day: NaiveDate) -> Option<Ages> {
        self.0.get(&child)?.get(&day).copied()
    }
}

impl YearStart {
    /// The day before the school year that `on` lies in.
    fn eve(self, on: NaiveDate) -> Option<NaiveDate> {
        let year =
            if (on.month(), on.day()) < (self.month, self.day) { on.year() - 1 } else { on.year() };
        NaiveDate::from_ymd_opt(year, self.month, self.day)?.pred_opt()
    }
}

/// Full years of age on the day `on`. A year is reached the day before the birthday, at its end
/// (Japan, Act on Calculation of Ages of 1902, with article 143 of the Civil Code).
#[must_use]
pub fn years(born: NaiveDate, on: NaiveDate) -> u32 {
    months(born, on) / 12
}

/// Full months of age on the day `on`, counted like [`years`].
#[must_use]
pub fn months(born: NaiveDate, on: NaiveDate) -> u32 {
    // The day after is the first that lies wholly in the new month of age. Where a month has no such day,
    // the month of age ends with it: then the day after is the first of the next.
    let Some(next) = on.succ_opt() else { return 0 };
    let begun =
        (next.year() - born.year()) * 12 + next.month().cast_signed() - born.month().cast_signed();
    let full = if next.day() < born.day() { begun - 1 } else { begun };
    u32::try_from(full).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    const APRIL: Basis = Basis::SchoolYear(YearStart { month: 4, day: 1 });

    #[test]
    fn both_ages_are_those_of_their_basis() {
        let (born, on) = (day("2023-04-02"), day("2027-03-31"));
        let ages = Ages::of(born, on, YearStart::default());
        assert_eq!(ages, Ages { months: 47, school_year: 2 });
        assert_eq!((ages.by(Basis::ActualAge), ages.by(APRIL)), (3, 2));
    }

    #[test]
    fn ages_that_were_kept_in_years_are_read() {
        let read = |text: &str| serde_json::from_str::<Ages>(text).unwrap();
        let old = read(r#"{"actual":3,"school_year":2}"#);
        assert_eq!(old, Ages { months: 47, school_year: 2 });
        let new = Ages { months: 41, school_year: 2 };
        assert_eq!(read(&serde_json::to_string(&new).unwrap()), new);
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_year_of_age_is_reached_the_day_before_the_birthday() {
        for (born, on, want) in [
            ("2024-06-10", "2025-06-08", 0),
            ("2024-06-10", "2025-06-09", 1),
            ("2024-06-10", "2025-06-10", 1),
            ("2024-06-10", "2027-06-08", 2),
            ("2024-06-10", "2027-06-09", 3),
            ("2025-01-01", "2025-12-31", 1),
            // Born on the leap day: a common year's 28 February is the last of the year of age.
            ("2024-02-29", "2025-02-27", 0),
            ("2024-02-29", "2025-02-28", 1),
            ("2024-02-29", "2028-02-27", 3),
            ("2024-02-29", "2028-02-28", 4),
            ("2025-06-10", "2025-06-10", 0),
            ("2025-06-10", "2025-06-01", 0),
        ] {
            assert_eq!(years(day(born), day(on)), want, "{born} {on}");
        }
    }

    #[test]
    fn a_month_without_the_day_ends_with_its_last() {
        for (born, on, want) in [
            ("2024-08-31", "2025-02-27", 5),
            ("2024-08-31", "2025-02-28", 6),
            ("2024-08-15", "2025-02-13", 5),
            ("2024-08-15", "2025-02-14", 6),
            ("2024-08-01", "2025-01-31", 6),
        ] {
            assert_eq!(months(day(born), day(on)), want, "{born} {on}");
        }
    }

    #[test]
    fn a_school_year_counts_the_age_of_its_eve() {
        for (born, on, want) in [
            // Born on 1 April: a year older on 31 March, and so in the older class.
            ("2023-04-01", "2026-04-01", 3),
            ("2023-04-02", "2026-04-01", 2),
            ("2023-04-02", "2027-03-31", 2),
            ("2023-04-02", "2027-04-01", 3),
            ("2026-06-10", "2027-03-31", 0),
            ("2026-06-10", "2027-04-01", 0),
        ] {
            assert_eq!(APRIL.years(day(born), day(on)), want, "{born} {on}");
        }
    }

    proptest! {
        #[test]
        fn nobody_grows_younger(born in 0_u64..20_000, later in 0_u64..8_000) {
            let born = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + Days::new(born);
            let on = born + Days::new(later);
            let next = on + Days::new(1);
            for basis in [Basis::ActualAge, APRIL] {
                let (before, after) = (basis.years(born, on), basis.years(born, next));
                prop_assert!(before <= after && after <= before + 1, "{basis:?} {born} {on}");
            }
            prop_assert!(APRIL.years(born, on) <= years(born, on));
            // What a calendar says of the day after is what the law says of this one.
            prop_assert_eq!(Some(years(born, on)), next.years_since(born));
        }
    }
}
