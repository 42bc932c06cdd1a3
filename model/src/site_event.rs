//! What happened at a site, as its edge tells the hub: once, in order, for good.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::access::RefusalKind;
use crate::air::AirWarning;
use crate::card::CardLevel;
use crate::care::day::CareEvent;
use crate::device::{Trouble, Watched};
use crate::door::{DoorState, Side, Zone};
use crate::id::{BookingId, CredentialId, DeviceId, PersonId, SpaceId, VisitId};
use crate::language::Language;
use crate::sensor::{Measure, Reading, SensorId, SensorPlace, SensorState};
use crate::site_order::{OrderAnswer, Ordered};
use crate::terminal::TerminalState;

/// Something that happened, and when by the site's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteEvent {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// The kinds of things that happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Happening {
    /// The edge (re)started; its doors are locked.
    Started,
    /// A sheet came into force.
    SheetInForce {
        /// Its version.
        version: u64,
    },
    /// Somebody checked in.
    CheckedIn {
        /// The new visit.
        visit: VisitId,
        /// Who.
        person: PersonId,
        /// On which booking.
        booking: BookingId,
        /// The space they were sent to.
        space: SpaceId,
        /// By card, code or voucher.
        by: Proof,
    },
    /// Somebody without a booking for now was given a space of the walk-in lease. That they checked in on it
    /// follows.
    WalkedIn {
        /// The new visit.
        visit: VisitId,
        /// Who.
        person: PersonId,
        /// The booking that stands for it, made at the site.
        booking: BookingId,
        /// The space.
        space: SpaceId,
        /// Until when it is theirs.
        until: DateTime<Utc>,
        /// By card, code or voucher.
        by: Proof,
    },
    /// Somebody checked out.
    CheckedOut {
        /// The visit that ended.
        visit: VisitId,
        /// Who.
        person: PersonId,
        /// The space that is free again.
        space: SpaceId,
        /// Until when it was theirs, where they said that they do not come back: the rest of it is
        /// anybody's. Nothing from sites that did not ask.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gives_up: Option<DateTime<Utc>>,
    },
    /// Somebody who is checked in went out and means to come back: the desk stays theirs.
    SteppedOut {
        /// Their visit.
        visit: VisitId,
    },
    /// They are back.
    CameBack {
        /// Their visit.
        visit: VisitId,
    },
    /// A tap, code or voucher was turned away.
    Refused {
        /// Where.
        reader: DeviceId,
        /// The credential, where it was known.
        credential: Option<CredentialId>,
        /// Why.
        why: RefusalKind,
        /// The bookings they came for, where no space of theirs could be used: they did come.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        came_for: Vec<BookingId>,
        /// The bookings whose desks had been given free before they came. They wait for another.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        late_for: Vec<BookingId>,
    },
    /// Nobody came for a booking's desk until the deadline.
    NoShow {
        /// The booking.
        booking: BookingId,
        /// The space that is free again.
        space: SpaceId,
        /// When the claim that nobody came for starts: a booking may hold the space more than once.
        starts_at: DateTime<Utc>,
    },
    /// A lock was opened.
    DoorUnlocked {
        /// Which.
        door: DeviceId,
        /// For whose visit.
        visit: Option<VisitId>,
    },
    /// A lock closed again.
    DoorLocked {
        /// Which.
        door: DeviceId,
    },
    /// A lock did not do what it was told.
    LockFault {
        /// Which.
        door: DeviceId,
    },
    /// A door's contact reads open.
    DoorOpened {
        /// Which.
        door: DeviceId,
    },
    /// A door's contact reads closed.
    DoorClosed {
        /// Which.
        door: DeviceId,
    },
    /// A terminal changed its state.
    Terminal {
        /// Which.
        terminal: DeviceId,
        /// To what.
        state: TerminalState,
    },
    /// A credential proved more than its sheet knew of: it is not accepted below that again.
    CredentialProved {
        /// Which.
        credential: CredentialId,
        /// What.
        level: CardLevel,
    },
    /// The air or the noise of a place left its limits, or came back inside.
    Air {
        /// Where.
        place: SensorPlace,
        /// What is not as it should be.
        what: AirWarning,
        /// What was measured; nothing where no sensor is there to measure it any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Reading>,
        /// Whether it began; otherwise it is over.
        began: bool,
    },
    /// What a sensor measured: now and then, not each time.
    Measured {
        /// Which.
        sensor: SensorId,
        /// What.
        measures: Measure,
        /// Where.
        place: SensorPlace,
        /// How much.
        value: Reading,
    },
    /// A sensor was heard for the first time or again, has fallen silent, or is used no more.
    Sensor {
        /// Which.
        sensor: SensorId,
        /// What it measures.
        measures: Measure,
        /// Where.
        place: SensorPlace,
        /// How it stands now.
        now: SensorState,
    },
    /// Something happened to a child in care, or to those who look after it.
    Care(CareEvent),
    /// A card opened a door at one of the door's own readers or, of somebody who works here, the house's at a kiosk.
    LetThrough {
        /// Which door.
        door: DeviceId,
        /// At which reader.
        reader: DeviceId,
        /// What lies behind it.
        zone: Zone,
        /// Inwards from outside, or outwards from inside.
        side: Side,
        /// Whose card it was; on the way out anybody's opens, a stranger's too.
        person: Option<PersonId>,
        /// The card, where it was known.
        credential: Option<CredentialId>,
        /// They came in before and were not seen to go out.
        #[serde(default, skip_serializing_if = "is_false")]
        twice: bool,
    },
    /// A door has got into a state that somebody has to look after, or out of one.
    DoorState {
        /// Which.
        door: DeviceId,
        /// What it is in now.
        state: DoorState,
    },
    /// The button inside a door was pressed.
    ExitPressed {
        /// Which door's.
        door: DeviceId,
    },
    /// The fire panel released the doors, or does so no longer.
    Fire {
        /// Which of the two.
        on: bool,
    },
    /// Somebody ordered something of the site.
    Ordered {
        /// What, who and from where.
        order: Ordered,
        /// What became of it.
        answer: OrderAnswer,
    },
    /// The disk was full, so that events of little weight were given up. This stands in their place.
    Shed {
        /// How many.
        count: u64,
        /// How many of each kind, by the kind's word.
        kinds: BTreeMap<String, u64>,
        /// When the first of them happened.
        from: DateTime<Utc>,
        /// When the last of them happened.
        to: DateTime<Utc>,
    },
    /// The edge's disk takes nothing more (`full`), or does again.
    DiskFull {
        /// Whether it is full now.
        full: bool,
    },
    /// What stood here in the edge's file is gone, or can be read no more.
    Lost,
    /// Two clients take each other's place on the site bus with one identity.
    BusTwin {
        /// Whose identity.
        device: DeviceId,
    },
    /// A reader at a door, or the fire panel's line, cannot be used from now on, cannot be used for another reason, or
    /// works again. With [`Happening::Started`] all of them are over: what still does not work is told again.
    DeviceTrouble {
        /// Which.
        of: Watched,
        /// Why it cannot be used; nothing once it works again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Trouble>,
    },
    /// The hub's settings of this version passed the edge's check and are in force.
    ConfigInForce {
        /// The version.
        version: u64,
    },
    /// The hub's settings of this version did not pass the check; those before are in force again.
    ConfigRolledBack {
        /// The version that failed.
        version: u64,
        /// Why, in words.
        why: String,
    },
}

/// How much an event weighs where there is no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// What something reads or shows: it can be read again.
    Telemetry,
    /// What was done, and nobody's presence or safety hangs on it.
    Record,
    /// Who came and went, children, refusals, faults and alarms: it is never given up.
    Safety,
}

impl Happening {
    /// How much it weighs.
    #[must_use]
    pub fn weight(&self) -> Weight {
        match self {
            Self::DoorOpened { .. }
            | Self::DoorClosed { .. }
            | Self::Terminal { .. }
            | Self::Measured { .. }
            | Self::Sensor { .. } => Weight::Telemetry,
            Self::SheetInForce { .. }
            | Self::DoorUnlocked { .. }
            | Self::DoorLocked { .. }
            | Self::ExitPressed { .. } => Weight::Record,
            _ => Weight::Safety,
        }
    }
}

/// What stands in the place of `events` that are given up; nothing where there are none. What was given up before goes
/// into it.
#[must_use]
pub fn shed<'a>(events: impl IntoIterator<Item = &'a SiteEvent>) -> Option<SiteEvent> {
    let mut at = None;
    let (mut count, mut kinds) = (0, BTreeMap::<String, u64>::new());
    let (mut first, mut last) = (DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC);
    for event in events {
        at = at.max(Some(event.at));
        match &event.what {
            Happening::Shed { count: more, kinds: theirs, from, to } => {
                count += more;
                for (kind, many) in theirs {
                    *kinds.entry(kind.clone()).or_default() += many;
                }
                (first, last) = (first.min(*from), last.max(*to));
            }
            what => {
                count += 1;
                *kinds.entry(kind(what)).or_default() += 1;
                (first, last) = (first.min(event.at), last.max(event.at));
            }
        }
    }
    let what = Happening::Shed { count, kinds, from: first, to: last };
    Some(SiteEvent { at: at?, what })
}

/// The kind's word, as it is written.
fn kind(what: &Happening) -> String {
    let written = serde_json::to_value(what).ok();
    let kind = written.as_ref().and_then(|what| what["kind"].as_str());
    kind.unwrap_or_default().to_owned()
}

/// What a person showed to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "proof")]
pub enum Proof {
    /// A card.
    Card {
        /// Which.
        credential: CredentialId,
    },
    /// Booking code and PIN.
    Code,
    /// A booking's signed voucher.
    Voucher {
        /// What only the voucher said; nothing where the sheet knew the booking.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vouched: Option<Vouched>,
    },
}

/// What a voucher said of a guest whose booking the sheet could not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vouched {
    /// Until when the desk is theirs.
    pub until: DateTime<Utc>,
    /// The language they are answered in.
    pub language: Language,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_is_given_up_twice_is_counted_once() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let door: DeviceId = "y-door".parse().unwrap();
        let opened = |seconds| SiteEvent {
            at: at(seconds),
            what: Happening::DoorOpened { door: door.clone() },
        };
        let closed = SiteEvent { at: at(9), what: Happening::DoorClosed { door: door.clone() } };
        assert_eq!(shed([]), None);
        let once = shed(&[opened(3), opened(5)]).unwrap();
        let twice = shed(&[opened(1), once, closed]).unwrap();
        let kinds = BTreeMap::from([("door_opened".to_owned(), 3), ("door_closed".to_owned(), 1)]);
        assert_eq!(twice.at, at(9));
        assert_eq!(twice.what, Happening::Shed { count: 4, kinds, from: at(1), to: at(9) });
        assert_eq!(twice.what.weight(), Weight::Safety, "that something is missing is never lost");
        let text = serde_json::to_string(&twice).unwrap();
        assert_eq!(serde_json::from_str::<SiteEvent>(&text).unwrap(), twice);
    }

    #[test]
    fn what_does_not_work_is_an_alarm_that_is_kept_as_it_was_told() {
        let reader = Watched::Reader("y-reader".parse().unwrap());
        for (of, why, text) in [
            (
                reader,
                Some(Trouble::WrongKey),
                r#"{"at":"1970-01-01T00:00:00Z","kind":"device_trouble","of":{"reader":"y-reader"},"why":"wrong_key"}"#,
            ),
            (
                Watched::FirePanel,
                None,
                r#"{"at":"1970-01-01T00:00:00Z","kind":"device_trouble","of":"fire_panel"}"#,
            ),
        ] {
            let event =
                SiteEvent { at: DateTime::UNIX_EPOCH, what: Happening::DeviceTrouble { of, why } };
            assert_eq!(event.what.weight(), Weight::Safety);
            assert_eq!(serde_json::to_string(&event).unwrap(), text);
            assert_eq!(serde_json::from_str::<SiteEvent>(text).unwrap(), event);
        }
    }
}
