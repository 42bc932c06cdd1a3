//! What a sensor's word, or its silence, leads to.

use std::time::Duration;

use bevy_ecs::prelude::*;
use model::air::{AirWarning, SILENT_AFTER, Standing, TOLD_EVERY};
use model::sensor::{Measure, Reading, Sensor, SensorState};
use model::site_event::Happening;

use super::{Ear, Ears, SensorEntry, SensorNotes};
use crate::book::Book;
use crate::decide::{Asked, Said};
use crate::fact::{Fact, Moment};

/// How often silence is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn decide(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<SensorNotes>,
    mut ears: ResMut<Ears>,
    mut said: ResMut<Said>,
) {
    let Some((at, fact)) = &asked.0 else { return };
    let mut turn = Turn { at: *at, book: &book, notes: &notes, ears: &mut ears, said: &mut said };
    match fact {
        // A program that begins has heard nothing.
        Fact::Started => *turn.ears = Ears::default(),
        Fact::Sensed { sensor, reading } => {
            let known = book.sensors.iter().find(|known| known.id == *sensor);
            if let Some(known) = known.filter(|known| possible(known.measures, *reading)) {
                turn.sensed(known, *reading);
            }
        }
        Fact::ThingThere { device } => {
            // A number that stays away is a sensor that has failed, whatever its device says of
            // itself; that nothing moved or opened needs no word.
            for known in &book.sensors {
                if known.id.device == *device && known.measures.is_flag() {
                    turn.heard(known);
                }
            }
        }
        Fact::Tick if book.not_after.is_some() && turn.due() => turn.look(),
        _ => {}
    }
}

fn possible(measure: Measure, reading: Reading) -> bool {
    let (least, most) = measure.bounds();
    (Reading::whole(least)..=Reading::whole(most)).contains(&reading)
}

struct Turn<'a> {
    at: Moment,
    book: &'a Book,
    notes: &'a SensorNotes,
    ears: &'a mut Ears,
    said: &'a mut Said,
}

impl Turn<'_> {
    fn sensed(&mut self, sensor: &Sensor, reading: Reading) {
        self.heard(sensor);
        let (mono, now) = (self.at.mono, self.at.now);
        let entry = self.entry(sensor).cloned();
        let ear = self.ear(sensor);
        ear.value = Some((reading, now));
        ear.untold = match sensor.measures {
            // That nothing moves is no news, and does not undo that something has.
            Measure::Motion => ear.untold.or((reading == Reading::YES).then_some(reading)),
            Measure::Contact => {
                let told = entry.and_then(|entry| entry.value);
                (told != Some(reading)).then_some(reading)
            }
            _ => Some(reading),
        };
        for warning in warnings_of(sensor.measures) {
            if warning.judge(reading, sensor.limit) == Standing::Outside {
                ear.outside.entry(warning).or_insert(mono);
            } else {
                ear.outside.remove(&warning);
            }
        }
        self.tell(sensor);
        for warning in warnings_of(sensor.measures) {
            self.warn(sensor, warning);
        }
    }

    /// The sensor is there; that is said where it was not known.
    fn heard(&mut self, sensor: &Sensor) {
        let mono = self.at.mono;
        self.ear(sensor).heard = mono;
        if self.entry(sensor).is_none_or(|entry| entry.silent) {
            self.stands(sensor, SensorState::Heard);
        }
    }

    /// Whether it is time to look for silence again.
    fn due(&mut self) -> bool {
        let due = self.ears.looked.is_none_or(|looked| looked + LOOK_EVERY <= self.at.mono);
        if due {
            self.ears.looked = Some(self.at.mono);
        }
        due
    }

    fn look(&mut self) {
        let longest = SILENT_AFTER.to_std().unwrap_or_default();
        let book = self.book;
        self.ears.by_sensor.retain(|id, _| book.sensors.iter().any(|known| known.id == *id));
        for sensor in &book.sensors {
            let mono = self.at.mono;
            let ear = self.ear(sensor);
            if ear.heard + longest <= mono {
                // What it said last is evidence of nothing any more.
                (ear.value, ear.untold) = (None, None);
                ear.outside.clear();
                if self.entry(sensor).is_none_or(|entry| !entry.silent) {
                    self.stands(sensor, SensorState::Silent);
                }
            } else {
                self.tell(sensor);
            }
        }
        for entry in self.notes.entries.values() {
            let still = |known: &Sensor| {
                (&known.id, known.measures, &known.place)
                    == (&entry.id, entry.measures, &entry.place)
            };
            if !book.sensors.iter().any(still) {
                let (sensor, place) = (entry.id.clone(), entry.place.clone());
                let now = SensorState::Gone;
                let what = Happening::Sensor { sensor, measures: entry.measures, place, now };
                self.said.happened(self.at, what);
            }
        }
        // Where nothing measures it any more, nobody could ever say that it is over.
        for (place, warning) in self.notes.air.keys() {
            let measured =
                |known: &Sensor| known.place == *place && known.measures == warning.measure();
            if !book.sensors.iter().any(measured) {
                let (place, what) = (place.clone(), *warning);
                let over = Happening::Air { place, what, value: None, began: false };
                self.said.happened(self.at, over);
            }
        }
    }

    /// Tells what is untold, unless something was told a short while ago.
    fn tell(&mut self, sensor: &Sensor) {
        let now = self.at.now;
        // What was told under a clock that was ahead holds nothing back.
        let told = self.entry(sensor).and_then(|entry| entry.at).filter(|told| *told <= now);
        let may = told.and_then(|told| told.checked_add_signed(TOLD_EVERY));
        if may.is_some_and(|may| now < may) {
            return;
        }
        self.tell_now(sensor);
    }

    /// Tells what is untold.
    fn tell_now(&mut self, sensor: &Sensor) {
        if let Some(value) = self.ear(sensor).untold.take() {
            let (measures, place) = (sensor.measures, sensor.place.clone());
            let what = Happening::Measured { sensor: sensor.id.clone(), measures, place, value };
            self.said.happened(self.at, what);
        }
    }

    /// Whether a warning begins or ends at the place of `sensor`, which has just been heard.
    fn warn(&mut self, sensor: &Sensor, warning: AirWarning) {
        let open = self.notes.air.contains_key(&(sensor.place.clone(), warning));
        let beside = self
            .book
            .sensors
            .iter()
            .filter(|other| other.place == sensor.place && other.measures == sensor.measures);
        let ear = self.ears.by_sensor.get(&sensor.id);
        let value = ear.and_then(|ear| ear.value).map(|(value, _)| value);
        let changed = if open {
            // Whoever is silent keeps nothing open as long as somebody else is heard.
            beside
                .filter_map(|other| Some((other, self.ears.by_sensor.get(&other.id)?.value?.0)))
                .all(|(other, value)| warning.judge(value, other.limit) == Standing::Calm)
        } else {
            let lasts = warning.lasts().to_std().unwrap_or_default();
            ear.and_then(|ear| Some(ear.heard.saturating_sub(*ear.outside.get(&warning)?)))
                .is_some_and(|outside| lasts <= outside)
        };
        if changed {
            let (place, what) = (sensor.place.clone(), warning);
            self.said.happened(self.at, Happening::Air { place, what, value, began: !open });
            // Whoever reads the warning reads the value that it speaks of beside it.
            self.tell_now(sensor);
        }
    }

    fn stands(&mut self, sensor: &Sensor, now: SensorState) {
        let (measures, place) = (sensor.measures, sensor.place.clone());
        let what = Happening::Sensor { sensor: sensor.id.clone(), measures, place, now };
        self.said.happened(self.at, what);
    }

    fn entry(&self, sensor: &Sensor) -> Option<&SensorEntry> {
        self.notes.entries.get(&sensor.id)
    }

    fn ear(&mut self, sensor: &Sensor) -> &mut Ear {
        let since = self.at.mono;
        self.ears.by_sensor.entry(sensor.id.clone()).or_insert_with(|| Ear::listening_since(since))
    }
}

fn warnings_of(measure: Measure) -> impl Iterator<Item = AirWarning> {
    AirWarning::ALL.into_iter().filter(move |warning| warning.measure() == measure)
}
