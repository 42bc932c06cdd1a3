//! What an operator or a nursery's staff order of a site: acted on at once, at most once, or not at all.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, OrderId, PersonId, VisitId};
use crate::site_event::{Happening, SiteEvent};

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
    /// As it is after `event`. Who ordered something first has ordered it.
    #[must_use]
    pub fn after(mut self, event: &SiteEvent) -> Self {
        match &event.what {
            Happening::Fire { on } => self.fire = on.then_some(self.fire.unwrap_or(event.at)),
            Happening::Ordered { order, answer: OrderAnswer::Done } => {
                let first = InForce { since: event.at, by: order.by, from: order.from };
                let set = |now: Option<InForce>, on: bool| on.then_some(now.unwrap_or(first));
                match order.what {
                    SiteOrder::Lockdown { on } => self.lockdown = set(self.lockdown, on),
                    SiteOrder::Evacuate { on } => self.evacuation = set(self.evacuation, on),
                    SiteOrder::Unlock { .. } | SiteOrder::EndVisit { .. } => {}
                }
            }
            _ => {}
        }
        self
    }

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
    fn what_stands_above_the_house_follows_from_what_happened() {
        use OrderAnswer::{Done, Overruled};
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let by = |number| PersonId(Uuid::from_u128(number));
        let from = OrderedFrom::Hub;
        let ordered = |number, what, answer| {
            let order =
                Ordered { id: OrderId(Uuid::from_u128(number)), what, by: by(number), from };
            Happening::Ordered { order, answer }
        };
        let in_force = |minutes, number| Some(InForce { since: at(minutes), by: by(number), from });
        let nothing = HouseState::default();
        let locked = HouseState { lockdown: in_force(1, 1), ..nothing };
        let (locked_and_leaving, burning) = (
            HouseState { evacuation: in_force(4, 4), ..locked },
            HouseState { evacuation: in_force(4, 4), fire: Some(at(6)), ..locked },
        );
        let mut house = nothing;
        for (minutes, what, want) in [
            (1, ordered(1, SiteOrder::Lockdown { on: true }, Done), locked),
            (2, ordered(2, SiteOrder::Lockdown { on: true }, Done), locked),
            (3, ordered(3, SiteOrder::Evacuate { on: true }, Overruled), locked),
            (4, ordered(4, SiteOrder::Evacuate { on: true }, Done), locked_and_leaving),
            (5, Happening::Started, locked_and_leaving),
            (6, Happening::Fire { on: true }, burning),
            (7, Happening::Fire { on: true }, burning),
            (
                8,
                ordered(8, SiteOrder::Evacuate { on: false }, Done),
                HouseState { fire: Some(at(6)), ..locked },
            ),
            (9, Happening::Fire { on: false }, locked),
            (10, ordered(10, SiteOrder::Lockdown { on: false }, Done), nothing),
        ] {
            house = house.after(&SiteEvent { at: at(minutes), what });
            assert_eq!(house, want, "after minute {minutes}");
        }
    }

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
