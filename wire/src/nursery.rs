//! What a nursery's staff ask their site at their screen, and what it answers.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use model::care::board::NurseryView;
use model::care::day::{
    CaregiverState, HealthCheck, NotHandedOver, NotTakenIn, NoteBody, NoteKind,
};
pub use model::care::day::{NotDone, NotSignedIn};
use model::care::file::{CollectsAs, NotCollecting};
use model::child::Contact;
use model::id::{ChildId, NurseryId, RoomId, ShiftId, TicketId};
use model::language::LocalText;
use model::muster::{Evidence, Muster};
use model::site_order::OrderAnswer;
use serde::{Deserialize, Serialize};

use crate::request::{Card, Secret};

/// What somebody of the staff who has signed in asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "staff")]
pub enum StaffAsk {
    /// How their nurseries stand.
    Board,
    /// What is to be known of a child. The look is recorded.
    Child {
        /// Which.
        child: ChildId,
    },
    /// A child is brought to them.
    DropOff {
        /// Which.
        child: ChildId,
        /// How it is.
        check: HealthCheck,
    },
    /// They take over a child that was brought at a kiosk.
    Receive {
        /// Which.
        child: ChildId,
    },
    /// Somebody collects a child.
    HandOver {
        /// Which.
        child: ChildId,
        /// What they have shown.
        claim: Claim,
        /// Whether the staff have seen who it is and hand the child over; else it is only asked whether they may.
        #[serde(default)]
        confirmed: bool,
        /// Whether a guardian was telephoned first.
        #[serde(default)]
        telephoned: bool,
    },
    /// A caregiver came, went on a break, came back or went home.
    Caregiver {
        /// By their shift.
        shift: ShiftId,
        /// How they stand.
        state: CaregiverState,
    },
    /// Something is written down of a child.
    Note {
        /// Which.
        child: ChildId,
        /// What kind of thing.
        kind: NoteKind,
        /// What.
        #[serde(default)]
        body: NoteBody,
    },
    /// A child changes rooms.
    Move {
        /// Which.
        child: ChildId,
        /// Where to.
        room: RoomId,
    },
    /// A child is ill, and its guardians are asked to collect it.
    Recall {
        /// Which.
        child: ChildId,
        /// Why.
        #[serde(default)]
        why: NoteBody,
    },
    /// A child is not there any more, and what had happened was not told.
    PutRight {
        /// Which.
        child: ChildId,
        /// Why it is said only now.
        why: NoteBody,
    },
    /// Who is in the house, for the place where everybody gathers.
    Muster,
    /// Every door locks and stays so, or does so no longer.
    Lockdown {
        /// Begin it, or lift it.
        on: bool,
    },
    /// Every door opens and everybody is asked to leave, or no longer.
    Evacuate {
        /// Begin it, or lift it.
        on: bool,
    },
    /// They are done.
    SignOut,
}

/// What somebody who wants to collect a child has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "claim")]
pub enum Claim {
    /// A card, held to the staff's reader.
    Card {
        /// What was read.
        card: Card,
    },
    /// The PIN of one of those who may.
    Pin {
        /// Whose.
        who: CollectsAs,
        /// As typed.
        pin: Secret,
    },
    /// A voucher of a booking of theirs, scanned.
    Voucher {
        /// The text.
        text: Secret,
    },
    /// Nothing: they are turned away.
    Nothing,
}

/// What they are answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "told")]
pub enum StaffAnswer {
    /// They are signed in.
    SignedIn {
        /// To be shown with every question from now on.
        session: Secret,
        /// Their name.
        name: String,
    },
    /// They are not signed in.
    SignedOut {
        /// Why.
        why: NotSignedIn,
    },
    /// How their nurseries stand.
    Board(Box<Board>),
    /// What is to be known of a child.
    Child(Box<ChildSeen>),
    /// It is done and kept.
    Done,
    /// The child was not taken.
    NotTaken {
        /// Why.
        why: NotTakenIn,
        /// From when on it would be, where that is known.
        opens: Option<DateTime<Utc>>,
    },
    /// Whoever showed that may collect the child, once the staff confirm it.
    MayCollect {
        /// Who.
        who: CollectsAs,
        /// Their name.
        name: String,
        /// What they are to the child; empty for a guardian.
        relation: String,
        /// Since when nothing newer was heard, where a guardian has to be telephoned first.
        telephone_since: Option<DateTime<Utc>>,
    },
    /// The child is not handed over.
    NotHandedOver {
        /// Why.
        why: NotHandedOver,
    },
    /// A guardian has to be telephoned first: nothing newer was heard of who may collect the child.
    TelephoneFirst {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Who is in the house.
    Muster(Box<StaffMuster>),
    /// What became of an order.
    Ordered {
        /// What the site says of it. Not by its name: that is the word before it on the line.
        #[serde(rename = "became")]
        answer: OrderAnswer,
    },
    /// It was not done.
    NotDone {
        /// Why.
        why: NotDone,
    },
}

/// Who is in the house, as somebody of a nursery's staff may read it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffMuster {
    /// Everybody, with the children and caregivers of the nurseries that they work in.
    pub muster: Muster,
    /// The names of these nurseries.
    pub nurseries: Vec<(NurseryId, LocalText)>,
    /// How many children are in care in other nurseries of the house.
    pub elsewhere: usize,
    /// How many caregivers are in the house whom they do not work with.
    #[serde(default)]
    pub caregivers_elsewhere: usize,
    /// The staff whose cards were seen; some of them may be among the caregivers.
    #[serde(default)]
    pub by_card: Vec<StaffIn>,
}

/// Somebody of the staff, by their card.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffIn {
    /// Their name; empty where they are no colleague.
    pub name: String,
    /// What was last seen of them.
    pub last: Evidence,
}

/// How the nurseries of somebody of the staff stand.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// At what time.
    pub at: DateTime<Utc>,
    /// When the hub last said that the sheet in force is its newest.
    pub fresh: DateTime<Utc>,
    /// Whether a guardian has to be telephoned before a hand-over.
    pub telephone_first: bool,
    /// Who is signed in.
    pub staff: String,
    /// The nurseries.
    pub nurseries: Vec<NurseryBoard>,
}

/// A nursery with its names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NurseryBoard {
    /// Its name.
    pub name: LocalText,
    /// How it stands.
    pub view: NurseryView,
    /// Its rooms' names.
    pub rooms: Vec<(RoomId, LocalText)>,
    /// Its children.
    pub children: Vec<BoardChild>,
    /// Its caregivers' names, by shift, and as what they work.
    pub caregivers: Vec<(ShiftId, String, String)>,
}

/// A child as a board names it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardChild {
    /// Who.
    pub child: ChildId,
    /// Its name.
    pub name: String,
    /// Its age in years.
    pub years: u32,
    /// What it is allergic to: it is told where food is given out. Nothing where its guardians have given nothing of its
    /// health: then it is not known.
    pub allergies: Option<String>,
    /// When a sleeping child is to be looked at next.
    pub look_by: Option<DateTime<Utc>>,
}

/// What the staff may know of a child.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildSeen {
    /// Who.
    pub child: ChildId,
    /// Its name.
    pub name: String,
    /// When it was born.
    pub born: NaiveDate,
    /// Allergies, as its guardians have written.
    pub allergies: String,
    /// What else matters.
    pub notes: String,
    /// Its doctor.
    pub doctor: String,
    /// Whom to call, in this order.
    pub contacts: Vec<Contact>,
    /// Whether its guardians have given anything of its health.
    pub health_given: bool,
    /// Who may collect it, and who is on the list and may not today.
    pub collectors: Vec<SeenCollector>,
    /// The names of those who may not, whatever else is said.
    pub barred: Vec<String>,
}

/// Somebody on a child's list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenCollector {
    /// Who.
    pub who: CollectsAs,
    /// Their name.
    pub name: String,
    /// What they are to the child; empty for a guardian.
    pub relation: String,
    /// Where they can be telephoned, if that is known.
    pub telephone: Option<String>,
    /// Whether they have a PIN.
    pub has_pin: bool,
    /// Why they may not today, if so.
    pub not: Option<NotCollecting>,
}

/// Somebody's children at the door. A kiosk stands in public: it is told no name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtDoor {
    /// With which the kiosk speaks for them for some minutes.
    pub ticket: TicketId,
    /// The children, in the order of their ages.
    pub children: Vec<ChildAtDoor>,
}

/// A child at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildAtDoor {
    /// Which; it says nothing to anybody.
    pub child: ChildId,
    /// Its age in years.
    pub years: u32,
    /// Its nursery.
    pub nursery: LocalText,
    /// How it stands.
    pub state: DoorState,
}

/// How a child at the door stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DoorState {
    /// It can be brought now.
    Due {
        /// Until when its care is booked.
        until: DateTime<Utc>,
    },
    /// It can be brought later.
    Later {
        /// From when on.
        opens: DateTime<Utc>,
    },
    /// It is in care.
    InCare {
        /// Until when.
        until: DateTime<Utc>,
    },
}

macro_rules! prints_its_child {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("child", &self.child).finish_non_exhaustive()
            }
        }
    )+};
}
prints_its_child!(BoardChild, ChildSeen);

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("at", &self.at).finish_non_exhaustive()
    }
}

impl fmt::Debug for NurseryBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NurseryBoard").field("view", &self.view).finish_non_exhaustive()
    }
}

impl fmt::Debug for StaffMuster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaffMuster").field("at", &self.muster.at).finish_non_exhaustive()
    }
}

impl fmt::Debug for StaffAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedIn { .. } => f.write_str("SignedIn(..)"),
            Self::SignedOut { why } => f.debug_tuple("SignedOut").field(why).finish(),
            Self::Board(board) => board.fmt(f),
            Self::Child(child) => child.fmt(f),
            Self::Done => f.write_str("Done"),
            Self::NotTaken { why, .. } => f.debug_tuple("NotTaken").field(why).finish(),
            Self::MayCollect { who, .. } => f.debug_tuple("MayCollect").field(who).finish(),
            Self::NotHandedOver { why } => f.debug_tuple("NotHandedOver").field(why).finish(),
            Self::TelephoneFirst { since } => f.debug_tuple("TelephoneFirst").field(since).finish(),
            Self::Muster(muster) => muster.fmt(f),
            Self::Ordered { answer } => f.debug_tuple("Ordered").field(answer).finish(),
            Self::NotDone { why } => f.debug_tuple("NotDone").field(why).finish(),
        }
    }
}

impl fmt::Debug for SeenCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenCollector").field("who", &self.who).finish_non_exhaustive()
    }
}
