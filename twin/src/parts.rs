//! The components and resources of a centre.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::card::CardLevel;
use model::care::day::CareAlarm;
use model::centre::Space;
use model::day_sheet::Site;
use model::device::{Trouble, Watched};
use model::door::{DoorState, Watch, Zone};
use model::id::{BookingId, CredentialId, DeviceId, PersonId, VisitId};
use model::site_event::SiteEvent;
use model::site_order::HouseState;
use model::terminal::TerminalState;

use crate::fact::LockLevel;
use crate::nursery::EndedStay;
use crate::snapshot::{Counts, EndedVisit, GivenFree, OpenVisit, Pass, TakenOrder};

/// A door, by the device that moves its lock.
#[derive(Component, Clone, Debug)]
#[require(Lock, Contact, Relock, Hold, Exit, Standing, Watching, Shown)]
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

/// What events said that a door is in, where somebody has to look after it.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Standing(pub Option<DoorState>);

/// Whether the button inside is pressed, once it was read; not shared.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Exit(pub Option<bool>);

/// Since when a door's levels are what they are; not shared.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Watching {
    pub watch: Option<Watch>,
    pub contact: Heard,
}

/// What this run of the site's program has heard of a contact: what events said of it may be of a run before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing yet.
    #[default]
    Nothing,
    /// Its level.
    Level,
    /// That it does not answer.
    Silence,
}

/// What whoever looks on was shown last; not shared.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Shown(pub Option<DoorState>);

/// Whether the lock is kept open until further notice; not shared, for it follows from what is.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Hold {
    pub on: bool,
    /// When it is told once more.
    pub again: Option<Duration>,
}

/// When the lock is to be closed again; a timer of the site, not shared.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Relock {
    pub due: Option<Duration>,
    /// It has been told to close, and `due` is when it is told again.
    pub closing: bool,
    /// It did not open: when it is told once more, if it is still to be open then.
    pub retry: Option<Duration>,
}

impl Relock {
    /// Keeps the lock open until `due`, or longer if that was promised before.
    pub fn open_until(&mut self, due: Duration) {
        let promised = self.due.filter(|_| !self.closing);
        *self = Self { due: promised.max(Some(due)), ..Self::default() };
    }

    /// Whether somebody is to get through just now.
    pub fn lets_through(&self, mono: Duration) -> bool {
        !self.closing && self.due.is_some_and(|due| mono < due)
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

/// When they were last shown their desk, and what they proved when they last showed who they are; not shared.
#[derive(Component, Clone, Copy, Debug)]
pub(crate) struct Welcomed {
    pub at: DateTime<Utc>,
    pub proved: Proved,
}

impl Welcomed {
    pub fn first(at: DateTime<Utc>) -> Self {
        Self { at, proved: Proved::LEAST }
    }
}

/// What somebody in the lobby has proved of themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proved {
    /// The level of their card.
    pub level: u8,
    /// They know their PIN.
    pub pin: bool,
}

impl Proved {
    /// What whoever is let in at all has proved.
    pub const LEAST: Self = Self { level: 1, pin: false };
}

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
    pub house: HouseState,
    pub orders: Vec<TakenOrder>,
    pub passes: BTreeMap<(PersonId, Zone), Pass>,
    /// Guardians who were let in without a desk, and when.
    pub let_in: BTreeMap<PersonId, DateTime<Utc>>,
    /// When every door was last released, or no longer.
    pub released: Option<DateTime<Utc>>,
    pub proved: BTreeMap<CredentialId, CardLevel>,
    /// What cannot be used, why, and since when.
    pub troubles: BTreeMap<Watched, (Trouble, DateTime<Utc>)>,
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
