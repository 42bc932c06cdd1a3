//! What a law, an ordinance or a contract asks of a nursery, as data.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::age::{Basis, YearStart};
use crate::id::MunicipalityId;
use crate::language::{Language, LocalText};

/// Children are told apart by at most so many bands of age.
pub const MOST_BANDS: usize = 8;
/// Staff are told apart by at most so many kinds.
pub const MOST_KINDS: usize = 8;

/// The rules of one law, ordinance or contract, for as long as they hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// What tables and logs call it: `jp-art33-2024`.
    pub name: String,
    /// What people call it.
    pub title: LocalText,
    /// Where it comes from: law and article, ordinance, contract, and what was read into it.
    pub source: LocalText,
    /// Whether its ratios were read in their source. A centre that relies on others confirms them first.
    pub confirmed: bool,
    /// The first day it holds on.
    pub from_day: NaiveDate,
    /// The first day it does not hold on any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_day: Option<NaiveDate>,
    /// The only municipality it holds in; everywhere without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub municipality: Option<MunicipalityId>,
    /// Which age counts.
    pub basis: Basis,
    /// Children a member of staff, by age; the youngest first, from 0 on.
    #[serde(rename = "band")]
    pub bands: Vec<Band>,
    /// How many to roster.
    pub plan: Method,
    /// How many must be there at every moment, room by room.
    pub live: Method,
    /// So many more, while any child is there.
    #[serde(default)]
    pub plus: u32,
    /// Never fewer, while any child is there.
    pub least: Least,
    /// The kinds of staff; whoever is of none of them does not count.
    #[serde(rename = "staff")]
    pub kinds: Vec<Kind>,
    /// How many of the staff asked for must be qualified.
    pub qualified: Qualified,
    /// Who else has to be there, by the number of children.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Also>,
    /// Floor area a child, by age; from 0 on where there is any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floor: Vec<Floor>,
    /// The most children in one room, by the age of its youngest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<Group>,
}

/// Children of one band of age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// From this age on, up to the next band.
    pub from_years: u32,
    /// So many to one member of staff.
    pub children: u32,
}

/// How numbers of children become a number of staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Each band divided and cut after one decimal; added; half a person rounds up.
    TruncateAddRound,
    /// The exact fractions added, then rounded up.
    ExactFractions,
    /// Each band rounded up for itself, then added.
    BandByBand,
    /// All children at the ratio of the youngest, rounded up.
    YoungestGoverns,
}

/// The least staff while any child is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Least {
    /// At any time, or in the main hours where others are said for the rest.
    pub staff: u32,
    /// Outside the main hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_main_hours: Option<u32>,
    /// Where the nursery is part of a larger one whose staff is at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrated: Option<u32>,
}

/// A kind of staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// The kind, as shifts name it: `nursery-teacher`.
    pub kind: String,
    /// Whether it counts as staff; who does not may still have to be there [besides](Also).
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub counts: bool,
    /// Whether it counts as qualified.
    #[serde(default)]
    pub qualified: bool,
    /// At most so many of it count as qualified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
}

/// How many of the staff asked for must be qualified: a share, rounded up, and never fewer than `least`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qualified {
    /// So many…
    pub of_staff: u32,
    /// …of so many.
    pub in_all: u32,
    /// Never fewer, while any child is there.
    pub least: u32,
}

/// Somebody of one kind for so many children, among the staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Also {
    /// The kind.
    pub kind: String,
    /// One for so many children.
    pub children: u32,
}

/// Floor area a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// From this age on, up to the next.
    pub from_years: u32,
    /// In hundredths of a square metre.
    pub hundredths_m2: u32,
}

/// The most children in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Where its youngest is of this age or older, up to the next.
    pub from_years: u32,
    /// So many.
    pub children: u32,
}

/// Why rules cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// No name, or one that no file or table could carry.
    #[error("a name takes 1 to 60 of a-z, 0-9 and -")]
    Name,
    /// It ends before it begins.
    #[error("until_day is not after from_day")]
    Days,
    /// The store keeps how old children count by one school year.
    #[error("a school year begins on month = 4, day = 1: no other is kept so far")]
    YearStart,
    /// None, too many, or not from 0 upwards.
    #[error("{0} begins at from_years = 0 and rises, with at most {MOST_BANDS} in all")]
    Ages(&'static str),
    /// A number that nothing could be reckoned with.
    #[error("{name} is from {least} to {most}")]
    Number {
        /// Which.
        name: &'static str,
        /// The least it may be.
        least: u32,
        /// The most it may be.
        most: u32,
    },
    /// No kind of staff, too many, or one twice.
    #[error("staff names from 1 to {MOST_KINDS} kinds, each once, in 1 to 60 of a-z, 0-9 and -")]
    Kinds,
    /// Older children need more.
    #[error("{0} rises with age, or stays")]
    Falls(&'static str),
    /// More than all have to be qualified.
    #[error("qualified.of_staff is not more than qualified.in_all")]
    Share,
    /// A kind that the staff does not have.
    #[error("'{0}' is not among the staff")]
    NoSuchKind(String),
}

impl RuleSet {
    /// Whether the rules can be applied.
    ///
    /// # Errors
    /// The first [`BadRules`] found.
    pub fn check(&self) -> Result<(), BadRules> {
        if !is_name(&self.name) {
            return Err(BadRules::Name);
        }
        if self.until_day.is_some_and(|until| until <= self.from_day) {
            return Err(BadRules::Days);
        }
        if let Basis::SchoolYear(start) = self.basis
            && start != YearStart::default()
        {
            return Err(BadRules::YearStart);
        }
        self.check_ages()?;
        self.check_staff()?;
        let bands = self.bands.iter().map(|band| band.children);
        let groups = self.group.iter().map(|group| group.children);
        let also = self.also.iter().map(|also| also.children);
        for (name, numbers) in [
            ("band.children", bands.collect::<Vec<_>>()),
            ("group.children", groups.collect()),
            ("also.children", also.collect()),
        ] {
            let rises = name == "also.children" || numbers.is_sorted();
            within(name, numbers, 1, 100)?;
            if !rises {
                return Err(BadRules::Falls(name));
            }
        }
        within("floor.hundredths_m2", self.floor.iter().map(|floor| floor.hundredths_m2), 0, 10_000)
    }

    /// Whether they hold on the day `on` in `municipality`.
    #[must_use]
    pub fn holds(&self, on: NaiveDate, municipality: MunicipalityId) -> bool {
        self.from_day <= on
            && self.until_day.is_none_or(|until| on < until)
            && self.municipality.is_none_or(|only| only == municipality)
    }

    fn check_ages(&self) -> Result<(), BadRules> {
        let ages = |name, ages: Vec<u32>| {
            let rises = ages.first() == Some(&0) && ages.is_sorted_by(|one, next| one < next);
            if rises && ages.len() <= MOST_BANDS { Ok(()) } else { Err(BadRules::Ages(name)) }
        };
        ages("band", self.bands.iter().map(|band| band.from_years).collect())?;
        for (name, from) in [
            ("floor", self.floor.iter().map(|floor| floor.from_years).collect::<Vec<_>>()),
            ("group", self.group.iter().map(|group| group.from_years).collect()),
        ] {
            if !from.is_empty() {
                ages(name, from)?;
            }
        }
        Ok(())
    }

    fn check_staff(&self) -> Result<(), BadRules> {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.kind.as_str()).collect();
        let twice = (1..kinds.len()).any(|at| kinds[..at].contains(&kinds[at]));
        let named = kinds.iter().all(|kind| is_name(kind));
        if !(1..=MOST_KINDS).contains(&kinds.len()) || twice || !named {
            return Err(BadRules::Kinds);
        }
        if let Some(also) = self.also.iter().find(|also| !kinds.contains(&also.kind.as_str())) {
            return Err(BadRules::NoSuchKind(also.kind.clone()));
        }
        within("plus", [self.plus], 0, 20)?;
        let Least { staff, outside_main_hours, integrated } = self.least;
        let least = [staff].into_iter().chain(outside_main_hours).chain(integrated);
        within("least", least, 0, 20)?;
        within("qualified.in_all", [self.qualified.in_all], 1, 100)?;
        within("qualified.least", [self.qualified.least], 0, 20)?;
        if self.qualified.of_staff > self.qualified.in_all {
            return Err(BadRules::Share);
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn within(
    name: &'static str,
    numbers: impl IntoIterator<Item = u32>,
    least: u32,
    most: u32,
) -> Result<(), BadRules> {
    if numbers.into_iter().all(|number| (least..=most).contains(&number)) {
        Ok(())
    } else {
        Err(BadRules::Number { name, least, most })
    }
}

/// Whether `text` can name rules or a kind of staff.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=60).contains(&text.len()) && text.bytes().all(good)
}

/// What a kind of staff is called; one that a town has named itself is called so.
#[must_use]
pub fn kind_name(language: Language, kind: &str) -> &str {
    let (ja, en) = match kind {
        "nursery-teacher" => ("保育士", "nursery teacher"),
        "nurse" => ("看護師", "nurse"),
        "childcare-supporter" => ("子育て支援員", "childcare supporter"),
        other => (other, other),
    };
    if language == Language::Ja { ja } else { en }
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    /// Much like a licensed nursery of 2024, with a limit to groups besides.
    pub(crate) fn licensed() -> RuleSet {
        let band = |from_years, children| Band { from_years, children };
        let kind = |kind: &str, qualified| Kind {
            kind: kind.to_owned(),
            counts: true,
            qualified,
            at_most: None,
        };
        RuleSet {
            name: "licensed".to_owned(),
            title: LocalText::new("認可", "Licensed"),
            source: LocalText::new("試験", "A test"),
            confirmed: true,
            from_day: NaiveDate::from_ymd_opt(2024, 4, 1).unwrap(),
            until_day: None,
            municipality: None,
            basis: Basis::SchoolYear(YearStart { month: 4, day: 1 }),
            bands: vec![band(0, 3), band(1, 6), band(3, 15), band(4, 25)],
            plan: Method::TruncateAddRound,
            live: Method::ExactFractions,
            plus: 0,
            least: Least { staff: 2, outside_main_hours: None, integrated: None },
            kinds: vec![kind("nursery-teacher", true), kind("childcare-supporter", false)],
            qualified: Qualified { of_staff: 1, in_all: 2, least: 1 },
            also: Vec::new(),
            floor: vec![
                Floor { from_years: 0, hundredths_m2: 330 },
                Floor { from_years: 2, hundredths_m2: 198 },
            ],
            group: vec![
                Group { from_years: 0, children: 6 },
                Group { from_years: 2, children: 20 },
            ],
        }
    }

    #[test]
    fn rules_that_cannot_be_applied_are_refused() {
        assert_eq!(licensed().check(), Ok(()));
        let bad = |change: fn(&mut RuleSet)| {
            let mut rules = licensed();
            change(&mut rules);
            rules.check().unwrap_err().to_string()
        };
        for (said, want) in [
            (bad(|r| r.name = "第33条".to_owned()), "a name takes 1 to 60 of a-z, 0-9 and -"),
            (bad(|r| r.name.clear()), "a name takes 1 to 60 of a-z, 0-9 and -"),
            (bad(|r| r.until_day = Some(r.from_day)), "until_day is not after from_day"),
            (
                bad(|r| r.basis = Basis::SchoolYear(YearStart { month: 9, day: 1 })),
                "a school year begins on month = 4, day = 1: no other is kept so far",
            ),
            (
                bad(|r| r.bands.clear()),
                "band begins at from_years = 0 and rises, with at most 8 in all",
            ),
            (
                bad(|r| r.bands[1].from_years = 4),
                "band begins at from_years = 0 and rises, with at most 8 in all",
            ),
            (
                bad(|r| {
                    r.bands = (0..9).map(|from_years| Band { from_years, children: 1 }).collect()
                }),
                "band begins at from_years = 0 and rises, with at most 8 in all",
            ),
            (
                bad(|r| r.floor[0].from_years = 1),
                "floor begins at from_years = 0 and rises, with at most 8 in all",
            ),
            (bad(|r| r.bands[0].children = 0), "band.children is from 1 to 100"),
            (bad(|r| r.bands[0].children = u32::MAX), "band.children is from 1 to 100"),
            (bad(|r| r.bands[3].children = 14), "band.children rises with age, or stays"),
            (bad(|r| r.group[1].children = 5), "group.children rises with age, or stays"),
            (bad(|r| r.plus = 21), "plus is from 0 to 20"),
            (bad(|r| r.least.integrated = Some(21)), "least is from 0 to 20"),
            (bad(|r| r.qualified.in_all = 0), "qualified.in_all is from 1 to 100"),
            (
                bad(|r| r.qualified.of_staff = 3),
                "qualified.of_staff is not more than qualified.in_all",
            ),
            (bad(|r| r.kinds.clear()), BadRules::Kinds.to_string().as_str()),
            (
                bad(|r| r.kinds[1].kind = r.kinds[0].kind.clone()),
                BadRules::Kinds.to_string().as_str(),
            ),
            (
                bad(|r| r.also.push(Also { kind: "nurse".to_owned(), children: 10 })),
                "'nurse' is not among the staff",
            ),
        ] {
            assert_eq!(said, want);
        }
    }

    #[test]
    fn rules_hold_from_a_day_on_and_in_their_own_town() {
        let mut rules = licensed();
        let (town, other) =
            (MunicipalityId(uuid::Uuid::from_u128(1)), MunicipalityId(uuid::Uuid::nil()));
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        rules.until_day = Some(day("2027-04-01"));
        rules.municipality = Some(town);
        for (on, whose, holds) in [
            ("2024-03-31", town, false),
            ("2024-04-01", town, true),
            ("2027-03-31", town, true),
            ("2027-04-01", town, false),
            ("2024-04-01", other, false),
        ] {
            assert_eq!(rules.holds(day(on), whose), holds, "{on}");
        }
        rules.municipality = None;
        assert!(rules.holds(day("2024-04-01"), other));
    }
}
