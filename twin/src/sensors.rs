//! Sensors: what their words say of air, noise and whether anybody is there. Never who.
//!
//! Values come far too often to be events. The site keeps the last of each to itself (`Ears`) and
//! tells one now and then; what it tells is all that the mirror knows. Warnings, and that a sensor
//! is silent, are events when they begin and when they end.

mod decide;
mod look;

use std::collections::BTreeMap;
use std::time::Duration;

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::air::AirWarning;
use model::sensor::{Measure, Reading, SensorId, SensorPlace, SensorState};
use model::site_event::Happening;
use serde::{Deserialize, Serialize};

use crate::apply::Happened;
pub(crate) use decide::decide;
pub use look::{AirView, Hint, ReadingView};
pub(crate) use look::{hints, views};

/// A sensor as events tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorEntry {
    /// Which.
    #[serde(flatten)]
    pub id: SensorId,
    /// What it measures.
    pub measures: Measure,
    /// Where it hangs.
    pub place: SensorPlace,
    /// Since when it is heard, or silent.
    pub since: DateTime<Utc>,
    /// Whether nothing is heard of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// What was last told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Reading>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
}

/// A place where air or noise is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAir {
    /// Where.
    pub place: SensorPlace,
    /// What.
    pub what: AirWarning,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What events said of sensors.
#[derive(Resource, Clone, Debug, Default)]
pub(crate) struct SensorNotes {
    entries: BTreeMap<SensorId, SensorEntry>,
    air: BTreeMap<(SensorPlace, AirWarning), DateTime<Utc>>,
}

impl SensorNotes {
    pub(crate) fn of(entries: &[SensorEntry], air: &[OpenAir]) -> Self {
        Self {
            entries: entries.iter().map(|entry| (entry.id.clone(), entry.clone())).collect(),
            air: air.iter().map(|one| ((one.place.clone(), one.what), one.since)).collect(),
        }
    }

    pub(crate) fn entries(&self) -> Vec<SensorEntry> {
        self.entries.values().cloned().collect()
    }

    pub(crate) fn open_air(&self) -> Vec<OpenAir> {
        let open = |((place, what), since): (&(SensorPlace, AirWarning), &DateTime<Utc>)| OpenAir {
            place: place.clone(),
            what: *what,
            since: *since,
        };
        self.air.iter().map(open).collect()
    }
}

/// What the site has heard of each sensor; its own, not shared.
#[derive(Resource, Debug, Default)]
pub(crate) struct Ears {
    by_sensor: BTreeMap<SensorId, Ear>,
    /// When silence was last looked for.
    looked: Option<Duration>,
}

/// What was heard of one sensor.
#[derive(Clone, Debug)]
struct Ear {
    /// The last value, as long as it counts.
    value: Option<(Reading, DateTime<Utc>)>,
    /// When the sensor was last heard, or known to be there; at first, when it was first listened to.
    heard: Duration,
    /// What is to be told once it may be.
    untold: Option<Reading>,
    /// Since when the value is outside of which limit.
    outside: BTreeMap<AirWarning, Duration>,
}

impl Ear {
    fn listening_since(mono: Duration) -> Self {
        Self { value: None, heard: mono, untold: None, outside: BTreeMap::new() }
    }
}

/// From one event to the next state.
pub(crate) fn apply(happened: Res<Happened>, mut notes: ResMut<SensorNotes>) {
    let Some(event) = &happened.0 else { return };
    match &event.what {
        Happening::Air { place, what, began: true, .. } => {
            notes.air.entry((place.clone(), *what)).or_insert(event.at);
        }
        Happening::Air { place, what, began: false, .. } => {
            notes.air.remove(&(place.clone(), *what));
        }
        Happening::Sensor { sensor, now: SensorState::Gone, .. } => {
            notes.entries.remove(sensor);
        }
        Happening::Sensor { sensor, measures, place, now } => {
            let entry = entry_of(&mut notes, sensor, *measures, place, event.at);
            entry.silent = *now == SensorState::Silent;
            entry.since = event.at;
        }
        Happening::Measured { sensor, measures, place, value } => {
            let entry = entry_of(&mut notes, sensor, *measures, place, event.at);
            (entry.value, entry.at) = (Some(*value), Some(event.at));
        }
        _ => {}
    }
}

fn entry_of<'a>(
    notes: &'a mut SensorNotes,
    sensor: &SensorId,
    measures: Measure,
    place: &SensorPlace,
    at: DateTime<Utc>,
) -> &'a mut SensorEntry {
    let entry = notes.entries.entry(sensor.clone()).or_insert_with(|| SensorEntry {
        id: sensor.clone(),
        measures,
        place: place.clone(),
        since: at,
        silent: false,
        value: None,
        at: None,
    });
    (entry.measures, entry.place) = (measures, place.clone());
    entry
}
