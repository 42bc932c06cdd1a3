//! Card readers as settings name them.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use ring::rand::SecureRandom;
use serde::Deserialize;
use thiserror::Error;

use crate::card::{CardReader, Ladder, ReaderModels, ReaderPlace};
use crate::pcsc_reader::{PcscReader, PcscSettings};
use crate::sim::{SimReader, SimReaderError, SimReaderSettings};

/// A reader, as the settings name it: `sim`, `sim:` and a name, or `pcsc:` and a part of the reader's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ReaderChoice {
    /// A simulated one, named as the device or by its own name.
    Sim(Option<String>),
    /// The PC/SC reader whose name contains this.
    Pcsc(String),
}

/// A text that names no reader.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "'{0}' names no reader: `sim`, `sim:` and a name, or `pcsc:` and a part of the reader's name do"
)]
pub struct NoReader(String);

/// Why a reader does not start. One that is not plugged in does.
#[derive(Debug, Error)]
pub enum ReaderError {
    /// A simulated one.
    #[error(transparent)]
    Sim(#[from] SimReaderError),
    /// The system refused a thread.
    #[error("no thread for a card reader: {0}")]
    Thread(#[from] io::Error),
}

impl FromStr for ReaderChoice {
    type Err = NoReader;
    fn from_str(text: &str) -> Result<Self, NoReader> {
        match text.split_once(':') {
            None if text == "sim" => Ok(Self::Sim(None)),
            Some(("sim", name)) if !name.is_empty() => Ok(Self::Sim(Some(name.to_owned()))),
            Some(("pcsc", name)) if !name.trim().is_empty() => Ok(Self::Pcsc(name.to_owned())),
            _ => Err(NoReader(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ReaderChoice {
    type Error = NoReader;
    fn try_from(text: String) -> Result<Self, NoReader> {
        text.parse()
    }
}

impl fmt::Display for ReaderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim(None) => f.write_str("sim"),
            Self::Sim(Some(name)) => write!(f, "sim:{name}"),
            Self::Pcsc(name) => write!(f, "pcsc:{name}"),
        }
    }
}

/// What the readers of a device are started with.
#[derive(Clone, Copy)]
pub struct Mounting<'a> {
    /// The site.
    pub site: &'a str,
    /// The device whose readers they are.
    pub device: &'a str,
    /// Where simulated ones keep their sockets.
    pub folder: &'a Path,
    /// How identifiers are normalised; looked up by the reader's full name, of a simulated one by its own.
    pub models: &'a ReaderModels,
    /// For the questions that a key has to answer.
    pub rng: &'a Arc<dyn SecureRandom + Send + Sync>,
}

impl ReaderChoice {
    /// Whether both may mean the same reader, for devices of one name.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pcsc(one), Self::Pcsc(other)) => one.contains(other) || other.contains(one),
            (one, other) => one == other,
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`ReaderError`]; one that is not plugged in is waited for.
    pub async fn start(&self, mounting: Mounting<'_>) -> Result<Box<dyn CardReader>, ReaderError> {
        let Mounting { site, device, folder, models, rng } = mounting;
        let place = ReaderPlace::named(site, &format!("{device} {self}"));
        let ladder = Ladder { models: models.clone(), place, rng: rng.clone() };
        Ok(match self {
            Self::Sim(name) => {
                let name = name.as_deref().unwrap_or(device);
                let mut settings = SimReaderSettings::new(name, folder, rng.clone());
                settings.ladder = ladder;
                Box::new(SimReader::start(settings).await?)
            }
            Self::Pcsc(name) => {
                let mut settings = PcscSettings::new(name, rng.clone());
                settings.ladder = ladder;
                Box::new(PcscReader::start(settings)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_reader_is_refused() {
        for bad in ["", "usb", "pcsc", "pcsc:", "pcsc: ", "sim:", "読取機"] {
            assert!(bad.parse::<ReaderChoice>().is_err(), "{bad}");
        }
        for good in ["sim", "sim:b", "pcsc:R 00 01"] {
            assert_eq!(good.parse::<ReaderChoice>().map(|it| it.to_string()), Ok(good.to_owned()));
        }
    }
}
