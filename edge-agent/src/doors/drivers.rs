//! What drives a site's doors, and the simulated ones.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hardware::door::{Contact, Input, Lock};
use hardware::sim::{SimDoor, SimFirePanel};
use model::id::DeviceId;

use crate::config::{Config, HomieNode};
use crate::door_readers::DoorReader;

/// What moves and senses one door.
pub struct DoorDriver {
    /// Its lock.
    pub lock: Box<dyn Lock>,
    /// Its contact.
    pub contact: Box<dyn Contact>,
    /// The button inside, where there is one that can be read.
    pub exit: Option<Box<dyn Input>>,
}

/// Finds the drivers of a site's doors.
pub trait Drivers: Send + Sync {
    /// The driver of `door`, if the site was told of one.
    fn door(&self, door: &DeviceId) -> Option<DoorDriver>;

    /// The node of a foreign device that is `door`, where it is one: then its driver is made by
    /// whoever has the site bus.
    fn homie(&self, door: &DeviceId) -> Option<HomieNode> {
        let _ = door;
        None
    }

    /// Goes by other settings from now on; doors that run keep their driver until they are started again.
    fn set_up(&self, config: &Config) {
        let _ = config;
    }

    /// The readers at doors that are wired to this machine, each once.
    fn readers(&self) -> Vec<DoorReader> {
        Vec::new()
    }

    /// The line on which the fire panel says that the doors are to be released, if the site has one. It comes beside
    /// the wire that releases them without this program, never instead of it.
    fn fire(&self) -> Option<Box<dyn Input>> {
        None
    }
}

/// Simulated doors, made when they are first asked for.
#[derive(Debug, Default)]
pub struct SimDoors {
    doors: Mutex<HashMap<DeviceId, SimDoor>>,
    panel: SimFirePanel,
}

impl SimDoors {
    /// The simulated door of this id, to push it or to break it.
    #[must_use]
    pub fn get(&self, door: &DeviceId) -> SimDoor {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        doors.entry(door.clone()).or_default().clone()
    }

    /// The simulated fire panel.
    #[must_use]
    pub fn panel(&self) -> &SimFirePanel {
        &self.panel
    }
}

impl Drivers for SimDoors {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        let door = self.get(door);
        Some(DoorDriver {
            lock: Box::new(door.lock()),
            contact: Box::new(door.contact()),
            exit: Some(Box::new(door.exit_button())),
        })
    }

    fn fire(&self) -> Option<Box<dyn Input>> {
        Some(Box::new(self.panel.input()))
    }
}
