//! Japan's national holidays of 2026 and 2027.

use anyhow::{Context, Result};
use chrono::NaiveDate;
use model::centre::Holiday;
use model::language::LocalText;

/// Why a day is a holiday.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    /// 第2条: named by the law.
    Law,
    /// 第2条, and the day is that of the equinox which the observatory announced.
    Equinox,
    /// 第3条第2項: the next day that is none, after one on a Sunday.
    Substitute,
    /// 第3条第3項: the day between two.
    Between,
}

impl By {
    fn source(self) -> &'static str {
        match self {
            Self::Law => "国民の祝日に関する法律（昭和23年法律第178号）第2条",
            Self::Equinox => {
                "国民の祝日に関する法律（昭和23年法律第178号）第2条、国立天文台 暦要項"
            }
            Self::Substitute => "国民の祝日に関する法律（昭和23年法律第178号）第3条第2項",
            Self::Between => "国民の祝日に関する法律（昭和23年法律第178号）第3条第3項",
        }
    }
}

type Row = ((i32, u32, u32), &'static str, &'static str, By);

const HOLIDAYS: &[Row] = &[
    ((2026, 1, 1), "元日", "New Year's Day", By::Law),
    ((2026, 1, 12), "成人の日", "Coming of Age Day", By::Law),
    ((2026, 2, 11), "建国記念の日", "National Foundation Day", By::Law),
    ((2026, 2, 23), "天皇誕生日", "Emperor's Birthday", By::Law),
    ((2026, 3, 20), "春分の日", "Vernal Equinox Day", By::Equinox),
    ((2026, 4, 29), "昭和の日", "Showa Day", By::Law),
    ((2026, 5, 3), "憲法記念日", "Constitution Memorial Day", By::Law),
    ((2026, 5, 4), "みどりの日", "Greenery Day", By::Law),
    ((2026, 5, 5), "こどもの日", "Children's Day", By::Law),
    ((2026, 5, 6), "振替休日", "Substitute Holiday", By::Substitute),
    ((2026, 7, 20), "海の日", "Marine Day", By::Law),
    ((2026, 8, 11), "山の日", "Mountain Day", By::Law),
    ((2026, 9, 21), "敬老の日", "Respect for the Aged Day", By::Law),
    ((2026, 9, 22), "国民の休日", "Citizens' Holiday", By::Between),
    ((2026, 9, 23), "秋分の日", "Autumnal Equinox Day", By::Equinox),
    ((2026, 10, 12), "スポーツの日", "Sports Day", By::Law),
    ((2026, 11, 3), "文化の日", "Culture Day", By::Law),
    ((2026, 11, 23), "勤労感謝の日", "Labour Thanksgiving Day", By::Law),
    ((2027, 1, 1), "元日", "New Year's Day", By::Law),
    ((2027, 1, 11), "成人の日", "Coming of Age Day", By::Law),
    ((2027, 2, 11), "建国記念の日", "National Foundation Day", By::Law),
    ((2027, 2, 23), "天皇誕生日", "Emperor's Birthday", By::Law),
    ((2027, 3, 21), "春分の日", "Vernal Equinox Day", By::Equinox),
    ((2027, 3, 22), "振替休日", "Substitute Holiday", By::Substitute),
    ((2027, 4, 29), "昭和の日", "Showa Day", By::Law),
    ((2027, 5, 3), "憲法記念日", "Constitution Memorial Day", By::Law),
    ((2027, 5, 4), "みどりの日", "Greenery Day", By::Law),
    ((2027, 5, 5), "こどもの日", "Children's Day", By::Law),
    ((2027, 7, 19), "海の日", "Marine Day", By::Law),
    ((2027, 8, 11), "山の日", "Mountain Day", By::Law),
    ((2027, 9, 20), "敬老の日", "Respect for the Aged Day", By::Law),
    ((2027, 9, 23), "秋分の日", "Autumnal Equinox Day", By::Equinox),
    ((2027, 10, 11), "スポーツの日", "Sports Day", By::Law),
    ((2027, 11, 3), "文化の日", "Culture Day", By::Law),
    ((2027, 11, 23), "勤労感謝の日", "Labour Thanksgiving Day", By::Law),
];

/// The holidays, in order.
pub(super) fn all() -> Result<Vec<Holiday>> {
    HOLIDAYS
        .iter()
        .map(|&((year, month, day), ja, en, by)| {
            let date = NaiveDate::from_ymd_opt(year, month, day)
                .with_context(|| format!("{year}-{month}-{day} is no date"))?;
            Ok(Holiday { date, name: LocalText::new(ja, en), source: by.source().to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::collections::BTreeMap;

    use chrono::{Datelike, Weekday};

    use super::*;

    /// The holidays of a year as the law derives them, by name.
    fn by_law(year: i32) -> BTreeMap<NaiveDate, &'static str> {
        let day = |month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let monday =
            |month, nth| NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Mon, nth);
        // The usual approximation of the equinoxes, good for 1980 to 2099.
        let equinox = |base: f64| {
            let years = f64::from(year - 1980);
            (1_u32..31)
                .rfind(|&d| f64::from(d) <= base + 0.242_194 * years - f64::from((year - 1980) / 4))
                .unwrap()
        };
        let mut named = BTreeMap::from([
            (day(1, 1), "元日"),
            (monday(1, 2).unwrap(), "成人の日"),
            (day(2, 11), "建国記念の日"),
            (day(2, 23), "天皇誕生日"),
            (day(3, equinox(20.8431)), "春分の日"),
            (day(4, 29), "昭和の日"),
            (day(5, 3), "憲法記念日"),
            (day(5, 4), "みどりの日"),
            (day(5, 5), "こどもの日"),
            (monday(7, 3).unwrap(), "海の日"),
            (day(8, 11), "山の日"),
            (monday(9, 3).unwrap(), "敬老の日"),
            (day(9, equinox(23.2488)), "秋分の日"),
            (monday(10, 2).unwrap(), "スポーツの日"),
            (day(11, 3), "文化の日"),
            (day(11, 23), "勤労感謝の日"),
        ]);
        let law = named.clone();
        for sunday in law.keys().filter(|date| date.weekday() == Weekday::Sun) {
            let next = sunday.iter_days().find(|date| !law.contains_key(date)).unwrap();
            named.insert(next, "振替休日");
        }
        for between in law.keys().map(|date| date.succ_opt().unwrap()) {
            if law.contains_key(&between.succ_opt().unwrap()) {
                named.entry(between).or_insert("国民の休日");
            }
        }
        named
    }

    #[test]
    fn the_table_is_what_the_law_derives() {
        let table: Vec<_> = all().unwrap().into_iter().map(|h| (h.date, h.name.ja)).collect();
        let law: Vec<_> = [2026, 2027]
            .into_iter()
            .flat_map(by_law)
            .map(|(date, name)| (date, name.to_owned()))
            .collect();
        assert_eq!(table, law);
        assert_eq!(table.len(), 18 + 17);
    }

    #[test]
    fn each_day_names_the_paragraph_it_rests_on() {
        for (_, ja, _, by) in HOLIDAYS {
            let expected = match *ja {
                "振替休日" => By::Substitute,
                "国民の休日" => By::Between,
                "春分の日" | "秋分の日" => By::Equinox,
                _ => By::Law,
            };
            assert_eq!(*by, expected, "{ja}");
        }
    }
}
