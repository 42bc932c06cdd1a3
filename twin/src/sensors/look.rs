//! Air, noise and movement for an operator's eyes.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::air::{AirWarning, NOBODY_SEEN};
use model::id::SpaceId;
use model::sensor::{Measure, Reading, Sensor, SensorId, SensorPlace};
use serde::{Deserialize, Serialize};

use super::{Ears, SensorEntry, SensorNotes};
use crate::book::Book;
use crate::snapshot::Snapshot;
use crate::view::{SpaceState, SpaceView, reserved};

/// A place that has sensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AirView {
    /// Which.
    pub place: SensorPlace,
    /// Its sensors.
    pub readings: Vec<ReadingView>,
    /// What is not as it should be, and since when.
    pub warnings: Vec<(AirWarning, DateTime<Utc>)>,
}

/// A sensor's last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingView {
    /// Which sensor.
    pub sensor: SensorId,
    /// What it measures.
    pub measures: Measure,
    /// What it said last. For motion, yes is when something last moved.
    pub value: Option<Reading>,
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// Nothing is heard of it: the value is old.
    pub silent: bool,
}

/// A desk that looks empty though it is somebody's. An operator may have a look; nothing is given
/// free for it, because a sensor that sees nobody does not see that nobody is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The space.
    pub space: SpaceId,
    /// What stands on its sign.
    pub label: String,
    /// Whether its guest has checked in; otherwise it is reserved.
    pub checked_in: bool,
    /// Since when nobody was seen.
    pub since: DateTime<Utc>,
}

/// Every place of the sheet that has sensors, in the sheet's order.
pub(crate) fn views(world: &World) -> Vec<AirView> {
    let (book, notes) = (world.resource::<Book>(), world.resource::<SensorNotes>());
    let ears = world.resource::<Ears>();
    let mut places: Vec<AirView> = Vec::new();
    for sensor in &book.sensors {
        let reading = reading(sensor, notes.entries.get(&sensor.id), ears);
        match places.iter_mut().find(|known| known.place == sensor.place) {
            Some(known) => known.readings.push(reading),
            None => places.push(AirView {
                place: sensor.place.clone(),
                readings: vec![reading],
                warnings: (notes.air.iter())
                    .filter(|((place, _), _)| *place == sensor.place)
                    .map(|((_, what), since)| (*what, *since))
                    .collect(),
            }),
        }
    }
    places
}

/// The site has heard more than it has told; a mirror knows what was told.
fn reading(sensor: &Sensor, entry: Option<&SensorEntry>, ears: &Ears) -> ReadingView {
    let live = ears.by_sensor.get(&sensor.id).and_then(|ear| ear.value);
    // When something last moved is told; that nothing moves now does not change it.
    let live =
        live.filter(|(value, _)| sensor.measures != Measure::Motion || *value == Reading::YES);
    let told = entry.and_then(|entry| Some((entry.value?, entry.at?)));
    let last = live.or(told);
    ReadingView {
        sensor: sensor.id.clone(),
        measures: sensor.measures,
        value: last.map(|(value, _)| value),
        at: last.map(|(_, at)| at),
        silent: entry.is_none_or(|entry| entry.silent),
    }
}

/// The desks at which nobody was seen for long though they are somebody's.
pub(crate) fn hints(
    world: &World,
    spaces: &[SpaceView],
    all: &Snapshot,
    now: DateTime<Utc>,
) -> Vec<Hint> {
    let book = world.resource::<Book>();
    spaces.iter().filter_map(|space| hint(world, book, space, all, now)).collect()
}

fn hint(
    world: &World,
    book: &Book,
    space: &SpaceView,
    all: &Snapshot,
    now: DateTime<Utc>,
) -> Option<Hint> {
    let theirs = match space.state {
        SpaceState::Occupied => all.visits.iter().find(|visit| visit.space == space.space)?.since,
        SpaceState::Reserved => reserved(space.space, all, book, now)?.starts(),
        SpaceState::Free | SpaceState::Away | SpaceState::Broken => return None,
    };
    let unseen = unseen_since(world, book, space)?;
    // While the program was not running nobody could be seen.
    let since = theirs.max(unseen).max(all.started_at.unwrap_or(unseen));
    (since.checked_add_signed(NOBODY_SEEN)? <= now).then(|| Hint {
        space: space.space,
        label: space.label.clone(),
        checked_in: space.state == SpaceState::Occupied,
        since,
    })
}

/// Since when nobody was seen at a space, by its own sensors or, where it has none, by those of its
/// whole area. Nothing where a sensor is silent, or was never heard: it would not have seen anybody.
fn unseen_since(world: &World, book: &Book, space: &SpaceView) -> Option<DateTime<Utc>> {
    let notes = world.resource::<SensorNotes>();
    let ears = world.resource::<Ears>();
    let at = |place: SensorPlace| -> Vec<&Sensor> {
        let here = |one: &&Sensor| one.measures == Measure::Motion && one.place == place;
        book.sensors.iter().filter(here).collect()
    };
    let mut eyes = at(SensorPlace::Space { space: space.space });
    if eyes.is_empty() {
        eyes = at(SensorPlace::Zone { zone: space.zone.clone() });
    }
    let mut latest = None;
    for sensor in eyes {
        let entry = notes.entries.get(&sensor.id).filter(|entry| !entry.silent)?;
        let seen = reading(sensor, Some(entry), ears).at.unwrap_or(entry.since);
        latest = latest.max(Some(entry.since.max(seen)));
    }
    latest
}
