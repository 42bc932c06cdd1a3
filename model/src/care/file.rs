//! A child's care file (児童票): who may collect it and who may not, and the documents that a nursery has seen, all
//! of it kept sealed; and the interview before its first day.

use chrono::{DateTime, Days, Months, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::age;
use super::terms::{NeededDocument, Terms};
use crate::child::telephone;
use crate::id::{BarId, CollectorId, NurseryId, PersonId};

/// The most people whom one child's file names, of those who may collect and of those who may not.
pub const MOST_NAMED: usize = 10;
/// Within so long the nursery notes that an interview was held.
const NOTED_WITHIN: TimeDelta = TimeDelta::days(1);
/// The most days ahead that an interview is fixed.
pub const INTERVIEW_AHEAD: Days = Days::new(366);

/// What is kept of a child for the nurseries that care for it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CareFile {
    /// Who may collect it and who may not.
    pub collecting: Collecting,
    /// What was shown, the newest of its kind for each nursery.
    pub documents: Vec<SeenDocument>,
}

/// Who may collect a child beside its guardians, and who may not whatever else is said.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collecting {
    /// Who may.
    pub collectors: Vec<Collector>,
    /// Who may not.
    pub barred: Vec<Barred>,
}

/// Somebody whom the guardians have named to collect a child (お迎えの人).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collector {
    /// Their id.
    pub id: CollectorId,
    /// Their name, as on what they show.
    pub name: String,
    /// What they are to the child.
    pub relation: String,
    /// Their telephone number.
    pub telephone: String,
    /// When they were born: nobody under age collects a child.
    pub born: NaiveDate,
    /// Argon2id of their PIN (PHC string).
    pub pin: Option<String>,
    /// Their own account, whose card, code and voucher say who they are.
    pub account: Option<PersonId>,
    /// The guardian who has named them.
    pub named_by: PersonId,
    /// The last day on which they may, where it has one.
    pub until: Option<NaiveDate>,
}

/// Somebody who may not collect a child.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barred {
    /// The id of the bar.
    pub id: BarId,
    /// Their name.
    pub name: String,
    /// Their account, where it is known. A guardian who is barred answers for the child no more.
    pub account: Option<PersonId>,
    /// Why: for the nursery's eyes.
    pub reason: String,
    /// Who put it.
    pub by: BarredBy,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Who has put a bar, and so may lift it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarredBy {
    /// A guardian.
    Guardian(PersonId),
    /// A nursery, which has seen an order: guardians do not lift it.
    Nursery(NurseryId),
}

/// The talk with the guardians before a nursery takes a child for the first time (面談), and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "interview")]
pub enum Interview {
    /// A guardian has asked for it.
    Asked {
        /// When.
        at: DateTime<Utc>,
    },
    /// It has a time.
    Fixed {
        /// When it will be.
        on: DateTime<Utc>,
    },
    /// It was held.
    Held {
        /// On which day.
        on: NaiveDate,
        /// Who held it.
        by: PersonId,
    },
}

/// A document that a nursery has seen. What it says is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDocument {
    /// Which nursery.
    pub nursery: NurseryId,
    /// The document's code in the nursery's terms.
    pub code: String,
    /// When it was shown.
    pub seen_on: NaiveDate,
    /// The last day on which it counts, where it has one.
    pub until: Option<NaiveDate>,
    /// Who saw it.
    pub by: PersonId,
}

/// Somebody who wants to collect a child.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Claimant<'a> {
    /// Somebody with an account, by card, by voucher or by booking code and PIN.
    Account {
        /// Who.
        person: PersonId,
        /// Their name, where it is known.
        name: &'a str,
    },
    /// Somebody of the child's file, by their own PIN.
    Named(CollectorId),
}

/// As what somebody may collect a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectsAs {
    /// A guardian.
    Guardian(PersonId),
    /// Somebody whom the guardians have named.
    Named(CollectorId),
}

/// Why somebody may not collect a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotCollecting {
    /// A bar names them; it beats every list.
    Barred,
    /// Nobody has named them.
    Stranger,
    /// They are under age.
    UnderAge,
    /// They were named until a day that has passed.
    Over,
}

/// Why a file cannot be changed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// No name, or one over 60 characters.
    #[error("a name takes 1 to 60 characters")]
    Name,
    /// No relation, or one over 60 characters.
    #[error("a relation takes 1 to 60 characters")]
    Relation,
    /// No telephone number.
    #[error("a telephone number has 5 to 15 digits")]
    Telephone,
    /// Not born yet, or too long ago.
    #[error("a birth date lies in the last 120 years")]
    Born,
    /// Under age.
    #[error("whoever collects a child is of age")]
    UnderAge,
    /// The last day has passed.
    #[error("the last day has not passed yet")]
    Over,
    /// A reason over 200 characters, or none.
    #[error("a reason takes 1 to 200 characters")]
    Reason,
    /// There are [`MOST_NAMED`] already.
    #[error("a file names at most {MOST_NAMED} people who may collect, and as many who may not")]
    TooMany,
    /// Somebody of that name is there already.
    #[error("somebody of that name is named already")]
    Twice,
    /// Somebody of that name may not collect.
    #[error("somebody of that name may not collect")]
    Barred,
    /// One guardian shuts out another: for that the nursery has to have seen an order.
    #[error("a guardian is barred by the nursery, once it has seen a court's order")]
    Guardian,
    /// It is the name of a guardian, whose account has to be shut out with it.
    #[error("that is a guardian's name: choose the guardian")]
    ChooseGuardian,
    /// Nobody would answer for the child any more.
    #[error("somebody has to answer for the child")]
    LastGuardian,
    /// It is another's to lift.
    #[error("whoever has put this bar lifts it")]
    NotYours,
    /// There is no such entry.
    #[error("there is no such entry")]
    None,
    /// In the past, or too far ahead.
    #[error("an interview is fixed for a time within a year")]
    Time,
}

impl CareFile {
    /// The documents that `nursery` still needs to have seen for care on the day `on`.
    #[must_use]
    pub fn missing<'t>(
        &self,
        nursery: NurseryId,
        terms: &'t Terms,
        on: NaiveDate,
    ) -> Vec<&'t NeededDocument> {
        let shown = |needed: &NeededDocument| {
            self.documents.iter().any(|seen| {
                seen.nursery == nursery
                    && seen.code == needed.code
                    && seen.until.is_none_or(|until| on <= until)
            })
        };
        terms.documents.iter().filter(|one| !shown(one)).collect()
    }

    /// Notes that a document was shown on the day `on`; it counts until the day that stands on it, where one does,
    /// or as long as the nursery takes it.
    ///
    /// # Errors
    /// [`BadEntry::Over`] where that day has passed.
    pub fn see_document(
        &mut self,
        nursery: NurseryId,
        needed: &NeededDocument,
        until: Option<NaiveDate>,
        on: NaiveDate,
        by: PersonId,
    ) -> Result<(), BadEntry> {
        if until.is_some_and(|until| until < on) {
            return Err(BadEntry::Over);
        }
        let months =
            || needed.months.and_then(|months| on.checked_add_months(Months::new(months.into())));
        let until = until.or_else(months);
        self.documents.retain(|seen| seen.nursery != nursery || seen.code != needed.code);
        let code = needed.code.clone();
        self.documents.push(SeenDocument { nursery, code, seen_on: on, until, by });
        Ok(())
    }
}

impl Interview {
    /// One that has a time from now on.
    ///
    /// # Errors
    /// [`BadEntry::Time`] for one in the past or far ahead.
    pub fn fixed(on: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, BadEntry> {
        let far = now.checked_add_days(INTERVIEW_AHEAD).unwrap_or(now);
        if now < on && on <= far { Ok(Self::Fixed { on }) } else { Err(BadEntry::Time) }
    }

    /// Whether it was held, or will have been, when care begins at `starts`. One whose time passed more than a day before
    /// `now`, and that nobody has noted as held, was not.
    #[must_use]
    pub fn is_before(self, starts: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        match self {
            Self::Asked { .. } => false,
            Self::Fixed { on } => on < starts && now < on + NOTED_WITHIN,
            Self::Held { .. } => true,
        }
    }

    /// When it will be, where that is fixed.
    #[must_use]
    pub fn fixed_for(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Fixed { on } => Some(on),
            Self::Asked { .. } | Self::Held { .. } => None,
        }
    }
}

impl Collecting {
    /// Whether somebody is barred by their account: a guardian then answers for the child no more.
    #[must_use]
    pub fn bars(&self, person: PersonId) -> bool {
        self.barred.iter().any(|bar| bar.account == Some(person))
    }

    /// As what somebody may collect the child on the day `on`; `guardians` answer for it, and whoever is younger
    /// than `from_years` may not.
    ///
    /// # Errors
    /// [`NotCollecting`] says why not.
    pub fn may_collect(
        &self,
        claimant: Claimant<'_>,
        guardians: &[PersonId],
        on: NaiveDate,
        from_years: u32,
    ) -> Result<CollectsAs, NotCollecting> {
        let (account, named) = match claimant {
            Claimant::Account { person, .. } => {
                let own = |one: &&Collector| one.account == Some(person);
                (Some(person), self.collectors.iter().find(own))
            }
            Claimant::Named(id) => {
                let named = self.collectors.iter().find(|one| one.id == id);
                (named.and_then(|one| one.account), named)
            }
        };
        let mut names: Vec<&str> = named.iter().map(|one| one.name.as_str()).collect();
        if let Claimant::Account { name, .. } = claimant {
            names.push(name);
        }
        let barred = |bar: &Barred| {
            (account.is_some() && bar.account == account)
                || names.iter().any(|name| same_name(name, &bar.name))
        };
        if self.barred.iter().any(barred) {
            return Err(NotCollecting::Barred);
        }
        if let Some(person) = account.filter(|person| guardians.contains(person)) {
            return Ok(CollectsAs::Guardian(person));
        }
        let Some(named) = named else { return Err(NotCollecting::Stranger) };
        if age::years(named.born, on) < from_years {
            return Err(NotCollecting::UnderAge);
        }
        if named.until.is_some_and(|until| until < on) {
            return Err(NotCollecting::Over);
        }
        Ok(CollectsAs::Named(named.id))
    }

    /// Names somebody who may collect, on the day `today`.
    ///
    /// # Errors
    /// The first [`BadEntry`] found.
    pub fn name(
        &mut self,
        mut collector: Collector,
        from_years: u32,
        today: NaiveDate,
    ) -> Result<(), BadEntry> {
        collector.name = text(&collector.name, 60).ok_or(BadEntry::Name)?;
        collector.relation = text(&collector.relation, 60).ok_or(BadEntry::Relation)?;
        let number = telephone(&collector.telephone).ok_or(BadEntry::Telephone)?;
        collector.telephone = number.to_owned();
        if !matches!(today.years_since(collector.born), Some(0..=120)) {
            return Err(BadEntry::Born);
        }
        if age::years(collector.born, today) < from_years {
            return Err(BadEntry::UnderAge);
        }
        if collector.until.is_some_and(|until| until < today) {
            return Err(BadEntry::Over);
        }
        if self.barred.iter().any(|bar| same_name(&bar.name, &collector.name)) {
            return Err(BadEntry::Barred);
        }
        if self.collectors.iter().any(|one| same_name(&one.name, &collector.name)) {
            return Err(BadEntry::Twice);
        }
        if self.collectors.len() >= MOST_NAMED {
            return Err(BadEntry::TooMany);
        }
        self.collectors.push(collector);
        Ok(())
    }

    /// Takes somebody off the list of those who may collect.
    ///
    /// # Errors
    /// [`BadEntry::None`] where they are not on it.
    pub fn unname(&mut self, id: CollectorId) -> Result<(), BadEntry> {
        let before = self.collectors.len();
        self.collectors.retain(|one| one.id != id);
        if self.collectors.len() < before { Ok(()) } else { Err(BadEntry::None) }
    }

    /// Bars somebody; `guardians` are those who answer for the child, with their names. Whom a barred guardian has
    /// named, and whoever has the name that is barred, may collect no more.
    ///
    /// # Errors
    /// The first [`BadEntry`] found.
    pub fn bar(
        &mut self,
        mut bar: Barred,
        guardians: &[(PersonId, String)],
    ) -> Result<(), BadEntry> {
        if let Some(account) = bar.account {
            let known = guardians.iter().find(|(person, _)| *person == account);
            // By account, the name is the account's.
            bar.name.clone_from(&known.ok_or(BadEntry::None)?.1);
        }
        bar.name = text(&bar.name, 60).ok_or(BadEntry::Name)?;
        bar.reason = text(&bar.reason, 200).ok_or(BadEntry::Reason)?;
        let guardian = guardians.iter().any(|(_, name)| same_name(name, &bar.name));
        match bar.by {
            BarredBy::Guardian(_) if guardian || bar.account.is_some() => {
                return Err(BadEntry::Guardian);
            }
            BarredBy::Nursery(_) if guardian && bar.account.is_none() => {
                return Err(BadEntry::ChooseGuardian);
            }
            BarredBy::Guardian(_) | BarredBy::Nursery(_) => {}
        }
        let by_nursery = |bar: &Barred| matches!(bar.by, BarredBy::Nursery(_));
        let alike = |one: &&Barred| by_nursery(one) == by_nursery(&bar);
        if self.barred.iter().filter(alike).count() >= MOST_NAMED {
            return Err(BadEntry::TooMany);
        }
        let same = |one: &Barred| {
            same_name(&one.name, &bar.name) && (bar.account.is_none() || one.account == bar.account)
        };
        if self.barred.iter().any(|one| same(one) && by_nursery(one) >= by_nursery(&bar)) {
            return Err(BadEntry::Twice);
        }
        // What guardians have put gives way: they could lift it.
        self.barred.retain(|one| !same(one));
        self.collectors.retain(|one| {
            let his = bar.account.is_some()
                && (one.account == bar.account || Some(one.named_by) == bar.account);
            !his && !same_name(&one.name, &bar.name)
        });
        self.barred.push(bar);
        Ok(())
    }

    /// Lifts a bar: guardians what guardians have put, a nursery what it has put itself.
    ///
    /// # Errors
    /// [`BadEntry::None`] where there is none, [`BadEntry::NotYours`] where it is another's.
    pub fn lift(&mut self, id: BarId, by: BarredBy) -> Result<(), BadEntry> {
        let at = self.barred.iter().position(|bar| bar.id == id).ok_or(BadEntry::None)?;
        match (self.barred[at].by, by) {
            (BarredBy::Nursery(_), BarredBy::Guardian(_))
            | (BarredBy::Guardian(_), BarredBy::Nursery(_)) => Err(BadEntry::NotYours),
            (BarredBy::Nursery(put), BarredBy::Nursery(own)) if put != own => {
                Err(BadEntry::NotYours)
            }
            _ => {
                self.barred.remove(at);
                Ok(())
            }
        }
    }
}

/// Whether two names are one, however wide their letters and spaces are.
#[must_use]
pub fn same_name(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        name.nfkc().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}

fn text(typed: &str, most: usize) -> Option<String> {
    let text = typed.trim();
    let good =
        !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    good.then(|| text.to_owned())
}

// No Debug for what names people: what cannot be printed cannot reach a log.

#[cfg(test)]
mod tests;
