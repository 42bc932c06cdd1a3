//! What the site itself, its locks, contacts and terminals say.

use std::time::Duration;

use bevy_ecs::prelude::*;
use model::access::RefusalKind;
use model::site_event::Happening;

use super::orders::Over;
use super::readers::AtReaders;
use super::{Asked, Refusal, Said, note_refused};
use crate::book::Book;
use crate::fact::{Fact, LockLevel};
use crate::parts::{
    Contact, Door, Exit, Heard, Hold, Lock, Notes, Relock, Terminal, TerminalLevel, Watching,
};

/// How soon a lock that failed is told again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

pub(super) fn site(
    asked: Res<Asked>,
    notes: Res<Notes>,
    mut book: ResMut<Book>,
    mut said: ResMut<Said>,
    mut at_readers: ResMut<AtReaders>,
    mut doors: Query<(&mut Hold, &mut Exit, &mut Watching), With<Door>>,
) {
    match &asked.0 {
        Some((at, Fact::Started)) => {
            said.happened(*at, Happening::Started);
            // What is not shared is not remembered either.
            *at_readers = AtReaders::default();
            for (mut hold, mut exit, mut watching) in &mut doors {
                (*hold, *exit, *watching) = (Hold::default(), Exit::default(), Watching::default());
            }
        }
        Some((at, Fact::Sheet(sheet))) => {
            said.happened(*at, Happening::SheetInForce { version: sheet.version });
        }
        Some((_, Fact::ClockSet(set))) => {
            book.clock_unset = !set;
            // However short the doubt was, no tick may have met it: grace is counted from its end.
            book.serving_since = None;
        }
        // It is told when it changes, however often it is heard.
        Some((at, Fact::DeviceTrouble { of, why }))
            if notes.troubles.get(of).map(|(known, _)| *known) != *why =>
        {
            said.happened(*at, Happening::DeviceTrouble { of: of.clone(), why: *why });
        }
        // No answer and no door: a reader inside opens for a card that cannot be read, and nobody holds this one there.
        Some((at, Fact::StaleCard { reader })) => {
            let refusal = Refusal::of_nobody(RefusalKind::UnreadableCard);
            note_refused(&mut said, *at, reader, &refusal);
        }
        _ => {}
    }
}

pub(super) fn locks(
    asked: Res<Asked>,
    book: Res<Book>,
    mut said: ResMut<Said>,
    notes: Res<Notes>,
    mut doors: Query<(&Door, &Lock, &mut Relock, &mut Hold)>,
) {
    let Some((at, fact)) = &asked.0 else { return };
    let (Fact::LockRead { door, .. } | Fact::LockFailed { door }) = fact else { return };
    if book.door(door).is_none() {
        return;
    }
    let found = doors.iter_mut().find(|(known, ..)| known.0 == *door);
    let Some((_, lock, mut relock, mut hold)) = found else { return };
    let door = door.clone();
    match fact {
        Fact::LockRead { level: LockLevel::Unlocked, visit, .. } => {
            if visit.is_some() || lock.level != Some(LockLevel::Unlocked) || lock.fault {
                said.happened(*at, Happening::DoorUnlocked { door, visit: *visit });
            }
            relock.retry = None;
            if hold.on {
                hold.again = None;
            } else if Over::of(&notes, &[]).lockdown && !relock.lets_through(at.mono) {
                // An unlock that was on its way as the house was locked down.
                relock.due = Some(at.mono);
            } else {
                // Opened by whomever: it does not stay open for good.
                relock.due = relock.due.or(Some(at.mono + TRY_AGAIN));
            }
        }
        Fact::LockRead { level: LockLevel::Locked, .. } => {
            if relock.closing {
                *relock = Relock::default();
            }
            // It is to stay open: told again at once.
            hold.again = None;
            if lock.level != Some(LockLevel::Locked) || lock.fault {
                said.happened(*at, Happening::DoorLocked { door });
            }
        }
        _ => {
            let again = Some(at.mono + TRY_AGAIN);
            if hold.on {
                hold.again = again;
            } else if relock.lets_through(at.mono) {
                relock.retry = again;
            } else {
                *relock = Relock { due: again, closing: true, retry: None };
            }
            if !lock.fault {
                said.happened(*at, Happening::LockFault { door });
            }
        }
    }
}

pub(super) fn contacts(
    asked: Res<Asked>,
    book: Res<Book>,
    mut said: ResMut<Said>,
    mut doors: Query<(&Door, &Contact, &mut Watching)>,
) {
    let Some((at, fact)) = &asked.0 else { return };
    let (Fact::ContactRead { door, .. } | Fact::ContactSilent { door }) = fact else { return };
    let known = doors.iter_mut().find(|(known, ..)| known.0 == *door);
    let Some((_, contact, mut watching)) = known.filter(|_| book.door(door).is_some()) else {
        return;
    };
    let Fact::ContactRead { open, .. } = fact else {
        watching.contact = Heard::Silence;
        return;
    };
    watching.contact = Heard::Level;
    if contact.open != Some(*open) {
        let door = door.clone();
        said.happened(
            *at,
            if *open { Happening::DoorOpened { door } } else { Happening::DoorClosed { door } },
        );
    }
}

pub(super) fn terminals(
    asked: Res<Asked>,
    book: Res<Book>,
    mut said: ResMut<Said>,
    terminals: Query<(&Terminal, &TerminalLevel)>,
) {
    let Some((at, Fact::TerminalSaid { terminal, state })) = &asked.0 else { return };
    let known = terminals.iter().find(|(known, _)| known.0 == *terminal);
    if book.space_of(terminal).is_some() && known.is_some_and(|(_, level)| level.0 != *state) {
        said.happened(*at, Happening::Terminal { terminal: terminal.clone(), state: *state });
    }
}
