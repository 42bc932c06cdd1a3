//! How much one address and one person may ask, so that nobody's program takes the hub away from
//! everybody else, and guessing is slow.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use model::id::PersonId;

use crate::service::{Caller, Refused};

/// So many people may sit behind one address: an office shares one.
const PEOPLE_OF_AN_ADDRESS: u32 = 20;
/// After so many questions those are forgotten who have asked nothing for a while.
const FORGET_EVERY: u32 = 4096;

/// How much may be asked in a minute; 0 is as much as they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Requests of one person.
    pub requests: u32,
    /// Changes of one person.
    pub writes: u32,
    /// What one address sends before anybody has signed in: passwords, codes.
    pub guesses: u32,
}

impl LimitSettings {
    /// What nobody who uses the pages by hand will meet.
    pub const SANE: Self = Self { requests: 600, writes: 120, guesses: 60 };
}

/// What was asked in the last minute.
pub struct Limits {
    of_address: Option<Counted<IpAddr>>,
    guesses: Option<Counted<IpAddr>>,
    of_person: Option<Counted<PersonId>>,
    writes: Option<Counted<PersonId>>,
}

impl Limits {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(settings: LimitSettings) -> Self {
        let office = settings.requests.saturating_mul(PEOPLE_OF_AN_ADDRESS);
        Self {
            of_address: Counted::new(office),
            guesses: Counted::new(settings.guesses),
            of_person: Counted::new(settings.requests),
            writes: Counted::new(settings.writes),
        }
    }

    /// Counts a request from an address; where that is not known, nothing can be said of it.
    ///
    /// # Errors
    /// [`Refused::TooMany`].
    pub fn address(&self, address: Option<IpAddr>) -> Result<(), Refused> {
        count(self.of_address.as_ref(), address.map(network))
    }

    /// Counts a request of somebody who is known by now. A change that nobody has signed in for is
    /// a guess.
    ///
    /// # Errors
    /// [`Refused::TooMany`].
    pub fn caller(&self, caller: &Caller, changes: bool) -> Result<(), Refused> {
        let person = caller.person.as_ref().map(|person| person.id);
        count(self.of_person.as_ref(), person)?;
        match (changes, person) {
            (false, _) => Ok(()),
            (true, Some(_)) => count(self.writes.as_ref(), person),
            (true, None) => count(self.guesses.as_ref(), caller.address.map(network)),
        }
    }
}

struct Counted<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    asked: AtomicU32,
}

impl<K: Hash + Eq + Clone> Counted<K> {
    fn new(most: u32) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(most)?);
        Some(Self { limiter: DefaultKeyedRateLimiter::keyed(quota), asked: AtomicU32::new(0) })
    }
}

fn count<K: Hash + Eq + Clone>(
    counted: Option<&Counted<K>>,
    key: Option<K>,
) -> Result<(), Refused> {
    let (Some(counted), Some(key)) = (counted, key) else { return Ok(()) };
    if counted.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
        counted.limiter.retain_recent();
    }
    counted.limiter.check_key(&key).map_err(|too_soon| {
        let wait = too_soon.wait_time_from(DefaultClock::default().now());
        Refused::TooMany { seconds: wait.as_secs() + 1 }
    })
}

/// One subscriber has 2^64 addresses of IPv6; they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let kept = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(kept))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn an_address_that_asks_too_much_waits_and_another_does_not() {
        let limits = Limits::new(LimitSettings { requests: 1, ..LimitSettings::default() });
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let same_line: IpAddr = "2001:db8::2".parse().unwrap();
        let other: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        for _ in 0..PEOPLE_OF_AN_ADDRESS {
            limits.address(Some(one)).unwrap();
        }
        for late in [one, same_line] {
            let Err(Refused::TooMany { seconds }) = limits.address(Some(late)) else {
                unreachable!("the limit holds for {late}")
            };
            assert!((1..=61).contains(&seconds), "{seconds}");
        }
        limits.address(Some(other)).unwrap();
        limits.address(None).unwrap();
    }

    #[test]
    fn nothing_set_is_no_limit() {
        let limits = Limits::new(LimitSettings::default());
        for _ in 0..10_000 {
            limits.address(Some(IpAddr::from([192, 0, 2, 1]))).unwrap();
        }
    }
}
