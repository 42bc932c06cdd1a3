//! People, and what they were given to do.

use serde::{Deserialize, Serialize};

use crate::id::{CentreId, EmployerId, MunicipalityId, PersonId};
use crate::language::Language;

/// Somebody who can sign in or be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Their address and sign-in name, lower case.
    pub email: String,
    /// The name they use.
    pub name: String,
    /// The language they are answered in.
    pub language: Language,
    /// Who pays for their visits; none for a sole trader.
    pub employer: Option<EmployerId>,
    /// What they were given to do.
    pub grants: Vec<Grant>,
}

/// One role, bounded to where it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "role")]
pub enum Grant {
    /// 利用者: books desks for themselves.
    Worker,
    /// 保護者: books care for their own children too.
    Parent,
    /// Runs the day of one centre.
    Operator {
        /// That centre.
        centre: CentreId,
    },
    /// Reads the reports of one municipality.
    MunicipalAdmin {
        /// That municipality.
        municipality: MunicipalityId,
    },
}
