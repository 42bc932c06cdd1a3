//! People, and what they were given to do.

use chrono::{DateTime, Months, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{CentreId, EmployerId, MunicipalityId, NurseryId, PersonId};
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
    /// What they were given to do, and from when to when.
    pub grants: Vec<Given>,
}

impl Person {
    /// What they may do at the time `now`, in the order it was given.
    pub fn grants_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = Grant> + '_ {
        self.grants.iter().filter(move |given| given.term.holds_at(now)).map(|given| given.grant)
    }

    /// Who pays for their visits at the time `now`, the usual one first; none for a sole trader.
    pub fn employers_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = EmployerId> + '_ {
        self.grants_at(now).filter_map(|grant| match grant {
            Grant::Worker { employer } => employer,
            _ => None,
        })
    }
}

/// Whether a booking on this account still stands for somebody who holds these roles: who pays must
/// still stand for them, and without a payer they must be somebody who may come on their own.
#[must_use]
pub fn stands(on_account_of: Option<EmployerId>, held: impl IntoIterator<Item = Grant>) -> bool {
    held.into_iter().any(|grant| match (on_account_of, grant) {
        (Some(payer), Grant::Worker { employer }) => employer == Some(payer),
        (None, Grant::Worker { .. } | Grant::Parent | Grant::Resident { .. }) => true,
        _ => false,
    })
}

/// A role and how long it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The role.
    #[serde(flatten)]
    pub grant: Grant,
    /// From when to when.
    #[serde(flatten)]
    pub term: Term,
}

impl From<Grant> for Given {
    /// Held from the beginning and without an end.
    fn from(grant: Grant) -> Self {
        Self { grant, term: Term::default() }
    }
}

/// How long a role is held: from an instant, until another, or so many months from its first use,
/// whichever ends first. What is left out does not bound it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Not from this instant on.
    pub until: Option<DateTime<Utc>>,
    /// So many calendar months (UTC) from the first use.
    pub months_of_use: Option<u32>,
    /// When it was first used, once it was.
    pub first_used: Option<DateTime<Utc>>,
}

impl Term {
    /// Whether it holds at the time `now`.
    #[must_use]
    pub fn holds_at(&self, now: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= now) && self.ends().is_none_or(|end| now < end)
    }

    /// When it ends, as far as is known: a term that counts from its first use has no end before.
    #[must_use]
    pub fn ends(&self) -> Option<DateTime<Utc>> {
        let used_up = self
            .first_used
            .zip(self.months_of_use)
            .map(|(first, months)| first.checked_add_months(Months::new(months)).unwrap_or(first));
        self.until.into_iter().chain(used_up).min()
    }
}

/// One role, bounded to where it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "role")]
pub enum Grant {
    /// 利用者: books desks for themselves.
    Worker {
        /// Who pays; none for a sole trader (個人事業主).
        employer: Option<EmployerId>,
    },
    /// 保護者: books care for the children of their household too.
    Parent,
    /// 住民: may use the centres of their municipality without an employer, for as long as the town
    /// grants it.
    Resident {
        /// That municipality.
        municipality: MunicipalityId,
    },
    /// Keeps an employer's workers, and sees the visits that it pays for.
    EmployerAdmin {
        /// That company or public body.
        employer: EmployerId,
    },
    /// Runs the day of one centre.
    Operator {
        /// That centre.
        centre: CentreId,
    },
    /// 保育者: cares for the children of one nursery.
    NurseryStaff {
        /// That nursery.
        nursery: NurseryId,
    },
    /// Reads the reports of one municipality.
    MunicipalAdmin {
        /// That municipality.
        municipality: MunicipalityId,
    },
    /// Keeps the hub: people and their roles, devices, the record of who did what.
    SystemAdmin,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    #[test]
    fn a_term_holds_from_its_start_to_its_first_end() {
        let bounded =
            Term { from: Some(at("2026-04-01")), until: Some(at("2027-04-01")), ..Term::default() };
        let trial = Term { months_of_use: Some(6), ..bounded };
        let used = Term { first_used: Some(at("2026-08-31")), ..trial };
        let cases = [
            (Term::default(), "1999-01-01", true),
            (bounded, "2026-03-31", false),
            (bounded, "2026-04-01", true),
            (bounded, "2027-03-31", true),
            (bounded, "2027-04-01", false),
            (trial, "2027-03-31", true),
            // Six months from 31 August end with February.
            (used, "2027-02-27", true),
            (used, "2027-02-28", false),
        ];
        for (term, day, holds) in cases {
            assert_eq!(term.holds_at(at(day)), holds, "{term:?} on {day}");
        }
    }

    #[test]
    fn a_booking_stands_while_its_payer_does() {
        let [one, other] = [1, 2].map(|id| EmployerId(uuid::Uuid::from_u128(id)));
        let worker = |employer| Grant::Worker { employer };
        let cases = [
            (Some(one), vec![worker(Some(one))], true),
            (Some(one), vec![worker(Some(other)), Grant::Parent, worker(None)], false),
            (Some(one), vec![Grant::EmployerAdmin { employer: one }], false),
            (None, vec![worker(None)], true),
            (None, vec![Grant::Parent], true),
            (None, vec![Grant::SystemAdmin], false),
            (None, vec![], false),
        ];
        for (account, held, wanted) in cases {
            assert_eq!(stands(account, held.clone()), wanted, "{account:?} {held:?}");
        }
    }

    #[test]
    fn a_role_that_has_ended_pays_for_nothing() {
        let (one, other) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
        let worker = |id| Grant::Worker { employer: Some(EmployerId(id)) };
        let ended = Term { until: Some(at("2026-10-01")), ..Term::default() };
        let person = Person {
            id: PersonId(one),
            email: "a@example.jp".into(),
            name: "a".into(),
            language: Language::Ja,
            grants: vec![
                Given { grant: worker(one), term: ended },
                worker(other).into(),
                Grant::Parent.into(),
            ],
        };
        let employers: Vec<_> = person.employers_at(at("2026-11-01")).collect();
        assert_eq!(employers, [EmployerId(other)]);
        assert_eq!(person.grants_at(at("2026-09-01")).count(), 3);
    }
}
