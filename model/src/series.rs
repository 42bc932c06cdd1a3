//! A rule that repeats a wish on other days (RFC 5545, section 3.3.10), reckoned in local days.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rrule::{Frequency, RRule, RRuleSet, Tz, Unvalidated};
use serde::{Deserialize, Serialize};

use crate::id::{CentreId, PersonId, SeriesId};

/// The most days that one rule may name.
pub const MOST_DAYS: u16 = 100;
/// The longest rule, in characters.
pub const LONGEST_RULE: usize = 200;

/// Bookings that one rule has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its id.
    pub id: SeriesId,
    /// Whose.
    pub person: PersonId,
    /// Where.
    pub centre: CentreId,
    /// On which days.
    pub rule: Rule,
    /// When it was asked for.
    pub made_at: DateTime<Utc>,
}

/// A rule such as `FREQ=WEEKLY;BYDAY=TU,TH;COUNT=10`, without a start of its own: the first day is
/// that of the wish. Days are local days of the centre; `UNTIL` names the last one that counts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    text: String,
    rule: RRule<Unvalidated>,
}

/// Why a text is no rule that can be booked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// Not the form of RFC 5545.
    #[error("a rule looks like FREQ=WEEKLY;BYDAY=TU,TH;COUNT=10 (RFC 5545)")]
    Unreadable,
    /// Hours, minutes or seconds.
    #[error("a rule repeats days, weeks, months or years; the hours are those of the first day")]
    WithinTheDay,
    /// Neither COUNT nor UNTIL.
    #[error("a rule ends: give COUNT or UNTIL")]
    Endless,
    /// More days than one series holds.
    #[error("a rule names at most {MOST_DAYS} days")]
    TooMany,
    /// It names no day at all from the first day on.
    #[error("the rule names no day")]
    NoDay,
}

impl Rule {
    /// The local days that it names, the `first` at the earliest, in order.
    ///
    /// # Errors
    /// [`BadRule::TooMany`], or [`BadRule::NoDay`].
    pub fn days(&self, first: NaiveDate) -> Result<Vec<NaiveDate>, BadRule> {
        let begins = first.and_time(NaiveTime::MIN).and_utc().with_timezone(&Tz::UTC);
        let rule = self.rule.clone().validate(begins).map_err(|_| BadRule::NoDay)?;
        let found = RRuleSet::new(begins).limit().rrule(rule).all(MOST_DAYS + 1);
        if found.dates.len() > usize::from(MOST_DAYS) {
            return Err(BadRule::TooMany);
        }
        let days: Vec<NaiveDate> = found.dates.iter().map(|day| day.date_naive()).collect();
        if days.is_empty() { Err(BadRule::NoDay) } else { Ok(days) }
    }
}

impl FromStr for Rule {
    type Err = BadRule;
    fn from_str(text: &str) -> Result<Self, BadRule> {
        let text = text.trim();
        let text = text.strip_prefix("RRULE:").unwrap_or(text).to_ascii_uppercase();
        if text.len() > LONGEST_RULE || text.contains(['\n', '\r']) {
            return Err(BadRule::Unreadable);
        }
        // A last day without an hour means that day, whatever the hour.
        let parts: Vec<String> = text
            .split(';')
            .map(|part| match part.strip_prefix("UNTIL=") {
                Some(day) if day.len() == 8 => format!("UNTIL={day}T000000Z"),
                _ => part.to_owned(),
            })
            .collect();
        let text = parts.join(";");
        let rule: RRule<Unvalidated> = text.parse().map_err(|_| BadRule::Unreadable)?;
        let by_days = matches!(
            rule.get_freq(),
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly
        );
        let hours = [rule.get_by_hour(), rule.get_by_minute(), rule.get_by_second()];
        if !by_days || hours.iter().any(|hours| !hours.is_empty()) {
            return Err(BadRule::WithinTheDay);
        }
        match (rule.get_count(), rule.get_until()) {
            (None, None) => return Err(BadRule::Endless),
            (Some(count), _) if count > u32::from(MOST_DAYS) => return Err(BadRule::TooMany),
            _ => {}
        }
        Ok(Self { text, rule })
    }
}

impl TryFrom<String> for Rule {
    type Error = BadRule;
    fn try_from(text: String) -> Result<Self, BadRule> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.text
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    fn days(rule: &str, first: &str) -> Result<Vec<String>, BadRule> {
        let days = rule.parse::<Rule>()?.days(first.parse().unwrap())?;
        Ok(days.iter().map(NaiveDate::to_string).collect())
    }

    #[test]
    fn a_rule_names_local_days() {
        // A Tuesday.
        let first = "2026-11-24";
        let cases: [(&str, &[&str]); 5] = [
            ("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=3", &["2026-11-24", "2026-11-26", "2026-12-01"]),
            ("RRULE:FREQ=DAILY;COUNT=2", &["2026-11-24", "2026-11-25"]),
            ("FREQ=WEEKLY;UNTIL=20261208", &["2026-11-24", "2026-12-01", "2026-12-08"]),
            ("freq=monthly;bymonthday=31;count=2", &["2026-12-31", "2027-01-31"]),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;COUNT=2", &["2026-12-07", "2026-12-21"]),
        ];
        for (rule, want) in cases {
            assert_eq!(days(rule, first).unwrap(), want, "{rule}");
        }
    }

    #[test]
    fn what_cannot_be_booked_by_is_told_why() {
        let cases = [
            ("", BadRule::Unreadable),
            ("FREQ=OFTEN;COUNT=3", BadRule::Unreadable),
            ("COUNT=3", BadRule::Unreadable),
            ("FREQ=DAILY", BadRule::Endless),
            ("FREQ=DAILY;COUNT=10000", BadRule::TooMany),
            ("FREQ=DAILY;UNTIL=99991231", BadRule::TooMany),
            ("FREQ=SECONDLY;COUNT=3", BadRule::WithinTheDay),
            ("FREQ=DAILY;BYHOUR=9,10;COUNT=3", BadRule::WithinTheDay),
            ("FREQ=DAILY;UNTIL=20200101", BadRule::NoDay),
            ("FREQ=DAILY;COUNT=3\nRDATE:20261224T000000Z", BadRule::Unreadable),
        ];
        for (rule, want) in cases {
            assert_eq!(days(rule, "2026-11-24"), Err(want), "{rule}");
        }
        assert_eq!(days(&"FREQ=DAILY;".repeat(40), "2026-11-24"), Err(BadRule::Unreadable));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stumble(text in "[A-Z=;,0-9+-]{0,60}", tail in ".{0,20}") {
            for text in [text.clone(), format!("FREQ=YEARLY;{text};COUNT=5"), tail] {
                if let Ok(rule) = text.parse::<Rule>() {
                    let _ = rule.days(NaiveDate::from_ymd_opt(2026, 11, 24).unwrap());
                    prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
                }
            }
        }
    }
}
