//! From one fact to what happens because of it. The rules are `model`'s; here they meet the state.

mod lobby;
mod things;
mod time;

use std::collections::HashMap;
use std::time::Duration;

use bevy_ecs::prelude::*;
use model::access::{CODE_PAUSE, PIN_TRIES};
use model::id::VisitId;
use model::site_event::{Happening, SiteEvent};

use crate::book::Book;
use crate::fact::{Answer, Decision, Effect, Fact, Moment, PinOf};
use crate::nursery::CareAnswer;
use crate::parts::{Door, Relock};

/// The fact in hand.
#[derive(Resource, Default)]
pub(crate) struct Asked(pub Option<(Moment, Fact)>);

/// What it has led to so far.
#[derive(Resource, Default)]
pub(crate) struct Said(pub Decision);

impl Said {
    pub(crate) fn happened(&mut self, at: Moment, what: Happening) {
        self.0.outcomes.push(SiteEvent { at: at.now, what });
    }

    fn ask_for(&mut self, effect: Effect) {
        self.0.effects.push(effect);
    }

    fn answer(&mut self, answer: Answer) {
        self.0.answer = Some(answer);
    }

    pub(crate) fn care(&mut self, answer: CareAnswer) {
        self.answer(Answer::Care(answer));
    }
}

/// Wrong PINs in a row, by whose they are; a matter of the site, not shared.
#[derive(Resource, Default)]
pub(crate) struct PinTries(HashMap<PinOf, Tries>);

#[derive(Default)]
struct Tries {
    wrong: u32,
    paused_until: Option<Duration>,
}

impl PinTries {
    pub(crate) fn paused(&self, of: PinOf, mono: Duration) -> bool {
        self.0.get(&of).and_then(|tries| tries.paused_until).is_some_and(|until| mono < until)
    }

    /// Counts a try and answers whether the PIN is closed because of it.
    pub(crate) fn count(&mut self, of: PinOf, right: bool, mono: Duration) -> bool {
        if right {
            self.0.remove(&of);
            return false;
        }
        let tries = self.0.entry(of).or_default();
        if tries.paused_until.is_some_and(|until| mono >= until) {
            *tries = Tries::default();
        }
        tries.wrong += 1;
        if tries.wrong >= PIN_TRIES {
            tries.paused_until = Some(mono + CODE_PAUSE.to_std().unwrap_or_default());
        }
        tries.paused_until.is_some()
    }

    fn forget_all_but(&mut self, book: &Book) {
        self.0.retain(|of, _| book.pin(*of).is_some());
    }
}

/// What is decided of desks, doors and terminals; the nurseries follow.
#[derive(SystemSet, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lobby;

pub(crate) fn add_systems(schedule: &mut Schedule) {
    schedule.add_systems(
        (
            things::site,
            lobby::come_in,
            lobby::leave,
            things::locks,
            things::contacts,
            things::terminals,
            time::relock,
            time::give_free,
            time::forgotten,
            time::mend_seats,
        )
            .chain()
            .in_set(Lobby),
    );
}

/// Opens every door for a visit. The timers run from here, so that a door relocks even where
/// nobody ever hears whether it opened.
fn open_doors(
    said: &mut Said,
    book: &Book,
    at: Moment,
    doors: &mut Query<(&Door, &mut Relock)>,
    visit: Option<VisitId>,
) {
    for (door, mut relock) in doors {
        if let Some(known) = book.door(&door.0) {
            let due = at.mono + Duration::from_secs(known.unlock_seconds.into());
            relock.open_until(due);
            said.ask_for(Effect::Unlock { door: door.0.clone(), visit });
        }
    }
}
