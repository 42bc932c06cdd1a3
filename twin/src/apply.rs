//! From one event to the next state: the same on the site and in the mirror.

mod doors;

use bevy_ecs::prelude::*;
use chrono::{DateTime, TimeDelta, Utc};
use model::id::DeviceId;
use model::site_event::{Happening, Proof, SiteEvent};
use model::terminal::TerminalState;

use crate::fact::LockLevel;
use crate::nursery;
use crate::parts::{Contact, Door, Lock, Notes, Terminal, TerminalLevel, Visit, Welcomed};
use crate::sensors;
use crate::snapshot::{EndedVisit, GivenFree, OpenVisit};

/// How many events stay in view.
const RECENT: usize = 50;
/// How long ended visits and desks given free are remembered.
const REMEMBERED: TimeDelta = TimeDelta::days(2);

/// What ended before is forgotten with this event.
pub(crate) fn remembered_since(event: &SiteEvent) -> DateTime<Utc> {
    event.at.checked_sub_signed(REMEMBERED).unwrap_or(event.at)
}

#[derive(Resource, Default)]
pub(crate) struct Happened(pub Option<SiteEvent>);

pub(crate) fn add_systems(schedule: &mut Schedule) {
    schedule.add_systems(
        (
            nursery::apply,
            sensors::apply,
            visits,
            locks,
            doors::states,
            doors::notes,
            terminals,
            notes,
        )
            .chain(),
    );
}

fn visits(
    mut commands: Commands,
    happened: Res<Happened>,
    mut notes: ResMut<Notes>,
    mut open: Query<(Entity, &mut Visit)>,
) {
    let Some(event) = &happened.0 else { return };
    let mut begins = |visit: OpenVisit| {
        if !open.iter().any(|(_, other)| other.0.visit == visit.visit) {
            commands.spawn((Visit(visit), Welcomed::first(event.at)));
        }
    };
    match &event.what {
        Happening::CheckedIn { visit, person, booking, space, by } => {
            let vouched = match by {
                Proof::Voucher { vouched } => *vouched,
                Proof::Card { .. } | Proof::Code => None,
            };
            begins(OpenVisit {
                visit: *visit,
                person: *person,
                booking: *booking,
                space: *space,
                since: event.at,
                vouched,
                away_since: None,
                walk_in: None,
            });
        }
        // Their check-in, which follows, then finds the visit there.
        Happening::WalkedIn { visit, person, booking, space, until, .. } => begins(OpenVisit {
            visit: *visit,
            person: *person,
            booking: *booking,
            space: *space,
            since: event.at,
            vouched: None,
            away_since: None,
            walk_in: Some(*until),
        }),
        Happening::CheckedOut { visit, gives_up, .. } => {
            for (entity, ended) in open.iter().filter(|(_, other)| other.0.visit == *visit) {
                commands.entity(entity).despawn();
                let (until, gave_up) = (event.at, *gives_up);
                notes.ended.insert(*visit, EndedVisit { visit: ended.0, until, gave_up });
            }
        }
        Happening::SteppedOut { visit } => {
            for (_, mut known) in open.iter_mut().filter(|(_, other)| other.0.visit == *visit) {
                known.0.away_since = Some(event.at);
            }
        }
        Happening::CameBack { visit } => {
            for (_, mut known) in open.iter_mut().filter(|(_, other)| other.0.visit == *visit) {
                known.0.away_since = None;
            }
        }
        _ => {}
    }
}

fn locks(
    mut commands: Commands,
    happened: Res<Happened>,
    mut doors: Query<(&Door, &mut Lock, &mut Contact)>,
) {
    let Some(event) = &happened.0 else { return };
    if event.what == Happening::Started {
        for (_, mut lock, contact) in &mut doors {
            if lock.level.is_some() || lock.fault || contact.open.is_some() {
                *lock = Lock { level: Some(LockLevel::Locked), fault: false };
            }
        }
        return;
    }
    let Some((device, change)) = door_change(&event.what) else { return };
    if let Some((_, mut lock, mut contact)) = doors.iter_mut().find(|(door, ..)| door.0 == *device)
    {
        change(&mut lock, &mut contact);
    } else {
        let (mut lock, mut contact) = (Lock::default(), Contact::default());
        change(&mut lock, &mut contact);
        commands.spawn((Door(device.clone()), lock, contact));
    }
}

type DoorChange = fn(&mut Lock, &mut Contact);

fn door_change(what: &Happening) -> Option<(&DeviceId, DoorChange)> {
    match what {
        Happening::DoorUnlocked { door, .. } => Some((door, |lock, _| {
            *lock = Lock { level: Some(LockLevel::Unlocked), fault: false };
        })),
        Happening::DoorLocked { door } => Some((door, |lock, _| {
            *lock = Lock { level: Some(LockLevel::Locked), fault: false };
        })),
        Happening::LockFault { door } => Some((door, |lock, _| lock.fault = true)),
        Happening::DoorOpened { door } => Some((door, |_, contact| contact.open = Some(true))),
        Happening::DoorClosed { door } => Some((door, |_, contact| contact.open = Some(false))),
        _ => None,
    }
}

fn terminals(
    mut commands: Commands,
    happened: Res<Happened>,
    mut terminals: Query<(&Terminal, &mut TerminalLevel)>,
) {
    let Some(event) = &happened.0 else { return };
    match &event.what {
        // Each says again what it is, once it finds the site back.
        Happening::Started => {
            for (_, mut level) in &mut terminals {
                level.0 = TerminalState::Lost;
            }
        }
        Happening::Terminal { terminal, state } => {
            match terminals.iter_mut().find(|(known, _)| known.0 == *terminal) {
                Some((_, mut level)) => level.0 = *state,
                None => {
                    commands.spawn((Terminal(terminal.clone()), TerminalLevel(*state)));
                }
            }
        }
        _ => {}
    }
}

fn notes(happened: Res<Happened>, mut notes: ResMut<Notes>) {
    let Some(event) = &happened.0 else { return };
    match &event.what {
        Happening::Started => {
            notes.started_at = Some(event.at);
            // Each is told again that still does not work; what was taken away is told no more.
            notes.troubles.clear();
        }
        Happening::DeviceTrouble { of, why: Some(why) } => {
            notes.troubles.insert(of.clone(), (*why, event.at));
        }
        Happening::DeviceTrouble { of, why: None } => {
            notes.troubles.remove(of);
        }
        Happening::SheetInForce { version } => notes.sheet = *version,
        Happening::CredentialProved { credential, level } => {
            let known = notes.proved.entry(*credential).or_default();
            *known = (*known).max(*level);
        }
        Happening::CheckedIn { .. } => notes.counts.checked_in += 1,
        Happening::CheckedOut { .. } => notes.counts.checked_out += 1,
        Happening::Refused { came_for, .. } => {
            notes.counts.refused += 1;
            notes.turned_away.extend(came_for.iter().map(|booking| (*booking, event.at)));
        }
        Happening::DoorUnlocked { .. } => notes.counts.unlocked += 1,
        Happening::NoShow { booking, space, starts_at } => {
            notes.counts.no_shows += 1;
            let (booking, space, starts_at) = (*booking, *space, *starts_at);
            notes.given_free.push(GivenFree { booking, space, starts_at, at: event.at });
        }
        _ => {}
    }
    let oldest = remembered_since(event);
    notes.ended.retain(|_, ended| ended.until >= oldest);
    notes.given_free.retain(|given| given.at >= oldest);
    notes.turned_away.retain(|_, at| *at >= oldest);
    if matches!(event.what, Happening::Measured { .. }) {
        // A number every few minutes would push out what people have to see.
        return;
    }
    notes.recent.push_back(event.clone());
    while notes.recent.len() > RECENT {
        notes.recent.pop_front();
    }
}
