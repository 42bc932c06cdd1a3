//! A nursery's terms, as a file that somebody writes by hand.

use chrono::Weekday;
use model::care::day::NapInterval;
use model::care::terms::{BadTerms, HandOver, NeededDocument, Terms};
use model::opening::{DayKind, OpeningHours};
use serde::Deserialize;

use crate::typed::minutes;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    schemes: Vec<String>,
    handover: Option<HandOver>,
    #[serde(default)]
    hours: Vec<FileHours>,
    #[serde(default)]
    interview: bool,
    #[serde(default)]
    document: Vec<NeededDocument>,
    collect_from_years: Option<u32>,
    #[serde(default)]
    nap: Vec<NapInterval>,
    fever: Option<u16>,
}

/// Hours on some kinds of day, such as `days = ["mon", "holiday"]`, `from = "8:00"`, `until = "18:30"`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileHours {
    days: Vec<String>,
    from: String,
    until: String,
}

/// Why a file does not say a nursery's terms.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It is no such file.
    #[error(transparent)]
    Form(Box<toml::de::Error>),
    /// No nursery can keep them.
    #[error(transparent)]
    Terms(#[from] BadTerms),
    /// A day that there is not.
    #[error("'{0}' is no kind of day: mon, tue, wed, thu, fri, sat, sun or holiday")]
    Day(String),
    /// They cannot be read.
    #[error("hours have from and until, as 8:00 and 18:30")]
    Hours,
    /// A scheme that the hub does not have.
    #[error("there is no scheme called '{0}'; keep it first with `schemes add`")]
    NoScheme(String),
}

/// Reads it; `known` are the schemes that there are.
///
/// # Errors
/// [`BadFile`] says why it cannot be taken.
pub fn read(text: &str, known: &[&str]) -> Result<Terms, BadFile> {
    let file: File = toml::from_str(text).map_err(|error| BadFile::Form(Box::new(error)))?;
    if let Some(unknown) = file.schemes.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(BadFile::NoScheme(unknown.clone()));
    }
    let mut hours = Vec::new();
    for FileHours { days, from, until } in file.hours {
        let (opens, closes) = (minutes(&from), minutes(&until));
        let (Some(opens), Some(closes)) = (opens, closes) else { return Err(BadFile::Hours) };
        for day in days {
            hours.push(OpeningHours { day: kind_of(&day)?, opens, closes });
        }
    }
    let terms = Terms {
        handover: file.handover,
        hours,
        schemes: file.schemes,
        interview: file.interview,
        documents: file.document,
        collect_from_years: file.collect_from_years,
        naps: file.nap,
        fever: file.fever,
    };
    Ok(terms.check().map(|()| terms)?)
}

fn kind_of(day: &str) -> Result<DayKind, BadFile> {
    if day == "holiday" {
        return Ok(DayKind::Holiday);
    }
    let weekday: Result<Weekday, _> = day.parse();
    weekday.map(DayKind::Weekday).map_err(|_| BadFile::Day(day.to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    const FILE: &str = r#"
        schemes = ["jp-temporary", "jp-open-to-all"]
        handover = { before = 10, after = 15 }
        [[hours]]
        days = ["mon", "holiday"]
        from = "8:00"
        until = "１８：３０"
        [[document]]
        code = "allergy-form"
        name = { ja = "アレルギー指示書", en = "Allergy form" }
        months = 12
    "#;

    fn parsed(text: &str) -> Result<Terms, BadFile> {
        read(text, &["jp-temporary", "jp-open-to-all"])
    }

    #[test]
    fn terms_are_read() {
        let terms = parsed(FILE).unwrap();
        assert_eq!(terms.handover, Some(HandOver { before: 10, after: 15 }));
        assert_eq!(terms.schemes, ["jp-temporary", "jp-open-to-all"]);
        assert_eq!((terms.interview, terms.collects_from()), (false, 18));
        let needed: Vec<_> =
            terms.documents.iter().map(|one| (one.code.as_str(), one.months)).collect();
        assert_eq!(needed, [("allergy-form", Some(12))]);
        let strict = parsed("interview = true\ncollect_from_years = 20").unwrap();
        assert_eq!((strict.interview, strict.collects_from()), (true, 20));
        assert_eq!((strict.naps.len(), strict.fever()), (0, 375));
        let watchful = parsed(
            "fever = 380\n[[nap]]\nbelow_years = 1\nminutes = 5\n[[nap]]\nbelow_years = 6\nminutes = 15",
        );
        let watchful = watchful.unwrap();
        let every = |years| watchful.nap_interval(years).map(|every| every.num_minutes());
        assert_eq!([every(0), every(1), every(5), every(6)], [Some(5), Some(15), Some(15), None]);
        assert_eq!(watchful.fever(), 380);
        let on = |day| OpeningHours { day, opens: 480, closes: 1_110 };
        assert_eq!(terms.hours, [on(DayKind::Weekday(Weekday::Mon)), on(DayKind::Holiday)]);
        assert_eq!(parsed("").unwrap(), Terms::default());
    }

    #[test]
    fn a_file_that_says_none_is_refused() {
        let said = |text: &str| parsed(text).unwrap_err().to_string();
        assert!(said("colour = 1").contains("colour"));
        assert!(said("handover = { before = 10 }").contains("missing field `after`"));
        assert!(
            said(&FILE.replace("jp-open-to-all", "none"))
                .starts_with("there is no scheme called 'none'")
        );
        assert!(said(&FILE.replace("holiday", "月")).starts_with("'月' is no kind of day"));
        assert_eq!(
            said(&FILE.replace("8:00", "early")),
            "hours have from and until, as 8:00 and 18:30"
        );
        assert_eq!(
            said(&FILE.replace("8:00", "19:00")),
            "hours end after they begin, on the same day"
        );
        assert!(said(&FILE.replace("months = 12", "months = 0")).starts_with("a nursery needs"));
        assert!(said("collect_from_years = 3").starts_with("whoever collects a child"));
        assert_eq!(said("fever = 37"), "a fever begins between 34.0 and 42.0 degrees");
        assert!(said("[[nap]]\nbelow_years = 1\nminutes = 0").starts_with("a sleeping child"));
        assert!(said("[[nap]]\nbelow_years = 1").contains("missing field `minutes`"));
        let long = FILE.replace("before = 10", "before = 61");
        assert_eq!(said(&long), "a hand-over takes at most 60 minutes before and after");
        let twice = FILE.replace("jp-open-to-all", "jp-temporary");
        assert_eq!(said(&twice), "a nursery offers at most 10 schemes, each once");
    }
}
