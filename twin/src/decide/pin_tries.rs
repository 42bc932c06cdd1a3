//! Wrong PINs in a row, by whose they are; a matter of the site, not shared.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bevy_ecs::prelude::Resource;
use model::access::{CODE_PAUSE, PIN_TRIES};

use crate::book::Book;
use crate::fact::{PinCount, PinOf};

#[derive(Resource, Default)]
pub(crate) struct PinTries {
    tries: HashMap<PinOf, Tries>,
    /// Whose count has to be kept before anybody is answered: a power cut gives no new tries.
    changed: BTreeSet<PinOf>,
}

#[derive(Default)]
struct Tries {
    wrong: u32,
    paused_until: Option<Duration>,
}

impl PinTries {
    pub(crate) fn paused(&self, of: PinOf, mono: Duration) -> bool {
        self.tries.get(&of).and_then(|tries| tries.paused_until).is_some_and(|until| mono < until)
    }

    /// Counts a try and answers whether the PIN is closed because of it.
    pub(crate) fn count(&mut self, of: PinOf, right: bool, mono: Duration) -> bool {
        if right {
            if self.tries.remove(&of).is_some() {
                self.changed.insert(of);
            }
            return false;
        }
        self.changed.insert(of);
        let tries = self.tries.entry(of).or_default();
        if tries.paused_until.is_some_and(|until| mono >= until) {
            *tries = Tries::default();
        }
        tries.wrong += 1;
        if tries.wrong >= PIN_TRIES {
            tries.paused_until = Some(mono + pause());
        }
        tries.paused_until.is_some()
    }

    pub(crate) fn forget_all_but(&mut self, book: &Book) {
        let gone = self.tries.keys().filter(|of| book.pin(**of).is_none()).copied();
        let gone: Vec<PinOf> = gone.collect();
        for of in gone {
            self.tries.remove(&of);
            self.changed.insert(of);
        }
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_changes(&mut self) -> Vec<PinCount> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let wrong = |of: &PinOf| self.tries.get(of).map_or(0, |tries| tries.wrong);
        changed.map(|of| PinCount { of, wrong: wrong(&of) }).collect()
    }

    /// Goes on from what was kept. What was closed is closed anew: how long the power was away is
    /// not known for sure.
    pub(crate) fn restore(&mut self, kept: &[PinCount], mono: Duration) {
        for PinCount { of, wrong } in kept {
            let paused_until = (*wrong >= PIN_TRIES).then(|| mono + pause());
            self.tries.insert(*of, Tries { wrong: *wrong, paused_until });
        }
    }
}

fn pause() -> Duration {
    CODE_PAUSE.to_std().unwrap_or_default()
}
