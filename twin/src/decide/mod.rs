//! From one fact to what happens because of it. The rules are `model`'s; here they meet the state.

pub(crate) mod cards;
mod door_states;
mod holding;
mod lobby;
mod orders;
mod pin_tries;
mod readers;
mod staff;
mod things;
mod time;
mod walk_in;

use std::time::Duration;

use bevy_ecs::prelude::*;
use model::access::RefusalKind;
use model::door::Zone;
use model::id::VisitId;
use model::site_event::{Happening, SiteEvent};

use crate::book::Book;
use crate::fact::{Answer, Decision, Effect, Fact, Moment};
use crate::nursery::CareAnswer;
use crate::parts::{Door, Proved, Relock};
use crate::sensors;
pub(crate) use lobby::{Refusal, note_refused};
pub(crate) use pin_tries::PinTries;
pub(crate) use readers::{AtReaders, count_pin, pin_paused};
pub(crate) use walk_in::Offers;

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

/// What is decided of desks, doors and terminals; the nurseries follow.
#[derive(SystemSet, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lobby;

pub(crate) fn add_systems(schedule: &mut Schedule) {
    schedule.add_systems(
        (
            things::site,
            orders::fire,
            orders::order,
            cards::remember,
            readers::tap,
            lobby::come_in,
            lobby::leave,
            walk_in::answered,
            things::locks,
            things::contacts,
            things::terminals,
            holding::exits,
            holding::hold,
            time::relock,
            door_states::look,
            time::give_free,
            time::forgotten,
            time::mend_seats,
            sensors::decide,
        )
            .chain()
            .in_set(Lobby),
    );
}

impl Proved {
    /// What is missing for a door of the house, if something is.
    fn lacks(self, book: &Book, door: &model::door::Door, at: Moment) -> Option<RefusalKind> {
        let asks = book.asks(door, at.now);
        if self.level < asks.level {
            Some(RefusalKind::LevelTooLow)
        } else if asks.pin && !self.pin {
            Some(RefusalKind::PinNeeded)
        } else {
            // Two persons are told apart at the door's own reader alone.
            Some(RefusalKind::SecondPerson).filter(|_| asks.two_persons)
        }
    }
}

/// Why none of the house's doors would open for somebody, where none would.
fn closed_to(book: &Book, proved: Proved, at: Moment) -> Option<RefusalKind> {
    let mut why = None;
    for door in book.doors.iter().filter(|door| door.zone() == Zone::House) {
        // One that opens is enough.
        why = Some(proved.lacks(book, door, at)?);
    }
    why
}

/// Opens the doors of the house for a visit, those that ask for no more than was proved. The timers run from here, so
/// that a door relocks even where nobody ever hears whether it opened.
fn open_doors(
    said: &mut Said,
    book: &Book,
    at: Moment,
    doors: &mut Query<(&Door, &mut Relock)>,
    visit: Option<VisitId>,
    proved: Proved,
) {
    for (door, mut relock) in doors {
        let known = book.door(&door.0).filter(|door| door.zone() == Zone::House);
        if let Some(known) = known.filter(|door| proved.lacks(book, door, at).is_none()) {
            let due = at.mono + Duration::from_secs(known.unlock_seconds.into());
            relock.open_until(due);
            said.ask_for(Effect::Unlock { door: door.0.clone(), visit });
        }
    }
}
