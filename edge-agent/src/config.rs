//! How an edge is set up: one TOML file, every key also by environment.

mod wiring;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use edge_store::Limits;
use hardware::readers::ReaderChoice;
use model::id::{DeviceId, Slug};
use serde::{Deserialize, Serialize};
use wire::edge_config::EdgeSettings;

pub use wiring::{
    Activity, FireConfig, GpioBoltLine, GpioContactLine, GpioDoorConfig, GpioExitLine,
    GpioLockLine, HighLow, OnOff, OsdpContactInput, OsdpExitInput, OsdpLineConfig, OsdpOutput,
    OsdpReaderConfig,
};

/// The settings. Environment: `KYOTEN_` and the key in capitals.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where identity and site file lie.
    pub data_dir: PathBuf,
    /// The hub's port for sites, such as `https://hub.example:8443`.
    pub hub_url: String,
    /// Where the embedded broker listens.
    pub bus_listen: SocketAddr,
    /// The host by which the edge itself reaches the broker, as the broker's certificate names it.
    pub bus_host: String,
    /// `embedded`, or `mosquitto at host:port`.
    pub broker: BrokerChoice,
    /// How Mosquitto is told to read its rights again after a sheet has changed them: a program and
    /// its arguments, such as `systemctl reload mosquitto`. Split at spaces; no shell is asked.
    pub broker_reload: Option<String>,
    /// How Mosquitto is restarted, such as `systemctl restart mosquitto`: a certificate was withdrawn,
    /// and only a restart ends the connection of whoever is on it with that.
    pub broker_restart: Option<String>,
    /// Door device id to driver; `*` stands for every other door. In the environment:
    /// `door-1=osdp,door-2=gpio,door-3=homie:y-lock-1/front,*=sim`.
    pub doors: BTreeMap<String, DriverKind>,
    /// Readers at doors that are plugged in here, by their names on the sheet. In the environment:
    /// `front-reader=pcsc:ACS,back-reader=sim`.
    pub readers: BTreeMap<DeviceId, ReaderChoice>,
    /// Where simulated readers keep their sockets.
    pub reader_dir: PathBuf,
    /// How reader models answer that do not give the plain identifier: a file with their table, as hardware/README.md
    /// has it.
    pub reader_models: Option<PathBuf>,
    /// The OSDP lines of this machine. Only in the file.
    pub osdp: Vec<OsdpLineConfig>,
    /// The doors at GPIO lines of this machine. Only in the file.
    pub gpio: Vec<GpioDoorConfig>,
    /// Where the fire panel's line ends here, if it does. Only in the file.
    pub fire: Option<FireConfig>,
    /// Whether Home Assistant is told of the doors and sensors of this site. It then can look on;
    /// it can move nothing.
    pub home_assistant: bool,
    /// How much room the site's file may take, in megabytes; then what weighs little is given up.
    pub outbox_mb: u32,
    /// What the disk gives that file at most, in pages of 4 KB. Not in the settings: it stands in for a full disk where
    /// none can be made.
    #[serde(skip)]
    pub most_pages: Option<u32>,
}

/// The least room that a site's file can be given, in megabytes: sheets have to fit too.
const LEAST_ROOM: u32 = 16;

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("edge-data"),
            hub_url: "https://localhost:8443".to_owned(),
            bus_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1885)),
            bus_host: "localhost".to_owned(),
            broker: BrokerChoice::Embedded,
            broker_reload: None,
            broker_restart: None,
            doors: BTreeMap::from([(ANY.to_owned(), DriverKind::Sim)]),
            readers: BTreeMap::new(),
            reader_dir: PathBuf::from("data/readers"),
            reader_models: None,
            osdp: Vec::new(),
            gpio: Vec::new(),
            fire: None,
            outbox_mb: 200,
            most_pages: None,
            home_assistant: false,
        }
    }
}

/// Every other door.
const ANY: &str = "*";

/// Whose broker carries the site bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BrokerChoice {
    /// The edge's own.
    Embedded,
    /// A Mosquitto that the site runs.
    Mosquitto {
        /// Its host, as its certificate names it.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// What drives a door: `sim`, `osdp`, `gpio`, or `homie:` with a device and its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DriverKind {
    /// A simulated door.
    Sim,
    /// A lock and a contact at OSDP readers.
    Osdp,
    /// A lock and a contact at GPIO lines.
    Gpio,
    /// A foreign Homie 5 device on the site bus.
    Homie(HomieNode),
}

/// The node of a foreign device that is a door: its properties are `lock` and `contact`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomieNode {
    /// The device, which is enrolled at this site.
    pub device: DeviceId,
    /// Its node.
    pub node: Slug,
}

impl FromStr for DriverKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sim" => return Ok(Self::Sim),
            "osdp" => return Ok(Self::Osdp),
            "gpio" => return Ok(Self::Gpio),
            _ => {}
        }
        text.strip_prefix("homie:")
            .and_then(|node| node.split_once('/'))
            .and_then(|(device, node)| {
                Some(HomieNode { device: device.parse().ok()?, node: node.parse().ok()? })
            })
            .map(Self::Homie)
            .ok_or_else(|| {
                "a door's driver is 'sim', 'osdp', 'gpio' or 'homie:device/node'".to_owned()
            })
    }
}

impl TryFrom<String> for DriverKind {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<DriverKind> for String {
    fn from(kind: DriverKind) -> Self {
        match kind {
            DriverKind::Sim => "sim".to_owned(),
            DriverKind::Osdp => "osdp".to_owned(),
            DriverKind::Gpio => "gpio".to_owned(),
            DriverKind::Homie(HomieNode { device, node }) => format!("homie:{device}/{node}"),
        }
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// The file cannot be opened.
    #[error("cannot read the settings in {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The file has another form.
    #[error("the settings in {path} are not right: {source}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Where it differs.
        source: Box<toml::de::Error>,
    },
    /// A variable's value does not fit.
    #[error("{variable}='{value}' is not right: {why}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        why: String,
    },
    /// Lines, readers and doors do not fit together.
    #[error("the settings of what is wired to this machine are not right: {0}")]
    Wiring(String),
}

impl FromStr for BrokerChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        text.strip_prefix("mosquitto at ")
            .and_then(|address| address.rsplit_once(':'))
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .filter(|(host, _)| !host.is_empty())
            .map(|(host, port)| Self::Mosquitto { host: host.to_owned(), port })
            .ok_or_else(|| "it is 'embedded' or 'mosquitto at host:port'".to_owned())
    }
}

impl TryFrom<String> for BrokerChoice {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<BrokerChoice> for String {
    fn from(choice: BrokerChoice) -> Self {
        match choice {
            BrokerChoice::Embedded => "embedded".to_owned(),
            BrokerChoice::Mosquitto { host, port } => format!("mosquitto at {host}:{port}"),
        }
    }
}

impl Config {
    /// The settings of `file`, if one is given, with what `variable` (the environment) says on top.
    ///
    /// # Errors
    /// [`BadConfig`] names the place.
    pub fn read(
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, BadConfig> {
        let mut config = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| BadConfig::File { path: path.to_owned(), source })?;
                toml::from_str(&text).map_err(|source| BadConfig::Form {
                    path: path.to_owned(),
                    source: Box::new(source),
                })?
            }
            None => Self::default(),
        };
        set(&variable, "KYOTEN_DATA_DIR", &mut config.data_dir, |v| Ok(PathBuf::from(v)))?;
        set(&variable, "KYOTEN_HUB_URL", &mut config.hub_url, |v| Ok(v.to_owned()))?;
        set(&variable, "KYOTEN_BUS_LISTEN", &mut config.bus_listen, |v| {
            v.parse().map_err(|_| "it is an address and port such as 127.0.0.1:1885".to_owned())
        })?;
        set(&variable, "KYOTEN_BUS_HOST", &mut config.bus_host, |v| Ok(v.to_owned()))?;
        set(&variable, "KYOTEN_BROKER", &mut config.broker, str::parse)?;
        set(&variable, "KYOTEN_BROKER_RELOAD", &mut config.broker_reload, |v| {
            Ok(Some(v.to_owned()))
        })?;
        set(&variable, "KYOTEN_BROKER_RESTART", &mut config.broker_restart, |v| {
            Ok(Some(v.to_owned()))
        })?;
        set(&variable, "KYOTEN_DOORS", &mut config.doors, doors)?;
        set(&variable, "KYOTEN_DOOR_READERS", &mut config.readers, readers)?;
        set(&variable, "KYOTEN_READER_DIR", &mut config.reader_dir, |v| Ok(PathBuf::from(v)))?;
        set(&variable, "KYOTEN_READER_MODELS", &mut config.reader_models, |v| {
            Ok(Some(PathBuf::from(v)))
        })?;
        set(&variable, "KYOTEN_OUTBOX_MB", &mut config.outbox_mb, |v| {
            let room = v.parse().ok().filter(|room| *room >= LEAST_ROOM);
            room.ok_or_else(|| format!("it is a number of megabytes, {LEAST_ROOM} or more"))
        })?;
        set(&variable, "KYOTEN_HOME_ASSISTANT", &mut config.home_assistant, |v| {
            v.parse().map_err(|_| "it is 'true' or 'false'".to_owned())
        })?;
        config.check().map_err(BadConfig::Wiring)?;
        Ok(config)
    }

    /// How much room the site's file may take.
    #[must_use]
    pub fn room(&self) -> Limits {
        let megabytes = self.outbox_mb.max(LEAST_ROOM);
        let (budget, most_pages) = (u64::from(megabytes) * 1_000_000, self.most_pages);
        Limits { budget, most_pages, ..Limits::default() }
    }

    /// These settings with the hub's on top.
    ///
    /// # Errors
    /// Names the key that this edge cannot work by.
    pub fn with(&self, settings: &EdgeSettings) -> Result<Self, String> {
        let mut config = self.clone();
        if let Some(doors) = &settings.doors {
            config.doors = doors
                .iter()
                .map(|(door, word)| {
                    let kind = serde_json::from_value(serde_json::Value::String(word.clone()));
                    let kind = kind.map_err(|_| {
                        format!("doors.{door}: '{word}' is no driver that this edge knows")
                    })?;
                    Ok((door.clone(), kind))
                })
                .collect::<Result<_, String>>()?;
        }
        if let Some(room) = settings.outbox_mb {
            config.outbox_mb = room;
        }
        config.check()?;
        // Nor is one where a foreign lock is.
        let real = self.doors.iter().filter(|(_, kind)| **kind != DriverKind::Sim);
        for (door, kind) in real {
            if config.driver_of(door) == Some(&DriverKind::Sim) {
                let kind = String::from(kind.clone());
                return Err(format!("{door} is driven by {kind}: a simulated door is none"));
            }
        }
        let wired = !self.osdp.is_empty() || !self.gpio.is_empty();
        if wired && config.doors.values().any(|kind| *kind == DriverKind::Sim) {
            return Err("a simulated door is none where real ones are wired".to_owned());
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        wiring::check(&self.osdp, &self.gpio, self.fire.as_ref())?;
        wiring::check_readers(&self.readers, &self.osdp)?;
        for (door, kind) in &self.doors {
            match kind {
                DriverKind::Sim => {}
                _ if door == ANY => {
                    return Err(
                        "only simulated doors can be meant by *: name each wired one".to_owned()
                    );
                }
                DriverKind::Osdp => wiring::has_osdp_door(&self.osdp, door)?,
                // Whether it is there, the site bus tells.
                DriverKind::Homie(_) => {}
                DriverKind::Gpio if self.gpio.iter().any(|wired| wired.door.as_str() == door) => {}
                DriverKind::Gpio => {
                    return Err(format!("{door} is driven by gpio, and stands in no [[gpio]]"));
                }
            }
        }
        Ok(())
    }

    /// What drives `door`.
    #[must_use]
    pub fn driver(&self, door: &DeviceId) -> Option<DriverKind> {
        self.driver_of(door.as_str()).cloned()
    }

    fn driver_of(&self, door: &str) -> Option<&DriverKind> {
        self.doors.get(door).or_else(|| self.doors.get(ANY))
    }
}

fn set<T>(
    variable: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    into: &mut T,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<(), BadConfig> {
    if let Some(value) = variable(name) {
        *into = read(&value).map_err(|why| BadConfig::Variable { variable: name, value, why })?;
    }
    Ok(())
}

fn readers(text: &str) -> Result<BTreeMap<DeviceId, ReaderChoice>, String> {
    let why = || "it is a list such as 'front-reader=pcsc:ACS,back-reader=sim'".to_owned();
    text.split(',')
        .map(|entry| {
            let (device, reader) = entry.trim().split_once('=').ok_or_else(why)?;
            Ok((device.parse().map_err(|_| why())?, reader.parse().map_err(|_| why())?))
        })
        .collect()
}

fn doors(text: &str) -> Result<BTreeMap<String, DriverKind>, String> {
    let why = || {
        "it is a list such as 'door-1=osdp,door-2=gpio,door-3=homie:y-lock-1/front,*=sim'"
            .to_owned()
    };
    text.split(',')
        .map(|entry| {
            let (door, driver) = entry.trim().split_once('=').ok_or_else(why)?;
            Ok((door.to_owned(), driver.parse().map_err(|_| why())?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn the_environment_stands_over_the_file() {
        let set = |name: &str| match name {
            "KYOTEN_BROKER" => Some("mosquitto at broker.example:8883".to_owned()),
            "KYOTEN_DOORS" => Some("door-1=sim,door-3=homie:y-lock-1/front".to_owned()),
            "KYOTEN_HOME_ASSISTANT" => Some("true".to_owned()),
            _ => None,
        };
        let config = Config::read(None, set).unwrap();
        let broker = BrokerChoice::Mosquitto { host: "broker.example".to_owned(), port: 8883 };
        assert_eq!(config.broker, broker);
        assert_eq!(config.driver(&"door-1".parse().unwrap()), Some(DriverKind::Sim));
        assert_eq!(config.driver(&"door-2".parse().unwrap()), None);
        let front =
            HomieNode { device: "y-lock-1".parse().unwrap(), node: "front".parse().unwrap() };
        let homie = DriverKind::Homie(front);
        assert_eq!(String::from(homie.clone()), "homie:y-lock-1/front");
        assert_eq!(config.driver(&"door-3".parse().unwrap()), Some(homie));
        assert!(config.home_assistant && !Config::default().home_assistant);
        assert_eq!(config.bus_listen, Config::default().bus_listen);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("KYOTEN_BROKER", "rabbit"),
            ("KYOTEN_BROKER", "mosquitto at nowhere"),
            ("KYOTEN_BUS_LISTEN", "1885"),
            ("KYOTEN_DOORS", "door-1=crowbar"),
            ("KYOTEN_DOOR_READERS", "front-reader"),
            ("KYOTEN_DOOR_READERS", "front-reader=usb"),
            ("KYOTEN_OUTBOX_MB", "15"),
            ("KYOTEN_OUTBOX_MB", "-1"),
            ("KYOTEN_DOORS", "door-1=homie:y-lock-1"),
            ("KYOTEN_DOORS", "door-1=homie:y-lock-1/front/lock"),
            ("KYOTEN_DOORS", "door-1=homie:/front"),
            ("KYOTEN_DOORS", "door-1=homie:y-lock-1/#"),
            ("KYOTEN_HOME_ASSISTANT", "perhaps"),
        ] {
            let error = Config::read(None, |asked| (asked == name).then(|| value.to_owned()))
                .unwrap_err()
                .to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }

    const WIRED: &str = r#"
        [doors]
        door-1 = "osdp"
        door-2 = "gpio"
        [[osdp]]
        line = "/dev/ttyUSB0"
        [[osdp.reader]]
        address = 1
        device = "reader-1"
        key_file = "reader-1.key"
        lock = { door = "door-1", unlocked_when = "off" }
        contact = { door = "door-1", input = 0, open_when = "active" }
        exit = { door = "door-1", input = 1, pressed_when = "inactive" }
        [[osdp.reader]]
        address = 2
        device = "reader-2"
        key_file = "reader-2.key"
        [[gpio]]
        door = "door-2"
        chip = "/dev/gpiochip0"
        lock = { line = 17, unlocked_when = "high", read_back = { line = 27, unlocked_when = "low" } }
        contact = { line = 22, open_when = "high", pull_up = true }
        [fire.osdp]
        reader = "reader-2"
        input = 0
        released_when = "inactive"
    "#;

    fn read(text: &str) -> Result<Config, BadConfig> {
        let folder = std::env::temp_dir().join(format!("kyoten-wiring-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{:p}.toml", text.as_ptr()));
        std::fs::write(&file, text).unwrap();
        let read = Config::read(Some(&file), |_| None);
        std::fs::remove_file(&file).unwrap();
        read
    }

    #[test]
    fn lines_readers_and_doors_are_read_from_the_file() {
        let config = read(WIRED).unwrap();
        assert_eq!(config.driver(&"door-1".parse().unwrap()), Some(DriverKind::Osdp));
        let line = &config.osdp[0];
        assert_eq!((line.baud, line.readers.len()), (9_600, 2));
        assert_eq!(line.readers[0].lock.as_ref().unwrap().unlocked_when, OnOff::Off);
        assert_eq!(config.gpio[0].lock.read_back.as_ref().unwrap().unlocked_when, HighLow::Low);
    }

    #[test]
    fn the_hub_makes_no_simulated_door_where_a_real_one_is() {
        let set = |doors: &'static str| {
            Config::read(None, |name| (name == "KYOTEN_DOORS").then(|| doors.to_owned())).unwrap()
        };
        let pushed = |doors: &[(&str, &str)]| EdgeSettings {
            doors: Some(
                doors.iter().map(|(door, kind)| ((*door).to_owned(), (*kind).to_owned())).collect(),
            ),
            outbox_mb: None,
        };
        let (foreign, lock) = (set("door-1=homie:y-lock-1/front,*=sim"), "homie:y-lock-1/front");
        let wired = read(WIRED).unwrap();
        for (config, doors, taken) in [
            (&foreign, &[("door-1", "sim")][..], false),
            (&foreign, &[("*", "sim")], false),
            (&foreign, &[("door-1", lock), ("*", "sim")], true),
            (&foreign, &[("door-1", "homie:y-lock-2/front"), ("door-2", "sim")], true),
            (&wired, &[("door-3", "sim")], false),
            (&wired, &[("door-1", "osdp"), ("door-2", "gpio")], true),
            (&set("*=sim"), &[("door-1", "sim")], true),
        ] {
            let with = config.with(&pushed(doors));
            assert_eq!(with.is_ok(), taken, "{doors:?}: {with:?}");
        }
    }

    #[test]
    fn wiring_that_contradicts_itself_is_named_in_a_sentence() {
        for (from, to, said) in [
            ("address = 2", "address = 1", "address 1"),
            ("address = 2", "address = 127", "0 to 126"),
            ("address = 2", "address = 300", "300"),
            ("\"reader-2\"", "\"reader-1\"", "two OSDP readers"),
            ("reader-2.key", "reader-1.key", "key of its own"),
            ("/dev/ttyUSB0\"", "/dev/ttyUSB0\"\nbaud = 1200", "1200"),
            (", unlocked_when = \"off\" }", " }", "unlocked_when"),
            ("input = 1, pressed_when", "input = 0, pressed_when", "input 0 of reader-1"),
            ("input = 1, pressed_when", "pressed_when", "input"),
            ("input = 0, open_when", "open_when", "input"),
            (
                "reader = \"reader-2\"\n        input = 0",
                "reader = \"reader-1\"\ninput = 1",
                "input 1",
            ),
            (
                "reader = \"reader-2\"\n        input = 0",
                "reader = \"reader-9\"\ninput = 1",
                "reader-9",
            ),
            ("reader = \"reader-2\"\n        input = 0", "reader = \"reader-2\"", "input"),
            ("unlocked_when = \"off\"", "unlocked_when = \"open\"", "open"),
            ("        contact = { door", "        # { door", "has its contact"),
            ("lock = { door = \"door-1\"", "lock = { door = \"door-9\"", "has its lock"),
            ("door-2 = \"gpio\"", "door-3 = \"gpio\"", "door-3"),
            ("door-2 = \"gpio\"", "\"*\" = \"osdp\"", "simulated"),
            ("line = 27", "line = 17", "line 17"),
            ("key_file = \"reader-1.key\"", "", "key_file"),
            ("address = 2", "address = 2\n        key = \"00\"", "key"),
        ] {
            assert!(WIRED.contains(from), "{from}");
            let error = read(&WIRED.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(said), "{to}: {error}");
        }
    }
}
