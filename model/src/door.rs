//! A door: what it is made of, when it stands open, what it asks of whoever comes, and what is to be
//! thought of the levels that are read at it.

mod plan;
mod state;

pub use plan::{
    Asked, BadPlan, Calendar, Demand, DoorPlan, DoorReader, FIRST_IN_AHEAD, LEVELS, MOST_READERS,
    MOST_WINDOWS, PASSBACK_FOR, Passback, Side, TWO_PERSONS_WITHIN, Unlocks, Window, Wiring, Zone,
};
pub use state::{DoorState, EXIT_STUCK, LET_THROUGH_FOR, Limits, LockLevel, Seen, Watch};

use serde::{Deserialize, Serialize};

use crate::id::DeviceId;
use crate::language::LocalText;

/// A door of a centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// The device that moves its lock.
    pub device: DeviceId,
    /// Its name on screen.
    pub name: LocalText,
    /// How long it stays unlocked after a tap, in seconds.
    pub unlock_seconds: u32,
    /// What else is known of it. Without, it is of the house, has no reader of its own and is locked but
    /// for the seconds after a tap in the lobby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<DoorPlan>,
}

impl Door {
    /// The zone behind it.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.plan.as_ref().map(|plan| plan.zone.clone()).unwrap_or_default()
    }

    /// The side that a reader of it is on.
    #[must_use]
    pub fn side_of(&self, reader: &DeviceId) -> Option<Side> {
        let readers = &self.plan.as_ref()?.readers;
        readers.iter().find(|one| one.device == *reader).map(|one| one.side)
    }
}
