//! Wrong PINs in a row, by whose they are, and what was typed wrongly at a reader, whoever's; a matter of the site, not
//! shared.
//!
//! A reader's count is what stops somebody who tries one code after the other. Many honest people type at it, so that
//! it bears more, and a right one does not clear it: a guesser has a code of their own. Nor does a card with a key; it
//! goes by that pause, because it cannot be tried for many people.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bevy_ecs::prelude::Resource;
use chrono::TimeDelta;
use model::access::{READER_FORGIVES, TRIES_FORGOTTEN, pin_pause, reader_pause};
use model::id::DeviceId;

use crate::book::Book;
use crate::fact::{PinCount, PinOf, TriesOf};

#[derive(Resource, Default)]
pub(crate) struct PinTries {
    tries: HashMap<TriesOf, Tries>,
    /// Whose count has to be kept before anybody is answered: a power cut gives no new tries.
    changed: BTreeSet<TriesOf>,
}

#[derive(Default)]
struct Tries {
    wrong: u32,
    /// When the last of them was counted; of a reader's, when one was forgiven last, if that was later.
    since: Duration,
    paused_until: Option<Duration>,
}

impl Tries {
    fn is_paused(&self, mono: Duration) -> bool {
        self.paused_until.is_some_and(|until| mono < until)
    }
}

impl PinTries {
    pub(crate) fn paused(&self, of: PinOf, mono: Duration) -> bool {
        self.tries.get(&TriesOf::Pin(of)).is_some_and(|tries| tries.is_paused(mono))
    }

    pub(crate) fn reader_paused(&self, reader: &DeviceId, mono: Duration) -> bool {
        let of = TriesOf::Reader(reader.clone());
        self.tries.get(&of).is_some_and(|tries| tries.is_paused(mono))
    }

    /// Counts a try and answers whether the PIN is closed because of it. What comes after a pause counts on.
    pub(crate) fn count(&mut self, of: PinOf, right: bool, mono: Duration) -> bool {
        let of = TriesOf::Pin(of);
        if right {
            if self.tries.remove(&of).is_some() {
                self.changed.insert(of);
            }
            return false;
        }
        self.changed.insert(of.clone());
        let tries = self.tries.entry(of).or_default();
        if mono.saturating_sub(tries.since) >= std(TRIES_FORGOTTEN) {
            tries.wrong = 0;
        }
        tries.count(pin_pause, mono)
    }

    /// Counts something wrong that was typed at a reader, and answers whether the reader takes nothing because of it.
    pub(crate) fn count_at(&mut self, reader: &DeviceId, mono: Duration) -> bool {
        let of = TriesOf::Reader(reader.clone());
        self.changed.insert(of.clone());
        let tries = self.tries.entry(of).or_insert(Tries { since: mono, ..Tries::default() });
        let forgives = std(READER_FORGIVES).max(Duration::from_secs(1));
        let forgiven = mono.saturating_sub(tries.since).as_secs() / forgives.as_secs();
        let forgiven = u32::try_from(forgiven).unwrap_or(u32::MAX).min(tries.wrong);
        // What has passed since the last that was forgiven counts towards the next.
        let since = tries.since + forgives * forgiven;
        tries.wrong -= forgiven;
        let empty = tries.wrong == 0;
        let paused = tries.count(reader_pause, mono);
        if !empty {
            tries.since = since;
        }
        paused
    }

    pub(crate) fn forget_all_but(&mut self, book: &Book) {
        let is_gone = |of: &&TriesOf| matches!(of, TriesOf::Pin(of) if book.pin(*of).is_none());
        let gone: Vec<TriesOf> = self.tries.keys().filter(is_gone).cloned().collect();
        for of in gone {
            self.tries.remove(&of);
            self.changed.insert(of);
        }
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_changes(&mut self) -> Vec<PinCount> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let wrong = |of: &TriesOf| self.tries.get(of).map_or(0, |tries| tries.wrong);
        changed.map(|of| PinCount { wrong: wrong(&of), of }).collect()
    }

    /// Goes on from what was kept. What was closed is closed anew: how long the power was away is
    /// not known for sure.
    pub(crate) fn restore(&mut self, kept: &[PinCount], mono: Duration) {
        for PinCount { of, wrong } in kept {
            let pause = match of {
                TriesOf::Pin(_) => pin_pause(*wrong),
                TriesOf::Reader(_) => reader_pause(*wrong),
            };
            let paused_until = pause.map(|pause| mono + std(pause));
            self.tries.insert(of.clone(), Tries { wrong: *wrong, since: mono, paused_until });
        }
    }
}

impl Tries {
    fn count(&mut self, pause: fn(u32) -> Option<TimeDelta>, mono: Duration) -> bool {
        self.wrong = self.wrong.saturating_add(1);
        self.since = mono;
        self.paused_until = pause(self.wrong).map(|pause| mono + std(pause));
        self.paused_until.is_some()
    }
}

fn std(time: TimeDelta) -> Duration {
    time.to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::id::PersonId;
    use uuid::Uuid;

    use super::*;

    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn guest() -> PinOf {
        PinOf::Person(PersonId(Uuid::from_u128(1)))
    }

    fn reader() -> DeviceId {
        "y-kiosk-1".parse().unwrap()
    }

    /// How many wrong ones somebody gets in who types again as soon as it is taken.
    fn guesses(seconds: u64, mut wrong_at: impl FnMut(Duration) -> Option<()>) -> u32 {
        let tried = (0..seconds).filter(|second| wrong_at(at(*second)).is_some());
        u32::try_from(tried.count()).unwrap()
    }

    #[test]
    fn fault_16_every_third_wrong_pin_closes_it_for_longer_until_a_right_one_or_a_day() {
        let mut tries = PinTries::default();
        let mut now = 0;
        for minutes in [5, 10, 20, 40, 60, 60] {
            for closes in [false, false, true] {
                assert_eq!(tries.count(guest(), false, at(now)), closes, "{minutes}");
            }
            now += minutes * MINUTE;
            assert!(tries.paused(guest(), at(now - 1)), "{minutes}");
            assert!(!tries.paused(guest(), at(now)), "{minutes}");
        }
        assert!(!tries.count(guest(), true, at(now)));
        for closes in [false, false, true] {
            assert_eq!(tries.count(guest(), false, at(now)), closes, "it begins anew");
        }
        let day = now + 24 * HOUR;
        for closes in [false, false, true] {
            assert_eq!(tries.count(guest(), false, at(day)), closes);
        }
        assert!(!tries.paused(guest(), at(day + 5 * MINUTE)), "the first pause again");
    }

    #[test]
    fn a_reader_bears_what_tired_people_type_and_no_guesser() {
        // Two in an hour, all day long, are nothing.
        let mut tries = PinTries::default();
        for time in (0..24 * HOUR).step_by(30 * 60) {
            assert!(!tries.count_at(&reader(), at(time)), "after {time} seconds");
        }
        // Nor are nine at once.
        let mut tries = PinTries::default();
        assert!((0..9).all(|_| !tries.count_at(&reader(), at(0))));
        let mut now = 0;
        for minutes in [1, 2, 4, 8, 16] {
            assert!(tries.count_at(&reader(), at(now)), "{minutes}");
            now += minutes * MINUTE;
            assert!(tries.reader_paused(&reader(), at(now - 1)), "{minutes}");
            assert!(!tries.reader_paused(&reader(), at(now)), "{minutes}");
        }
        assert!(!tries.reader_paused(&"y-kiosk-2".parse().unwrap(), at(0)), "it is one reader");
        // What is left alone for half a day is as good as new.
        assert!((0..9).all(|_| !tries.count_at(&reader(), at(now + 12 * HOUR))));
    }

    #[test]
    fn a_day_of_guessing_gains_little() {
        let mut tries = PinTries::default();
        let of_one = guesses(24 * HOUR, |now| {
            let taken = !tries.paused(guest(), now);
            taken.then(|| {
                tries.count(guest(), false, now);
            })
        });
        let mut tries = PinTries::default();
        let at_one = guesses(24 * HOUR, |now| {
            let taken = !tries.reader_paused(&reader(), now);
            taken.then(|| {
                tries.count_at(&reader(), now);
            })
        });
        assert!(of_one <= 90, "{of_one} of one person's");
        assert!(at_one <= 90, "{at_one} at one reader");
    }

    #[test]
    fn what_was_kept_goes_on_after_a_restart() {
        for (count, closed_for) in [
            (PinCount { of: TriesOf::Pin(guest()), wrong: 2 }, 0),
            (PinCount { of: TriesOf::Pin(guest()), wrong: 3 }, 5 * MINUTE),
            (PinCount { of: TriesOf::Pin(guest()), wrong: 4 }, 0),
            (PinCount { of: TriesOf::Pin(guest()), wrong: 6 }, 10 * MINUTE),
            (PinCount { of: TriesOf::Pin(guest()), wrong: u32::MAX }, HOUR),
            (PinCount { of: TriesOf::Reader(reader()), wrong: 9 }, 0),
            (PinCount { of: TriesOf::Reader(reader()), wrong: 10 }, MINUTE),
            (PinCount { of: TriesOf::Reader(reader()), wrong: 12 }, 4 * MINUTE),
            (PinCount { of: TriesOf::Reader(reader()), wrong: u32::MAX }, HOUR),
        ] {
            let mut tries = PinTries::default();
            tries.restore(std::slice::from_ref(&count), at(7));
            let paused = |now| match &count.of {
                TriesOf::Pin(of) => tries.paused(*of, now),
                TriesOf::Reader(reader) => tries.reader_paused(reader, now),
            };
            assert_eq!(paused(at(7)), closed_for > 0, "{count:?}");
            assert!(closed_for == 0 || paused(at(7 + closed_for - 1)), "{count:?}");
            assert!(!paused(at(7 + closed_for)), "{count:?}");
            assert_eq!(tries.take_changes(), [], "it is kept already");
        }
    }
}
