//! What devices ask their site, what it answers, and what it tells them to do.

use chrono::{DateTime, Utc};
use model::access::RefusalKind;
use model::care::day::{HealthCheck, NotTakenIn};
use model::id::{ChildId, TicketId, VisitId};
use model::language::Language;
use serde::{Deserialize, Serialize};

use crate::nursery::{AtDoor, StaffAnswer, StaffAsk};

/// The largest request on the site bus, in bytes. Answers may be as long as the bus carries.
pub const MOST_BYTES: usize = 16 * 1024;

/// A device asks its site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Request {
    /// A card was put on the reader.
    Tap {
        /// What was read.
        card: Card,
    },
    /// Somebody typed a booking code and PIN.
    Code {
        /// As typed.
        code: String,
        /// As typed.
        pin: Secret,
    },
    /// A voucher was scanned.
    Voucher {
        /// The text, as the scanner gave it.
        text: Secret,
    },
    /// Somebody answered the question whether they leave.
    Leave {
        /// The visit that was asked about.
        visit: VisitId,
        /// Yes, for good: the rest of their time is given free.
        leaving: bool,
        /// They go out and come back, so that the desk stays theirs. A site that does not know the
        /// word takes it for a no, which keeps the desk too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        back_soon: bool,
    },
    /// Somebody answered whether they take the desk that [`Answer::Refused`] offered instead.
    WalkIn {
        /// The visit that the offer was made for.
        visit: VisitId,
        /// Whether they take it.
        takes: bool,
    },
    /// Somebody wants to register the card that was refused with this ticket.
    OfferCard {
        /// The ticket.
        ticket: TicketId,
    },
    /// Has somebody registered it by now?
    OfferStands {
        /// The ticket.
        ticket: TicketId,
    },
    /// Whoever was answered with this ticket brings a child.
    DropOff {
        /// The ticket.
        ticket: TicketId,
        /// Which child.
        child: ChildId,
        /// How it is.
        check: HealthCheck,
    },
    /// Somebody of a nursery's staff signs in at their screen.
    StaffIn {
        /// Their card.
        card: Card,
        /// Their PIN, as typed.
        pin: Secret,
    },
    /// Somebody who has signed in there asks.
    Staff {
        /// What they were given.
        session: Secret,
        /// What.
        wants: StaffAsk,
    },
    /// Is there anything that everybody in the house has to know? Screens ask again and again.
    House,
}

/// What everybody in the house has to know, the most urgent alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HouseAlarm {
    /// The fire panel has released the doors.
    Fire,
    /// Everybody is asked to leave.
    Evacuation,
    /// Nobody is let in.
    Lockdown,
}

/// A card as the reader gives it. The identifier stays on the site bus, between device and edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Card {
    /// Only an identifier: it can be copied (level 1).
    Identifier {
        /// The normalised identifier, hexadecimal.
        identifier: Secret,
    },
    /// A card that has proved its key (level 3).
    Key {
        /// The public key, hexadecimal: 04, X and Y.
        key: Secret,
        /// The normalised identifier of the same card, hexadecimal, where it has a usable one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identifier: Option<Secret>,
    },
    /// A card that gave nothing usable.
    Unreadable,
}

/// A text that does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The site answers; what a lobby screen may show to anybody who stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// Checked in, or shown the desk once more.
    Welcome {
        /// The visit.
        visit: VisitId,
        /// The label on the desk.
        space: String,
        /// Until when the desk is theirs.
        until: DateTime<Utc>,
        /// Whether a door was opened.
        door_open: bool,
        /// The language they are answered in.
        language: Language,
        /// Their children, where any are to be brought or are in care.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        care: Option<AtDoor>,
    },
    /// Let in without a desk: for their children, or because they work here.
    LetIn {
        /// Whether a door was opened.
        door_open: bool,
        /// The language they are answered in.
        language: Language,
        /// The children; none where they come to work.
        care: AtDoor,
    },
    /// The child was brought, and is in care.
    DroppedOff {
        /// Which.
        child: ChildId,
        /// All of theirs who are to be brought or are in care, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        care: Option<AtDoor>,
        /// The language they are answered in.
        language: Language,
    },
    /// The child was not taken.
    NotTaken {
        /// Which.
        child: ChildId,
        /// Why.
        why: NotTakenIn,
        /// From when on it would be, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opens: Option<DateTime<Utc>>,
        /// All of theirs who are to be brought or are in care, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        care: Option<AtDoor>,
        /// The language they are answered in.
        language: Language,
    },
    /// Somebody of a nursery's staff is answered.
    Staff(StaffAnswer),
    /// Are they leaving?
    AskLeaving {
        /// The visit.
        visit: VisitId,
        /// The label on the desk.
        space: String,
        /// How many of their children are in care.
        #[serde(default)]
        in_care: u32,
        /// The language they are answered in.
        language: Language,
    },
    /// Out for a while; the desk stays theirs.
    SeeYouSoon {
        /// The label on the desk.
        space: String,
        /// Until when the desk is theirs.
        until: DateTime<Utc>,
        /// Whether a door was opened.
        door_open: bool,
        /// The language they are answered in.
        language: Language,
        /// How many of their children are in care.
        #[serde(default)]
        in_care: u32,
    },
    /// Checked out.
    Goodbye {
        /// How long the visit was.
        minutes: i64,
        /// The language they are answered in.
        language: Language,
        /// How many of their children are still in care.
        #[serde(default)]
        in_care: u32,
    },
    /// Not let in, and why.
    Refused {
        /// Why.
        why: RefusalKind,
        /// When it would work, where that is known.
        opens: Option<DateTime<Utc>>,
        /// The language they are answered in, where it is known.
        language: Option<Language>,
        /// When what they come for was given free, where it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<DateTime<Utc>>,
        /// How many other desks nobody needs for the rest of their time, as far as the site knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        free_desks: Option<u32>,
        /// With which the card can be registered, where it is nobody's; it says nothing of the card.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketId>,
        /// What they can have instead. A kiosk that does not know the word says why they are not let in, which is true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<WalkInOffer>,
    },
    /// The card waits to be registered with a code.
    CardOffered {
        /// The ticket.
        ticket: TicketId,
        /// The code to type.
        code: Secret,
        /// Until when it is good.
        ends_at: DateTime<Utc>,
    },
    /// It still waits.
    CardWaits,
    /// The card is somebody's now.
    CardAdded,
    /// The card cannot be registered now.
    NotOffered {
        /// Why.
        why: NotOffered,
    },
    /// What everybody in the house has to know.
    House {
        /// Nothing, on most days.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alarm: Option<HouseAlarm>,
    },
    /// It was decided, and a door may have been opened for it; but it could not be written down in time, so that nothing
    /// is promised: please see the staff.
    NotKept {
        /// Whether a door was opened.
        door_open: bool,
    },
    /// The request could not be read.
    NotUnderstood {
        /// One sentence for the device's log.
        reason: String,
    },
}

/// A desk of the walk-in lease for somebody who has no booking now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkInOffer {
    /// The visit that would begin.
    pub visit: VisitId,
    /// The label on the desk.
    pub space: String,
    /// Until when it would be theirs.
    pub until: DateTime<Utc>,
    /// How many minutes that is.
    pub minutes: i64,
}

/// Why a card cannot be registered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotOffered {
    /// The hub cannot be reached.
    NoConnection,
    /// It is somebody's; whose is not said.
    Somebodys,
    /// This kiosk has offered too many cards.
    TooMany,
    /// It was tapped too long ago: once more, please.
    TapAgain,
}

/// The site tells a device what to do. Travels with a message expiry of 5 s or less, never retained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The same id twice is acted on once.
    pub id: uuid::Uuid,
    /// Not acted on from this instant on.
    pub not_after: DateTime<Utc>,
    /// What to do.
    pub act: Act,
}

/// What a device can be told to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "act")]
pub enum Act {
    /// A terminal: somebody is on their way to you.
    Assign {
        /// Their visit.
        visit: VisitId,
        /// Until when.
        until: DateTime<Utc>,
        /// The language of the screen.
        language: Language,
    },
    /// A terminal: end the session and leave no trace.
    Wipe {
        /// The visit that ended.
        visit: VisitId,
    },
}
