//! What a site needs to know to look after children on its own. Travels and lies sealed for the site.

use std::fmt;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::care::age::Ages;
use crate::care::duty::Shift;
use crate::care::file::Collecting;
use crate::care::rule_set::RuleSet;
use crate::centre::Nursery;
use crate::child::Health;
use crate::id::{BookingId, ChildId, MunicipalityId, NurseryId, PersonId, RoomId, ShiftId};
use crate::interval::Interval;

/// The nurseries of a site, and who is to be in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetCare {
    /// The zone of its days.
    pub zone: Tz,
    /// Whose rules hold.
    pub municipality: MunicipalityId,
    /// The centre's nurseries.
    pub nurseries: Vec<SheetNursery>,
    /// The children with care on the sheet's days.
    pub children: Vec<SheetChild>,
    /// That care.
    pub claims: Vec<SheetCareClaim>,
    /// Who works in the nurseries and may use the staff screen.
    pub staff: Vec<SheetStaff>,
}

/// A nursery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetNursery {
    /// Its name, places, way, rooms and terms.
    pub nursery: Nursery,
    /// The rule sets that it is under on the sheet's days.
    pub rule_sets: Vec<RuleSet>,
    /// Who works there.
    pub shifts: Vec<SheetShift>,
}

/// Somebody's shift.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetShift {
    /// Its id.
    pub id: ShiftId,
    /// Whose, as the roster names them.
    pub caregiver: String,
    /// When, and as what.
    pub shift: Shift,
}

/// A child.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetChild {
    /// Its id.
    pub id: ChildId,
    /// Its name.
    pub name: String,
    /// When it was born.
    pub born: NaiveDate,
    /// Who answers for it.
    pub guardians: Vec<SheetGuardian>,
    /// Who may collect it, and who may not.
    pub collecting: Collecting,
    /// What the staff must know of it; nothing where its guardians have given nothing.
    pub health: Option<Health>,
    /// What is written down of it is sealed with this, base64 of 32 bytes.
    pub key: String,
}

/// Somebody who answers for a child.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetGuardian {
    /// Their id.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Where they can be telephoned, if they have said so.
    #[serde(default)]
    pub telephone: Option<String>,
}

/// A child's care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetCareClaim {
    /// On which booking.
    pub booking: BookingId,
    /// Whose.
    pub child: ChildId,
    /// Where.
    pub nursery: NurseryId,
    /// In which room, where the nursery has rooms.
    pub room: Option<RoomId>,
    /// How old it counts then; a newborn where that is unknown.
    pub ages: Option<Ages>,
    /// When, with its hand-overs.
    pub when: Interval,
}

/// Somebody who works in a nursery, or runs the house.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetStaff {
    /// Who.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// In which nurseries; in none, where they only run the house.
    pub nurseries: Vec<NurseryId>,
}

impl SheetCare {
    /// A nursery.
    #[must_use]
    pub fn nursery(&self, id: NurseryId) -> Option<&SheetNursery> {
        self.nurseries.iter().find(|one| one.nursery.id == id)
    }

    /// A child.
    #[must_use]
    pub fn child(&self, id: ChildId) -> Option<&SheetChild> {
        self.children.iter().find(|one| one.id == id)
    }

    /// Somebody of the staff.
    #[must_use]
    pub fn staff(&self, person: PersonId) -> Option<&SheetStaff> {
        self.staff.iter().find(|one| one.person == person)
    }
}

impl SheetChild {
    /// Whether somebody answers for it.
    #[must_use]
    pub fn is_of(&self, person: PersonId) -> bool {
        self.guardians.iter().any(|one| one.person == person)
    }
}

macro_rules! prints_its_id {
    ($($name:ident $id:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("id", &self.$id).finish_non_exhaustive()
            }
        }
    )+};
}
prints_its_id!(SheetShift id, SheetChild id, SheetGuardian person, SheetStaff person);
