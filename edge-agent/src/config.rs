//! How an edge is set up: one TOML file, every key also by environment.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use model::id::DeviceId;
use serde::{Deserialize, Serialize};

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
    /// `door-1=sim,*=sim`.
    pub doors: BTreeMap<String, DriverKind>,
}

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

/// What drives a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverKind {
    /// A simulated door.
    Sim,
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
        Ok(config)
    }

    /// What drives `door`.
    #[must_use]
    pub fn driver(&self, door: &DeviceId) -> Option<DriverKind> {
        self.doors.get(door.as_str()).or_else(|| self.doors.get(ANY)).copied()
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

fn doors(text: &str) -> Result<BTreeMap<String, DriverKind>, String> {
    let why = || "it is a list such as 'door-1=sim,*=sim'".to_owned();
    text.split(',')
        .map(|entry| match entry.trim().split_once('=') {
            Some((door, "sim")) => Ok((door.to_owned(), DriverKind::Sim)),
            _ => Err(why()),
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
            "KYOTEN_DOORS" => Some("door-1=sim".to_owned()),
            _ => None,
        };
        let config = Config::read(None, set).unwrap();
        let broker = BrokerChoice::Mosquitto { host: "broker.example".to_owned(), port: 8883 };
        assert_eq!(config.broker, broker);
        assert_eq!(config.driver(&"door-1".parse().unwrap()), Some(DriverKind::Sim));
        assert_eq!(config.driver(&"door-2".parse().unwrap()), None);
        assert_eq!(config.bus_listen, Config::default().bus_listen);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("KYOTEN_BROKER", "rabbit"),
            ("KYOTEN_BROKER", "mosquitto at nowhere"),
            ("KYOTEN_BUS_LISTEN", "1885"),
            ("KYOTEN_DOORS", "door-1=crowbar"),
        ] {
            let error = Config::read(None, |asked| (asked == name).then(|| value.to_owned()))
                .unwrap_err()
                .to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
