//! A day of a space as five-minute bits, so that a whole region is looked through in no time.
//!
//! Every grain is a multiple of five minutes, and so is every offset from UTC that a time zone of
//! today has; what is off that grid counts for each bit that it touches.

use std::ops::Range;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;

use crate::interval::Interval;
use crate::opening;

/// What one bit stands for.
pub const BIT: TimeDelta = TimeDelta::minutes(5);

const BIT_MICROS: i64 = 300_000_000;
const WORDS: usize = 5;
/// The longest day that has room: 26 hours and 40 minutes.
const MOST_BITS: usize = WORDS * 64;

/// The local day that masks are laid over: 276 to 300 bits, as the clocks have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayFrame {
    /// Microseconds of the Unix epoch.
    starts: i64,
    bits: usize,
}

impl DayFrame {
    /// The frame of a local day; none where the calendar ends.
    #[must_use]
    pub fn of(day: NaiveDate, zone: Tz) -> Option<Self> {
        let whole = opening::whole_day(day, zone)?;
        let bits =
            usize::try_from(steps_up(whole.length().num_microseconds()?)).ok()?.min(MOST_BITS);
        Some(Self { starts: whole.starts().timestamp_micros(), bits })
    }

    /// The bits of this day that `when` touches; empty when it lies on other days.
    #[must_use]
    pub fn bits(&self, when: &Interval) -> Range<usize> {
        let clamp = |steps: i64| usize::try_from(steps).unwrap_or_default().min(self.bits);
        // Chrono's times are within 262,000 years of the epoch: no difference leaves 64 bits.
        let from = clamp(steps_down(when.starts().timestamp_micros() - self.starts));
        from..clamp(steps_up(when.ends().timestamp_micros() - self.starts))
    }
}

/// How many bits so many microseconds take, begun ones included; below zero for what lies before.
fn steps_up(micros: i64) -> i64 {
    -steps_down(-micros)
}

fn steps_down(micros: i64) -> i64 {
    micros.div_euclid(BIT_MICROS)
}

/// The bits of one space, or one child, on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mask([u64; WORDS]);

impl Mask {
    /// Sets these bits.
    pub fn set(&mut self, bits: Range<usize>) {
        for (word, part) in parts(bits) {
            self.0[word] |= part;
        }
    }

    /// Sets what another has set, too.
    pub fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    /// Whether any of these bits is set.
    #[must_use]
    pub fn meets(&self, bits: Range<usize>) -> bool {
        parts(bits).any(|(word, part)| self.0[word] & part != 0)
    }
}

/// How many masks have each bit set: one binary counter a bit, kept in planes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The lowest digit first.
    planes: Vec<[u64; WORDS]>,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, mask: &Mask) {
        let mut carry = mask.0;
        for plane in &mut self.planes {
            for (digit, carry) in plane.iter_mut().zip(&mut carry) {
                let both = *digit & *carry;
                *digit ^= *carry;
                *carry = both;
            }
        }
        if carry != [0; WORDS] {
            self.planes.push(carry);
        }
    }

    /// The greatest count among these bits.
    #[must_use]
    pub fn most(&self, bits: Range<usize>) -> usize {
        let mut greatest = [0; WORDS];
        parts(bits).for_each(|(word, part)| greatest[word] = part);
        let mut most = 0;
        // From the highest digit on: of the bits that are still the greatest, those that have it.
        for (place, plane) in self.planes.iter().enumerate().rev() {
            let mut having = greatest;
            having.iter_mut().zip(plane).for_each(|(bits, digit)| *bits &= digit);
            if having != [0; WORDS] {
                greatest = having;
                most += 1 << place;
            }
        }
        most
    }
}

/// The words that a stretch of bits touches, each with its part.
fn parts(bits: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let end = bits.end.min(MOST_BITS);
    let words = bits.start / 64..end.div_ceil(64);
    let start = bits.start;
    words.map(move |word| {
        let from = start.max(word * 64) - word * 64;
        let to = end.min(word * 64 + 64) - word * 64;
        let part = if to <= from { 0 } else { (u64::MAX >> (64 - (to - from))) << from };
        (word, part)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::capacity::greatest_overlap;

    fn frame(day: &str, zone: Tz) -> DayFrame {
        DayFrame::of(day.parse().unwrap(), zone).unwrap()
    }

    fn stretch(from: &str, to: &str) -> Interval {
        Interval::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_day_has_as_many_bits_as_its_clocks_say() {
        let berlin = chrono_tz::Europe::Berlin;
        let lord_howe = chrono_tz::Australia::Lord_Howe;
        let bits = |day, zone| frame(day, zone).bits;
        assert_eq!(bits("2026-11-25", chrono_tz::Asia::Tokyo), 288);
        assert_eq!(bits("2026-03-29", berlin), 276);
        assert_eq!(bits("2026-10-25", berlin), 300);
        assert_eq!(bits("2026-04-05", lord_howe), 294);
    }

    #[test]
    fn a_stretch_touches_the_bits_that_it_lies_on() {
        let day = frame("2026-11-25", chrono_tz::Asia::Tokyo);
        let bits = |from, to| day.bits(&stretch(from, to));
        assert_eq!(bits("2026-11-25T00:00:00Z", "2026-11-25T01:00:00Z"), 108..120);
        assert_eq!(bits("2026-11-24T14:00:00Z", "2026-11-24T15:05:00Z"), 0..1);
        assert_eq!(bits("2026-11-25T14:55:00Z", "2026-11-26T10:00:00Z"), 287..288);
        assert_eq!(bits("2026-11-25T00:01:00Z", "2026-11-25T00:05:01Z"), 108..110);
        assert!(bits("2026-11-24T10:00:00Z", "2026-11-24T15:00:00Z").is_empty());
        assert!(bits("2026-11-26T00:00:00Z", "2026-11-26T01:00:00Z").is_empty());
        assert!(bits("1970-01-01T00:00:00Z", "2400-01-01T00:00:00Z").eq(0..288));
    }

    #[test]
    fn a_mask_meets_what_it_has() {
        let mut mask = Mask::default();
        mask.set(60..70);
        mask.set(319..500);
        for (bits, met) in [(0..60, false), (0..61, true), (69..70, true), (70..319, false)] {
            assert_eq!(mask.meets(bits.clone()), met, "{bits:?}");
        }
        assert!(mask.meets(0..320) && mask.meets(319..320));
        assert!(!mask.meets(65..65) && !mask.meets(400..500));
    }

    proptest! {
        #[test]
        fn a_tally_counts_as_intervals_do(
            claims in prop::collection::vec((0_i64..288, 1_i64..60), 0..70),
            from in 0_i64..287,
            length in 1_i64..288,
        ) {
            let day = frame("2026-11-25", chrono_tz::Asia::Tokyo);
            let at = |bits: i64, length: i64| {
                let midnight = DateTime::from_timestamp_micros(day.starts).unwrap();
                let starts = midnight + BIT * i32::try_from(bits).unwrap();
                let ends = starts + BIT * i32::try_from(length).unwrap();
                Interval::new(starts, ends).unwrap()
            };
            let claims: Vec<Interval> =
                claims.into_iter().map(|(from, length)| at(from, length)).collect();
            let mut tally = Tally::default();
            for claim in &claims {
                let mut mask = Mask::default();
                mask.set(day.bits(claim));
                tally.add(&mask);
            }
            let window = at(from, length.min(288 - from));
            let most = greatest_overlap(claims.iter().copied(), &window);
            prop_assert_eq!(tally.most(day.bits(&window)), most);
        }
    }
}
