//! Worked cases: a table of children by age with the staff that somebody expects, held against a rule set.

use std::collections::BTreeMap;
use std::fmt;

use model::care::figure::{AGES, Figures, Heads, Setting};
use model::care::rule_set::RuleSet;

use super::table::{self, BadRow};

/// A figure that a table can expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// How many to roster.
    Plan,
    /// How many must be there, all children in one room.
    LiveMixedRoom,
    /// How many must be there, each band of age in a room of its own.
    LiveRoomPerBand,
}

impl Expected {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Plan, Self::LiveMixedRoom, Self::LiveRoomPerBand];

    /// Its column.
    #[must_use]
    pub fn column(self) -> &'static str {
        match self {
            Self::Plan => "plan_staff",
            Self::LiveMixedRoom => "live_mixed_room",
            Self::LiveRoomPerBand => "live_room_per_band",
        }
    }
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Where it stands: the line of the file, the first is 1.
    pub line: u64,
    /// The rules it is about.
    pub rule_set: String,
    /// Children by age.
    pub children: Vec<(u32, u32)>,
    /// What is expected.
    pub expected: Vec<(Expected, u32)>,
}

/// What came out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differs<'a> {
    /// The case.
    pub case: &'a Case,
    /// The figure.
    pub figure: Expected,
    /// What the table says.
    pub expected: u32,
    /// What the rules say.
    pub found: u32,
}

impl fmt::Display for Differs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { line, rule_set, children, .. } = self.case;
        write!(f, "line {line}, {rule_set}, ")?;
        let there = children.iter().filter(|(_, count)| *count > 0);
        let ages: Vec<String> = there.map(|(age, count)| format!("{count} of age {age}")).collect();
        let ages = if ages.is_empty() { "no children".to_owned() } else { ages.join(", ") };
        let (column, expected, found) = (self.figure.column(), self.expected, self.found);
        write!(f, "{ages}: {column} is {found}, the table expects {expected}")
    }
}

/// Why a table cannot be read. Lines and columns are named as the file has them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTable {
    /// It is no table.
    #[error(transparent)]
    Form(#[from] BadRow),
    /// A column that should be there is not.
    #[error(
        "there is no column '{0}'; a table has rule_set, age0 and on, and at least one of plan_staff, live_mixed_room, live_room_per_band"
    )]
    NoColumn(&'static str),
    /// A column that nobody knows, or that is there twice.
    #[error(
        "column '{0}' is unknown or there twice; columns are rule_set, age0 to age12 (the last as in age4up), plan_staff, live_mixed_room, live_room_per_band"
    )]
    Column(String),
    /// What stands there is no number.
    #[error(
        "line {line}, column {column}: '{text}' is not a whole number from 0 to {MOST_CHILDREN}"
    )]
    Number {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        text: String,
    },
    /// Rules that nobody knows.
    #[error("line {line}: there are no rules called '{name}'; there are {known}")]
    NoRules {
        /// The line.
        line: u64,
        /// What it says.
        name: String,
        /// What there is.
        known: String,
    },
    /// Only a heading.
    #[error("the table has no cases")]
    Empty,
}

/// The most children of one age that a case may have.
pub const MOST_CHILDREN: u32 = 10_000;

enum Column {
    RuleSet,
    Age(u32),
    Expected(Expected),
}

/// Reads a table whose columns are told apart by tabs or commas.
///
/// # Errors
/// The first [`BadTable`] found.
pub fn read(table: &[u8]) -> Result<Vec<Case>, BadTable> {
    let (heading, rows) = table::read(table)?;
    let columns = columns(&heading)?;
    let cases: Vec<Case> =
        rows.iter().map(|(line, row)| case(&columns, *line, row)).collect::<Result<_, _>>()?;
    if cases.is_empty() { Err(BadTable::Empty) } else { Ok(cases) }
}

/// Holds `cases` against `sets`, and answers with what differs.
///
/// # Errors
/// [`BadTable::NoRules`] for a case about rules that are not among `sets`.
pub fn check<'a>(sets: &[RuleSet], cases: &'a [Case]) -> Result<Vec<Differs<'a>>, BadTable> {
    let figures: BTreeMap<&str, Figures<'_>> =
        sets.iter().map(|set| (set.name.as_str(), Figures::new(set))).collect();
    let mut differ = Vec::new();
    for case in cases {
        let figures = figures.get(case.rule_set.as_str()).ok_or_else(|| BadTable::NoRules {
            line: case.line,
            name: case.rule_set.clone(),
            known: figures.keys().copied().collect::<Vec<_>>().join(", "),
        })?;
        let mut heads = Heads::default();
        for (years, count) in &case.children {
            heads.come(*years, *count);
        }
        let setting = Setting { main_hours: true, integrated: false };
        for (figure, expected) in case.expected.iter().copied() {
            let found = match figure {
                Expected::Plan => figures.plan_staff(&[heads], setting),
                Expected::LiveMixedRoom => figures.live_staff(&[heads], setting),
                Expected::LiveRoomPerBand => figures.live_staff_apart(&heads, setting),
            };
            if found != expected {
                differ.push(Differs { case, figure, expected, found });
            }
        }
    }
    Ok(differ)
}

fn columns(heading: &csv::StringRecord) -> Result<Vec<(String, Column)>, BadTable> {
    let mut columns: Vec<(String, Column)> = Vec::new();
    for name in heading {
        let of_age = || {
            let digits = name.strip_prefix("age")?;
            let years: usize = digits.strip_suffix("up").unwrap_or(digits).parse().ok()?;
            (years < AGES).then(|| u32::try_from(years).ok()).flatten()
        };
        let expected = Expected::ALL.into_iter().find(|expected| expected.column() == name);
        let column = if name == "rule_set" {
            Column::RuleSet
        } else if let Some(expected) = expected {
            Column::Expected(expected)
        } else {
            of_age().map(Column::Age).ok_or_else(|| BadTable::Column(name.to_owned()))?
        };
        let place = |column: &Column| match column {
            Column::RuleSet => (0, 0),
            Column::Age(years) => (1, *years),
            Column::Expected(expected) => (2, *expected as u32),
        };
        if columns.iter().any(|(_, other)| place(other) == place(&column)) {
            return Err(BadTable::Column(name.to_owned()));
        }
        columns.push((name.to_owned(), column));
    }
    for (name, there) in [
        ("rule_set", columns.iter().any(|(_, column)| matches!(column, Column::RuleSet))),
        ("age0", columns.iter().any(|(_, column)| matches!(column, Column::Age(_)))),
        ("plan_staff", columns.iter().any(|(_, column)| matches!(column, Column::Expected(_)))),
    ] {
        if !there {
            return Err(BadTable::NoColumn(name));
        }
    }
    Ok(columns)
}

fn case(
    columns: &[(String, Column)],
    line: u64,
    row: &csv::StringRecord,
) -> Result<Case, BadTable> {
    let mut case =
        Case { line, rule_set: String::new(), children: Vec::new(), expected: Vec::new() };
    for ((name, column), text) in columns.iter().zip(row) {
        let number = || {
            let number = text.parse().ok().filter(|number| *number <= MOST_CHILDREN);
            number.ok_or_else(|| BadTable::Number {
                line,
                column: name.clone(),
                text: text.to_owned(),
            })
        };
        match column {
            Column::RuleSet => text.clone_into(&mut case.rule_set),
            Column::Age(years) => case.children.push((*years, number()?)),
            Column::Expected(expected) => case.expected.push((*expected, number()?)),
        }
    }
    Ok(case)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use proptest::prelude::*;

    use super::super::rule_sets::shipped;
    use super::*;

    #[test]
    fn the_worked_cases_come_out_as_they_should() {
        let sets = shipped().unwrap();
        for (table, rows) in [
            (include_str!("../../rules/childcare/cases.tsv"), 44),
            (include_str!("../../rules/childcare/cases-ours.tsv"), 13),
        ] {
            let cases = read(table.as_bytes()).unwrap();
            assert_eq!(cases.len(), rows);
            let differ = check(&sets, &cases).unwrap();
            assert_eq!(differ.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
        }
    }

    #[test]
    fn a_case_that_differs_is_told() {
        let table = "rule_set,age0,age1,age4up,plan_staff,live_mixed_room\n\
                     jp-art33-2024,0,0,0,0,1\n\
                     jp-art33-2024,4,0,26,2,3\n";
        let cases = read(table.as_bytes()).unwrap();
        let sets = shipped().unwrap();
        let differ: Vec<_> =
            check(&sets, &cases).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            differ,
            ["line 2, jp-art33-2024, no children: live_mixed_room is 0, the table expects 1"]
        );
        let table = table.replace("26,2,3", "26,3,3");
        let cases = read(table.as_bytes()).unwrap();
        let differ: Vec<_> =
            check(&sets, &cases).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            differ[1],
            "line 3, jp-art33-2024, 4 of age 0, 26 of age 4: plan_staff is 2, the table expects 3"
        );
    }

    #[test]
    fn a_table_that_cannot_be_read_says_where() {
        let said = |table: &[u8]| read(table).unwrap_err().to_string();
        let heading = "rule_set\tage0\tage1up\tplan_staff\n";
        let row = |row: &str| said(format!("{heading}{row}\n").as_bytes());
        assert!(said(b"").starts_with("there is no column 'rule_set'"), "{}", said(b""));
        assert!(said(b"rule_set,age0\n").starts_with("there is no column 'plan_staff'"));
        assert!(said(b"rule_set,plan_staff\n").starts_with("there is no column 'age0'"));
        for bad in ["age13", "age-1", "agex", "age", "Age0", "age0", "age1"] {
            let table = format!("rule_set,age0,age1up,{bad},plan_staff\n");
            assert!(said(table.as_bytes()).starts_with(&format!("column '{bad}' is")), "{bad}");
        }
        assert_eq!(said(heading.as_bytes()), "the table has no cases");
        assert_eq!(
            row("jp-art33-2024\t1\t-2\t2"),
            "line 2, column age1up: '-2' is not a whole number from 0 to 10000"
        );
        assert_eq!(
            row("jp-art33-2024\t1\t2\t"),
            "line 2, column plan_staff: '' is not a whole number from 0 to 10000"
        );
        assert_eq!(
            row("jp-art33-2024\t4294967296\t2\t2"),
            "line 2, column age0: '4294967296' is not a whole number from 0 to 10000"
        );
        assert_eq!(row("jp-art33-2024\t1\t2"), "line 2: 3 columns where the heading has 4");
        assert_eq!(
            said(b"rule_set,age0,plan_staff\n\xff\xfe,1,1\n"),
            "line 2: not in UTF-8; save the table as “CSV UTF-8”"
        );
        let cases = read(format!("\u{feff}{heading}jp-none\t1\t2\t2\n").as_bytes()).unwrap();
        let said = check(&shipped().unwrap(), &cases).unwrap_err().to_string();
        assert!(
            said.starts_with("line 2: there are no rules called 'jp-none'; there are "),
            "{said}"
        );
    }

    proptest! {
        #[test]
        fn no_table_is_too_odd(table in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&table).ok();
        }

        #[test]
        fn no_row_is_too_odd(row in "[-0-9\t,\"a-z\n\r]{0,60}") {
            let table = format!("rule_set\tage0\tplan_staff\n{row}");
            if let Ok(cases) = read(table.as_bytes()) {
                check(&shipped().unwrap(), &cases).ok();
            }
        }
    }
}
