//! How much a foreign device may say.

use std::time::Duration;

/// How many values at once.
const BURST: u32 = 40;
/// One more after so long.
const EACH: Duration = Duration::from_millis(200);

/// What a device may still say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When its allowance will be whole again.
    whole_at: Duration,
}

impl Pace {
    /// Whether one more value is heard at `now`.
    pub(super) fn admits(&mut self, now: Duration) -> bool {
        let next = self.whole_at.max(now) + EACH;
        let admitted = next <= now + EACH * BURST;
        if admitted {
            self.whole_at = next;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_heard_and_a_flood_is_not() {
        let mut pace = Pace::default();
        let heard = (0..100_000).filter(|_| pace.admits(Duration::from_secs(9))).count();
        assert_eq!(heard, 40);
        assert!(!pace.admits(Duration::from_millis(9_199)));
        assert!(pace.admits(Duration::from_millis(9_200)));
        assert!(!pace.admits(Duration::from_millis(9_200)));
        let later = (0..100).filter(|_| pace.admits(Duration::from_secs(3_600))).count();
        assert_eq!(later, 40);
    }
}
