//! What goes into the nurseries' part of the world, and what is answered.

use chrono::{DateTime, Utc};
use model::care::day::{
    CaregiverState, HealthCheck, NotDone, NotHandedOver, NotSignedIn, NotTakenIn, NoteKind, Sealed,
};
use model::care::file::CollectsAs;
use model::id::{ChildId, DeviceId, PersonId, RoomId, ShiftId};
use model::voucher::Voucher;

use crate::fact::TappedCard;

/// Something that is told of a nursery. What is `sealed` is what the event keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CareFact {
    /// A child is brought, at a kiosk by a person who has shown who they are, or to somebody of the staff.
    DropOff {
        /// Who.
        child: ChildId,
        /// The person at the kiosk.
        brought_by: Option<PersonId>,
        /// Or the member of staff.
        staff: Option<PersonId>,
        /// How it is.
        check: HealthCheck,
        /// The same.
        sealed: Sealed,
    },
    /// Somebody of the staff takes over a child that was brought at a kiosk.
    Receive {
        /// Who.
        child: ChildId,
        /// By whom.
        staff: PersonId,
    },
    /// Somebody wants to collect a child.
    HandOver {
        /// Who.
        child: ChildId,
        /// What they have shown.
        shown: Shown,
        /// Who of the staff stands there.
        staff: PersonId,
        /// Whether they hand the child over; else it is only asked who it is and whether they may.
        confirmed: bool,
        /// Whether a guardian was telephoned.
        telephoned: bool,
    },
    /// A caregiver came, went on a break, came back or went home.
    Caregiver {
        /// By their shift.
        shift: ShiftId,
        /// How they stand.
        state: CaregiverState,
        /// Who says so.
        staff: PersonId,
    },
    /// Something is written down.
    Note {
        /// Of whom.
        child: ChildId,
        /// What kind of thing.
        kind: NoteKind,
        /// What.
        sealed: Option<Sealed>,
        /// By whom.
        staff: PersonId,
    },
    /// A child changes rooms.
    Move {
        /// Who.
        child: ChildId,
        /// Where to.
        room: RoomId,
        /// Who says so.
        staff: PersonId,
    },
    /// A child's guardians are asked to collect it.
    Recall {
        /// Who.
        child: ChildId,
        /// Why.
        sealed: Sealed,
        /// By whom.
        staff: PersonId,
    },
    /// A child is not there any more, and what had happened was not told.
    PutRight {
        /// Who.
        child: ChildId,
        /// Why it is said only now; nothing where no key of the child's is known.
        sealed: Option<Sealed>,
        /// By whom.
        staff: PersonId,
    },
    /// Somebody of the staff looks at what is kept of a child.
    Look {
        /// Which child.
        child: ChildId,
        /// Who.
        staff: PersonId,
    },
    /// Somebody signs in at the staff screen; the PIN was held against [`crate::PinOf::Person`].
    SignIn {
        /// The screen.
        reader: DeviceId,
        /// Their card; nothing where it was not readable.
        card: Option<TappedCard>,
        /// Whether the PIN was the right one.
        pin_right: bool,
    },
    /// The hub has said that the sheet in force is its newest.
    SheetIsNewest,
}

/// What somebody who wants to collect a child has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A card; nothing where it was not readable.
    Card(Option<TappedCard>),
    /// A PIN, which was held against the one of this person.
    Pin {
        /// Whose.
        who: CollectsAs,
        /// Whether it was the right one.
        right: bool,
    },
    /// A voucher whose signature is good; nothing where it is not.
    Voucher(Option<Box<Voucher>>),
    /// Nothing that says who they are.
    Nothing,
}

/// What whoever told it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CareAnswer {
    /// It is done.
    Done,
    /// The child is not taken.
    NotTaken {
        /// Why.
        why: NotTakenIn,
        /// From when on it would be.
        opens: Option<DateTime<Utc>>,
    },
    /// They may collect the child.
    MayCollect {
        /// Who.
        who: CollectsAs,
        /// Since when nothing newer was heard, where a guardian has to be telephoned first.
        telephone_since: Option<DateTime<Utc>>,
    },
    /// The child is not handed over.
    NotHandedOver(NotHandedOver),
    /// A guardian has to be telephoned first: nothing newer was heard since then.
    TelephoneFirst(DateTime<Utc>),
    /// It was not done.
    NotDone(NotDone),
    /// They are signed in.
    SignedIn(PersonId),
    /// They are not.
    NotSignedIn(NotSignedIn),
    /// They are let in for their children, without a desk.
    LetIn(model::language::Language),
}
