//! What is wired to this machine: OSDP lines and GPIO lines, and which door each part belongs to.
//!
//! Only the file can say it: a table of tables has no sensible form in the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hardware::osdp::{BAUD_RATES, HIGHEST_ADDRESS};
use hardware::readers::ReaderChoice;
use model::id::DeviceId;
use serde::Deserialize;

/// One RS-485 line with OSDP readers: `[[osdp]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsdpLineConfig {
    /// The port, such as `/dev/ttyUSB0`; better one of `/dev/serial/by-id`, which stays the same.
    pub line: PathBuf,
    /// What the readers are set to, in bits a second.
    #[serde(default = "usual_baud")]
    pub baud: u32,
    /// The readers: `[[osdp.reader]]`.
    #[serde(default, rename = "reader")]
    pub readers: Vec<OsdpReaderConfig>,
}

/// One OSDP reader, and what is wired to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsdpReaderConfig {
    /// Its address on the line.
    pub address: u8,
    /// The name under which the sheet knows it.
    pub device: DeviceId,
    /// The file of its key; in the data folder, where no folder is given.
    pub key_file: PathBuf,
    /// The lock at one of its outputs.
    pub lock: Option<OsdpOutput>,
    /// The door contact at one of its inputs.
    pub contact: Option<OsdpContactInput>,
    /// The exit button at one of its inputs.
    pub exit: Option<OsdpExitInput>,
}

/// A lock at an OSDP output.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsdpOutput {
    /// Whose lock it is.
    pub door: DeviceId,
    /// The output's number, from 0.
    #[serde(default)]
    pub output: u8,
    /// What the output does while the door is unlocked.
    pub unlocked_when: OnOff,
    /// Whether the reader locks this output by itself when its time is over. Where it does not, the door of a line
    /// that is cut stays open: that has to be said, and is never taken from what the reader tells of itself.
    #[serde(default = "locks_by_itself")]
    pub timed: bool,
}

/// A door contact at an OSDP input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsdpContactInput {
    /// Whose contact it is.
    pub door: DeviceId,
    /// The input's number, from 0.
    pub input: u8,
    /// What the input does while the door stands open.
    pub open_when: Activity,
}

/// An exit button at an OSDP input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsdpExitInput {
    /// Whose button it is.
    pub door: DeviceId,
    /// The input's number, from 0.
    pub input: u8,
    /// What the input does while the button is pressed.
    pub pressed_when: Activity,
}

/// One door at GPIO lines of this machine: `[[gpio]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpioDoorConfig {
    /// The door.
    pub door: DeviceId,
    /// The chip, such as `/dev/gpiochip0`.
    pub chip: PathBuf,
    /// The lock's output.
    pub lock: GpioLockLine,
    /// The door contact's input.
    pub contact: GpioContactLine,
    /// The exit button's input.
    pub exit: Option<GpioExitLine>,
}

/// A lock at a GPIO output.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpioLockLine {
    /// The line's number on the chip.
    pub line: u32,
    /// The level of the output while the door is unlocked.
    pub unlocked_when: HighLow,
    /// The input that feels the bolt, where one is wired.
    pub read_back: Option<GpioBoltLine>,
}

/// An input that feels a bolt.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpioBoltLine {
    /// The line's number on the chip.
    pub line: u32,
    /// Its level while the bolt is drawn back.
    pub unlocked_when: HighLow,
    /// Whether the chip's own pull-up is switched on.
    #[serde(default)]
    pub pull_up: bool,
}

/// A door contact at a GPIO input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpioContactLine {
    /// The line's number on the chip.
    pub line: u32,
    /// Its level while the door stands open.
    pub open_when: HighLow,
    /// Whether the chip's own pull-up is switched on.
    #[serde(default)]
    pub pull_up: bool,
}

/// An exit button at a GPIO input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpioExitLine {
    /// The line's number on the chip.
    pub line: u32,
    /// Its level while the button is pressed.
    pub pressed_when: HighLow,
    /// Whether the chip's own pull-up is switched on.
    #[serde(default)]
    pub pull_up: bool,
}

/// Where the fire panel's line ends at this machine: `[fire.osdp]` or `[fire.gpio]`. It only tells: the panel's own wire
/// releases the doors without this program.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum FireConfig {
    /// At an input of an OSDP reader or board.
    Osdp {
        /// The reader, one of an `[[osdp.reader]]`.
        reader: DeviceId,
        /// The input's number, from 0.
        input: u8,
        /// What the input does while the panel releases the doors.
        released_when: Activity,
    },
    /// At a GPIO line.
    Gpio {
        /// The chip, such as `/dev/gpiochip0`.
        chip: PathBuf,
        /// The line's number on the chip.
        line: u32,
        /// Its level while the panel releases the doors.
        released_when: HighLow,
        /// Whether the chip's own pull-up is switched on.
        #[serde(default)]
        pull_up: bool,
    },
}

/// An output's two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnOff {
    /// Its relay has pulled.
    On,
    /// Its relay is at rest.
    Off,
}

/// An input's two states, as an OSDP reader tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Active.
    Active,
    /// Inactive.
    Inactive,
}

/// A GPIO line's two levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HighLow {
    /// The higher voltage.
    High,
    /// Ground.
    Low,
}

fn usual_baud() -> u32 {
    9_600
}

fn locks_by_itself() -> bool {
    true
}

/// What contradicts itself, in one sentence.
pub(super) fn check(
    osdp: &[OsdpLineConfig],
    gpio: &[GpioDoorConfig],
    fire: Option<&FireConfig>,
) -> Result<(), String> {
    let mut ports = BTreeSet::new();
    let mut devices = BTreeSet::new();
    let mut parts = BTreeMap::new();
    let mut inputs = BTreeSet::new();
    for OsdpLineConfig { line, baud, readers } in osdp {
        let port = line.display();
        if !ports.insert(line) {
            return Err(format!("the OSDP line {port} is given twice"));
        }
        if !BAUD_RATES.contains(baud) {
            return Err(format!(
                "the OSDP line {port} has baud = {baud}: choose one of {BAUD_RATES:?}"
            ));
        }
        if readers.is_empty() {
            return Err(format!("the OSDP line {port} has no [[osdp.reader]]"));
        }
        let (mut addresses, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for reader in readers {
            let device = &reader.device;
            if reader.address > HIGHEST_ADDRESS {
                return Err(format!(
                    "{device} has the OSDP address {}: it is 0 to {HIGHEST_ADDRESS}",
                    reader.address
                ));
            }
            if !addresses.insert(reader.address) {
                return Err(format!(
                    "two readers on {port} have the OSDP address {}",
                    reader.address
                ));
            }
            if !devices.insert(device) {
                return Err(format!("two OSDP readers are called {device}"));
            }
            if !keys.insert(&reader.key_file) {
                return Err(format!(
                    "{device} shares its key file with another reader: each needs a key of its own"
                ));
            }
            let doors = [
                ("lock", reader.lock.as_ref().map(|part| &part.door)),
                ("contact", reader.contact.as_ref().map(|part| &part.door)),
                ("exit button", reader.exit.as_ref().map(|part| &part.door)),
            ];
            for (part, door) in doors {
                let Some(door) = door else { continue };
                if parts.insert((door, part), device).is_some() {
                    return Err(format!("{door} has two OSDP parts of the sort: {part}"));
                }
            }
            let contact = reader.contact.as_ref().map(|part| part.input);
            let exit = reader.exit.as_ref().map(|part| part.input);
            for input in [contact, exit].into_iter().flatten() {
                if !inputs.insert((device, input)) {
                    return Err(twice(device, input));
                }
            }
        }
    }
    if let Some(FireConfig::Osdp { reader, input, .. }) = fire {
        if !devices.contains(reader) {
            return Err(format!(
                "the fire panel's line is at {reader}, which is no [[osdp.reader]]"
            ));
        }
        if !inputs.insert((reader, *input)) {
            return Err(twice(reader, *input));
        }
    }
    let mut lines = BTreeSet::new();
    if let Some(FireConfig::Gpio { chip, line, .. }) = fire {
        lines.insert((chip, *line));
    }
    let mut doors = BTreeSet::new();
    for GpioDoorConfig { door, chip, lock, contact, exit } in gpio {
        if !doors.insert(door) {
            return Err(format!("{door} stands in [[gpio]] twice"));
        }
        let bolt = lock.read_back.as_ref().map(|bolt| bolt.line);
        let exit = exit.as_ref().map(|exit| exit.line);
        for line in [Some(lock.line), Some(contact.line), bolt, exit].into_iter().flatten() {
            if !lines.insert((chip, line)) {
                return Err(format!("the GPIO line {line} of {} is given twice", chip.display()));
            }
        }
    }
    Ok(())
}

fn twice(reader: &DeviceId, input: u8) -> String {
    format!("the input {input} of {reader} is given twice")
}

/// Whether readers that are plugged in here can be told apart.
pub(super) fn check_readers(
    readers: &BTreeMap<DeviceId, ReaderChoice>,
    osdp: &[OsdpLineConfig],
) -> Result<(), String> {
    let wired = |device: &DeviceId| {
        osdp.iter().flat_map(|line| &line.readers).any(|one| one.device == *device)
    };
    for (device, choice) in readers {
        if wired(device) {
            return Err(format!("{device} is named as an OSDP reader and among the readers"));
        }
        let pcsc = |choice: &ReaderChoice| matches!(choice, ReaderChoice::Pcsc(_));
        let mut others = readers.iter().filter(|(other, _)| *other != device);
        if let Some((other, _)) = others.find(|(_, other)| pcsc(other) && choice.may_be(other)) {
            return Err(format!(
                "{device} and {other} may be the same reader: give more of their names"
            ));
        }
    }
    Ok(())
}

/// Whether a door that is to be driven over OSDP has what it takes.
pub(super) fn has_osdp_door(osdp: &[OsdpLineConfig], door: &str) -> Result<(), String> {
    let readers = || osdp.iter().flat_map(|line| &line.readers);
    let lock =
        readers().filter_map(|reader| reader.lock.as_ref()).any(|lock| lock.door.as_str() == door);
    if !lock {
        return Err(format!("{door} is driven by osdp, and no [[osdp.reader]] has its lock"));
    }
    let contact = readers()
        .filter_map(|reader| reader.contact.as_ref())
        .any(|contact| contact.door.as_str() == door);
    if !contact {
        return Err(format!("{door} is driven by osdp, and no [[osdp.reader]] has its contact"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_locks_by_itself_unless_the_file_says_that_it_does_not() {
        for (said, timed) in [
            ("", Some(true)),
            ("timed = true", Some(true)),
            ("timed = false", Some(false)),
            ("timed = \"no\"", None),
            ("timd = false", None),
        ] {
            let text = format!("door = \"door-1\"\noutput = 1\nunlocked_when = \"on\"\n{said}\n");
            let read = toml::from_str::<OsdpOutput>(&text);
            assert_eq!(read.ok().map(|output| output.timed), timed, "{said}");
        }
    }
}
