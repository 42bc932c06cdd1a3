//! A table of shifts, as offices keep them in a spreadsheet: one row a caregiver and day.

use std::collections::HashMap;

use chrono::{Datelike as _, Days, NaiveDate};
use chrono_tz::Tz;
use model::care::duty::{BadShift, Shift};
use model::care::rule_set::RuleSet;
use model::interval::Interval;
use model::opening;

use super::table::{self, BadRow};
use crate::typed::{date, minutes, plain};

/// One row, as it is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the file, the first is 1.
    pub line: u64,
    /// The local day the shift begins on.
    pub day: NaiveDate,
    /// Whose.
    pub caregiver: String,
    /// When, and of which kind they are.
    pub shift: Shift,
}

/// Why a table cannot be taken: nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShifts {
    /// It is no table.
    #[error(transparent)]
    Table(#[from] BadRow),
    /// A column that should be there is not, or one that nobody knows is.
    #[error(
        "column '{0}' is missing, unknown or there twice; a table of shifts has date, caregiver, kind, \
         from and to, and may have breaks (日付, 氏名, 資格, 開始, 終了, 休憩)"
    )]
    Column(String),
    /// What stands in a cell cannot be read.
    #[error("line {line}, column {column}: '{text}' is not {wanted}")]
    Cell {
        /// The line.
        line: u64,
        /// The column, as the table has it.
        column: String,
        /// What stands there.
        text: String,
        /// What should.
        wanted: String,
    },
    /// Nobody can work such a shift.
    #[error("line {line}: {why}")]
    Shift {
        /// The line.
        line: u64,
        /// Why not.
        why: BadShift,
    },
    /// Only a heading: it would take all shifts away without saying of which days.
    #[error("the table has no shifts")]
    Empty,
    /// One caregiver is in two places.
    #[error("line {line}: '{caregiver}' has another shift then, in line {other}")]
    Overlap {
        /// The line.
        line: u64,
        /// Who.
        caregiver: String,
        /// The line of the other shift.
        other: u64,
    },
}

/// The longest name of a caregiver, in characters.
const LONGEST_NAME: usize = 60;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Date,
    Caregiver,
    Kind,
    From,
    To,
    Breaks,
}

impl Column {
    const NAMES: [(Self, &'static str, &'static str); 6] = [
        (Self::Date, "date", "日付"),
        (Self::Caregiver, "caregiver", "氏名"),
        (Self::Kind, "kind", "資格"),
        (Self::From, "from", "開始"),
        (Self::To, "to", "終了"),
        (Self::Breaks, "breaks", "休憩"),
    ];

    fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.into_iter().find(|(_, en, ja)| [*en, *ja].contains(&name));
        found.map(|(column, ..)| column)
    }
}

/// Reads the shifts of a nursery in `zone` that is under `rules`; columns are told apart by tabs or commas.
/// An end that is not after its start is on the next day.
///
/// # Errors
/// The first [`BadShifts`] found.
pub fn read(table: &[u8], zone: Tz, rules: &[&RuleSet]) -> Result<Vec<Row>, BadShifts> {
    let (heading, records) = table::read(table)?;
    let mut columns: Vec<(String, Column)> = Vec::new();
    for name in &heading {
        let column = Column::named(name).ok_or_else(|| BadShifts::Column(name.to_owned()))?;
        if columns.iter().any(|(_, other)| *other == column) {
            return Err(BadShifts::Column(name.to_owned()));
        }
        columns.push((name.to_owned(), column));
    }
    for (column, name, _) in Column::NAMES {
        let there = columns.iter().any(|(_, other)| *other == column);
        if !there && column != Column::Breaks {
            return Err(BadShifts::Column(name.to_owned()));
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (line, record) in records {
        let row = Cells { line, columns: &columns, record: &record, zone, rules }.row()?;
        let theirs = by_name.entry(row.caregiver.clone()).or_default();
        let meets = |at: &&usize| rows[**at].shift.when.overlaps(&row.shift.when);
        if let Some(other) = theirs.iter().find(meets) {
            let (caregiver, other) = (row.caregiver, rows[*other].line);
            return Err(BadShifts::Overlap { line, caregiver, other });
        }
        theirs.push(rows.len());
        rows.push(row);
    }
    if rows.is_empty() { Err(BadShifts::Empty) } else { Ok(rows) }
}

/// One row that is being read.
struct Cells<'a> {
    line: u64,
    columns: &'a [(String, Column)],
    record: &'a csv::StringRecord,
    zone: Tz,
    rules: &'a [&'a RuleSet],
}

impl Cells<'_> {
    fn row(&self) -> Result<Row, BadShifts> {
        let line = self.line;
        let day = day(self.text(Column::Date))
            .ok_or_else(|| self.bad(Column::Date, "a day, as 2026-12-01"))?;
        let caregiver = self.text(Column::Caregiver).to_owned();
        let fits = (1..=LONGEST_NAME).contains(&caregiver.chars().count());
        if !fits || caregiver.chars().any(char::is_control) {
            let wanted = format!("a name of 1 to {LONGEST_NAME} characters");
            return Err(self.bad(Column::Caregiver, &wanted));
        }
        let kind = self.text(Column::Kind).to_owned();
        if !self.rules.iter().any(|rules| rules.kind(&kind).is_some()) {
            let kinds = self.rules.iter().flat_map(|rules| &rules.kinds);
            let mut known: Vec<&str> = kinds.map(|one| one.kind.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(self.bad(Column::Kind, &format!("one of {}", known.join(", "))));
        }
        let from = minutes(self.text(Column::From)).filter(|from| *from < 24 * 60);
        let from = from.ok_or_else(|| self.bad(Column::From, "a time, as 8:30"))?;
        // The same time again would be a whole day, and is a slip.
        let to = minutes(self.text(Column::To)).filter(|to| *to != from);
        let to = to.ok_or_else(|| self.bad(Column::To, "a later time, as 17:30"))?;
        let when = self
            .stretch(day, from, to)
            .ok_or_else(|| self.bad(Column::To, "a time that there is on that day"))?;
        let breaks = self.breaks(day, from)?;
        let shift = Shift { kind, when, breaks };
        shift.check().map_err(|why| BadShifts::Shift { line, why })?;
        Ok(Row { line, day, caregiver, shift })
    }

    /// Breaks as in `12:00-13:00;15:00-15:15`; those before the shift's start in the day are of the next.
    fn breaks(&self, day: NaiveDate, begins: u32) -> Result<Vec<Interval>, BadShifts> {
        let bad = || self.bad(Column::Breaks, "breaks, as 12:00-13:00;15:00-15:15");
        let text = plain(self.text(Column::Breaks));
        let parts = text.split([';', '；', '、']).map(str::trim);
        let mut breaks = Vec::new();
        for part in parts.filter(|part| !part.is_empty()) {
            let (from, to) = part.split_once(['-', '〜', '～', '–']).ok_or_else(bad)?;
            let from = minutes(from).ok_or_else(bad)?;
            let to = minutes(to).ok_or_else(bad)?;
            let day = if from < begins { day.checked_add_days(Days::new(1)) } else { Some(day) };
            breaks.push(day.and_then(|day| self.stretch(day, from, to)).ok_or_else(bad)?);
        }
        breaks.sort();
        Ok(breaks)
    }

    fn stretch(&self, day: NaiveDate, from: u32, to: u32) -> Option<Interval> {
        let starts = opening::local(day, from, self.zone)?;
        let ends = if to > from {
            opening::local(day, to, self.zone)?
        } else {
            opening::local(day.checked_add_days(Days::new(1))?, to, self.zone)?
        };
        Interval::new(starts, ends).ok()
    }

    fn text(&self, column: Column) -> &str {
        let at = self.columns.iter().position(|(_, other)| *other == column);
        at.and_then(|at| self.record.get(at)).unwrap_or_default()
    }

    fn bad(&self, column: Column, wanted: &str) -> BadShifts {
        let named = self.columns.iter().find(|(_, other)| *other == column);
        BadShifts::Cell {
            line: self.line,
            column: named.map(|(name, _)| name.clone()).unwrap_or_default(),
            text: self.text(column).chars().take(40).collect(),
            wanted: wanted.to_owned(),
        }
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    date(text).filter(|day| (2000..2200).contains(&day.year()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;
    use proptest::prelude::*;

    use super::super::rule_sets::shipped;
    use super::*;

    fn shifts(table: &str) -> Result<Vec<Row>, BadShifts> {
        let sets = shipped().unwrap();
        let rules: Vec<&RuleSet> = sets
            .iter()
            .filter(|set| ["jp-art33-2024", "jp-unlicensed"].contains(&set.name.as_str()))
            .collect();
        read(table.as_bytes(), Tokyo, &rules)
    }

    fn stretch(from: &str, to: &str) -> Interval {
        let time = |text: &str| text.parse().unwrap();
        Interval::new(time(from), time(to)).unwrap()
    }

    #[test]
    fn a_roster_of_an_office_is_read() {
        let rows = shifts(
            "日付\t氏名\t資格\t開始\t終了\t休憩\n\
             2026/12/1\t伊藤 花\tnursery-teacher\t8:30\t17:30\t12:00-13:00；15:00〜15:15\n\
             2026-12-01\t阿部\tnurse\t22:00\t6:00\t2:00-2:30\n",
        )
        .unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].line, rows[0].caregiver.as_str()), (2, "伊藤 花"));
        let shift = &rows[0].shift;
        assert_eq!(shift.when, stretch("2026-11-30T23:30:00Z", "2026-12-01T08:30:00Z"));
        assert_eq!(
            shift.breaks,
            [
                stretch("2026-12-01T03:00:00Z", "2026-12-01T04:00:00Z"),
                stretch("2026-12-01T06:00:00Z", "2026-12-01T06:15:00Z"),
            ]
        );
        let night = &rows[1].shift;
        assert_eq!(night.when, stretch("2026-12-01T13:00:00Z", "2026-12-01T21:00:00Z"));
        assert_eq!(night.breaks, [stretch("2026-12-01T17:00:00Z", "2026-12-01T17:30:00Z")]);
        // As a spreadsheet in Japanese may have it.
        let wide = shifts(
            "日付\t氏名\t資格\t開始\t終了\t休憩\n\
             ２０２６年１２月１日\t伊藤 花\tnursery-teacher\t８時半\t１７：３０\t１２時－13時、1500〜1515\n",
        )
        .unwrap();
        assert_eq!(wide[0].shift, rows[0].shift);
        // Breaks need not be said.
        let rows =
            shifts("date,caregiver,kind,from,to\n2026-12-01,Ito,nurse,08:00,24:00\n").unwrap();
        assert_eq!(rows[0].shift.when.length().num_hours(), 16);
        assert_eq!(rows[0].shift.breaks, []);
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_column() {
        let said = |table: &str| shifts(table).unwrap_err().to_string();
        let row = |row: &str| said(&format!("date,caregiver,kind,from,to,breaks\n{row}\n"));
        for (table, column) in [
            ("date,caregiver,from,to\n", "kind"),
            ("date,caregiver,kind,from,to,colour\n", "colour"),
            ("date,caregiver,kind,from,to,開始\n", "開始"),
            ("", "date"),
        ] {
            assert!(
                said(table).starts_with(&format!("column '{column}' is missing")),
                "{}",
                said(table)
            );
        }
        for (given, want) in [
            (
                "1.12.26,伊藤,nurse,8:00,9:00,",
                "line 2, column date: '1.12.26' is not a day, as 2026-12-01",
            ),
            (
                "2026-02-30,伊藤,nurse,8:00,9:00,",
                "line 2, column date: '2026-02-30' is not a day, as 2026-12-01",
            ),
            (
                "2026-12-01,,nurse,8:00,9:00,",
                "line 2, column caregiver: '' is not a name of 1 to 60 characters",
            ),
            (
                "2026-12-01,伊藤,cook,8:00,9:00,",
                "line 2, column kind: 'cook' is not one of childcare-supporter, nurse, nursery-teacher",
            ),
            (
                "2026-12-01,伊藤,nurse,eight,9:00,",
                "line 2, column from: 'eight' is not a time, as 8:30",
            ),
            (
                "2026-12-01,伊藤,nurse,8:00,25:00,",
                "line 2, column to: '25:00' is not a later time, as 17:30",
            ),
            (
                "2026-12-01,伊藤,nurse,8:00,8:00,",
                "line 2, column to: '8:00' is not a later time, as 17:30",
            ),
            (
                "2026-12-01,伊藤,nurse,24:00,8:00,",
                "line 2, column from: '24:00' is not a time, as 8:30",
            ),
            (
                "2026-12-01,伊藤,nurse,8:00,9:00,noon",
                "line 2, column breaks: 'noon' is not breaks, as 12:00-13:00;15:00-15:15",
            ),
            ("2026-12-01,伊藤,nurse,8:00,9:00,8:30-9:30", "line 2: a break lies within its shift"),
            (
                "2026-12-01,伊藤,nurse,8:00,9:00,8:10-8:30;8:20-8:40",
                "line 2: breaks follow each other",
            ),
            ("2026-12-01,伊藤", "line 2: 2 columns where the heading has 6"),
            (
                "2026-12-01,伊藤,nurse,8:00,12:00,\n2026-12-01,阿部,nurse,8:00,12:00,\n2026-12-01,伊藤,nurse,11:00,13:00,",
                "line 4: '伊藤' has another shift then, in line 2",
            ),
        ] {
            assert_eq!(row(given), want);
        }
    }

    #[test]
    fn a_table_without_shifts_is_none() {
        let said = shifts("date,caregiver,kind,from,to\n").unwrap_err().to_string();
        assert_eq!(said, "the table has no shifts");
    }

    proptest! {
        #[test]
        fn no_table_is_too_odd(table in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&table, Tokyo, &[]).ok();
        }

        #[test]
        fn no_cell_is_too_odd(
            date in "[-0-9/]{0,12}", from in "[0-9:]{0,6}", to in "[0-9:]{0,6}", breaks in "[-0-9:;〜]{0,20}",
        ) {
            shifts(&format!("date\tcaregiver\tkind\tfrom\tto\tbreaks\n{date}\tx\tnurse\t{from}\t{to}\t{breaks}\n")).ok();
            shifts(&format!("date\tcaregiver\tkind\tfrom\tto\tbreaks\n2026-12-01\tx\tnurse\t{from}\t{to}\t{breaks}\n")).ok();
        }
    }
}
