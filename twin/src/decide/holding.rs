//! Which doors stand unlocked until further notice.
//!
//! Above all stands the fire panel and an evacuation, which release every door; then the button inside, which
//! is the way out; then a lockdown; then a door's hours. When what stands above ends, what stands below holds
//! again by itself: it was never gone.

use std::time::Duration;

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::care::day::CaregiverState;
use model::site_event::Happening;

use super::orders::Over;
use super::time::TELL_AGAIN;
use super::{Asked, Said};
use crate::book::Book;
use crate::fact::{Effect, Fact, LockLevel};
use crate::nursery::Caregiver;
use crate::parts::{Door, Exit, Hold, Lock, Notes, Relock, Visit};

pub(super) fn exits(
    asked: Res<Asked>,
    book: Res<Book>,
    mut said: ResMut<Said>,
    mut doors: Query<(&Door, &mut Exit)>,
) {
    let Some((at, Fact::ExitRead { door, pressed })) = &asked.0 else { return };
    let known = doors.iter_mut().find(|(known, _)| known.0 == *door);
    let Some((_, mut exit)) = known.filter(|_| book.door(door).is_some()) else { return };
    if *pressed && exit.0 != Some(true) {
        said.happened(*at, Happening::ExitPressed { door: door.clone() });
    }
    exit.0 = Some(*pressed);
}

pub(super) fn hold(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    visits: Query<&Visit>,
    caregivers: Query<&Caregiver>,
    mut doors: Query<(&Door, &Lock, &Exit, &mut Relock, &mut Hold)>,
) {
    let Some((at, fact)) = &asked.0 else { return };
    let at = *at;
    if !matches!(fact, Fact::Tick | Fact::Order(_) | Fact::FireRead { .. } | Fact::ExitRead { .. })
    {
        return;
    }
    let over = Over::of(&notes, &said.0.outcomes);
    let locks_down = over.lockdown && !Over::of(&notes, &[]).lockdown;
    let came_in = |since: DateTime<Utc>| {
        let visited = visits.iter().any(|visit| since <= visit.0.since)
            || notes.ended.values().any(|ended| since <= ended.visit.since);
        let passed =
            notes.passes.values().any(|pass| pass.entered.is_some_and(|entered| since <= entered));
        let works = |one: &Caregiver| one.0.state == CaregiverState::Here && since <= one.0.at;
        visited || passed || caregivers.iter().any(works)
    };
    for (door, lock, exit, mut relock, mut hold) in &mut doors {
        let Some(known) = book.door(&door.0) else { continue };
        // A button speaks of its own door alone.
        if matches!(fact, Fact::ExitRead { door: only, .. } if *only != door.0) {
            continue;
        }
        let pressed = exit.0 == Some(true);
        let by_hours = || {
            let plan = known.plan.as_ref().zip(book.calendar());
            plan.is_some_and(|(plan, calendar)| plan.stands_unlocked(calendar, at.now, came_in))
        };
        let in_its_hours = || !over.lockdown && book.serves(at.now) && by_hours();
        if over.released || pressed || in_its_hours() {
            let first = !hold.on;
            hold.on = true;
            // Only the hold says now when it closes.
            *relock = Relock::default();
            let stands = lock.level == Some(LockLevel::Unlocked) && !lock.fault;
            let due = hold.again.is_none_or(|again| again <= at.mono);
            if first || (!stands && due) {
                hold.again = Some(at.mono + TELL_AGAIN);
                said.ask_for(Effect::Unlock { door: door.0.clone(), visit: None });
            }
        } else {
            if hold.on {
                *hold = Hold::default();
                // Whoever pressed the button is still on the way.
                let on_the_way = matches!(fact, Fact::ExitRead { .. });
                let seconds = if on_the_way { known.unlock_seconds.into() } else { 0 };
                relock.open_until(at.mono + Duration::from_secs(seconds));
                if on_the_way {
                    continue;
                }
            }
            if locks_down {
                *relock = Relock { due: Some(at.mono), ..Relock::default() };
            }
            // At once, and not with the next tick.
            if *fact != Fact::Tick && relock.due.is_some_and(|due| due <= at.mono) {
                *relock = Relock { due: Some(at.mono + TELL_AGAIN), closing: true, retry: None };
                said.ask_for(Effect::Lock { door: door.0.clone() });
            }
        }
    }
}
