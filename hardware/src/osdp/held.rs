//! An output that moves a lock: what it should do, and who waits to hear that it does.

use std::time::{Duration, Instant};

use libosdp::OsdpCommandOutput;
use tokio::sync::oneshot;

use super::OutputWiring;
use crate::door::{DoorError, DoorPart, LockLevel};

/// An unlocked output falls back by itself after so long, should nobody speak to it any more.
const HOLDS_FOR: Duration = Duration::from_secs(10);
/// How often it is told to hold on.
pub(super) const HOLD_AGAIN: Duration = Duration::from_secs(3);
/// A lock that has not read back by then has failed.
const READ_BACK_WITHIN: Duration = Duration::from_millis(1_500);
pub(super) type Moved = oneshot::Sender<Result<(), DoorError>>;
pub(super) type Level = oneshot::Sender<Result<LockLevel, DoorError>>;

/// One output that moves a lock.
pub(super) struct Held {
    pub wiring: OutputWiring,
    pub wanted: LockLevel,
    pub again: Instant,
    pub waiting: Vec<Waiting>,
    pub asking: Vec<Level>,
}

pub(super) struct Waiting {
    pub wanted: LockLevel,
    pub reply: Moved,
    pub since: Instant,
    pub told: bool,
}

impl Held {
    pub(super) fn new(wiring: OutputWiring, now: Instant) -> Self {
        let (waiting, asking) = (Vec::new(), Vec::new());
        Self { wiring, wanted: LockLevel::Locked, again: now, waiting, asking }
    }

    /// Unlocking is only ever for a while, unless the output is wired as one that cannot do that.
    pub(super) fn command(&self) -> OsdpCommandOutput {
        const ALWAYS_OFF: u8 = 1;
        const ALWAYS_ON: u8 = 2;
        const ON_FOR: u8 = 5;
        const OFF_FOR: u8 = 6;

        let on_unlocks = self.wiring.unlocked_when_on;
        let (control_code, timer_count) = match (self.wanted, self.wiring.timed) {
            (LockLevel::Unlocked, true) => {
                let tenths = u16::try_from(HOLDS_FOR.as_millis() / 100).unwrap_or(u16::MAX);
                (if on_unlocks { ON_FOR } else { OFF_FOR }, tenths)
            }
            (LockLevel::Unlocked, false) => (if on_unlocks { ALWAYS_ON } else { ALWAYS_OFF }, 0),
            (LockLevel::Locked, _) => (if on_unlocks { ALWAYS_OFF } else { ALWAYS_ON }, 0),
        };
        OsdpCommandOutput { output_no: self.wiring.output, control_code, timer_count }
    }

    pub(super) fn read(&mut self, on: bool) {
        let unlocked = on == self.wiring.unlocked_when_on;
        let found = if unlocked { LockLevel::Unlocked } else { LockLevel::Locked };
        for asking in self.asking.drain(..) {
            asking.send(Ok(found)).ok();
        }
        let (told, waiting) = self.waiting.drain(..).partition(|waiting| waiting.told);
        self.waiting = waiting;
        let told: Vec<Waiting> = told;
        for Waiting { wanted, reply, .. } in told {
            let moved =
                if wanted == found { Ok(()) } else { Err(DoorError::Stuck { wanted, found }) };
            reply.send(moved).ok();
        }
    }

    /// Lets go of whoever waits too long or has gone. Answers whether the door is to be locked for it:
    /// nobody would know that it is open.
    pub(super) fn give_up(&mut self, now: Instant) -> bool {
        self.asking.retain(|asking| !asking.is_closed());
        let mut gave_up = false;
        for waiting in std::mem::take(&mut self.waiting) {
            let late = now.saturating_duration_since(waiting.since) > READ_BACK_WITHIN;
            if late || waiting.reply.is_closed() {
                gave_up = true;
                waiting.reply.send(Err(DoorError::NoAnswer(DoorPart::Lock))).ok();
            } else {
                self.waiting.push(waiting);
            }
        }
        let others = self.waiting.iter().any(|waiting| waiting.wanted == LockLevel::Unlocked);
        let locks = gave_up && !others;
        if locks {
            self.wanted = LockLevel::Locked;
        }
        locks
    }

    pub(super) fn fail(&mut self) {
        let none = DoorError::NoAnswer(DoorPart::Lock);
        self.asking.drain(..).for_each(|asking| {
            asking.send(Err(none)).ok();
        });
        self.waiting.drain(..).for_each(|waiting| {
            waiting.reply.send(Err(none)).ok();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_output_that_is_wired_as_untimed_is_ever_unlocked_for_good() {
        use LockLevel::{Locked, Unlocked};

        for (timed, unlocked_when_on, wanted, control_code, timer_count) in [
            (true, true, Unlocked, 5, 100),
            (true, false, Unlocked, 6, 100),
            (true, true, Locked, 1, 0),
            (true, false, Locked, 2, 0),
            (false, true, Unlocked, 2, 0),
            (false, false, Unlocked, 1, 0),
            (false, true, Locked, 1, 0),
            (false, false, Locked, 2, 0),
        ] {
            let wiring = OutputWiring { output: 3, unlocked_when_on, timed };
            let mut held = Held::new(wiring, Instant::now());
            held.wanted = wanted;
            let expected = OsdpCommandOutput { output_no: 3, control_code, timer_count };
            assert_eq!(held.command(), expected, "{wiring:?} {wanted:?}");
        }
    }
}
