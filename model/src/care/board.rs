//! A nursery at one moment, and what is to come of its day: what its staff and its operators look at. No names.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::day::{CareAlarm, CaregiverState};
use super::intake::Lack;
use crate::id::{BookingId, ChildId, NurseryId, RoomId, ShiftId};
use crate::interval::Interval;

/// A nursery at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NurseryView {
    /// Which.
    pub nursery: NurseryId,
    /// Whether children are admitted by staff there; otherwise places alone count.
    pub staffed: bool,
    /// Who is there now.
    pub now: Count,
    /// What is too little now.
    pub lacks: Vec<Lack>,
    /// The quarters of an hour from the next one on, to the end of the last care of the day.
    pub quarters: Vec<Quarter>,
    /// The children in each room, where it has rooms.
    pub rooms: Vec<RoomCount>,
    /// The children of today: those in care, those who come, those who have been collected.
    pub children: Vec<ChildView>,
    /// Who works today.
    pub caregivers: Vec<CaregiverView>,
    /// What is not as it has to be, what came first in front.
    pub alarms: Vec<AlarmView>,
}

impl NurseryView {
    /// Whether anything is too little now.
    #[must_use]
    pub fn is_short(&self) -> bool {
        !self.lacks.is_empty()
    }
}

/// Children against staff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Children.
    pub children: u32,
    /// Staff who count.
    pub staff: u32,
    /// How many of them the children need, by the figure that must hold at every moment.
    pub need: u32,
}

/// A quarter of an hour to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarter {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// Its worst moment.
    pub count: Count,
    /// Whether anything is too little in it: staff, floor, a group, places.
    pub short: bool,
}

/// The children in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCount {
    /// Which.
    pub room: RoomId,
    /// How many of each age in years, the youngest in front.
    pub by_age: Vec<(u32, u32)>,
}

/// A child of today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildView {
    /// Who.
    pub child: ChildId,
    /// On which booking.
    pub booking: BookingId,
    /// When its care is booked.
    pub when: Interval,
    /// In which room it is, or will be.
    pub room: Option<RoomId>,
    /// How it stands.
    pub state: ChildState,
}

/// How a child stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ChildState {
    /// It has not been brought yet.
    Expected,
    /// It is in care.
    InCare {
        /// Since when.
        since: DateTime<Utc>,
        /// Whether the staff have taken it over from whoever brought it.
        received: bool,
        /// Since when it sleeps, and when it was last looked at.
        asleep: Option<(DateTime<Utc>, DateTime<Utc>)>,
        /// Since when its guardians are asked to collect it, because it is ill.
        recalled: Option<DateTime<Utc>>,
    },
    /// It was collected.
    Collected {
        /// When.
        at: DateTime<Utc>,
    },
}

/// Somebody who works today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaregiverView {
    /// By their shift.
    pub shift: ShiftId,
    /// When it is.
    pub when: Interval,
    /// Its breaks.
    pub breaks: Vec<Interval>,
    /// What they said last, and when; nothing before they came.
    pub state: Option<(CaregiverState, DateTime<Utc>)>,
}

/// Something that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// What.
    pub alarm: CareAlarm,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Caregivers who are not at work then and could be asked, by their shifts.
    pub ask: Vec<ShiftId>,
}
