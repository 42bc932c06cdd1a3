//! The one way to ask what time it is.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Tells the time. Programs hold the system's clock, tests one that they move by hand.
pub trait Clock: Send + Sync {
    /// The time in UTC, whole microseconds (what PostgreSQL keeps).
    fn now(&self) -> DateTime<Utc>;
}

/// Cuts a time to whole microseconds, so that both databases give back what they were given.
#[must_use]
pub fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time)
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        to_micros(Utc::now())
    }
}

/// A clock that stands still until it is moved; it never goes back.
#[derive(Debug)]
pub struct ManualClock(std::sync::Mutex<DateTime<Utc>>);

impl ManualClock {
    /// A clock that shows `time`.
    #[must_use]
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(std::sync::Mutex::new(to_micros(time)))
    }

    /// Moves the clock on by `step` and answers the new time.
    pub fn advance(&self, step: TimeDelta) -> DateTime<Utc> {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += step.max(TimeDelta::zero());
        *now
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
