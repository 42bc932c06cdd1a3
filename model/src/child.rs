//! Children of a household.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::id::{ChildId, HouseholdId};

/// A child whose guardian books care. Name and birth date are kept encrypted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Its id.
    pub id: ChildId,
    /// Whose guardians answer for it.
    pub household: HouseholdId,
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
    /// Another child of the household is called so: nobody could tell them apart.
    #[error("another child of the household has that name; add what tells them apart")]
    Twice,
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

/// What a nursery must know of a child beyond its name. All of it may be empty.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What it must not eat or touch.
    pub allergies: String,
    /// Illnesses, medicines, habits.
    pub notes: String,
    /// Whom to call, the first first.
    pub contacts: Vec<Contact>,
    /// Its doctor: name and telephone.
    pub doctor: String,
}

/// Somebody to call.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Their name.
    pub name: String,
    /// What they are to the child.
    pub relation: String,
    /// Their telephone number.
    pub telephone: String,
}

/// Why what was typed about a child's health cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHealth {
    /// A text is over 1,000 characters, or holds what no text does.
    #[error("a text takes at most 1,000 characters")]
    Text,
    /// Too many contacts, or one without a name or a telephone number.
    #[error("a contact takes a name and a telephone number; at most five")]
    Contact,
}

/// How many contacts are kept at most.
pub const MOST_CONTACTS: usize = 5;

impl Health {
    /// The same with the spaces around texts taken away and empty contacts left out.
    ///
    /// # Errors
    /// [`BadHealth`] says what cannot be taken.
    pub fn checked(mut self) -> Result<Self, BadHealth> {
        for text in [&mut self.allergies, &mut self.notes, &mut self.doctor] {
            *text = text.trim().replace("\r\n", "\n");
            let odd = |c: char| c.is_control() && c != '\n';
            if text.chars().count() > 1_000 || text.chars().any(odd) {
                return Err(BadHealth::Text);
            }
        }
        for contact in &mut self.contacts {
            for text in [&mut contact.name, &mut contact.relation, &mut contact.telephone] {
                *text = text.trim().to_owned();
            }
        }
        self.contacts.retain(|contact| *contact != Contact::default());
        let good = |contact: &Contact| {
            telephone(&contact.telephone).is_some()
                && !contact.name.is_empty()
                && [&contact.name, &contact.relation]
                    .iter()
                    .all(|text| text.chars().count() <= 60 && !text.chars().any(char::is_control))
        };
        if self.contacts.len() > MOST_CONTACTS || !self.contacts.iter().all(good) {
            return Err(BadHealth::Contact);
        }
        Ok(self)
    }
}

/// A telephone number as it is dialled: digits, and `+`, `-`, spaces or brackets between them.
#[must_use]
pub fn telephone(text: &str) -> Option<&str> {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let good = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-() ".contains(&byte));
    (good && (5..=15).contains(&digits) && text.len() <= 30).then_some(text)
}

// No Debug for Child, Particulars and Health: what cannot be printed cannot reach a log.

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_has_a_name_and_is_born() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap_or_default();
        let today = day("2026-12-01");
        let bad = |name: &str, born: &str| Particulars::new(name, day(born), today).err();
        assert_eq!(bad(" はな ", "2024-05-10"), None);
        assert_eq!(bad("はな", "2026-12-01"), None);
        for name in ["", " ", "は\u{7}な", &"は".repeat(61)] {
            assert_eq!(bad(name, "2024-05-10"), Some(BadParticulars::Name), "{name:?}");
        }
        for born in ["2026-12-02", "2013-12-01"] {
            assert_eq!(bad("はな", born), Some(BadParticulars::Born), "{born}");
        }
        assert_eq!(bad("はな", "2013-12-02"), None);
    }

    #[test]
    fn health_takes_what_people_write_and_no_more() {
        let contact = |name: &str, telephone: &str| Contact {
            name: name.to_owned(),
            relation: "祖母".to_owned(),
            telephone: telephone.to_owned(),
        };
        let with = |contacts| Health { contacts, ..Health::default() }.checked().err();
        assert_eq!(with(vec![contact(" 伊藤 ", "090-1234-5678"), Contact::default()]), None);
        assert_eq!(with(vec![contact("伊藤", "電話")]), Some(BadHealth::Contact));
        assert_eq!(with(vec![contact("", "090-1234-5678")]), Some(BadHealth::Contact));
        assert_eq!(with(vec![contact("伊藤", "+81 90"); 6]), Some(BadHealth::Contact));
        let text = |text: &str| Health { allergies: text.to_owned(), ..Health::default() };
        assert!(text("卵\r\n小麦").checked().is_ok_and(|health| health.allergies == "卵\n小麦"));
        assert_eq!(text(&"卵".repeat(1_001)).checked().err(), Some(BadHealth::Text));
        assert_eq!(text("卵\u{0}").checked().err(), Some(BadHealth::Text));
        for bad in ["", "1234", "０９０-1234-5678", "0".repeat(16).as_str(), "090;1234567"] {
            assert_eq!(telephone(bad), None, "{bad}");
        }
    }
}
