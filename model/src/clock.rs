//! The one way to ask what time it is.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Tells the time. Programs hold the system's clock, tests one that they move by hand.
pub trait Clock: Send + Sync {
    /// The time in UTC, whole microseconds (what PostgreSQL keeps).
    fn now(&self) -> DateTime<Utc>;

    /// The time that has passed since an instant of the clock's own, whoever set it meanwhile.
    fn steady(&self) -> Duration;
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

    fn steady(&self) -> Duration {
        static BEGUN: OnceLock<Instant> = OnceLock::new();
        BEGUN.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(Mutex<Shown>);

#[derive(Clone, Copy, Debug)]
struct Shown {
    now: DateTime<Utc>,
    steady: Duration,
}

impl ManualClock {
    /// A clock that shows `time`.
    #[must_use]
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(Mutex::new(Shown { now: to_micros(time), steady: Duration::ZERO }))
    }

    /// Lets time pass, never back, and answers the new time.
    pub fn advance(&self, step: TimeDelta) -> DateTime<Utc> {
        let mut shown = self.shown();
        shown.now += step.max(TimeDelta::zero());
        shown.steady += step.to_std().unwrap_or_default();
        shown.now
    }

    /// Sets the clock, ahead or back by `step`, without that time having passed.
    pub fn set_by(&self, step: TimeDelta) -> DateTime<Utc> {
        let mut shown = self.shown();
        shown.now += step;
        shown.now
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.shown().now
    }

    fn steady(&self) -> Duration {
        self.shown().steady
    }
}
