//! What happened at a site, as its edge tells the hub: once, in order, for good.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::access::RefusalKind;
use crate::care::day::CareEvent;
use crate::id::{BookingId, CredentialId, DeviceId, PersonId, SpaceId, VisitId};
use crate::language::Language;
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
    /// Something happened to a child in care, or to those who look after it.
    Care(CareEvent),
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
