//! How a nursery is staffed, as a file that somebody writes by hand.

use model::care::admission::{Admits, Room};
use model::care::staffing::{BadStaffing, CareRoom, MainHours, Staffing};
use model::id::RoomId;
use model::language::LocalText;
use serde::Deserialize;

use crate::typed::minutes;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule_sets: Vec<String>,
    admits: Admits,
    #[serde(default)]
    integrated: bool,
    main_hours: Option<FileHours>,
    room: Vec<FileRoom>,
}

/// Such as `7:30`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileHours {
    from: String,
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRoom {
    name: LocalText,
    hundredths_m2: u32,
    from_years: u32,
    below_years: Option<u32>,
}

/// Why a file does not say how a nursery is staffed.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It is no such file.
    #[error(transparent)]
    Form(Box<toml::de::Error>),
    /// No nursery can be run by it.
    #[error(transparent)]
    Staffing(#[from] BadStaffing),
    /// They cannot be read.
    #[error("main_hours has from and until, as 7:30 and 18:30")]
    MainHours,
    /// One name twice: no one could say which is meant.
    #[error("two rooms are called '{0}'")]
    RoomTwice(String),
    /// Rules that the hub does not have.
    #[error("there are no rules called '{0}'; keep them first with `rules add`")]
    NoRules(String),
}

/// Reads it. A room keeps its id where the nursery has one of the same Japanese name already; the others get
/// one each of `new_id`.
///
/// # Errors
/// [`BadFile`] says why it cannot be taken; `E` where no id can be made.
pub fn read<E>(
    text: &str,
    before: Option<&Staffing>,
    known: &[&str],
    mut new_id: impl FnMut() -> Result<uuid::Uuid, E>,
) -> Result<Result<Staffing, BadFile>, E> {
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => return Ok(Err(BadFile::Form(Box::new(error)))),
    };
    if let Some(unknown) = file.rule_sets.iter().find(|name| !known.contains(&name.as_str())) {
        return Ok(Err(BadFile::NoRules(unknown.clone())));
    }
    let hours = |hours: &FileHours| {
        Some(MainHours { from: minutes(&hours.from)?, until: minutes(&hours.until)? })
    };
    let main_hours = file.main_hours.as_ref().map(hours);
    if main_hours == Some(None) {
        return Ok(Err(BadFile::MainHours));
    }
    let mut rooms: Vec<CareRoom> = Vec::with_capacity(file.room.len());
    for FileRoom { name, hundredths_m2, from_years, below_years } in file.room {
        if rooms.iter().any(|other| other.name.ja == name.ja) {
            return Ok(Err(BadFile::RoomTwice(name.ja)));
        }
        let same = before.and_then(|old| old.rooms.iter().find(|room| room.name.ja == name.ja));
        let id = match same {
            Some(room) => room.id,
            None => RoomId(new_id()?),
        };
        rooms.push(CareRoom { id, name, room: Room { hundredths_m2, from_years, below_years } });
    }
    let staffing = Staffing {
        rule_sets: file.rule_sets,
        admits: file.admits,
        integrated: file.integrated,
        main_hours: main_hours.flatten(),
        rooms,
    };
    Ok(staffing.check().map(|()| staffing).map_err(BadFile::from))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::convert::Infallible;

    use uuid::Uuid;

    use super::*;

    const FILE: &str = r#"
        rule_sets = ["jp-art33-2024"]
        admits = "both"

        [[room]]
        name = { ja = "ひよこ", en = "Chicks" }
        hundredths_m2 = 3300
        from_years = 0
        below_years = 2

        [[room]]
        name = { ja = "くま", en = "Bears" }
        hundredths_m2 = 5000
        from_years = 2
    "#;

    fn parsed(text: &str, before: Option<&Staffing>) -> Result<Staffing, BadFile> {
        let mut next = 0;
        let mut id = || {
            next += 1;
            Ok::<_, Infallible>(Uuid::from_u128(next))
        };
        let Ok(read) = read(text, before, &["jp-art33-2024"], &mut id);
        read
    }

    #[test]
    fn a_room_keeps_its_id() {
        let first = parsed(FILE, None).unwrap();
        assert_eq!((first.admits, first.rooms.len(), first.integrated), (Admits::Both, 2, false));
        let mut other = first.clone();
        other.rooms[0].id = RoomId(Uuid::from_u128(77));
        other.rooms.pop();
        let again = parsed(FILE, Some(&other)).unwrap();
        assert_eq!(again.rooms[0].id, other.rooms[0].id);
        assert_eq!(again.rooms[1].id, RoomId(Uuid::from_u128(1)));
    }

    #[test]
    fn what_cannot_be_taken_says_why() {
        let said = |text: &str| parsed(text, None).unwrap_err().to_string();
        assert!(said("").contains("missing field `rule_sets`"));
        assert!(said(&FILE.replace("\"both\"", "\"some\"")).contains("unknown variant `some`"));
        assert!(said(&FILE.replace("admits", "colour = 1\n admits")).contains("colour"));
        let none = FILE.replace("jp-art33-2024", "jp-none");
        assert_eq!(
            said(&none),
            "there are no rules called 'jp-none'; keep them first with `rules add`"
        );
        let twice = FILE.replace("くま", "ひよこ");
        assert_eq!(said(&twice), "two rooms are called 'ひよこ'");
        let main = |from: &str, until: &str| {
            let hours =
                format!("main_hours = {{ from = \"{from}\", until = \"{until}\" }}\n admits");
            parsed(&FILE.replace("admits", &hours), None)
        };
        let hours = Some(MainHours { from: 450, until: 1_110 });
        assert_eq!(main("7:30", "18:30").unwrap().main_hours, hours);
        let odd = main("morning", "18:30").unwrap_err().to_string();
        assert_eq!(odd, "main_hours has from and until, as 7:30 and 18:30");
        let back = main("18:30", "7:30").unwrap_err().to_string();
        assert_eq!(back, "the main hours end after they begin, on the same day");
        let flat = FILE.replace("= 3300", "= 0");
        assert_eq!(said(&flat), "a room has a floor, and its ages end after they begin");
    }
}
