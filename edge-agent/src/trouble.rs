//! What is wired to this machine and cannot be used is told to the centre, once, when it has stood for a while.

use std::time::Duration;

use model::device::{Trouble, Watched};
use tokio::time::{Instant, sleep_until};
use twin::Fact;

use crate::centre::Centre;

/// So long something has to stand before it is told: a line that is only coming up, or that flickers, is no alarm yet.
const STANDS: Duration = Duration::from_secs(8);
/// What was told more often than this within [`CALM`] has to stand twice as long each time, up to [`LONGEST`].
const OFTEN: u32 = 6;
const CALM: Duration = Duration::from_secs(3_600);
const LONGEST: Duration = Duration::from_secs(300);

/// Tells of one thing.
pub(crate) struct Teller {
    centre: Centre,
    of: Watched,
    heard: Heard,
}

impl Teller {
    /// Nothing is told while it works.
    pub(crate) fn new(centre: Centre, of: Watched) -> Self {
        Self { centre, of, heard: Heard::new(Instant::now()) }
    }

    /// Takes in how it is, and tells that if it is time to.
    pub(crate) async fn is(&mut self, why: Option<Trouble>) {
        self.heard.is(why, Instant::now());
        self.tell().await;
    }

    /// When there is something to tell, if nothing changes until then.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.heard.due()
    }

    /// Tells what is to be told by now.
    pub(crate) async fn tell(&mut self) {
        if self.due().is_some_and(|due| due <= Instant::now()) {
            let why = self.heard.tell(Instant::now());
            let fact = Fact::DeviceTrouble { of: self.of.clone(), why };
            if self.centre.decide(fact).await.is_err() {
                tracing::debug!(of = ?self.of, "the site has stopped");
            }
        }
    }
}

/// Waits until then; where there is nothing to tell, for ever.
pub(crate) async fn sleep_until_due(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// What was heard of it and what was told.
struct Heard {
    now: Option<Trouble>,
    /// Since when it is as it is now.
    since: Instant,
    /// Since when it can be used, or cannot, for whatever reason.
    turned: Instant,
    told: Option<Trouble>,
    /// How often something was told, and since when that is counted.
    times: (u32, Instant),
}

impl Heard {
    fn new(at: Instant) -> Self {
        Self { now: None, since: at, turned: at, told: None, times: (0, at) }
    }

    fn is(&mut self, why: Option<Trouble>, at: Instant) {
        if self.now == why {
            return;
        }
        if self.now.is_some() != why.is_some() {
            self.turned = at;
        }
        (self.now, self.since) = (why, at);
    }

    fn due(&self) -> Option<Instant> {
        match (self.told, self.now) {
            (told, now) if told == now => None,
            // Whoever does that is still there.
            (_, Some(Trouble::Tampered)) => Some(self.since),
            // What it is out of order for may change with every try.
            (None, _) => Some(self.turned + self.stands()),
            (Some(_), _) => Some(self.since + self.stands()),
        }
    }

    fn stands(&self) -> Duration {
        let doublings = self.times.0.saturating_sub(OFTEN).min(8);
        (STANDS * 2_u32.pow(doublings)).min(LONGEST)
    }

    fn tell(&mut self, at: Instant) -> Option<Trouble> {
        let (times, since) = self.times;
        self.times = if at - since > CALM { (1, at) } else { (times + 1, since) };
        self.told = self.now;
        self.now
    }
}

#[cfg(test)]
mod tests {
    use Trouble::{NotSecure, Silent, Tampered};

    use super::*;

    /// What is told, and at which second, where it is looked at every second.
    fn told(script: &[(u64, Option<Trouble>)], seconds: u64) -> Vec<(u64, Option<Trouble>)> {
        let begun = Instant::now();
        let at = |second| begun + Duration::from_secs(second);
        let mut heard = Heard::new(begun);
        let mut told = Vec::new();
        for second in 0..seconds {
            for (_, why) in script.iter().filter(|(when, _)| *when == second) {
                heard.is(*why, at(second));
            }
            if heard.due().is_some_and(|due| due <= at(second)) {
                told.push((second, heard.tell(at(second))));
            }
        }
        told
    }

    #[test]
    fn what_stands_is_told_once_and_so_is_its_end() {
        let script = [(0, None), (2, Some(Silent)), (5, Some(Silent)), (30, None)];
        assert_eq!(told(&script, 60), [(10, Some(Silent)), (38, None)]);
    }

    #[test]
    fn what_comes_and_goes_all_the_time_is_told_less_and_less() {
        let turns = |second: u64| (second, Some(Silent).filter(|_| second.is_multiple_of(40)));
        let script: Vec<_> = (0..3_600).step_by(20).map(turns).collect();
        let often = told(&script, 3_600).len();
        assert!((7..12).contains(&often), "{often} of {}", script.len());
    }

    #[test]
    fn what_flickers_is_not_told_and_no_other_reason_puts_off_that_it_is() {
        let flicker: Vec<_> =
            (0..50_u64).map(|second| (second, (second % 5 < 3).then_some(Silent))).collect();
        assert!(told(&flicker, 60).is_empty());
        let reasons = |second: u64| if second.is_multiple_of(2) { Silent } else { NotSecure };
        let tries: Vec<_> = (0..50_u64).map(|second| (second, Some(reasons(second)))).collect();
        assert_eq!(told(&tries, 50), [(8, Some(Silent))]);
    }

    #[test]
    fn an_open_case_is_told_at_once_and_its_end_only_when_it_stands() {
        let opened = Some(Tampered);
        let script = [(3, opened), (4, None), (5, opened), (6, None), (9, opened), (20, None)];
        assert_eq!(told(&script, 60), [(3, opened), (28, None)]);
        // Torn off the wall, it falls silent after.
        let script = [(3, opened), (4, Some(Silent))];
        assert_eq!(told(&script, 60), [(3, opened), (12, Some(Silent))]);
    }
}
