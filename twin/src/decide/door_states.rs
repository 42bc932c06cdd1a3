//! What the doors are in, by their levels.

use bevy_ecs::prelude::*;
use model::door::{DoorPlan, DoorState, Limits, LockLevel, Seen, Watch};
use model::site_event::Happening;

use super::orders::Over;
use super::{Asked, Said};
use crate::book::Book;
use crate::fact::{Effect, Fact};
use crate::parts::{
    Contact, Door, Exit, Heard, Hold, Lock, Notes, Relock, Shown, Standing, Watching,
};

type Levels<'a> = (
    &'a Door,
    &'a Lock,
    &'a Contact,
    &'a Exit,
    &'a Relock,
    &'a Hold,
    &'a Standing,
    &'a mut Watching,
    &'a mut Shown,
);

/// Of a door without a plan nobody knows whether it has a handle inside, nor how long it may stand open: it raises no
/// alarm but that of its lock.
pub(super) fn look(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut doors: Query<Levels<'_>>,
) {
    let Some((at, Fact::Tick)) = &asked.0 else { return };
    let released = Over::of(&notes, &said.0.outcomes).released;
    for (door, lock, contact, exit, relock, hold, standing, mut watching, mut shown) in &mut doors {
        let Some(known) = book.door(&door.0) else {
            // Should it come back, it is looked at and shown anew.
            (watching.watch, shown.0) = (None, None);
            if standing.0.is_some() {
                let (door, state) = (door.0.clone(), DoorState::Locked);
                said.happened(*at, Happening::DoorState { door, state });
            }
            continue;
        };
        let open = hold.on || relock.lets_through(at.mono);
        let wanted = if open { LockLevel::Unlocked } else { LockLevel::Locked };
        let leaf = contact.open.filter(|_| watching.contact == Heard::Level);
        let levels = Seen {
            released,
            fault: lock.fault,
            silent: watching.contact == Heard::Silence,
            ..Seen::levels(wanted, lock.level, leaf, exit.0)
        };
        let limits = known.plan.as_ref().map_or(Limits::NONE, DoorPlan::limits);
        let watch = watching.watch.get_or_insert_with(|| Watch::since(standing.0));
        let state = watch.look(&levels, &limits, at.mono);
        if shown.0.replace(state) != Some(state) {
            said.ask_for(Effect::ShowDoor { door: door.0.clone(), state });
        }
        let told = Some(state).filter(|state| state.is_alarm() && known.plan.is_some());
        if told != standing.0 {
            // Where its plan went away nobody watches it any more.
            let state = if known.plan.is_some() { state } else { DoorState::Locked };
            said.happened(*at, Happening::DoorState { door: door.0.clone(), state });
        }
    }
}
