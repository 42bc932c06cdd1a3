//! What goes into a centre's world, and what comes out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::access::{Going, RefusalKind};
use model::booking::BookingCode;
use model::day_sheet::{CredentialDigest, DaySheet};
use model::id::{CollectorId, DeviceId, PersonId, VisitId};
use model::language::Language;
use model::site_event::SiteEvent;
use model::terminal::TerminalState;
use model::voucher::Voucher;

use crate::nursery::{CareAnswer, CareFact};

/// When something happens, on both of a site's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The site's time of day.
    pub now: DateTime<Utc>,
    /// Time since the site's program began, which nobody can set: timers run on it.
    pub mono: Duration,
}

/// Something the world did not know before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The program began; the locks have been told to lock.
    Started,
    /// A checked sheet to run on from now on.
    Sheet(Box<DaySheet>),
    /// Whether the site's clock can be trusted; it is, until told otherwise.
    ClockSet(bool),
    /// A card was read.
    Tap {
        /// Where.
        reader: DeviceId,
        /// The card as the sheet lists it.
        digest: CredentialDigest,
        /// The id of the visit, should one begin.
        visit: VisitId,
    },
    /// A card gave nothing usable.
    UnreadableCard {
        /// Where.
        reader: DeviceId,
    },
    /// A booking code was typed, and its PIN held against [`CodeCheck::Pin`].
    Code {
        /// Where.
        reader: DeviceId,
        /// The code, unless the text was none.
        code: Option<BookingCode>,
        /// Whether the PIN was the right one.
        pin_right: bool,
        /// The id of the visit, should one begin.
        visit: VisitId,
    },
    /// A voucher whose signature is good was scanned.
    Voucher {
        /// Where.
        reader: DeviceId,
        /// What it says.
        voucher: Box<Voucher>,
        /// The id of the visit, should one begin.
        visit: VisitId,
    },
    /// Something was scanned that is no whole voucher of this region.
    UnreadableVoucher {
        /// Where.
        reader: DeviceId,
    },
    /// Somebody answered [`Answer::AskLeaving`].
    Leave {
        /// Where.
        reader: DeviceId,
        /// The visit asked about.
        visit: VisitId,
        /// What they said.
        going: Going,
    },
    /// A lock was read back.
    LockRead {
        /// Which door's.
        door: DeviceId,
        /// Where it is.
        level: LockLevel,
        /// For whom it was just opened.
        visit: Option<VisitId>,
    },
    /// A lock did not do what it was told, or does not answer.
    LockFailed {
        /// Which door's.
        door: DeviceId,
    },
    /// A contact was read.
    ContactRead {
        /// Which door's.
        door: DeviceId,
        /// Whether the leaf stands open.
        open: bool,
    },
    /// A terminal said what state it is in.
    TerminalSaid {
        /// Which.
        terminal: DeviceId,
        /// The state.
        state: TerminalState,
    },
    /// Something is told of a nursery.
    Care(CareFact),
    /// Time has passed; several times a second.
    Tick,
}

/// Where a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockLevel {
    /// The door cannot be opened from outside.
    Locked,
    /// The door can be pushed open.
    Unlocked,
}

/// What a fact leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What happened, in order; already applied.
    pub outcomes: Vec<SiteEvent>,
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// What whoever asked is told.
    pub answer: Option<Answer>,
    /// Who they are, where that is known and they were not turned away.
    pub guest: Option<PersonId>,
}

/// Something to be done outside the world. The world asks again where it was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open this lock.
    Unlock {
        /// The door.
        door: DeviceId,
        /// For whose visit; nothing for somebody who is let in for their children alone.
        visit: Option<VisitId>,
    },
    /// Close this lock.
    Lock {
        /// The door.
        door: DeviceId,
    },
    /// Tell a terminal who is on the way.
    Assign {
        /// The terminal.
        terminal: DeviceId,
        /// The visit.
        visit: VisitId,
        /// Until when the desk is theirs.
        until: DateTime<Utc>,
        /// The language of the screen.
        language: Language,
    },
    /// Tell a terminal to end the session and leave no trace.
    Wipe {
        /// The terminal.
        terminal: DeviceId,
        /// The visit that ended.
        visit: VisitId,
    },
}

/// What somebody in the lobby is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Checked in, or shown the desk once more.
    Welcome {
        /// The visit.
        visit: VisitId,
        /// The label on the desk.
        space: String,
        /// Until when it is theirs.
        until: DateTime<Utc>,
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
        /// Until when it is theirs.
        until: DateTime<Utc>,
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
        /// When what they come for was given free, where it was.
        since: Option<DateTime<Utc>>,
        /// How many other desks nobody needs for the rest of their time, where it was given free.
        free_desks: Option<u32>,
        /// The language they are answered in, where it is known.
        language: Option<Language>,
    },
    /// What was told of a nursery is answered.
    Care(CareAnswer),
}

/// Whose PIN is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinOf {
    /// The guest's of this booking.
    Booking(BookingCode),
    /// A person's.
    Person(PersonId),
    /// Somebody's who is named to collect a child.
    Collector(CollectorId),
}

/// How a typed code stands before its PIN has been looked at.
#[derive(Clone, PartialEq, Eq)]
pub enum CodeCheck {
    /// Closed after too many wrong PINs.
    Paused,
    /// Nobody's, or its owner has no PIN.
    Unknown,
    /// The Argon2 hash (PHC string) that the PIN must fit.
    Pin(String),
}

impl std::fmt::Debug for CodeCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Paused => "Paused",
            Self::Unknown => "Unknown",
            Self::Pin(_) => "Pin(..)",
        })
    }
}
