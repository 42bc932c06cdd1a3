//! The components and resources of a centre.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::care::day::CareAlarm;
use model::centre::Space;
use model::day_sheet::Site;
use model::id::{BookingId, DeviceId, VisitId};
use model::site_event::SiteEvent;
use model::terminal::TerminalState;

use crate::fact::LockLevel;
use crate::nursery::EndedStay;
use crate::snapshot::{Counts, EndedVisit, GivenFree, OpenVisit};

/// A door, by the device that moves its lock.
#[derive(Component, Clone, Debug)]
#[require(Lock, Contact, Relock)]
pub(crate) struct Door(pub DeviceId);

/// What events said of a lock.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Lock {
    pub level: Option<LockLevel>,
    pub fault: bool,
}

/// What events said of a door's contact.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Contact {
    pub open: Option<bool>,
}

/// When the lock is to be closed again; a timer of the site, not shared.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Relock {
    pub due: Option<Duration>,
    /// It has been told to close, and `due` is when it is told again.
    pub closing: bool,
}

impl Relock {
    /// Keeps the lock open until `due`, or longer if that was promised before.
    pub fn open_until(&mut self, due: Duration) {
        let promised = self.due.filter(|_| !self.closing);
        *self = Self { due: promised.max(Some(due)), closing: false };
    }
}

/// A terminal, by its device.
#[derive(Component, Clone, Debug)]
#[require(TerminalLevel, LastTold)]
pub(crate) struct Terminal(pub DeviceId);

/// What events said of a terminal.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct TerminalLevel(pub TerminalState);

/// When the terminal was last told something; not shared.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct LastTold(pub Option<Duration>);

/// A space on the sheet.
#[derive(Component, Clone, Debug)]
pub(crate) struct Place(pub Space);

/// Somebody is here.
#[derive(Component, Clone, Copy, Debug)]
pub(crate) struct Visit(pub OpenVisit);

/// When they were last shown their desk; not shared.
#[derive(Component, Clone, Copy, Debug)]
pub(crate) struct Welcomed(pub DateTime<Utc>);

/// What events said that belongs to no single thing.
#[derive(Resource, Clone, Debug, Default)]
pub(crate) struct Notes {
    pub sheet: u64,
    pub started_at: Option<DateTime<Utc>>,
    pub ended: BTreeMap<VisitId, EndedVisit>,
    pub given_free: Vec<GivenFree>,
    pub turned_away: BTreeMap<BookingId, DateTime<Utc>>,
    pub collected: Vec<EndedStay>,
    pub alarms: BTreeMap<CareAlarm, DateTime<Utc>>,
    pub counts: Counts,
    pub recent: VecDeque<SiteEvent>,
}

/// Makes the world have the sheet's spaces, doors and terminals. Things that events have named
/// stay, even when the sheet no longer has them: they are part of the shared state.
pub(crate) fn furnish(world: &mut World, site: &Site) {
    let mut places = world.query_filtered::<Entity, With<Place>>();
    let old: Vec<Entity> = places.iter(world).collect();
    for place in old {
        world.despawn(place);
    }
    let doors: Vec<DeviceId> = world.query::<&Door>().iter(world).map(|d| d.0.clone()).collect();
    let terminals: Vec<DeviceId> =
        world.query::<&Terminal>().iter(world).map(|t| t.0.clone()).collect();
    for door in site.doors.iter().map(|door| &door.device).filter(|door| !doors.contains(door)) {
        world.spawn(Door(door.clone()));
    }
    let new = site.spaces.iter().filter_map(|space| space.terminal.as_ref());
    for terminal in new.filter(|terminal| !terminals.contains(terminal)) {
        world.spawn(Terminal(terminal.clone()));
    }
    for space in &site.spaces {
        world.spawn(Place(space.clone()));
    }
}
