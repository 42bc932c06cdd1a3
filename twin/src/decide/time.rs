//! What happens because time has passed.

use std::time::Duration;

use bevy_ecs::prelude::*;
use chrono::TimeDelta;
use model::access::FORGOTTEN;
use model::id::SpaceId;
use model::site_event::Happening;
use model::terminal::TerminalState;

use super::lobby::check_out;
use super::orders::Over;
use super::{Asked, Said};
use crate::OpenVisit;
use crate::book::{Book, Deadline};
use crate::fact::{Effect, Fact};
use crate::parts::{Door, LastTold, Notes, Relock, Terminal, TerminalLevel, Visit};

/// A lock or terminal that has not followed is told again this much later.
pub(super) const TELL_AGAIN: Duration = Duration::from_secs(5);
/// Deadlines further back than this are not looked at any more: what became of them may be
/// forgotten.
const OLD: TimeDelta = TimeDelta::days(1);

pub(super) fn relock(
    asked: Res<Asked>,
    mut said: ResMut<Said>,
    mut doors: Query<(&Door, &mut Relock)>,
) {
    let Some((at, Fact::Tick)) = &asked.0 else { return };
    for (door, mut relock) in &mut doors {
        if relock.retry.is_some_and(|again| again <= at.mono) && relock.lets_through(at.mono) {
            relock.retry = None;
            said.ask_for(Effect::Unlock { door: door.0.clone(), visit: None });
        }
        if relock.due.is_some_and(|due| due <= at.mono) {
            // Asked for again until the lock reads back as locked.
            *relock = Relock { due: Some(at.mono + TELL_AGAIN), closing: true, retry: None };
            said.ask_for(Effect::Lock { door: door.0.clone() });
        }
    }
}

pub(super) fn give_free(
    asked: Res<Asked>,
    mut book: ResMut<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    visits: Query<&Visit>,
) {
    let Some((at, Fact::Tick)) = &asked.0 else { return };
    if !book.serves(at.now) || Over::of(&notes, &said.0.outcomes).lockdown {
        book.serving_since = None;
        return;
    }
    let since = *book.serving_since.get_or_insert(at.now);
    let grace = TimeDelta::minutes(book.settings.no_show_minutes.into());
    let mut once_more = Vec::new();
    while book.deadlines.last().is_some_and(|next| next.at <= at.now) {
        let Some(deadline) = book.deadlines.pop() else { break };
        let Deadline { at: due, booking, desk } = deadline;
        let opened = desk.when.starts() - book.early();
        let person = book.booking(booking).map(|booking| booking.person);
        // Who walked in before their time sits in the house: nobody waits for them in vain.
        let is_theirs = |visit: &OpenVisit| {
            visit.booking == booking || visit.walk_in.is_some() && Some(visit.person) == person
        };
        let came = visits.iter().any(|visit| is_theirs(&visit.0))
            || notes
                .ended
                .values()
                .any(|ended| ended.visit.booking == booking && ended.until > opened);
        let turned_away = notes.turned_away.get(&booking).is_some_and(|at| *at >= opened);
        let given = notes.given_free.iter().any(|given| given.is(booking, &desk));
        if came || turned_away || given || at.now >= due + OLD {
            continue;
        }
        if due <= since {
            // Nobody could check in until the deadline: they get the grace from then on, and a
            // claim that ends before has nothing left to give free.
            if since + grace < desk.when.ends() {
                once_more.push(Deadline { at: since + grace, ..deadline });
            }
            continue;
        }
        let (space, starts_at) = (desk.space, desk.when.starts());
        said.happened(*at, Happening::NoShow { booking, space, starts_at });
    }
    book.await_again(once_more);
}

pub(super) fn forgotten(
    asked: Res<Asked>,
    book: Res<Book>,
    mut said: ResMut<Said>,
    visits: Query<&Visit>,
) {
    let Some((at, Fact::Tick)) = &asked.0 else { return };
    if book.clock_unset || book.not_after.is_none() {
        return;
    }
    let over = |visit: &&Visit| {
        book.until(&visit.0, at.now).checked_add_signed(FORGOTTEN).is_some_and(|end| end <= at.now)
    };
    for visit in visits.iter().filter(over) {
        check_out(&mut said, &book, *at, visit.0, None);
    }
}

/// Looks at each terminal and tells it again what it seems not to have heard: a command that was
/// lost, or a terminal that came back with another state, needs no memory of its own.
pub(super) fn mend_seats(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    visits: Query<&Visit>,
    mut terminals: Query<(&Terminal, &TerminalLevel, &mut LastTold)>,
) {
    let Some((at, fact)) = &asked.0 else { return };
    // A command that is on its way is not doubled at once.
    let told_now: Vec<_> = said.0.effects.iter().filter_map(terminal_of).cloned().collect();
    for (terminal, level, mut told) in &mut terminals {
        if told_now.contains(&terminal.0) {
            told.0 = Some(at.mono);
            continue;
        }
        let waiting = told.0.is_some_and(|told| at.mono < told + TELL_AGAIN);
        if *fact != Fact::Tick || waiting {
            continue;
        }
        let Some(space) = book.space_of(&terminal.0) else { continue };
        let open = visits.iter().find(|visit| visit.0.space == space);
        let effect = match (level.0, open) {
            (TerminalState::Idle, Some(visit)) => Effect::Assign {
                terminal: terminal.0.clone(),
                visit: visit.0.visit,
                until: book.until(&visit.0, at.now),
                language: book.language_of(&visit.0),
            },
            (TerminalState::Assigned, None) => {
                let Some(visit) = last_visit(&notes, space) else { continue };
                Effect::Wipe { terminal: terminal.0.clone(), visit }
            }
            _ => continue,
        };
        told.0 = Some(at.mono);
        said.ask_for(effect);
    }
}

fn terminal_of(effect: &Effect) -> Option<&model::id::DeviceId> {
    match effect {
        Effect::Assign { terminal, .. } | Effect::Wipe { terminal, .. } => Some(terminal),
        Effect::Unlock { .. } | Effect::Lock { .. } | Effect::ShowDoor { .. } => None,
    }
}

fn last_visit(notes: &Notes, space: SpaceId) -> Option<model::id::VisitId> {
    notes
        .ended
        .values()
        .filter(|ended| ended.visit.space == space)
        .max_by_key(|ended| ended.until)
        .map(|ended| ended.visit.visit)
}
