//! Half-open stretches of time, in UTC.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// An interval that ends before it begins, or at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the end must be after the start")]
pub struct EmptyInterval;

/// `[starts, ends)` in UTC; never empty.
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
    type Error = EmptyInterval;
    fn try_from(ends: Ends) -> Result<Self, EmptyInterval> {
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
    /// [`EmptyInterval`] when `ends` is not after `starts`.
    pub fn new(starts: DateTime<Utc>, ends: DateTime<Utc>) -> Result<Self, EmptyInterval> {
        if starts < ends { Ok(Self { starts, ends }) } else { Err(EmptyInterval) }
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
