//! What devices ask their site, what it answers, and what it tells them to do.

use chrono::{DateTime, Utc};
use model::access::RefusalKind;
use model::id::{TicketId, VisitId};
use model::language::Language;
use serde::{Deserialize, Serialize};

/// The largest request or answer on the site bus, in bytes.
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
    },
    /// Are they leaving?
    AskLeaving {
        /// The visit.
        visit: VisitId,
        /// The label on the desk.
        space: String,
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
    },
    /// Checked out.
    Goodbye {
        /// How long the visit was.
        minutes: i64,
        /// The language they are answered in.
        language: Language,
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
    /// The request could not be read.
    NotUnderstood {
        /// One sentence for the device's log.
        reason: String,
    },
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
