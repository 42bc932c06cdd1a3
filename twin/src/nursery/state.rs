//! What events have said of children and caregivers.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::care::day::{CareAlarm, CaregiverState};
use model::id::{BookingId, ChildId, NurseryId, PersonId, RoomId, ShiftId};
use serde::{Deserialize, Serialize};

/// A child in care.
#[derive(Component, Clone, Copy, Debug)]
pub(crate) struct InCare(pub OpenStay);

/// What a caregiver said last.
#[derive(Component, Clone, Copy, Debug)]
pub(crate) struct Caregiver(pub CaregiverEntry);

/// A child that is in care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenStay {
    /// Who.
    pub child: ChildId,
    /// Where.
    pub nursery: NurseryId,
    /// On which booking.
    pub booking: BookingId,
    /// In which room, where the nursery has rooms.
    pub room: Option<RoomId>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when its care was booked as it was brought.
    pub until: DateTime<Utc>,
    /// Who brought it, where that is known.
    pub brought_by: Option<PersonId>,
    /// Whether the staff have taken it over.
    pub received: bool,
    /// Since when it sleeps, and when it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asleep: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Since when its guardians are asked to collect it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled: Option<DateTime<Utc>>,
    /// Who of its people went out of the building without it, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardian_out: Option<(PersonId, DateTime<Utc>)>,
}

/// A child that was collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndedStay {
    /// What it was.
    #[serde(flatten)]
    pub stay: OpenStay,
    /// Until when.
    pub collected_at: DateTime<Utc>,
}

/// What a caregiver said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaregiverEntry {
    /// By their shift.
    pub shift: ShiftId,
    /// Where.
    pub nursery: NurseryId,
    /// How they stand.
    pub state: CaregiverState,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// Something that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenAlarm {
    /// What.
    pub alarm: CareAlarm,
    /// Since when.
    pub since: DateTime<Utc>,
}
