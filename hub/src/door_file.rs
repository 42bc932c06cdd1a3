//! What a centre's doors are, as a file that somebody writes by hand.

use chrono::Weekday;
use model::day_sheet::DeviceKind;
use model::door::{
    BadPlan, Demand, Door, DoorPlan, DoorReader, Passback, Side, Unlocks, Window, Wiring, Zone,
};
use model::id::{DeviceId, NurseryId};
use model::opening::DayKind;
use serde::Deserialize;

use crate::typed::minutes;

/// The file: one `[[door]]` for each door that gets another plan.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    door: Vec<FileDoor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDoor {
    device: DeviceId,
    wiring: Option<Wiring>,
    #[serde(default)]
    zone: Zone,
    nursery: Option<NurseryId>,
    #[serde(default)]
    reader: Vec<FileReader>,
    held_seconds: Option<u32>,
    ajar_seconds: Option<u32>,
    #[serde(default)]
    exit_button: bool,
    #[serde(default)]
    free_handle: bool,
    #[serde(default)]
    unlocks: Vec<FileWindow>,
    #[serde(default)]
    demands: Vec<FileWindow>,
    #[serde(default)]
    two_persons: Vec<FileWindow>,
    #[serde(default)]
    passback: Passback,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileReader {
    device: DeviceId,
    side: Side,
}

/// Hours on some kinds of day: `days = ["mon", "holiday"]`, `from = "8:00"`, `until = "18:30"`. What else may
/// stand there is said by the list that it is in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWindow {
    days: Vec<String>,
    from: String,
    until: String,
    first_in: Option<bool>,
    level: Option<u8>,
    pin: Option<bool>,
}

/// What a centre has that the file may name.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its doors as they are.
    pub doors: Vec<Door>,
    /// Its screens and other devices. None of them is a reader at a door: they have a screen of their own to answer on,
    /// or are no reader at all.
    pub devices: Vec<(DeviceId, DeviceKind)>,
    /// Its nurseries.
    pub nurseries: Vec<NurseryId>,
}

/// Why a file does not say what doors are.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It is no such file.
    #[error(transparent)]
    Form(Box<toml::de::Error>),
    /// No door is in it.
    #[error("it names no door: each has its [[door]]")]
    Empty,
    /// A door is none of the centre's.
    #[error("door {0}: the centre has no door '{1}'")]
    NoSuchDoor(usize, DeviceId),
    /// A door stands there twice.
    #[error("door {0}: '{1}' stands there twice")]
    Twice(usize, DeviceId),
    /// A reader belongs to one door.
    #[error("door {0}: the reader '{1}' is another door's")]
    ReaderElsewhere(usize, DeviceId),
    /// What is named as a reader is another device of the centre.
    #[error("door {0}: '{1}' is a {2} of the centre, and no reader at a door")]
    NoReader(usize, DeviceId, DeviceKind),
    /// A nursery is none of the centre's.
    #[error("door {0}: the centre has no nursery {1}")]
    NoNursery(usize, NurseryId),
    /// A stretch cannot be read.
    #[error("door {door} ('{device}'): {list} {row}: {why}")]
    Window {
        /// Which door, from 1.
        door: usize,
        /// Its device.
        device: DeviceId,
        /// Of which list.
        list: &'static str,
        /// Which entry, from 1.
        row: usize,
        /// Why not.
        why: BadWindow,
    },
    /// No door can be run by it.
    #[error("door {0} ('{1}'): {2}")]
    Plan(usize, DeviceId, BadPlan),
}

/// Why a stretch cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWindow {
    /// A day that there is not.
    #[error("'{0}' is no kind of day: mon, tue, wed, thu, fri, sat, sun or holiday")]
    Day(String),
    /// They cannot be read.
    #[error("it has from and until, as 8:00 and 18:30")]
    Hours,
    /// A word that belongs to another list.
    #[error("{0} does not belong there")]
    Stranger(&'static str),
}

/// Reads it; `known` is what the centre has.
///
/// # Errors
/// [`BadFile`] says which row cannot be taken, and why.
pub fn read(text: &str, known: &Known) -> Result<Vec<(DeviceId, DoorPlan)>, BadFile> {
    let file: File = toml::from_str(text).map_err(|error| BadFile::Form(Box::new(error)))?;
    if file.door.is_empty() {
        return Err(BadFile::Empty);
    }
    let mut plans: Vec<(DeviceId, DoorPlan)> = Vec::new();
    for (at, door) in file.door.into_iter().enumerate() {
        let (row, device) = (at + 1, door.device.clone());
        if known.doors.iter().all(|one| one.device != device) {
            return Err(BadFile::NoSuchDoor(row, device));
        }
        if plans.iter().any(|(before, _)| *before == device) {
            return Err(BadFile::Twice(row, device));
        }
        let plan = plan(row, door)?;
        plan.check().map_err(|bad| BadFile::Plan(row, device.clone(), bad))?;
        if let Some(nursery) = plan.nursery.filter(|one| !known.nurseries.contains(one)) {
            return Err(BadFile::NoNursery(row, nursery));
        }
        for reader in readers(&plan) {
            if let Some((_, kind)) = known.devices.iter().find(|(device, _)| device == reader) {
                return Err(BadFile::NoReader(row, reader.clone(), *kind));
            }
        }
        plans.push((device, plan));
    }
    // What the file does not name stays as it is.
    let is_kept = |door: &&Door| plans.iter().all(|(device, _)| *device != door.device);
    let kept = known.doors.iter().filter(is_kept).filter_map(|door| door.plan.as_ref());
    let mut taken: Vec<&DeviceId> = kept.flat_map(readers).collect();
    for (at, (_, plan)) in plans.iter().enumerate() {
        if let Some(reader) = readers(plan).find(|reader| taken.contains(reader)) {
            return Err(BadFile::ReaderElsewhere(at + 1, reader.clone()));
        }
        taken.extend(readers(plan));
    }
    Ok(plans)
}

fn readers(plan: &DoorPlan) -> impl Iterator<Item = &DeviceId> {
    plan.readers.iter().map(|reader| &reader.device)
}

fn plan(door: usize, file: FileDoor) -> Result<DoorPlan, BadFile> {
    let usual = DoorPlan::default();
    let device = &file.device;
    let window = |list: &'static str, at: usize, one: &FileWindow| {
        let said = [
            ("first_in", one.first_in.is_some(), list == "unlocks"),
            ("level", one.level.is_some(), list == "demands"),
            ("pin", one.pin.is_some(), list == "demands"),
        ];
        let stranger = said.into_iter().find(|(_, said, belongs)| *said && !belongs);
        let read = match stranger {
            Some((word, ..)) => Err(BadWindow::Stranger(word)),
            None => window(one),
        };
        let (device, row) = (device.clone(), at + 1);
        read.map_err(|why| BadFile::Window { door, device, list, row, why })
    };
    let list = |list, entries: &[FileWindow]| {
        let numbered = entries.iter().enumerate();
        numbered.map(|(at, one)| window(list, at, one)).collect::<Result<Vec<Window>, BadFile>>()
    };
    let unlocks = list("unlocks", &file.unlocks)?.into_iter().zip(&file.unlocks);
    let demands = list("demands", &file.demands)?.into_iter().zip(&file.demands);
    let two_persons = list("two_persons", &file.two_persons)?;
    Ok(DoorPlan {
        wiring: file.wiring,
        nursery: file.nursery,
        readers: (file.reader.into_iter())
            .map(|one| DoorReader { device: one.device, side: one.side })
            .collect(),
        held_seconds: file.held_seconds.unwrap_or(usual.held_seconds),
        ajar_seconds: file.ajar_seconds.unwrap_or(usual.ajar_seconds),
        exit_button: file.exit_button,
        free_handle: file.free_handle,
        unlocks: unlocks
            .map(|(when, one)| Unlocks { when, first_in: one.first_in.unwrap_or_default() })
            .collect(),
        demands: demands
            .map(|(when, one)| Demand {
                when,
                level: one.level.unwrap_or(1),
                pin: one.pin.unwrap_or_default(),
            })
            .collect(),
        passback: file.passback,
        two_persons,
        zone: file.zone,
    })
}

fn window(one: &FileWindow) -> Result<Window, BadWindow> {
    let (Some(from), Some(to)) = (minutes(&one.from), minutes(&one.until)) else {
        return Err(BadWindow::Hours);
    };
    let days = one.days.iter().map(|day| kind_of(day)).collect::<Result<Vec<DayKind>, _>>()?;
    Ok(Window { days, from, to })
}

fn kind_of(day: &str) -> Result<DayKind, BadWindow> {
    if day == "holiday" {
        return Ok(DayKind::Holiday);
    }
    let weekday: Result<Weekday, _> = day.parse();
    weekday.map(DayKind::Weekday).map_err(|_| BadWindow::Day(day.to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::language::LocalText;
    use uuid::Uuid;

    use super::*;

    const FILE: &str = r#"
        [[door]]
        device = "y-entrance"
        wiring = "fail_safe"
        exit_button = true
        passback = "hard"
        reader = [
            { device = "y-reader-1", side = "outside" },
            { device = "y-reader-2", side = "inside" },
        ]
        [[door.unlocks]]
        days = ["mon", "fri"]
        from = "8:00"
        until = "１８：３０"
        first_in = true

        [[door]]
        device = "y-nursery"
        wiring = "fail_secure"
        zone = "nursery"
        held_seconds = 20
        free_handle = true
        reader = [{ device = "y-reader-3", side = "outside" }]
        [[door.demands]]
        days = ["holiday"]
        from = "0:00"
        until = "24:00"
        level = 3
        pin = true
        [[door.two_persons]]
        days = ["sun"]
        from = "0:00"
        until = "7:00"
    "#;

    const NURSERY: NurseryId = NurseryId(Uuid::from_u128(7));

    fn house() -> Known {
        let door = |device: &str| Door {
            device: device.parse().unwrap(),
            name: LocalText::new("扉", "Door"),
            unlock_seconds: 5,
            plan: None,
        };
        Known {
            doors: vec![door("y-entrance"), door("y-nursery"), door("y-lab")],
            devices: vec![("y-kiosk-1".parse().unwrap(), DeviceKind::Kiosk)],
            nurseries: vec![NURSERY],
        }
    }

    #[test]
    fn plans_are_read() {
        let plans = read(FILE, &house()).unwrap();
        let [(front, entrance), (second, nursery)] = &plans[..] else { unreachable!("{plans:?}") };
        assert_eq!((front.as_str(), second.as_str()), ("y-entrance", "y-nursery"));
        assert_eq!(entrance.readers[1].side, Side::Inside);
        let unlocks = &entrance.unlocks[0];
        assert_eq!((unlocks.when.from, unlocks.when.to, unlocks.first_in), (480, 1110, true));
        assert_eq!((entrance.passback, entrance.held_seconds), (Passback::Hard, 30));
        assert_eq!((&nursery.zone, nursery.held_seconds), (&Zone::Nursery, 20));
        assert_eq!((nursery.demands[0].level, nursery.demands[0].pin), (3, true));
        assert_eq!(nursery.two_persons[0].days, [DayKind::Weekday(Weekday::Sun)]);
        assert_eq!(nursery.wiring, Some(Wiring::FailSecure));
        let least = read("[[door]]\ndevice = \"y-lab\"", &house()).unwrap();
        assert_eq!(least[0].1, DoorPlan::default());
        let ours = format!("zone = \"nursery\"\nnursery = \"{NURSERY}\"");
        let plans = read(&FILE.replace("zone = \"nursery\"", &ours), &house()).unwrap();
        assert_eq!(plans[1].1.nursery, Some(NURSERY));
    }

    #[test]
    fn a_row_that_cannot_be_taken_is_named() {
        let said = |text: &str| read(text, &house()).unwrap_err().to_string();
        let with = |from: &str, to: &str| said(&FILE.replace(from, to));
        assert_eq!(said(""), "it names no door: each has its [[door]]");
        assert!(with("passback = \"hard\"", "colour = 1").contains("colour"));
        assert!(with("fail_safe", "safe").contains("fail_safe"));
        assert!(with("zone = \"nursery\"", "zone = \"Up Stairs\"").contains("a name takes"));
        assert_eq!(
            with("\"y-nursery\"", "\"y-cellar\""),
            "door 2: the centre has no door 'y-cellar'"
        );
        assert_eq!(
            with("\"y-nursery\"", "\"y-entrance\""),
            "door 2: 'y-entrance' stands there twice"
        );
        assert_eq!(
            with("y-reader-3", "y-reader-1"),
            "door 2: the reader 'y-reader-1' is another door's"
        );
        assert_eq!(
            with("\"fri\"", "\"金\""),
            "door 1 ('y-entrance'): unlocks 1: '金' is no kind of day: mon, tue, wed, thu, fri, sat, sun or holiday"
        );
        assert_eq!(
            with("7:00", "late"),
            "door 2 ('y-nursery'): two_persons 1: it has from and until, as 8:00 and 18:30"
        );
        assert_eq!(
            with("first_in = true", "pin = true"),
            "door 1 ('y-entrance'): unlocks 1: pin does not belong there"
        );
        assert_eq!(
            with("level = 3", "level = 4"),
            "door 2 ('y-nursery'): demands 1: level is 1, 2 or 3"
        );
        assert!(
            with("free_handle = true", "")
                .starts_with("door 2 ('y-nursery'): a way out is missing")
        );
        assert!(with("held_seconds = 20", "held_seconds = -1").contains("held_seconds"));
        assert_eq!(
            with("y-reader-2", "y-kiosk-1"),
            "door 1: 'y-kiosk-1' is a kiosk of the centre, and no reader at a door"
        );
        let elsewhere = NurseryId(Uuid::from_u128(8));
        assert_eq!(
            with("free_handle = true", &format!("free_handle = true\nnursery = \"{elsewhere}\"")),
            format!("door 2: the centre has no nursery {elsewhere}")
        );
        assert!(with("free_handle = true", "nursery = \"chicks\"").contains("UUID"));
        let mut kept = house();
        kept.doors[2].plan = Some(DoorPlan {
            readers: vec![DoorReader { device: "y-reader-3".parse().unwrap(), side: Side::Inside }],
            ..DoorPlan::default()
        });
        assert_eq!(
            read(FILE, &kept).unwrap_err().to_string(),
            "door 2: the reader 'y-reader-3' is another door's"
        );
    }
}
