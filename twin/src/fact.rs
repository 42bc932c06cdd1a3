//! What goes into a centre's world, and what comes out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::access::{Going, RefusalKind};
use model::booking::BookingCode;
use model::card::CardLevel;
use model::day_sheet::{CredentialDigest, DaySheet};
use model::device::{Trouble, Watched};
use model::door::DoorState;
use model::id::{BookingId, CollectorId, DeviceId, PersonId, VisitId};
use model::language::Language;
use model::sensor::{Reading, SensorId};
use model::site_event::SiteEvent;
use model::site_order::{OrderAnswer, Ordered};
use model::terminal::TerminalState;
use model::voucher::Voucher;

use crate::nursery::{CareAnswer, CareFact};

pub use model::door::LockLevel;

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
        /// The card.
        card: TappedCard,
        /// The id of the visit, should one begin.
        visit: VisitId,
    },
    /// A card gave nothing usable.
    UnreadableCard {
        /// Where.
        reader: DeviceId,
    },
    /// A card was read that nobody holds there any more, or that lay there before. It is recorded, and that is all.
    StaleCard {
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
    /// Somebody answered [`Answer::OfferWalkIn`].
    WalkIn {
        /// Where.
        reader: DeviceId,
        /// The visit that the offer was made for.
        visit: VisitId,
        /// The id of the booking, should one be made of it.
        booking: BookingId,
        /// Whether they take it.
        takes: bool,
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
    /// A contact has not answered for some time.
    ContactSilent {
        /// Which door's.
        door: DeviceId,
    },
    /// A button inside a door was read.
    ExitRead {
        /// Which door's.
        door: DeviceId,
        /// Whether it is pressed.
        pressed: bool,
    },
    /// The fire panel's line was read.
    FireRead {
        /// Whether the doors are to be released.
        on: bool,
    },
    /// A reader at a door or the fire panel's line cannot be used, or can be.
    DeviceTrouble {
        /// Which.
        of: Watched,
        /// Why not; nothing where it works.
        why: Option<Trouble>,
    },
    /// A PIN was typed after a tap that it was asked for with, and held against [`CodeCheck::Pin`] of
    /// [`crate::Twin::pin_asked`].
    DoorPin {
        /// At which reader.
        reader: DeviceId,
        /// Whether it was the right one.
        right: bool,
    },
    /// Somebody orders something of the site.
    Order(Ordered),
    /// A terminal said what state it is in.
    TerminalSaid {
        /// Which.
        terminal: DeviceId,
        /// The state.
        state: TerminalState,
    },
    /// A sensor has said a value just now.
    Sensed {
        /// Which.
        sensor: SensorId,
        /// What.
        reading: Reading,
    },
    /// A foreign device is there, though it may have nothing new to say.
    ThingThere {
        /// Which.
        device: DeviceId,
    },
    /// Something is told of a nursery.
    Care(CareFact),
    /// Time has passed; several times a second.
    Tick,
}

/// A card as it was read, by what the sheet would list it under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TappedCard {
    /// What it has proved: its key, or else its identifier.
    pub digest: CredentialDigest,
    /// How much that proves.
    pub level: CardLevel,
    /// The identifier of the same card, where it has proved a key and gave one.
    pub identifier: Option<CredentialDigest>,
}

impl TappedCard {
    /// A card that gave an identifier and proved nothing.
    #[must_use]
    pub fn of_identifier(digest: CredentialDigest) -> Self {
        Self { digest, level: CardLevel::Identifier, identifier: None }
    }
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
    /// Counts of wrong PINs that have changed: to be kept before whoever asked is answered.
    pub pins: Vec<PinCount>,
}

/// How many wrong PINs in a row were typed for somebody, or how much that was wrong at a reader; none where it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinCount {
    /// Whose, or where.
    pub of: TriesOf,
    /// How many.
    pub wrong: u32,
}

/// Something to be done outside the world. The world asks again where it was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open this lock, at once or not at all.
    Unlock {
        /// The door.
        door: DeviceId,
        /// For whose visit; nothing where it is opened for another reason.
        visit: Option<VisitId>,
    },
    /// Close this lock.
    Lock {
        /// The door.
        door: DeviceId,
    },
    /// Show whoever looks on what a door is in.
    ShowDoor {
        /// The door.
        door: DeviceId,
        /// What it is in.
        state: DoorState,
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
    /// There is nothing for them now, but a space of the walk-in lease can be theirs. Do they take it?
    OfferWalkIn {
        /// The visit that would begin.
        visit: VisitId,
        /// The label on the desk.
        space: String,
        /// Until when it would be theirs.
        until: DateTime<Utc>,
        /// How long that is.
        minutes: i64,
        /// Why there is nothing else for them.
        why: RefusalKind,
        /// When that would be otherwise, where it is known.
        opens: Option<DateTime<Utc>>,
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
    /// A door is opened for whoever tapped at a reader of it, or comes to work at a kiosk.
    DoorOpens {
        /// Which.
        door: DeviceId,
        /// The language they are answered in.
        language: Language,
    },
    /// What became of an order.
    Ordered(OrderAnswer),
}

/// Whose PIN is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinOf {
    /// The guest's of this booking.
    Booking(BookingCode),
    /// A person's.
    Person(PersonId),
    /// Somebody's who is named to collect a child.
    Collector(CollectorId),
}

/// What wrong PINs are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TriesOf {
    /// Whose they are.
    Pin(PinOf),
    /// Where they were typed, with codes that are nobody's.
    Reader(DeviceId),
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
