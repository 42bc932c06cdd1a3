//! A child's day in a nursery, as its site sees it: brought, looked after, collected, and what is wrong meanwhile.
//!
//! What happens here is told by ids, times and kinds alone. What it says of a child's health or in somebody's own
//! words travels and lies sealed with the child's key ([`Sealed`]), so that it is gone with that key.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::file::{CollectsAs, NotCollecting};
use super::intake::Lacking;
use crate::id::{
    BookingId, ChildId, CollectorId, CredentialId, NurseryId, PersonId, RoomId, ShiftId, VisitId,
};

/// A sheet of which the hub has not said for so long that it is its newest may be out of date: staff telephone a
/// guardian before they hand a child over.
pub const SHEET_FRESH: TimeDelta = TimeDelta::hours(4);
/// So long before the end of its care a child that nobody has collected is pointed out.
pub const DUE_SOON: TimeDelta = TimeDelta::minutes(15);
/// A child that was brought at a kiosk is taken over within so long, or it is pointed out.
pub const TAKEN_OVER: TimeDelta = TimeDelta::minutes(5);
/// Whoever has not come to their shift by then is not counted on any more.
pub const LATE_FOR_SHIFT: TimeDelta = TimeDelta::minutes(10);
/// What will be too little is pointed out so long before.
pub const SHORT_SOON: TimeDelta = TimeDelta::hours(2);
/// The longest note, in characters.
pub const LONGEST_NOTE: usize = 1_000;
/// A first report of a serious incident is due at the end of the day after, a second a month after (the notice on
/// reports of serious incidents in educational and childcare facilities, 教育・保育施設等における事故の報告等について).
pub const FIRST_REPORT_DAYS: u64 = 1;
/// Months until the second report.
pub const SECOND_REPORT_MONTHS: u32 = 1;

/// Something that happened to a child in care or to those who look after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "care")]
pub enum CareEvent {
    /// Somebody who answers for children was let into the building for them, without a desk.
    LetIn {
        /// Who.
        person: PersonId,
        /// By which card.
        credential: CredentialId,
    },
    /// A child was brought: from now on it is in care.
    DroppedOff {
        /// Who.
        child: ChildId,
        /// Where.
        nursery: NurseryId,
        /// On which booking.
        booking: BookingId,
        /// In which room, where the nursery has rooms.
        room: Option<RoomId>,
        /// Until when its care is booked.
        until: DateTime<Utc>,
        /// Who brought it, where that is known.
        brought_by: Option<PersonId>,
        /// Who of the staff took it over at once; nobody where it was told at a kiosk.
        staff: Option<PersonId>,
        /// The [`HealthCheck`].
        check: Sealed,
    },
    /// The staff took over a child that a guardian had brought.
    Received {
        /// Who.
        child: ChildId,
        /// Who took it over.
        staff: PersonId,
    },
    /// A child was not taken.
    DropOffRefused {
        /// Who.
        child: ChildId,
        /// Why.
        why: NotTakenIn,
        /// The [`HealthCheck`].
        check: Sealed,
        /// Who of the staff was there, if anybody.
        staff: Option<PersonId>,
    },
    /// A child was collected.
    HandedOver {
        /// Who.
        child: ChildId,
        /// By whom.
        to: CollectsAs,
        /// What they showed.
        by: Claimed,
        /// Who handed it over.
        staff: PersonId,
        /// Whether a guardian was telephoned before, because the sheet was old.
        telephoned: bool,
    },
    /// Somebody wanted to collect a child and did not get it.
    HandOverRefused {
        /// Which child.
        child: ChildId,
        /// Why.
        why: NotHandedOver,
        /// Who it was, where that is known.
        who: Option<Claimer>,
        /// Who refused.
        staff: PersonId,
    },
    /// A caregiver came, went on a break, came back or went home.
    Caregiver {
        /// Where.
        nursery: NurseryId,
        /// By their shift.
        shift: ShiftId,
        /// How they stand now.
        state: CaregiverState,
        /// Who said so.
        staff: PersonId,
    },
    /// A child that is not in care any more was taken off the count by hand: what had happened was not told.
    PutRight {
        /// Who.
        child: ChildId,
        /// The [`NoteBody`] that says why; nothing where the site knows no key of the child's.
        why: Option<Sealed>,
        /// Who said so.
        staff: PersonId,
    },
    /// Something was written down.
    Noted {
        /// Of whom.
        child: ChildId,
        /// What kind of thing. (An event's own kind lies beside it on the line.)
        #[serde(rename = "note")]
        kind: NoteKind,
        /// The [`NoteBody`]; nothing where the kind says it all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Sealed>,
        /// Who wrote it.
        staff: PersonId,
    },
    /// A child changed rooms.
    Moved {
        /// Who.
        child: ChildId,
        /// Where to.
        room: RoomId,
        /// Who said so.
        staff: PersonId,
    },
    /// A guardian was asked to collect a child early, because it is ill: the rest of the day is refunded.
    Recalled {
        /// Who.
        child: ChildId,
        /// On which booking.
        booking: BookingId,
        /// The [`NoteBody`] that says why.
        why: Sealed,
        /// Who asked.
        staff: PersonId,
    },
    /// Whoever has brought children went out of the building while they are in care.
    WentOut {
        /// Whose visit.
        visit: VisitId,
        /// Who.
        person: PersonId,
        /// Their children in care in the building.
        children: Vec<ChildId>,
    },
    /// Something is not as it has to be.
    AlarmRaised {
        /// What.
        alarm: CareAlarm,
    },
    /// It is again.
    AlarmOver {
        /// What.
        alarm: CareAlarm,
    },
    /// Somebody of the staff signed in at the staff screen, or failed to.
    SignedIn {
        /// Who.
        staff: PersonId,
        /// Whether the PIN was right.
        let_in: bool,
    },
    /// Somebody of the staff looked at what is kept of a child.
    LookedAt {
        /// Which child.
        child: ChildId,
        /// Who.
        staff: PersonId,
    },
}

impl CareEvent {
    /// The child that it is about, if it is about one.
    #[must_use]
    pub fn child(&self) -> Option<ChildId> {
        match self {
            Self::DroppedOff { child, .. }
            | Self::Received { child, .. }
            | Self::DropOffRefused { child, .. }
            | Self::HandedOver { child, .. }
            | Self::HandOverRefused { child, .. }
            | Self::PutRight { child, .. }
            | Self::Noted { child, .. }
            | Self::Moved { child, .. }
            | Self::Recalled { child, .. }
            | Self::LookedAt { child, .. } => Some(*child),
            Self::LetIn { .. }
            | Self::Caregiver { .. }
            | Self::WentOut { .. }
            | Self::AlarmRaised { .. }
            | Self::AlarmOver { .. }
            | Self::SignedIn { .. } => None,
        }
    }

    /// The member of staff who did it.
    #[must_use]
    pub fn staff(&self) -> Option<PersonId> {
        match self {
            Self::DroppedOff { staff, .. } | Self::DropOffRefused { staff, .. } => *staff,
            Self::Received { staff, .. }
            | Self::HandedOver { staff, .. }
            | Self::HandOverRefused { staff, .. }
            | Self::PutRight { staff, .. }
            | Self::Caregiver { staff, .. }
            | Self::Noted { staff, .. }
            | Self::Moved { staff, .. }
            | Self::Recalled { staff, .. }
            | Self::SignedIn { staff, .. }
            | Self::LookedAt { staff, .. } => Some(*staff),
            Self::LetIn { .. }
            | Self::WentOut { .. }
            | Self::AlarmRaised { .. }
            | Self::AlarmOver { .. } => None,
        }
    }
}

/// A text that only those who hold the child's key can read: base64 of nonce, ciphertext and tag.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub String);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// What is looked at and asked when a child is brought (視診). Sealed wherever it travels or lies.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// In tenths of a degree Celsius, where it was taken.
    pub temperature: Option<u16>,
    /// Signs of illness: a cough, a rash, vomiting, diarrhoea.
    pub unwell: bool,
    /// What else the staff should know.
    #[serde(default)]
    pub remarks: String,
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HealthCheck(..)")
    }
}

/// Why a health check cannot be taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCheck {
    /// The temperature is no child's.
    #[error("a temperature lies between 34.0 and 42.0 degrees")]
    Temperature,
    /// The remarks are too long.
    #[error("remarks take at most {LONGEST_NOTE} characters")]
    Remarks,
}

/// The temperatures that are taken down, in tenths of a degree.
pub const TEMPERATURES: std::ops::RangeInclusive<u16> = 340..=420;

impl HealthCheck {
    /// Whether it can be taken down.
    ///
    /// # Errors
    /// [`BadCheck`] says why not.
    pub fn check(&self) -> Result<(), BadCheck> {
        if self.temperature.is_some_and(|tenths| !TEMPERATURES.contains(&tenths)) {
            return Err(BadCheck::Temperature);
        }
        if plain_note(&self.remarks).is_none() {
            return Err(BadCheck::Remarks);
        }
        Ok(())
    }

    /// What speaks against taking the child: a fever of `fever` tenths of a degree or more. A child that seems unwell
    /// is taken by staff who have looked at it (`seen`), not at a kiosk.
    #[must_use]
    pub fn objection(&self, fever: u16, seen: bool) -> Option<NotTakenIn> {
        match self.temperature {
            Some(tenths) if tenths >= fever => Some(NotTakenIn::Fever),
            None if !seen => Some(NotTakenIn::NoTemperature),
            _ if self.unwell && !seen => Some(NotTakenIn::StaffLookFirst),
            _ => None,
        }
    }
}

/// A text of somebody's without what no text holds, if it is short enough.
#[must_use]
pub fn plain_note(text: &str) -> Option<String> {
    let text = text.trim().replace("\r\n", "\n");
    let odd = |c: char| c.is_control() && c != '\n';
    (text.chars().count() <= LONGEST_NOTE && !text.chars().any(odd)).then_some(text)
}

/// Why a child is not taken into care now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotTakenIn {
    /// It has a fever.
    Fever,
    /// At a kiosk a temperature has to be given.
    NoTemperature,
    /// It seems unwell: the staff look at it first.
    StaffLookFirst,
    /// No care is booked for it now or soon.
    NotBooked,
    /// Its care begins later, and there is no room or staff for it before.
    TooEarly,
    /// Its care is over.
    Over,
    /// Too few staff, too little floor or too large a group if it came in now.
    NoRoom,
    /// It is in care already.
    Here,
    /// Somebody who does not answer for it brought it.
    NotTheirs,
    /// The site's clock cannot be trusted: staff decide.
    ClockUnset,
}

/// What somebody who collects a child has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "claimed")]
pub enum Claimed {
    /// A card.
    Card {
        /// Which.
        credential: CredentialId,
    },
    /// Their PIN.
    Pin,
    /// The voucher of a booking of theirs.
    Voucher,
}

/// Somebody who wanted a child, and may have nothing to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimer {
    /// Somebody with an account.
    Account(PersonId),
    /// Somebody of a child's list.
    Named(CollectorId),
}

impl From<CollectsAs> for Claimer {
    fn from(who: CollectsAs) -> Self {
        match who {
            CollectsAs::Guardian(person) => Self::Account(person),
            CollectsAs::Named(id) => Self::Named(id),
        }
    }
}

/// Why a child is not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotHandedOver {
    /// They may not collect it.
    NotCollecting(NotCollecting),
    /// The card is nobody's, blocked or over.
    UnknownCard,
    /// The PIN is wrong.
    WrongPin,
    /// Too many wrong PINs.
    PinPaused,
    /// The voucher is no whole one of this region.
    UnreadableVoucher,
    /// They showed nothing that says who they are.
    ShowedNothing,
    /// The site knows no more who may collect the child: its guardians are telephoned, and the record is put right.
    NotKnown,
}

/// Why somebody is not signed in at the staff screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotSignedIn {
    /// Nobody is, or they were away for too long.
    Over,
    /// The card is nobody's who works in a nursery here.
    NotStaff,
    /// The PIN is wrong.
    WrongPin,
    /// Too many wrong PINs.
    Paused,
    /// They have set no PIN yet.
    NoPin,
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotDone {
    /// The child is none of their nurseries' today.
    NotTheirs,
    /// The child is not in care now.
    NotInCare,
    /// There is no such shift today.
    NoSuchShift,
    /// There is no such room, or it does not take the child's age.
    NoSuchRoom,
    /// The note says too little or too much.
    BadNote,
    /// The site could not seal it.
    NotSealed,
}

/// How a caregiver stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaregiverState {
    /// With the children.
    Here,
    /// On a break.
    OnBreak,
    /// Gone home, or said that they will not come.
    Gone,
}

/// What kind of thing is written down of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// It fell asleep.
    NapBegins,
    /// It was looked at in its sleep: breath, colour, how it lies.
    NapCheck,
    /// It woke up.
    NapEnds,
    /// What it ate.
    Meal,
    /// Its temperature.
    Temperature,
    /// For the staff alone.
    Note,
    /// For its guardians.
    ToGuardians,
    /// An incident, which is reported where it is serious.
    Incident,
}

impl NoteKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::NapBegins,
        Self::NapCheck,
        Self::NapEnds,
        Self::Meal,
        Self::Temperature,
        Self::Note,
        Self::ToGuardians,
        Self::Incident,
    ];

    /// Whether its guardians can read it.
    #[must_use]
    pub fn for_guardians(self) -> bool {
        !matches!(self, Self::Note)
    }
}

/// What is written down. Sealed wherever it travels or lies.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoteBody {
    /// In somebody's own words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// In tenths of a degree Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<u16>,
    /// How much of a meal was eaten, in tenths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eaten: Option<u8>,
    /// Whether an incident is one that is reported.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub serious: bool,
}

impl fmt::Debug for NoteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteBody(..)")
    }
}

/// Why a note cannot be taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// It says nothing, or too much.
    #[error("a note takes 1 to {LONGEST_NOTE} characters")]
    Text,
    /// The temperature is no child's.
    #[error("a temperature lies between 34.0 and 42.0 degrees")]
    Temperature,
    /// Nobody eats more than all of it.
    #[error("what was eaten is told in tenths, from 0 to 10")]
    Eaten,
}

impl NoteBody {
    /// The body of a note of this kind, with nothing that does not belong to it; nothing where the kind says it all.
    ///
    /// # Errors
    /// [`BadNote`] says what is missing or too much.
    pub fn of(self, kind: NoteKind) -> Result<Option<Self>, BadNote> {
        let text = plain_note(&self.text).ok_or(BadNote::Text)?;
        let body = match kind {
            NoteKind::NapBegins | NoteKind::NapCheck | NoteKind::NapEnds => {
                if text.is_empty() {
                    return Ok(None);
                }
                Self { text, ..Self::default() }
            }
            NoteKind::Meal => {
                let eaten = self.eaten.filter(|tenths| *tenths <= 10).ok_or(BadNote::Eaten)?;
                Self { text, eaten: Some(eaten), ..Self::default() }
            }
            NoteKind::Temperature => {
                let tenths = self.temperature.filter(|tenths| TEMPERATURES.contains(tenths));
                let temperature = Some(tenths.ok_or(BadNote::Temperature)?);
                Self { text, temperature, ..Self::default() }
            }
            NoteKind::Note | NoteKind::ToGuardians if text.is_empty() => {
                return Err(BadNote::Text);
            }
            NoteKind::Note | NoteKind::ToGuardians => Self { text, ..Self::default() },
            NoteKind::Incident if text.is_empty() => return Err(BadNote::Text),
            NoteKind::Incident => Self { text, serious: self.serious, ..Self::default() },
        };
        Ok(Some(body))
    }
}

/// Something that somebody has to do something about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "alarm")]
pub enum CareAlarm {
    /// Too little of something, now.
    Short {
        /// Where.
        nursery: NurseryId,
        /// Of what.
        what: Lacking,
        /// How much there is.
        have: u32,
        /// How much is needed.
        need: u32,
    },
    /// Too little of something soon, unless somebody is found.
    ShortSoon {
        /// Where.
        nursery: NurseryId,
        /// Of what.
        what: Lacking,
        /// From when on.
        from: DateTime<Utc>,
        /// Until when.
        until: DateTime<Utc>,
        /// How much there will be, at the worst moment.
        have: u32,
        /// How much is needed then.
        need: u32,
    },
    /// A child's care ends soon, and nobody has collected it.
    Due {
        /// Which.
        child: ChildId,
    },
    /// A child's care is over, and nobody has collected it.
    Late {
        /// Which.
        child: ChildId,
    },
    /// A child that was brought at a kiosk was not taken over yet.
    Waiting {
        /// Which.
        child: ChildId,
    },
    /// A sleeping child has to be looked at.
    NapCheck {
        /// Which.
        child: ChildId,
    },
    /// Whoever brought a child has gone out of the building.
    GuardianOut {
        /// Which child.
        child: ChildId,
    },
}

/// How often a sleeping child below an age is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NapInterval {
    /// It counts for children below this age.
    pub below_years: u32,
    /// Minutes from one look to the next.
    pub minutes: u32,
}

/// Practice where a nursery says nothing: every 5 minutes below one year, every 10 below three.
pub const NAPS: [NapInterval; 2] =
    [NapInterval { below_years: 1, minutes: 5 }, NapInterval { below_years: 3, minutes: 10 }];
/// Practice where a nursery says nothing: from 37.5 degrees on, in tenths.
pub const FEVER: u16 = 375;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use uuid::Uuid;

    use super::*;

    fn check(temperature: Option<u16>, unwell: bool) -> HealthCheck {
        HealthCheck { temperature, unwell, remarks: String::new() }
    }

    #[test]
    fn a_feverish_child_is_not_taken_and_an_unwell_one_is_looked_at() {
        use NotTakenIn::{Fever, NoTemperature, StaffLookFirst};
        for (temperature, unwell, seen, want) in [
            (Some(374), false, false, None),
            (Some(375), false, false, Some(Fever)),
            (Some(375), false, true, Some(Fever)),
            (Some(366), true, false, Some(StaffLookFirst)),
            (Some(366), true, true, None),
            (None, false, false, Some(NoTemperature)),
            (None, true, true, None),
        ] {
            assert_eq!(check(temperature, unwell).objection(FEVER, seen), want, "{temperature:?}");
        }
    }

    #[test]
    fn what_cannot_be_true_is_not_taken_down() {
        for tenths in [0, 339, 421, u16::MAX] {
            assert_eq!(check(Some(tenths), false).check(), Err(BadCheck::Temperature), "{tenths}");
        }
        assert_eq!(check(Some(340), false).check(), Ok(()));
        for remarks in ["a".repeat(1_001), "\u{7}".to_owned()] {
            let odd = HealthCheck { remarks, ..check(None, false) };
            assert_eq!(odd.check(), Err(BadCheck::Remarks));
        }
    }

    #[test]
    fn a_note_holds_what_its_kind_says() {
        let body = |kind, body: NoteBody| body.of(kind);
        let text = |text: &str| NoteBody { text: text.to_owned(), ..NoteBody::default() };
        let all =
            NoteBody {
                temperature: Some(371), eaten: Some(8), serious: true, ..text(" たべた ")
            };
        let meal = body(NoteKind::Meal, all.clone()).unwrap().unwrap();
        assert!(meal == NoteBody { eaten: Some(8), ..text("たべた") });
        let warm = body(NoteKind::Temperature, all.clone()).unwrap().unwrap();
        assert!(warm == NoteBody { temperature: Some(371), ..text("たべた") });
        let fell = body(NoteKind::Incident, all).unwrap().unwrap();
        assert!(fell == NoteBody { serious: true, ..text("たべた") });
        assert!(body(NoteKind::NapBegins, text(" ")).unwrap().is_none());
        for (kind, bad, why) in [
            (NoteKind::Meal, NoteBody { eaten: Some(11), ..text("") }, BadNote::Eaten),
            (NoteKind::Meal, text(""), BadNote::Eaten),
            (NoteKind::Temperature, text("37"), BadNote::Temperature),
            (NoteKind::ToGuardians, text(" \n"), BadNote::Text),
            (NoteKind::Incident, text(""), BadNote::Text),
            (NoteKind::Note, text(&"あ".repeat(1_001)), BadNote::Text),
        ] {
            assert_eq!(body(kind, bad).err(), Some(why), "{kind:?}");
        }
    }

    #[test]
    fn an_event_reads_as_it_is_written_and_prints_nothing_sealed() {
        let event = CareEvent::DroppedOff {
            child: ChildId(Uuid::from_u128(1)),
            nursery: NurseryId(Uuid::from_u128(2)),
            booking: BookingId(Uuid::from_u128(3)),
            room: None,
            until: "2026-12-01T08:00:00Z".parse().unwrap(),
            brought_by: None,
            staff: None,
            check: Sealed("c2VjcmV0".to_owned()),
        };
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.contains(r#""care":"dropped_off""#), "{json}");
        assert_eq!(serde_json::from_str::<CareEvent>(&json).unwrap(), event);
        assert!(!format!("{event:?}").contains("c2Vj"));
    }
}
