//! How long a request was under way, told without a clock that both ends share.
//!
//! With its question a device says for how long it had been running. The edge's own steady clock differs from that by a
//! number that nobody knows; but it is the same for all that comes over one line, and on top of it is the time that each
//! request was under way. So the least of the last half minute stands for no time at all, and what is above it is delay.

use std::time::Duration;

use model::id::DeviceId;

/// Which question an answer belongs to: the sender's line, the question's number and the milliseconds that the sender
/// had run, eight bytes each. The edge hands it back as it is. Devices of older versions leave the last part out.
pub(super) type Correlation = [u8; 24];

/// How long a measure lasts at the least, and half of how long at the most. Clocks that are being put right run up to a
/// twelfth too fast or slow, and one may have stood still: nobody is to be shut out for longer than this.
const HALF: Duration = Duration::from_secs(20);
/// After such a silence nothing is known of a line any more; what two clocks drift apart until then is far less than
/// anybody waits.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);
/// More lines of one device push out its own eldest, and nobody else's.
const MOST_OF_ONE: usize = 8;
const MOST: usize = 512;

/// What a question is sent with: `line` is another one whenever the sender starts or joins the bus again.
pub(super) fn correlation(line: u64, number: u64, sent: Duration) -> Correlation {
    let mut correlation: Correlation = [0; 24];
    let sent = u64::try_from(sent.as_millis()).unwrap_or(u64::MAX);
    let (parts, _) = correlation.as_chunks_mut::<8>();
    for (part, value) in parts.iter_mut().zip([line, number, sent]) {
        *part = value.to_be_bytes();
    }
    correlation
}

/// What is known of the lines over which devices ask.
#[derive(Debug, Default)]
pub(super) struct Delays {
    lines: Vec<Line>,
}

impl Delays {
    /// How much longer a request was under way than the quickest of its line; `received` is by the steady clock here. No
    /// time at all for the first of a line, and for one that does not say when it was sent.
    pub(super) fn behind(
        &mut self,
        device: &DeviceId,
        correlation: &[u8],
        received: Duration,
    ) -> Duration {
        let Some((line, sent)) = line_and_sent(correlation) else { return Duration::ZERO };
        let received_ms = i128::try_from(received.as_millis()).unwrap_or(i128::MAX);
        let apart = received_ms.saturating_sub(i128::from(sent));
        let known = self.lines.iter_mut().find(|known| known.line == line && known.of == *device);
        if let Some(known) = known {
            return known.behind(apart, received);
        }
        self.make_room(device);
        self.lines.push(Line {
            of: device.clone(),
            line,
            since: received,
            least: apart,
            least_before: apart,
            heard: received,
        });
        Duration::ZERO
    }

    fn make_room(&mut self, device: &DeviceId) {
        let too_many = self.lines.iter().filter(|it| it.of == *device).count() >= MOST_OF_ONE;
        if !too_many && self.lines.len() < MOST {
            return;
        }
        let places = self.lines.iter().enumerate();
        let may_go = places.filter(|(_, it)| !too_many || it.of == *device);
        let eldest = may_go.min_by_key(|(_, it)| it.heard).map(|(place, _)| place);
        if let Some(eldest) = eldest {
            self.lines.swap_remove(eldest);
        }
    }
}

/// One line of one device.
#[derive(Debug)]
struct Line {
    of: DeviceId,
    line: u64,
    /// Since when `least` has been gathered.
    since: Duration,
    /// By how many milliseconds the two clocks were apart at the least.
    least: i128,
    /// The same, of the time before `since`.
    least_before: i128,
    heard: Duration,
}

impl Line {
    fn behind(&mut self, apart: i128, received: Duration) -> Duration {
        if received.saturating_sub(self.heard) >= FORGOTTEN {
            (self.since, self.least, self.least_before) = (received, apart, apart);
        } else if received.saturating_sub(self.since) >= HALF {
            (self.since, self.least, self.least_before) = (received, apart, self.least);
        }
        self.heard = received;
        self.least = self.least.min(apart);
        let least = self.least.min(self.least_before);
        let behind = u64::try_from(apart.saturating_sub(least)).unwrap_or(u64::MAX);
        Duration::from_millis(behind)
    }
}

fn line_and_sent(correlation: &[u8]) -> Option<(u64, u64)> {
    let correlation: &Correlation = correlation.try_into().ok()?;
    let (parts, _) = correlation.as_chunks::<8>();
    let [line, _, sent] = parts else { return None };
    Some((u64::from_be_bytes(*line), u64::from_be_bytes(*sent)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn device(name: &str) -> DeviceId {
        name.parse().unwrap()
    }

    fn behind_of(delays: &mut Delays, of: &str, line: u64, sent: u64, received: u64) -> u64 {
        let correlation = correlation(line, 1, Duration::from_millis(sent));
        let received = Duration::from_millis(received);
        let behind = delays.behind(&device(of), &correlation, received);
        u64::try_from(behind.as_millis()).unwrap()
    }

    fn behind(delays: &mut Delays, line: u64, sent: u64, received: u64) -> u64 {
        behind_of(delays, "y-kiosk-1", line, sent, received)
    }

    #[test]
    fn what_is_above_the_quickest_is_delay() {
        let mut delays = Delays::default();
        for (what, line, sent, received, expected) in [
            ("the first is the measure", 1, 1_000, 500_000, 0),
            ("on time", 1, 2_000, 501_000, 0),
            ("just in time", 1, 3_000, 505_900, 3_900),
            ("too late", 1, 4_000, 507_100, 4_100),
            ("a quicker one is the measure from now on", 1, 9_000, 507_900, 0),
            ("so that the others count as slower", 1, 10_000, 509_000, 100),
            ("the sender started again", 2, 50, 510_000, 0),
            ("and has a measure of its own", 2, 60, 514_110, 4_100),
            ("what its former start had sent is late still", 1, 11_000, 515_000, 5_100),
        ] {
            assert_eq!(behind(&mut delays, line, sent, received), expected, "{what}");
        }
        assert_eq!(behind_of(&mut delays, "y-kiosk-2", 1, 11_000, 516_000), 0, "another device's");
    }

    #[test]
    fn clocks_that_drift_make_nothing_late() {
        for lost_a_day in [-20_i64, 20] {
            let mut delays = Delays::default();
            for seconds in (0..30 * 86_400_u64).step_by(10) {
                let lost = i64::try_from(seconds).unwrap() * lost_a_day * 1_000 / 86_400;
                let received = seconds * 1_000;
                let sent = (1_000_000 + received).checked_add_signed(-lost).unwrap();
                let behind = behind(&mut delays, 1, sent, received);
                assert!(behind < 200, "{behind} ms after {seconds} s");
            }
        }
    }

    #[test]
    fn a_clock_that_stood_still_is_believed_again_within_forty_seconds() {
        let mut delays = Delays::default();
        assert_eq!(behind(&mut delays, 1, 0, 0), 0);
        let stood_still = 6_000;
        let late = (1..=40_u64).map(|seconds| {
            let sent = seconds * 1_000;
            behind(&mut delays, 1, sent, sent + stood_still)
        });
        let late: Vec<_> = late.collect();
        assert_eq!((late.first(), late.last()), (Some(&stood_still), Some(&0)));
    }

    #[test]
    fn a_clock_that_is_being_put_right_makes_nothing_late() {
        let mut delays = Delays::default();
        for seconds in 0..600_u64 {
            let sent = seconds * 1_000;
            let behind = behind(&mut delays, 1, sent, sent + sent / 12);
            assert!(behind < 4_000, "{behind} ms after {seconds} s");
        }
    }

    #[test]
    fn after_a_short_silence_the_measure_holds_and_after_a_long_one_it_is_forgotten() {
        let mut delays = Delays::default();
        let minute = 60_000;
        assert_eq!(behind(&mut delays, 1, 0, 0), 0);
        assert_eq!(behind(&mut delays, 1, 50 * minute, 50 * minute + 5_000), 5_000);
        assert_eq!(behind(&mut delays, 1, 120 * minute, 120 * minute + 9_000), 0);
    }

    #[test]
    fn who_does_not_say_when_it_was_sent_is_not_judged() {
        let mut delays = Delays::default();
        for length in [0, 8, 16, 23, 25, 64] {
            for received in [0, 60_000] {
                let received = Duration::from_millis(received);
                let behind = delays.behind(&device("y-kiosk-1"), &vec![7; length], received);
                assert_eq!(behind, Duration::ZERO, "{length} bytes");
            }
        }
        assert!(delays.lines.is_empty());
    }

    #[test]
    fn numbers_that_no_clock_shows_do_no_harm_to_others() {
        let mut delays = Delays::default();
        assert_eq!(behind_of(&mut delays, "y-kiosk-2", 1, 1_000, 1_000), 0);
        for sent in [u64::MAX, 0, u64::MAX] {
            behind(&mut delays, 1, sent, 400_000);
        }
        assert_eq!(behind(&mut delays, 1, 0, 500_000), u64::MAX);
        assert_eq!(behind_of(&mut delays, "y-kiosk-2", 1, 2_000, 2_000), 0);
    }

    #[test]
    fn no_more_is_kept_than_has_room_and_one_device_pushes_out_nobody_else_s() {
        let mut delays = Delays::default();
        assert_eq!(behind_of(&mut delays, "y-kiosk-2", 1, 0, 0), 0);
        for line in 0..1_000 {
            behind(&mut delays, line, 0, 1 + line);
        }
        assert_eq!(delays.lines.len(), 1 + MOST_OF_ONE);
        assert_eq!(behind(&mut delays, 999, 1_000, 7_000), 5_000, "the newest are kept");
        assert_eq!(behind_of(&mut delays, "y-kiosk-2", 1, 1_000, 8_000), 7_000);
        for number in 0..2_000_u64 {
            behind_of(&mut delays, &format!("y-{number}"), 1, 0, 9_000 + number);
        }
        assert_eq!(delays.lines.len(), MOST);
    }
}
