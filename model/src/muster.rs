//! Who is in the building, by the last evidence there is of each: for the place where everybody gathers.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::care::day::CaregiverState;
use crate::id::{ChildId, NurseryId, PersonId, RoomId, ShiftId, VisitId};
use crate::language::LocalText;
use crate::site_order::HouseState;

/// Somebody without a visit of whom nothing was seen for so long is on no muster any more: longer than anybody's shift.
pub const SEEN_FOR: TimeDelta = TimeDelta::hours(18);

/// Who is in. Nobody is left out because the evidence is thin, nor for [`SEEN_FOR`] because it is old: how old it is
/// stands beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muster {
    /// When the list was made.
    pub at: DateTime<Utc>,
    /// What stands above schedules and cards.
    #[serde(flatten)]
    pub house: HouseState,
    /// Grown-ups, who has stepped out among them; the latest evidence last.
    pub people: Vec<PersonIn>,
    /// Caregivers who have said that they are here or on a break.
    pub caregivers: Vec<CaregiverIn>,
    /// Children in care.
    pub children: Vec<ChildIn>,
}

/// A grown-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonIn {
    /// Who.
    pub person: PersonId,
    /// Their visit, where they have one.
    pub visit: Option<VisitId>,
    /// Where they sit: what stands on its sign.
    pub space: Option<String>,
    /// Since when they are out, where they mean to come back: most likely they are not in.
    pub away_since: Option<DateTime<Utc>>,
    /// What was last seen of them.
    pub last: Evidence,
    /// Whether they work here and have no visit: a shift names nobody, so they may be one of the caregivers, too.
    #[serde(default)]
    pub on_staff: bool,
}

/// A caregiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaregiverIn {
    /// By their shift.
    pub shift: ShiftId,
    /// Their name, as the roster has it; empty where the sheet does not say.
    pub name: String,
    /// Where.
    pub nursery: NurseryId,
    /// What they said last.
    pub state: CaregiverState,
    /// When.
    pub last: Evidence,
}

/// A child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildIn {
    /// Who.
    pub child: ChildId,
    /// Its name; empty where the sheet does not say.
    pub name: String,
    /// Where.
    pub nursery: NurseryId,
    /// In which room, where the nursery has rooms.
    pub room: Option<RoomId>,
    /// What the room is called, where the sheet says.
    pub room_name: Option<LocalText>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What was last seen of it.
    pub last: Evidence,
    /// Who answers for it, and whether they are in.
    pub guardians: Vec<GuardianIn>,
}

/// Somebody who answers for a child in care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardianIn {
    /// Who.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Whether they are in the building, by the last evidence.
    pub is_in: bool,
    /// That evidence; nothing where there is none.
    pub last: Option<Evidence>,
}

/// When something was last seen of somebody, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub what: Sign,
}

/// What was seen of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// They checked in.
    CheckedIn,
    /// They stepped out, and mean to come back.
    SteppedOut,
    /// They came back.
    CameBack,
    /// Their card opened a door inwards, or out of a room and so into the house.
    CameThrough,
    /// Their card opened a door of the house outwards.
    WentThrough,
    /// They were let in to bring or collect a child.
    LetIn,
    /// They checked out.
    CheckedOut,
    /// A caregiver said how they stand.
    Said,
    /// A child was brought.
    Brought,
    /// The staff took it over.
    Received,
    /// The staff looked at it, or wrote something down of it.
    LookedAt,
    /// They were seen to go out while their children were in care.
    WentOut,
}

impl Sign {
    /// What a muster calls it, in Japanese and in English: the same on the site's screen and on the hub's page.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::CheckedIn => ("入館", "checked in"),
            Self::SteppedOut => ("外出", "stepped out"),
            Self::CameBack => ("戻り", "came back"),
            Self::CameThrough => ("扉から入室", "came through a door"),
            Self::WentThrough => ("扉から退室", "went through a door"),
            Self::LetIn => ("送迎で入館", "let in to bring or collect"),
            Self::CheckedOut => ("退館", "checked out"),
            Self::Said => ("本人の知らせ", "said so"),
            Self::Brought => ("登園", "brought"),
            Self::Received => ("引き受け", "taken over"),
            Self::LookedAt => ("保育の記録", "noted by staff"),
            Self::WentOut => ("外出", "went out"),
        }
    }

    /// Whether it says that they are not in.
    #[must_use]
    pub fn is_out(self) -> bool {
        matches!(self, Self::SteppedOut | Self::WentThrough | Self::CheckedOut | Self::WentOut)
    }
}
