//! What an operator or a nursery's staff order of a site: acted on at once, at most once, or not at all.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, OrderId, PersonId, VisitId};

/// An order that reaches its site later than this has no effect.
pub const GOOD_FOR: TimeDelta = TimeDelta::seconds(10);

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum SiteOrder {
    /// Open this door once, as a tap would.
    Unlock {
        /// Which.
        door: DeviceId,
    },
    /// Every door locks and stays so above all schedules, until it is lifted; the way out stays free.
    Lockdown {
        /// Begin it, or lift it.
        on: bool,
    },
    /// Every door opens and everybody is asked to leave, until it is lifted.
    Evacuate {
        /// Begin it, or lift it.
        on: bool,
    },
    /// End a visit as if its guest had left for good.
    EndVisit {
        /// Which.
        visit: VisitId,
    },
}

/// An order, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// The same id twice is acted on once.
    pub id: OrderId,
    /// What.
    #[serde(flatten)]
    pub what: SiteOrder,
    /// Who ordered it.
    pub by: PersonId,
    /// From where.
    pub from: OrderedFrom,
}

/// An order that holds until it is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who ordered it.
    pub by: PersonId,
    /// From where.
    pub from: OrderedFrom,
}

/// What stands above schedules and cards in the whole house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HouseState {
    /// Since when the fire panel releases the doors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fire: Option<DateTime<Utc>>,
    /// Everybody was asked to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evacuation: Option<InForce>,
    /// Nobody is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockdown: Option<InForce>,
}

impl HouseState {
    /// Whether every door is to be open.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.fire.is_some() || self.evacuation.is_some()
    }
}

/// Where an order was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderedFrom {
    /// On the hub's pages.
    Hub,
    /// At the site's staff screen.
    StaffScreen,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderAnswer {
    /// It was done, or was so already.
    Done,
    /// The site has no such door.
    UnknownDoor,
    /// The visit is unknown, or has ended.
    UnknownVisit,
    /// A lockdown or evacuation stands above it.
    Overruled,
    /// The lock did not follow.
    LockFault,
    /// It came too late.
    TooLate,
    /// The site does not know what time it is, so nobody can say whether it came in time.
    ClockUnset,
}

impl OrderAnswer {
    /// Its word, in JSON and in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::UnknownDoor => "unknown_door",
            Self::UnknownVisit => "unknown_visit",
            Self::Overruled => "overruled",
            Self::LockFault => "lock_fault",
            Self::TooLate => "too_late",
            Self::ClockUnset => "clock_unset",
        }
    }
}

impl SiteOrder {
    /// Its word, in JSON, in forms and in the record.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unlock { .. } => "unlock",
            Self::Lockdown { .. } => "lockdown",
            Self::Evacuate { .. } => "evacuate",
            Self::EndVisit { .. } => "end_visit",
        }
    }

    /// Whether it makes the house safer whoever gives it, and whenever: it is acted on where nobody
    /// can say what time it is.
    #[must_use]
    pub fn makes_safer(&self) -> bool {
        matches!(self, Self::Lockdown { on: true } | Self::Evacuate { on: true })
    }

    /// Whether it changes the whole house, so that whoever orders it is asked whether they are sure.
    #[must_use]
    pub fn needs_a_second_look(&self) -> bool {
        !matches!(self, Self::Unlock { .. })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_what_closes_or_empties_the_house_needs_no_clock() {
        let door: Option<DeviceId> = "y-door".parse().ok();
        let unlock = door.map(|door| SiteOrder::Unlock { door });
        let visit = SiteOrder::EndVisit { visit: VisitId(Uuid::nil()) };
        for (order, safer) in [
            (SiteOrder::Lockdown { on: true }, true),
            (SiteOrder::Lockdown { on: false }, false),
            (SiteOrder::Evacuate { on: true }, true),
            (SiteOrder::Evacuate { on: false }, false),
            (visit, false),
        ]
        .into_iter()
        .chain(unlock.map(|order| (order, false)))
        {
            assert_eq!(order.makes_safer(), safer, "{order:?}");
        }
    }
}
