//! Foreign Homie 5 devices on the site bus: sensors that feed the centre, locks and contacts that
//! are doors.
//!
//! Nothing they say is believed further than their own description and the bounds of what a room
//! can have. What does not fit is dropped and said once; whoever says too much is not heard until
//! it says less. A value that the broker kept from before is no word of now.

mod line;
mod pace;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hardware::door::Input;
use hardware::homie::{HomieContact, HomieLock};
use model::id::{DeviceId, Slug};
use model::permission::Action;
use model::sensor::{Sensor, SensorId};
use tokio::sync::watch;
use tokio::time::{Instant, interval};
use twin::Fact;
use wire::bus::{SiteBus, StateChange};
use wire::homie::{CONTACT, DESCRIPTION, Description, LOCK};
use wire::topics::LIFECYCLE;

use crate::broker::DeviceRegistry;
use crate::centre::Centre;
use crate::config::{Config, HomieNode};
use crate::door_readers::DoorReader;
use crate::doors::{DoorDriver, Drivers};
use line::BusLine;
use pace::Pace;

/// The longest value that is kept, in bytes.
const LONGEST_VALUE: usize = 256;
/// How often the centre is told which devices are there.
const SAY_THERE: Duration = Duration::from_secs(60);
/// What a device that can be used says of itself.
const READY: &str = "ready";

/// The foreign devices of a site. Clones are the same.
#[derive(Clone)]
pub struct Things {
    inner: Arc<Inner>,
}

struct Inner {
    bus: SiteBus,
    registry: DeviceRegistry,
    begun: Instant,
    state: Mutex<State>,
    /// Rises with every change, so that lines look again.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    sensors: Vec<Sensor>,
    /// Nodes that are doors.
    doors: BTreeSet<(DeviceId, Slug)>,
    things: BTreeMap<DeviceId, Thing>,
}

/// What is known of one device.
#[derive(Default)]
struct Thing {
    ready: bool,
    description: Option<Description>,
    /// As they came: whether a value fits is asked of the description when it is read.
    values: BTreeMap<(Slug, Slug), Raw>,
    /// How often it has said each, which outlives the values.
    turns: u64,
    pace: Pace,
    /// What it was complained of, so that it is said once.
    said: BTreeSet<Trouble>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Raw {
    text: String,
    turn: u64,
}

/// What is wrong with what a device says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Description(String),
    Undescribed(SensorId),
    Value(SensorId),
    TooMuch,
}

impl Things {
    /// None known yet. `registry` says which devices are foreign ones of this site.
    #[must_use]
    pub fn new(bus: SiteBus, registry: DeviceRegistry) -> Self {
        let inner = Inner {
            bus,
            registry,
            begun: Instant::now(),
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Listens for these sensors from now on.
    pub fn use_sensors(&self, sensors: &[Sensor]) {
        self.state().sensors = sensors.to_vec();
    }

    /// The drivers of a site whose doors may be foreign devices.
    #[must_use]
    pub fn drivers(&self, others: Arc<dyn Drivers>) -> Arc<dyn Drivers> {
        Arc::new(WithThings { things: self.clone(), others })
    }

    fn door(&self, node: &HomieNode) -> Option<DoorDriver> {
        self.state().doors.insert((node.device.clone(), node.node.clone()));
        let line = |property: &str| {
            let property = property.parse().ok()?;
            let id = SensorId { device: node.device.clone(), node: node.node.clone(), property };
            Some(Arc::new(BusLine { things: self.clone(), id }))
        };
        Some(DoorDriver {
            lock: Box::new(HomieLock::new(line(LOCK)?)),
            contact: Box::new(HomieContact::new(line(CONTACT)?)),
            exit: None,
        })
    }

    /// Takes in what a device says; answers what the centre is to know of it.
    pub(crate) fn heard(&self, change: &StateChange) -> Option<Fact> {
        let device = &change.device;
        if !self.inner.registry.may(device, Action::RunThing) {
            // One that was locked out may still be talking.
            self.state().things.remove(device);
            return None;
        }
        let now = self.inner.begun.elapsed();
        let (fact, changed) = self.state().heard(change, now);
        if changed {
            self.inner.changes.send_modify(|turn| *turn = turn.wrapping_add(1));
        }
        fact
    }

    /// The line to the broker broke: nobody is there, and nothing is known of anything.
    fn line_down(&self) {
        for thing in self.state().things.values_mut() {
            thing.ready = false;
            thing.values.clear();
        }
        self.inner.changes.send_modify(|turn| *turn = turn.wrapping_add(1));
    }

    fn there(&self) -> Vec<DeviceId> {
        let state = self.state();
        let ready = state.things.iter().filter(|(_, thing)| thing.ready);
        ready.map(|(device, _)| device.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the line, and tells the centre now and then which devices are there.
pub(crate) async fn follow(things: Things, centre: Centre) {
    let mut connected = things.inner.bus.connected();
    let mut say = interval(SAY_THERE);
    loop {
        tokio::select! {
            changed = connected.changed() => {
                if changed.is_err() {
                    return;
                }
                if !*connected.borrow_and_update() {
                    things.line_down();
                }
            }
            _ = say.tick() => {
                for device in things.there() {
                    if centre.decide(Fact::ThingThere { device }).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl State {
    fn heard(&mut self, change: &StateChange, now: Duration) -> (Option<Fact>, bool) {
        let StateChange { device, path, value, retained } = change;
        let thing = self.things.entry(device.clone()).or_default();
        if path == LIFECYCLE {
            let was = std::mem::replace(&mut thing.ready, value == READY);
            if ["lost", "disconnected", ""].contains(&value.as_str()) {
                // What it said last says nothing of when it comes back.
                thing.values.clear();
            }
            // One that comes and goes all the time is told of now and then.
            let tells = thing.ready && !was && thing.pace.admits(now);
            let there = tells.then(|| Fact::ThingThere { device: device.clone() });
            return (there, was != thing.ready);
        }
        if path == DESCRIPTION && !thing.pace.admits(now) {
            thing.complain(device, Trouble::TooMuch);
            return (None, false);
        }
        if path == DESCRIPTION {
            thing.describe(device, value);
            return (None, true);
        }
        let Some((node, property)) = two_levels(path) else { return (None, false) };
        let id = SensorId { device: device.clone(), node, property };
        let sensor = self.sensors.iter().find(|sensor| sensor.id == id);
        let of_a_door = [LOCK, CONTACT].contains(&id.property.as_str());
        let door = of_a_door && self.doors.contains(&(id.device.clone(), id.node.clone()));
        if sensor.is_none() && !door {
            return (None, false);
        }
        // A door's newest level is never dropped: it is looked at twice a second, whether or not anybody is told of it.
        let admitted = thing.pace.admits(now);
        if !admitted {
            thing.complain(device, Trouble::TooMuch);
            if !door {
                return (None, false);
            }
        }
        let key = (id.node.clone(), id.property.clone());
        if value.is_empty() || value.len() > LONGEST_VALUE {
            if !value.is_empty() {
                thing.complain(device, Trouble::Value(id));
            }
            return (None, thing.values.remove(&key).is_some());
        }
        if !retained {
            thing.turns += 1;
        }
        let turn = if *retained { 0 } else { thing.turns };
        thing.values.insert(key, Raw { text: value.clone(), turn });
        let Some(sensor) = sensor.filter(|_| admitted && !retained) else {
            return (None, admitted);
        };
        let described = thing.description.as_ref().and_then(|d| d.property(&id.node, &id.property));
        let Some(described) = described else {
            thing.complain(device, Trouble::Undescribed(id));
            return (None, true);
        };
        let read = described.value(value).ok().and_then(|v| words::reading(sensor.measures, &v));
        match read {
            Some(reading) => {
                thing.said.remove(&Trouble::Value(id.clone()));
                (Some(Fact::Sensed { sensor: id, reading }), true)
            }
            None => {
                thing.complain(device, Trouble::Value(id));
                (None, true)
            }
        }
    }
}

impl Thing {
    fn describe(&mut self, device: &DeviceId, text: &str) {
        match Description::read(text) {
            Ok(description) => {
                self.said.clear();
                self.description = Some(description);
            }
            Err(_) if text.is_empty() => self.description = None,
            Err(error) => {
                self.description = None;
                self.complain(device, Trouble::Description(error.to_string()));
            }
        }
    }

    fn complain(&mut self, device: &DeviceId, trouble: Trouble) {
        if self.said.len() < 64 && self.said.insert(trouble.clone()) {
            match trouble {
                Trouble::Description(why) => {
                    tracing::warn!(%device, why, "a foreign device is not heard: its description is no good");
                }
                Trouble::Undescribed(id) => {
                    tracing::warn!(%id, "a value is dropped: its device does not describe it");
                }
                Trouble::Value(id) => {
                    tracing::warn!(%id, "a value is dropped: no room can have it, or it is none");
                }
                Trouble::TooMuch => {
                    tracing::warn!(%device, "a foreign device says too much; what is over is dropped");
                }
            }
        }
    }
}

/// `node/property`; commands and attributes are deeper.
fn two_levels(path: &str) -> Option<(Slug, Slug)> {
    let (node, property) = path.split_once('/')?;
    Some((node.parse().ok()?, property.parse().ok()?))
}

/// Doors that are foreign devices, and the others.
struct WithThings {
    things: Things,
    others: Arc<dyn Drivers>,
}

impl Drivers for WithThings {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        match self.others.homie(door) {
            Some(node) => self.things.door(&node),
            None => self.others.door(door),
        }
    }

    fn set_up(&self, config: &Config) {
        self.others.set_up(config);
    }

    fn readers(&self) -> Vec<DoorReader> {
        self.others.readers()
    }

    fn fire(&self) -> Option<Box<dyn Input>> {
        self.others.fire()
    }
}

#[cfg(test)]
mod tests;
