//! Who waits for what is full, and who comes first when it comes free.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::booking::Wish;
use crate::care::age::AgesByDay;
use crate::id::{BookingId, EmployerId, PersonId, WaitlistId};
use crate::language::LocalText;

/// The most entries that one person may have waiting.
pub const MOST_ENTRIES: usize = 20;

/// A whole wish that waits: it becomes a hold when all of it fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: WaitlistId,
    /// Whose.
    pub person: PersonId,
    /// The lower comes first.
    pub rank: u32,
    /// All of what is wanted.
    pub wish: Wish,
    /// How old the children of the wish count.
    pub ages: AgesByDay,
    /// Who will pay.
    pub on_account_of: Option<EmployerId>,
    /// Since when it waits; among one rank, the earlier comes first.
    pub made_at: DateTime<Utc>,
    /// Where it stands.
    pub state: State,
    /// What was held for it last.
    pub booking: Option<BookingId>,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits.
    Waiting,
    /// Everything is held for it, for a while.
    Offered,
    /// The offer was taken.
    Taken,
    /// Its person gave it up, or let an offer lapse.
    Left,
    /// Its time has come before there was room.
    Over,
}

/// A priority class: data of the region, not code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The lower comes first.
    pub rank: u32,
    /// What an entry needs to be of this class.
    pub needs: Needs,
    /// What it is called.
    pub name: LocalText,
}

/// What an entry needs to be of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// It asks for care.
    Care,
    /// Nothing.
    Any,
}

/// The rank of the first class that takes `wish`; after all of them where none does.
#[must_use]
pub fn rank_of(classes: &[Class], wish: &Wish) -> u32 {
    let takes = |class: &&Class| match class.needs {
        Needs::Care => !wish.children.is_empty(),
        Needs::Any => true,
    };
    classes.iter().filter(takes).map(|class| class.rank).min().unwrap_or(u32::MAX)
}
