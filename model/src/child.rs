//! Children of a household.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::id::{ChildId, PersonId};

/// A child whose guardian books care. Name and birth date are kept encrypted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Its id.
    pub id: ChildId,
    /// Who books for it.
    pub guardian: PersonId,
    /// What it is told apart by.
    pub particulars: Particulars,
}

/// What is personal about a child.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Particulars {
    /// Its name.
    pub name: String,
    /// Its birth date; every age follows from it.
    pub born: NaiveDate,
}

/// Why particulars cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadParticulars {
    /// No name, or one over 60 characters.
    #[error("a child's name takes 1 to 60 characters")]
    Name,
    /// Born after today, or 13 years ago or more.
    #[error("the birth date must lie in the last 12 years")]
    Born,
}

impl Particulars {
    /// Particulars as a form gives them, on the day `today`.
    ///
    /// # Errors
    /// [`BadParticulars`] says which field cannot be taken.
    pub fn new(name: &str, born: NaiveDate, today: NaiveDate) -> Result<Self, BadParticulars> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
            return Err(BadParticulars::Name);
        }
        match today.years_since(born) {
            Some(0..=12) => Ok(Self { name: name.to_owned(), born }),
            _ => Err(BadParticulars::Born),
        }
    }
}

// No Debug for Child and Particulars: what cannot be printed cannot reach a log.
