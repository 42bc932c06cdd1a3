//! Slows guessing down: failures are counted by what is guessed and address together, and by each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use model::id::PersonId;

/// Failures of one guess from one address before it must wait.
const TRIES_OF_PAIR: u32 = 5;
/// Failures of one guess, or from one address (an office shares one), before all of it must wait.
const TRIES_OF_EACH: u32 = 30;
/// The first wait; each further failure doubles it.
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);
/// The longest wait, and how long failures are remembered.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(15);
/// More entries than this are cleared of the forgotten ones.
const MOST_ENTRIES: usize = 10_000;

/// What somebody may be guessing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Guessed {
    /// The password of an e-mail address, whether anybody has it or not.
    Password(String),
    /// The second factor of a person whose password was right.
    Second(PersonId),
    /// The password of a person who is signed in.
    Proof(PersonId),
    /// The code of a card at a kiosk, by a person who is signed in.
    CardCode(PersonId),
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Pair(Guessed, Option<IpAddr>),
    All(Guessed),
    Address(IpAddr),
}

struct Entry {
    failures: u32,
    last: DateTime<Utc>,
    closed_until: DateTime<Utc>,
}

/// Failed sign-ins of the last quarter of an hour, in memory.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<Key, Entry>>);

impl Throttle {
    /// Until when whoever guesses this from this address must wait; none when they may try.
    #[must_use]
    pub fn closed_until(
        &self,
        whose: &Guessed,
        address: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys(whose, address)
            .filter_map(|(key, _)| entries.get(&key))
            .map(|entry| entry.closed_until)
            .filter(|until| now < *until)
            .max()
    }

    /// Counts a failure.
    pub fn failed(&self, whose: &Guessed, address: Option<IpAddr>, now: DateTime<Utc>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST_ENTRIES {
            entries.retain(|_, entry| now < entry.last + LONGEST_WAIT);
        }
        if entries.len() >= MOST_ENTRIES {
            entries.clear();
        }
        for (key, tries) in keys(whose, address) {
            let entry =
                entries.entry(key).or_insert(Entry { failures: 0, last: now, closed_until: now });
            if entry.last + LONGEST_WAIT < now {
                entry.failures = 0;
            }
            entry.failures += 1;
            entry.last = now;
            if let Some(over) = entry.failures.checked_sub(tries) {
                let wait = FIRST_WAIT * 2_i32.saturating_pow(over.min(10));
                entry.closed_until = now + wait.min(LONGEST_WAIT);
            }
        }
    }

    /// Forgets the failures of somebody who has shown who they are.
    pub fn succeeded(&self, whose: &Guessed, address: Option<IpAddr>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&Key::Pair(whose.clone(), address));
        entries.remove(&Key::All(whose.clone()));
    }
}

fn keys(whose: &Guessed, address: Option<IpAddr>) -> impl Iterator<Item = (Key, u32)> {
    [
        Some((Key::Pair(whose.clone(), address), TRIES_OF_PAIR)),
        Some((Key::All(whose.clone()), TRIES_OF_EACH)),
        address.map(|address| (Key::Address(address), TRIES_OF_EACH)),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_try_waits_and_waits_longer_each_time() {
        let throttle = Throttle::default();
        let a = Guessed::Password("a@example.jp".to_owned());
        let now = DateTime::<Utc>::UNIX_EPOCH;
        for _ in 0..4 {
            throttle.failed(&a, None, now);
        }
        assert_eq!(throttle.closed_until(&a, None, now), None);
        throttle.failed(&a, None, now);
        assert_eq!(throttle.closed_until(&a, None, now), Some(now + FIRST_WAIT));
        assert_eq!(
            throttle.closed_until(&Guessed::Second(PersonId(uuid::Uuid::nil())), None, now),
            None
        );
        let later = now + FIRST_WAIT;
        assert_eq!(throttle.closed_until(&a, None, later), None);
        throttle.failed(&a, None, later);
        assert_eq!(throttle.closed_until(&a, None, later), Some(later + FIRST_WAIT * 2));
        throttle.succeeded(&a, None);
        assert_eq!(throttle.closed_until(&a, None, later), None);
    }

    #[test]
    fn another_address_can_still_sign_in_until_the_guesses_are_many() {
        let throttle = Throttle::default();
        let a = Guessed::Password("a@example.jp".to_owned());
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let guesser = Some(IpAddr::from([192, 0, 2, 1]));
        let owner = Some(IpAddr::from([192, 0, 2, 2]));
        for _ in 0..29 {
            throttle.failed(&a, guesser, now);
        }
        assert!(throttle.closed_until(&a, guesser, now).is_some());
        assert_eq!(throttle.closed_until(&a, owner, now), None);
        throttle.failed(&a, guesser, now);
        assert!(throttle.closed_until(&a, owner, now).is_some());
    }
}
