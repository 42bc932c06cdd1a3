//! The devices that are wired to this machine, opened as the settings say.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use hardware::card::{ReaderModels, ReaderModelsError};
use hardware::door::{Contact, DoorError, DoorPart, Input, InputLevel, Lock, WiredInput};
use hardware::feedback::NoFeedback;
use hardware::gpio::{GpioContact, GpioLock, Sense, chip};
use hardware::osdp::{
    ChannelKey, InputWiring, KeyError, OsdpError, OsdpLine, OsdpReaderSettings, OutputWiring,
    SerialPort,
};
use hardware::readers::{Mounting, ReaderError};
use model::id::DeviceId;
use ring::rand::SecureRandom;

use crate::config::{
    Activity, Config, DriverKind, FireConfig, GpioDoorConfig, HighLow, HomieNode, OnOff,
    OsdpLineConfig, OsdpReaderConfig,
};
use crate::door_readers::DoorReader;
use crate::doors::{DoorDriver, Drivers, SimDoors};

/// Drives doors and readers as the settings say.
pub struct Wired {
    config: Config,
    /// Which driver each door has: the hub may set it while the site runs.
    driven: RwLock<Config>,
    sim: SimDoors,
    /// One for each `[[osdp]]`, in order.
    lines: Mutex<Vec<OsdpLine>>,
    /// Those that are plugged in, until they are asked for.
    plugged: Mutex<Vec<DoorReader>>,
}

/// Why something that is wired cannot be taken into use.
#[derive(Debug, thiserror::Error)]
pub enum BadWiring {
    /// A reader's key.
    #[error("{device}: {error}")]
    Key {
        /// The reader.
        device: DeviceId,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A reader that is plugged in.
    #[error("{device}: {error}")]
    Reader {
        /// The reader.
        device: DeviceId,
        /// Why it does not start.
        error: ReaderError,
    },
    /// The table of reader models.
    #[error(transparent)]
    Models(#[from] ReaderModelsError),
    /// A line's settings.
    #[error(transparent)]
    Osdp(#[from] OsdpError),
}

impl Wired {
    /// Takes every line into use. A port or a reader that is not there yet is waited for; a key that is
    /// missing or protects nothing is not.
    ///
    /// # Errors
    /// [`BadWiring`].
    pub async fn open(
        config: &Config,
        site: &str,
        rng: &Arc<dyn SecureRandom + Send + Sync>,
    ) -> Result<Self, BadWiring> {
        let fire = match &config.fire {
            Some(FireConfig::Osdp { reader, .. }) => Some(reader),
            _ => None,
        };
        let models = ReaderModels::read(config.reader_models.as_deref())?;
        let lines = config.osdp.iter().map(|line| open(line, &config.data_dir, &models, fire));
        let lines = Mutex::new(lines.collect::<Result<_, _>>()?);
        let driven = RwLock::new(config.clone());
        let mut plugged = Vec::new();
        for (device, choice) in &config.readers {
            let (name, folder) = (device.as_str(), config.reader_dir.as_path());
            let mounting = Mounting { site, device: name, folder, models: &models, rng };
            let reader = choice.start(mounting).await;
            let device = device.clone();
            let reader =
                reader.map_err(|error| BadWiring::Reader { device: device.clone(), error })?;
            plugged.push(DoorReader { device, reader, shows: Box::new(NoFeedback) });
        }
        let (sim, plugged) = (SimDoors::default(), Mutex::new(plugged));
        Ok(Self { config: config.clone(), driven, sim, lines, plugged })
    }

    fn driver(&self, door: &DeviceId) -> Option<DriverKind> {
        self.driven.read().unwrap_or_else(PoisonError::into_inner).driver(door)
    }

    /// What `find` has at the first reader where it has something.
    fn at_readers<T>(&self, find: impl Fn(&OsdpLine, &OsdpReaderConfig) -> Option<T>) -> Option<T> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().zip(&self.config.osdp).find_map(|(line, settings)| {
            settings.readers.iter().find_map(|reader| find(line, reader))
        })
    }

    fn osdp(&self, door: &DeviceId) -> Option<DoorDriver> {
        let lock = self.at_readers(|line, reader| {
            let wired = reader.lock.as_ref().filter(|lock| lock.door == *door)?;
            line.lock(reader.device.as_str(), wired.output)
        })?;
        let contact = self.at_readers(|line, reader| {
            let wired = reader.contact.as_ref().filter(|contact| contact.door == *door)?;
            let open_when_active = wired.open_when == Activity::Active;
            let wiring = InputWiring { input: wired.input, open_when_active };
            line.contact(reader.device.as_str(), wiring)
        })?;
        Some(DoorDriver { lock: Box::new(lock), contact: Box::new(contact), exit: self.exit(door) })
    }

    /// The button inside `door`, if one is wired to this machine.
    fn exit(&self, door: &DeviceId) -> Option<Box<dyn Input>> {
        let osdp = self.at_readers(|line, reader| {
            let wired = reader.exit.as_ref().filter(|exit| exit.door == *door)?;
            let open_when_active = wired.pressed_when == Activity::Active;
            let wiring = InputWiring { input: wired.input, open_when_active };
            line.contact(reader.device.as_str(), wiring)
        });
        if let Some(button) = osdp {
            return Some(Box::new(WiredInput { contact: button, part: DoorPart::ExitButton }));
        }
        let wired = self.gpio_settings(door)?;
        let exit = wired.exit.as_ref()?;
        match sense(&wired.chip, exit.line, exit.pull_up, exit.pressed_when) {
            Ok(sense) => {
                let contact = GpioContact::new(sense);
                Some(Box::new(WiredInput { contact, part: DoorPart::ExitButton }))
            }
            Err(error) => {
                tracing::error!(%door, %error, "the exit button's GPIO line cannot be used");
                None
            }
        }
    }

    fn gpio_settings(&self, door: &DeviceId) -> Option<&GpioDoorConfig> {
        self.config.gpio.iter().find(|wired| wired.door == *door)
    }

    fn gpio(&self, door: &DeviceId) -> Option<DoorDriver> {
        let wired = self.gpio_settings(door)?;
        match gpio_parts(wired) {
            Ok((lock, contact)) => Some(DoorDriver { lock, contact, exit: self.exit(door) }),
            Err(error) => {
                let chip = wired.chip.display();
                tracing::error!(%door, %chip, %error, "the door's GPIO lines cannot be used");
                None
            }
        }
    }
}

impl Drivers for Wired {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        match self.driver(door)? {
            DriverKind::Sim => self.sim.door(door),
            DriverKind::Osdp => self.osdp(door),
            DriverKind::Gpio => self.gpio(door),
            // On the site bus, not at this machine.
            DriverKind::Homie(_) => None,
        }
    }

    fn homie(&self, door: &DeviceId) -> Option<HomieNode> {
        match self.driver(door)? {
            DriverKind::Homie(node) => Some(node),
            DriverKind::Sim | DriverKind::Osdp | DriverKind::Gpio => None,
        }
    }

    fn set_up(&self, config: &Config) {
        *self.driven.write().unwrap_or_else(PoisonError::into_inner) = config.clone();
    }

    fn readers(&self) -> Vec<DoorReader> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut plugged = self.plugged.lock().unwrap_or_else(PoisonError::into_inner);
        let mut readers = std::mem::take(&mut *plugged);
        for (line, settings) in lines.iter_mut().zip(&self.config.osdp) {
            for OsdpReaderConfig { device, .. } in &settings.readers {
                let name = device.as_str();
                if let (Some(reader), Some(shows)) = (line.take_reader(name), line.feedback(name)) {
                    let device = device.clone();
                    let (reader, shows) = (Box::new(reader), Box::new(shows));
                    readers.push(DoorReader { device, reader, shows });
                }
            }
        }
        readers
    }

    fn fire(&self) -> Option<Box<dyn Input>> {
        match self.config.fire.as_ref()? {
            FireConfig::Osdp { reader, input, released_when } => {
                let open_when_active = *released_when == Activity::Active;
                let wiring = InputWiring { input: *input, open_when_active };
                let contact = self.at_readers(|line, known| {
                    (known.device == *reader).then(|| line.contact(reader.as_str(), wiring))?
                })?;
                Some(Box::new(WiredInput { contact, part: DoorPart::FireInput }))
            }
            FireConfig::Gpio { chip, line, released_when, pull_up } => {
                match sense(chip, *line, *pull_up, *released_when) {
                    Ok(sense) => {
                        let contact = GpioContact::new(sense);
                        Some(Box::new(WiredInput { contact, part: DoorPart::FireInput }))
                    }
                    Err(error) => {
                        tracing::error!(%error, "the fire panel's GPIO line cannot be used");
                        Some(Box::new(Unheard))
                    }
                }
            }
        }
    }
}

/// A fire panel whose line cannot be opened: that it is not heard is told like any other silence.
struct Unheard;

#[async_trait]
impl Input for Unheard {
    async fn level(&self) -> Result<InputLevel, DoorError> {
        Err(DoorError::NoAnswer(DoorPart::FireInput))
    }

    async fn changed(&mut self) -> Result<InputLevel, DoorError> {
        std::future::pending().await
    }
}

fn open(
    line: &OsdpLineConfig,
    folder: &Path,
    models: &ReaderModels,
    fire: Option<&DeviceId>,
) -> Result<OsdpLine, BadWiring> {
    let readers = line.readers.iter().map(|reader| {
        let mut settings = settings(reader, folder)?;
        settings.models = models.clone();
        settings.inputs |= fire == Some(&reader.device);
        Ok::<_, BadWiring>(settings)
    });
    let readers = readers.collect::<Result<_, _>>()?;
    let open = SerialPort::opener(line.line.clone(), line.baud);
    Ok(OsdpLine::start(open, line.baud, readers)?)
}

fn settings(reader: &OsdpReaderConfig, folder: &Path) -> Result<OsdpReaderSettings, BadWiring> {
    let device = &reader.device;
    let key = ChannelKey::read(&folder.join(&reader.key_file))
        .map_err(|error| BadWiring::Key { device: device.clone(), error })?;
    let mut settings = OsdpReaderSettings::new(device.as_str(), reader.address, key);
    settings.locks = reader
        .lock
        .iter()
        .map(|lock| OutputWiring {
            output: lock.output,
            unlocked_when_on: lock.unlocked_when == OnOff::On,
            timed: lock.timed,
        })
        .collect();
    settings.inputs = reader.contact.is_some() || reader.exit.is_some();
    Ok(settings)
}

fn gpio_parts(wired: &GpioDoorConfig) -> io::Result<(Box<dyn Lock>, Box<dyn Contact>)> {
    let (lock, contact) = (&wired.lock, &wired.contact);
    let unlocked_when_high = lock.unlocked_when == HighLow::High;
    let output = chip::output(&wired.chip, lock.line, !unlocked_when_high)?;
    let read_back = lock
        .read_back
        .as_ref()
        .map(|bolt| sense(&wired.chip, bolt.line, bolt.pull_up, bolt.unlocked_when))
        .transpose()?;
    let contact = sense(&wired.chip, contact.line, contact.pull_up, contact.open_when)?;
    let lock = GpioLock::new(output, unlocked_when_high, read_back);
    Ok((Box::new(lock), Box::new(GpioContact::new(contact))))
}

fn sense(chip: &Path, line: u32, pull_up: bool, open_when: HighLow) -> io::Result<Sense> {
    let line = chip::input(chip, line, pull_up)?;
    Ok(Sense { line, open_when_high: open_when == HighLow::High })
}
