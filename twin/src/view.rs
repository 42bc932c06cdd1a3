//! A centre for an operator's eyes.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::care::board::NurseryView;
use model::centre::SpaceKind;
use model::door::{Wiring, Zone};
use model::id::{DeviceId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use model::site_event::SiteEvent;
use model::site_order::HouseState;
use model::terminal::TerminalState;
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::nursery::{OpenAlarm, Situation};
use crate::parts::{Notes, Place};
use crate::sensors::{self, AirView, Hint};
use crate::snapshot::{Counts, DoorEntry, OpenTrouble, Snapshot};

/// The centre at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The version of the sheet in force, 0 before the first.
    pub sheet: u64,
    /// The spaces, by label.
    pub spaces: Vec<SpaceView>,
    /// The doors, in the sheet's order.
    pub doors: Vec<DoorView>,
    /// Readers at doors that cannot be used, and the fire panel where it is not heard.
    #[serde(default)]
    pub troubles: Vec<OpenTrouble>,
    /// How many people are inside; who has stepped out is not.
    pub people_inside: usize,
    /// Its nurseries, where the sheet has any.
    #[serde(default)]
    pub nurseries: Vec<NurseryView>,
    /// What stands above schedules and cards.
    #[serde(flatten)]
    pub house: HouseState,
    /// The air, noise and movement of its places, where it has sensors.
    #[serde(default)]
    pub air: Vec<AirView>,
    /// Desks that look empty though they are somebody's: worth a look, and nothing more.
    #[serde(default)]
    pub hints: Vec<Hint>,
    /// Totals since the centre's first event.
    pub counts: Counts,
    /// The last events, newest first.
    pub recent: Vec<SiteEvent>,
}

/// One space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceView {
    /// The space.
    pub space: SpaceId,
    /// What stands on its sign.
    pub label: String,
    /// Desk, booth or room.
    pub kind: SpaceKind,
    /// The area it stands in.
    pub zone: LocalText,
    /// Whether somebody can be sent there.
    pub state: SpaceState,
    /// Until when it is taken or reserved.
    pub until: Option<DateTime<Utc>>,
    /// Its terminal and what that said last.
    pub terminal: Option<(DeviceId, TerminalState)>,
}

/// How a space stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceState {
    /// Nobody's now.
    Free,
    /// Somebody's, who may check in and has not.
    Reserved,
    /// Somebody sits there.
    Occupied,
    /// Somebody's who has gone out and means to come back.
    Away,
    /// Its terminal is out of order and nobody sits there.
    Broken,
}

/// One door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorView {
    /// Its name.
    pub name: LocalText,
    /// What lies behind it.
    #[serde(default)]
    pub zone: Zone,
    /// Whether it has a plan, so that what it is in is watched.
    #[serde(default)]
    pub planned: bool,
    /// What its lock does without current, where that is known.
    #[serde(default)]
    pub wiring: Option<Wiring>,
    /// What was heard of it.
    #[serde(flatten)]
    pub state: DoorEntry,
}

impl View {
    /// A space, where it is known.
    pub fn space(&self, space: &SpaceId) -> Option<&SpaceView> {
        self.spaces.iter().find(|known| known.space == *space)
    }

    /// A door, where it is known.
    pub fn door(&self, door: &DeviceId) -> Option<&DoorView> {
        self.doors.iter().find(|known| known.state.door == *door)
    }

    pub(crate) fn of(world: &World, now: DateTime<Utc>) -> Self {
        let snapshot = Snapshot::of(world);
        let book = world.resource::<Book>();
        let mut spaces: Vec<SpaceView> = world
            .iter_entities()
            .filter_map(|entity| entity.get::<Place>().cloned())
            .map(|place| space_view(&place, &snapshot, book, now))
            .collect();
        spaces.sort_by(|a, b| (&a.label, a.space).cmp(&(&b.label, b.space)));
        let doors = book.doors.iter().map(|door| DoorView {
            name: door.name.clone(),
            zone: door.zone(),
            planned: door.plan.is_some(),
            wiring: door.plan.as_ref().and_then(|plan| plan.wiring),
            state: snapshot
                .doors
                .iter()
                .find(|known| known.door == door.device)
                .cloned()
                .unwrap_or(DoorEntry {
                    door: door.device.clone(),
                    lock: None,
                    fault: false,
                    open: None,
                    state: None,
                }),
        });
        let doors = doors.collect();
        Self {
            sheet: snapshot.sheet,
            doors,
            people_inside: (snapshot.visits.iter())
                .filter(|visit| visit.away_since.is_none())
                .count(),
            nurseries: nurseries(world, now),
            house: snapshot.house,
            troubles: snapshot.troubles.clone(),
            air: sensors::views(world),
            hints: sensors::hints(world, &spaces, &snapshot, now),
            spaces,
            counts: snapshot.counts,
            recent: snapshot.recent.iter().rev().cloned().collect(),
        }
    }
}

/// The nurseries of the sheet.
pub(crate) fn nurseries(world: &World, now: DateTime<Utc>) -> Vec<NurseryView> {
    let alarms: Vec<OpenAlarm> = (world.resource::<Notes>().alarms.iter())
        .map(|(alarm, since)| OpenAlarm { alarm: alarm.clone(), since: *since })
        .collect();
    Situation::of_world(world, now).map_or_else(Vec::new, |there| there.views(&alarms))
}

fn space_view(Place(space): &Place, all: &Snapshot, book: &Book, now: DateTime<Utc>) -> SpaceView {
    let terminal = space.terminal.clone().map(|device| {
        let known = all.terminals.iter().find(|known| known.terminal == device);
        (device, known.map(|known| known.state).unwrap_or_default())
    });
    let visit = all.visits.iter().find(|visit| visit.space == space.id);
    let (state, until) = if let Some(visit) = visit {
        let state =
            if visit.away_since.is_some() { SpaceState::Away } else { SpaceState::Occupied };
        (state, Some(book.until(visit, now)))
    } else if terminal.as_ref().is_some_and(|(_, state)| !state.usable()) {
        (SpaceState::Broken, None)
    } else {
        match reserved_until(space.id, all, book, now) {
            Some(until) => (SpaceState::Reserved, Some(until)),
            None => (SpaceState::Free, None),
        }
    };
    let (label, zone) = (space.label.clone(), space.zone.clone());
    SpaceView { space: space.id, label, kind: space.kind, zone, state, until, terminal }
}

/// The end of the claim whose guest may come now, unless it was given free.
fn reserved_until(
    space: SpaceId,
    all: &Snapshot,
    book: &Book,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    reserved(space, all, book, now).map(|when| when.ends())
}

/// The claim whose guest may come now, unless it was given free.
pub(crate) fn reserved(
    space: SpaceId,
    all: &Snapshot,
    book: &Book,
    now: DateTime<Utc>,
) -> Option<Interval> {
    let claims = book.bookings.iter().flat_map(|b| b.desks.iter().map(move |desk| (b.id, desk)));
    claims
        .filter(|(_, desk)| desk.space == space)
        .filter(|(_, desk)| desk.when.starts() - book.early() <= now && now < desk.when.ends())
        .filter(|(booking, desk)| !all.given_free.iter().any(|given| given.is(*booking, desk)))
        .find(|(booking, desk)| !all.ended.iter().any(|ended| ended.gave(*booking, desk)))
        .map(|(_, desk)| desk.when)
}
