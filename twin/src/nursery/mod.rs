//! The centre's nurseries: who is in care, who looks after them, and whether that is enough.

mod alarms;
mod apply;
mod bring;
mod collect;
mod fact;
mod keep;
mod situation;
mod state;

use bevy_ecs::prelude::*;

pub(crate) use alarms::Looked;
pub(crate) use apply::apply;
pub use fact::{CareAnswer, CareFact, Shown};
pub(crate) use situation::Situation;
pub(crate) use state::{Caregiver, InCare};
pub use state::{CaregiverEntry, EndedStay, OpenAlarm, OpenStay};

pub use bring::{ChildThere, There};
pub use collect::pin_of;

/// What is decided about children in care.
pub(crate) fn add_systems(schedule: &mut Schedule) {
    schedule.add_systems(
        (bring::bring, collect::collect, keep::keep, alarms::alarms)
            .chain()
            .after(crate::decide::Lobby),
    );
}
