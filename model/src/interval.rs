//! Half-open stretches of time, in UTC.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Why two instants make no interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the end must be after the start, and both between the years 1970 and 9999")]
pub struct BadInterval;

/// `[starts, ends)` in UTC; never empty, and always in years that calendars can reckon with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct Interval {
    starts: DateTime<Utc>,
    ends: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Ends {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl TryFrom<Ends> for Interval {
    type Error = BadInterval;
    fn try_from(ends: Ends) -> Result<Self, BadInterval> {
        Self::new(ends.starts_at, ends.ends_at)
    }
}

impl From<Interval> for Ends {
    fn from(interval: Interval) -> Self {
        Self { starts_at: interval.starts, ends_at: interval.ends }
    }
}

impl Interval {
    /// The interval from `starts` up to, not including, `ends`.
    ///
    /// # Errors
    /// [`BadInterval`] when `ends` is not after `starts`, or one lies outside 1970 to 9999.
    pub fn new(starts: DateTime<Utc>, ends: DateTime<Utc>) -> Result<Self, BadInterval> {
        let reckoned = |time: DateTime<Utc>| (1970..=9999).contains(&time.year());
        if starts < ends && reckoned(starts) && reckoned(ends) {
            Ok(Self { starts, ends })
        } else {
            Err(BadInterval)
        }
    }

    /// The first instant inside.
    #[must_use]
    pub fn starts(&self) -> DateTime<Utc> {
        self.starts
    }

    /// The first instant after.
    #[must_use]
    pub fn ends(&self) -> DateTime<Utc> {
        self.ends
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        self.ends - self.starts
    }

    /// Whether `time` lies inside.
    #[must_use]
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.starts <= time && time < self.ends
    }

    /// Whether both hold a common instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.starts < other.ends && other.starts < self.ends
    }

    /// Whether `other` lies wholly inside.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.starts <= other.starts && other.ends <= self.ends
    }

    /// The part that both share, if any.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        Self::new(self.starts.max(other.starts), self.ends.min(other.ends)).ok()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn no_interval_is_empty_or_beyond_the_calendar() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let noon = at("2026-12-01T12:00:00Z");
        assert_eq!(Interval::new(noon, noon), Err(BadInterval));
        assert_eq!(Interval::new(noon, at("2026-12-01T11:00:00Z")), Err(BadInterval));
        assert_eq!(Interval::new(noon, DateTime::<Utc>::MAX_UTC), Err(BadInterval));
        assert_eq!(Interval::new(DateTime::<Utc>::MIN_UTC, noon), Err(BadInterval));
        assert!(Interval::new(noon, at("9999-12-31T23:59:59Z")).is_ok());
    }
}
