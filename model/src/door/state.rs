//! What is to be thought of a door, from the levels that are read at it.
//!
//! Nothing here waits for an edge. A contact that opened and closed unseen has changed nothing; one that
//! stands open is found open by the next look, whenever that is.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A button that is pressed for longer than this is stuck. The door stays open all the same: the button is
/// the way out, and nobody can tell from here whether somebody leans on it.
pub const EXIT_STUCK: TimeDelta = TimeDelta::seconds(30);
/// A leaf that is found open so long after the door was last to be opened was let open: whoever pushed it
/// may have been slower than the lock, and the look at the contact was later still.
pub const LET_THROUGH_FOR: TimeDelta = TimeDelta::seconds(3);
/// A lock that is not where it should be after this long does not follow.
const FOLLOWS: TimeDelta = TimeDelta::seconds(6);

/// Where a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockLevel {
    /// The door cannot be opened from outside.
    Locked,
    /// The door can be pushed open.
    Unlocked,
}

/// What a door is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoorState {
    /// Shut and locked, as it should be.
    Locked,
    /// Shut, and can be pushed open, as it should be.
    Unlocked,
    /// Its leaf stands open, and it was let open.
    Open,
    /// It was let open, its lock has been locked again for some seconds, and the leaf still stands open: the
    /// bolt is out and holds nothing.
    Ajar,
    /// It was let open, and stands open for longer than it may.
    Held,
    /// The button inside is pressed for so long that it is stuck, or something leans on it.
    ExitStuck,
    /// Its contact does not answer: whether its leaf is shut, or was forced, nobody can tell.
    ContactSilent,
    /// Its lock is not where it should be, or does not answer.
    LockFault,
    /// Its leaf stands open though it should be locked, and nobody was let in or out. It stays so until the
    /// leaf is shut: whoever is let through afterwards does not make it undone.
    Forced,
}

impl DoorState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Locked,
        Self::Unlocked,
        Self::Open,
        Self::Ajar,
        Self::Held,
        Self::ExitStuck,
        Self::ContactSilent,
        Self::LockFault,
        Self::Forced,
    ];

    /// Its word, in JSON and on the site bus.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::Open => "open",
            Self::Ajar => "ajar",
            Self::Held => "held",
            Self::ExitStuck => "exit_stuck",
            Self::ContactSilent => "contact_silent",
            Self::LockFault => "lock_fault",
            Self::Forced => "forced",
        }
    }

    /// Whether somebody has to look after it.
    #[must_use]
    pub fn is_alarm(self) -> bool {
        !matches!(self, Self::Locked | Self::Unlocked | Self::Open)
    }
}

/// How long what may last at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// An open leaf.
    pub held: TimeDelta,
    /// An open leaf with a locked lock.
    pub ajar: TimeDelta,
    /// A handle inside opens it, and nobody hears of it: an open leaf says nothing of how it was opened.
    pub free_handle: bool,
}

impl Limits {
    /// Of a door of which nothing is written down.
    pub const NONE: Self = Self { held: TimeDelta::MAX, ajar: TimeDelta::MAX, free_handle: true };
}

/// The levels at a door, and since when they are what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where the lock should be.
    pub wanted: LockLevel,
    /// Everybody is to get through, until further notice: nothing is wrong with a leaf that stands open.
    pub released: bool,
    /// Where the lock was read to be, once it was read.
    pub lock: Option<LockLevel>,
    /// The lock did not do what it was last told, or does not answer.
    pub fault: bool,
    /// Whether the leaf stands open; nothing while the contact does not answer, or was not read yet.
    pub open: Option<bool>,
    /// The contact has not answered for so long that somebody has to look after it.
    pub silent: bool,
    /// Whether the button inside is pressed; nothing where there is none, or it does not answer.
    pub pressed: Option<bool>,
    /// How long the lock has not been where it should be; zero where it is.
    pub strayed: TimeDelta,
    /// How long the leaf has stood open; zero where it does not.
    pub open_for: TimeDelta,
    /// How long the lock has been locked under an open leaf.
    pub bolted_for: TimeDelta,
    /// How long the button has been pressed.
    pub pressed_for: TimeDelta,
    /// Whether the leaf that stands open was let open.
    pub let_open: bool,
}

impl DoorState {
    /// What is to be thought of `seen`. Of all that is so, the worst: a forced door before a lock that does not
    /// follow, that before a contact that is silent, that before a button that is stuck, that before a leaf that
    /// stands open too long.
    ///
    /// A contact that does not answer is no evidence of anything: then the lock alone speaks, until the silence has
    /// lasted.
    #[must_use]
    pub fn of(seen: &Seen, limits: &Limits) -> Self {
        let open = seen.open == Some(true);
        let unlocked = seen.lock == Some(LockLevel::Unlocked);
        if open && !seen.let_open && !seen.released && !limits.free_handle {
            return Self::Forced;
        }
        if seen.fault || seen.strayed > FOLLOWS {
            return Self::LockFault;
        }
        if seen.silent {
            return Self::ContactSilent;
        }
        if seen.pressed == Some(true) && seen.pressed_for > EXIT_STUCK {
            return Self::ExitStuck;
        }
        if open && !seen.released {
            if seen.open_for > limits.held {
                return Self::Held;
            }
            if seen.bolted_for > limits.ajar {
                return Self::Ajar;
            }
        }
        match (open, unlocked) {
            (true, _) => Self::Open,
            (false, true) => Self::Unlocked,
            (false, false) => Self::Locked,
        }
    }
}

/// Since when the levels at a door are what they are: all that is remembered between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    looked_before: bool,
    /// When somebody was last to be let through.
    passable: Option<Duration>,
    strayed: Option<Duration>,
    open: Option<Duration>,
    bolted: Option<Duration>,
    pressed: Option<Duration>,
    let_open: bool,
    /// It was forced, by the last that was read of its leaf.
    forced: bool,
}

impl Watch {
    /// Somebody begins to look at a door that was last said to be in `state`. A leaf that stands open at the
    /// first look, nobody having looked before, is not said to be forced, unless it was said so before.
    #[must_use]
    pub fn since(state: Option<DoorState>) -> Self {
        let forced = state == Some(DoorState::Forced);
        Self { looked_before: forced, forced, ..Self::default() }
    }

    /// A look at the levels, `now` by a clock that nobody can set. The durations and [`Seen::let_open`] of
    /// `levels` are filled in.
    pub fn look(&mut self, levels: &Seen, limits: &Limits, now: Duration) -> DoorState {
        let state = DoorState::of(&self.seen(levels, now), limits);
        if levels.open.is_some() {
            self.forced = state == DoorState::Forced;
        } else if self.forced && !levels.released && !limits.free_handle {
            // Only a leaf that is read shut ends it.
            return DoorState::Forced;
        }
        state
    }

    fn seen(&mut self, levels: &Seen, now: Duration) -> Seen {
        let is_open = levels.open == Some(true);
        if levels.wanted == LockLevel::Unlocked || levels.pressed == Some(true) || levels.released {
            self.passable = Some(now);
        }
        let passable = self.passable.is_some_and(|then| lasts(then, now) <= LET_THROUGH_FOR);
        match levels.open {
            Some(true) if self.open.is_none() => self.let_open = passable || !self.looked_before,
            Some(true) => {}
            // A contact that is silent for a while does not make a forced door a good one.
            None => {}
            Some(false) => self.let_open = false,
        }
        self.looked_before |= levels.open.is_some();
        let strays = levels.lock.is_some_and(|lock| lock != levels.wanted);
        let bolted = is_open && levels.lock == Some(LockLevel::Locked);
        if levels.open.is_some() {
            hold(&mut self.open, is_open, now);
        }
        hold(&mut self.strayed, strays, now);
        hold(&mut self.bolted, bolted && levels.wanted == LockLevel::Locked, now);
        hold(&mut self.pressed, levels.pressed == Some(true), now);
        let since =
            |then: Option<Duration>| then.map_or(TimeDelta::zero(), |then| lasts(then, now));
        Seen {
            strayed: since(self.strayed),
            open_for: since(self.open),
            bolted_for: since(self.bolted),
            pressed_for: since(self.pressed),
            let_open: self.let_open,
            ..*levels
        }
    }
}

impl Seen {
    /// The levels alone, for [`Watch::look`] to fill in the rest.
    #[must_use]
    pub fn levels(
        wanted: LockLevel,
        lock: Option<LockLevel>,
        open: Option<bool>,
        pressed: Option<bool>,
    ) -> Self {
        let zero = TimeDelta::zero();
        Self {
            wanted,
            released: false,
            lock,
            fault: false,
            open,
            silent: false,
            pressed,
            strayed: zero,
            open_for: zero,
            bolted_for: zero,
            pressed_for: zero,
            let_open: false,
        }
    }
}

fn lasts(then: Duration, now: Duration) -> TimeDelta {
    TimeDelta::from_std(now.saturating_sub(then)).unwrap_or(TimeDelta::MAX)
}

fn hold(since: &mut Option<Duration>, so: bool, now: Duration) {
    *since = if so { Some(since.unwrap_or(now)) } else { None };
}

#[cfg(test)]
mod tests;
