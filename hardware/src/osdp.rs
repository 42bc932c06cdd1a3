//! OSDP readers (IEC 60839-11-5) on an RS-485 line: cards, a lock's relay, contacts and buttons, a light
//! and a buzzer.
//!
//! One line has one control panel, this one, and any number of readers by address. A thread of its own
//! runs it: a dead line or reader blocks nobody. Everything goes through a Secure Channel with a key of
//! the reader's own; there is no way to do without.

mod channel;
mod feedback;
mod frame;
mod guard;
mod held;
mod install;
mod key;
mod keypad;
mod line;
mod parts;
mod reader;
mod reading;
mod wire;

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use thiserror::Error;
use tokio::sync::watch;

pub use channel::{ByteChannel, OpenChannel, SerialPort};
pub use install::{InstallError, install_key};
pub use key::{ChannelKey, KeyError};
pub use parts::{OsdpContact, OsdpFeedback, OsdpLock};

use guard::Guard;
use line::Order;
use reader::{Reader, Status};
use wire::Wire;

use crate::card::{CardEvent, CardReader, EventQueue, ReaderModels, event_queue};

/// The speeds that the standard knows, in bits a second.
pub const BAUD_RATES: [u32; 6] = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400];
/// The highest address; 127 is everybody's.
pub const HIGHEST_ADDRESS: u8 = 126;

/// One reader on a line.
#[derive(Debug, Clone)]
pub struct OsdpReaderSettings {
    /// The name under which the site knows it.
    pub name: String,
    /// Its address on the line, 0 to [`HIGHEST_ADDRESS`].
    pub address: u8,
    /// Its key.
    pub key: ChannelKey,
    /// How what it sends is normalised; looked up by `name`.
    pub models: ReaderModels,
    /// Those of its outputs that move a lock. They are locked whenever the reader comes onto the line.
    pub locks: Vec<OutputWiring>,
    /// Whether any of its inputs is used; they are read four times a second then.
    pub inputs: bool,
}

impl OsdpReaderSettings {
    /// A reader that reads cards, and nothing else.
    #[must_use]
    pub fn new(name: &str, address: u8, key: ChannelKey) -> Self {
        let (models, locks) = (ReaderModels::default(), Vec::new());
        Self { name: name.to_owned(), address, key, models, locks, inputs: false }
    }
}

/// How a lock is wired to an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputWiring {
    /// The number of the output, from 0.
    pub output: u8,
    /// Whether the lock is open while the output is on: so with a strike that locks without power
    /// (fail-secure), and the other way round with a magnet that the output keeps alive (fail-safe).
    pub unlocked_when_on: bool,
    /// Whether the reader locks this output by itself when its time is over. The reader's own word for it decides
    /// nothing: it comes before the Secure Channel, and whoever touches the line can change it.
    ///
    /// Where this says so, unlocking is only ever for a while, and a reader that says that it has no timed outputs
    /// is not told to unlock. Where it does not, the door of a line that is cut stays open.
    pub timed: bool,
}

/// How a contact or button is wired to an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputWiring {
    /// The number of the input, from 0.
    pub input: u8,
    /// Whether the door stands open, or the button is pressed, while the input is active.
    pub open_when_active: bool,
}

/// A line that is in use. Dropping it ends its thread and lets go of the port; unlocked outputs fall
/// back by themselves, and those that are wired as not [`OutputWiring::timed`] are locked first.
pub struct OsdpLine {
    orders: mpsc::Sender<Order>,
    readers: Vec<Known>,
    thread: Option<JoinHandle<()>>,
}

struct Known {
    name: String,
    status: watch::Receiver<Status>,
    reader: Option<OsdpReader>,
}

/// A reader of a line.
pub struct OsdpReader {
    name: String,
    events: EventQueue,
}

/// Why a line cannot be set up.
#[derive(Debug, Error)]
pub enum OsdpError {
    /// No readers.
    #[error("an OSDP line needs at least one reader")]
    NoReader,
    /// An address that no reader can have.
    #[error("{name}: an OSDP address is 0 to {HIGHEST_ADDRESS}, not {address}")]
    Address {
        /// The reader.
        name: String,
        /// What was given.
        address: u8,
    },
    /// Two readers at one address.
    #[error("two readers have the OSDP address {0}: they would talk over each other")]
    SameAddress(u8),
    /// Two readers of one name.
    #[error("two OSDP readers are called {0}")]
    SameName(String),
    /// A speed that the standard does not know.
    #[error("{0} bits a second is no speed of OSDP: choose one of {BAUD_RATES:?}")]
    Baud(u32),
    /// The system gives no thread.
    #[error("no thread for an OSDP line: {0}")]
    Thread(#[from] std::io::Error),
}

impl OsdpLine {
    /// Takes a line into use. Neither the port nor a reader needs to be there yet: what is missing is
    /// told by its reader as [`CardEvent::Unavailable`].
    ///
    /// `baud` is what the readers are set to, in bits a second; `open` has to use the same.
    ///
    /// # Errors
    /// [`OsdpError`] when the settings contradict each other, or there is no thread.
    pub fn start(
        open: OpenChannel,
        baud: u32,
        readers: Vec<OsdpReaderSettings>,
    ) -> Result<Self, OsdpError> {
        let rate = checked_baud(baud)?;
        check(&readers)?;
        let guards = readers.iter().map(|reader| Guard::new(reader.address, false)).collect();
        let (orders, inbox) = mpsc::channel();
        let mut known = Vec::new();
        let mut parts = Vec::new();
        for settings in readers {
            let (sender, events) = event_queue();
            let (status, followed) = watch::channel(Status::default());
            let name = settings.name.clone();
            let reader = Some(OsdpReader { name: name.clone(), events });
            known.push(Known { name, status: followed, reader });
            parts.push((settings, sender, status));
        }
        let thread = std::thread::Builder::new().name("osdp-line".to_owned()).spawn(move || {
            let wire = Wire::new(open, guards);
            let readers = parts
                .into_iter()
                .enumerate()
                .map(|(place, (settings, sender, status))| {
                    Reader::new(settings, rate, place, wire.clone(), sender, status)
                })
                .collect();
            line::run(&wire, readers, &inbox);
        })?;
        Ok(Self { orders, readers: known, thread: Some(thread) })
    }

    /// The reader of this name, once.
    pub fn take_reader(&mut self, name: &str) -> Option<OsdpReader> {
        self.readers.iter_mut().find(|known| known.name == name)?.reader.take()
    }

    /// A lock at the output of a reader, which has to stand in the reader's settings too.
    #[must_use]
    pub fn lock(&self, name: &str, output: u8) -> Option<OsdpLock> {
        let (place, _) = self.known(name)?;
        Some(OsdpLock { orders: self.orders.clone(), place, output })
    }

    /// A contact, or a button (open while it is pressed), at the input of a reader.
    #[must_use]
    pub fn contact(&self, name: &str, wiring: InputWiring) -> Option<OsdpContact> {
        let (_, known) = self.known(name)?;
        Some(OsdpContact::new(known.status.clone(), wiring))
    }

    /// The light and buzzer of a reader.
    #[must_use]
    pub fn feedback(&self, name: &str) -> Option<OsdpFeedback> {
        let (place, _) = self.known(name)?;
        Some(OsdpFeedback { orders: self.orders.clone(), place })
    }

    fn known(&self, name: &str) -> Option<(usize, &Known)> {
        self.readers.iter().enumerate().find(|(_, known)| known.name == name)
    }
}

impl Drop for OsdpLine {
    fn drop(&mut self) {
        self.orders.send(Order::Stop).ok();
        // It looks several hundred times a second.
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

#[async_trait]
impl CardReader for OsdpReader {
    fn name(&self) -> &str {
        &self.name
    }

    async fn next_event(&mut self) -> Option<CardEvent> {
        self.events.next().await
    }
}

fn check(readers: &[OsdpReaderSettings]) -> Result<(), OsdpError> {
    if readers.is_empty() {
        return Err(OsdpError::NoReader);
    }
    let (mut addresses, mut names) = (BTreeSet::new(), BTreeSet::new());
    for OsdpReaderSettings { name, address, .. } in readers {
        if *address > HIGHEST_ADDRESS {
            return Err(OsdpError::Address { name: name.clone(), address: *address });
        }
        if !addresses.insert(*address) {
            return Err(OsdpError::SameAddress(*address));
        }
        if !names.insert(name) {
            return Err(OsdpError::SameName(name.clone()));
        }
    }
    Ok(())
}

fn checked_baud(baud: u32) -> Result<i32, OsdpError> {
    let known = BAUD_RATES.contains(&baud);
    i32::try_from(baud).ok().filter(|_| known).ok_or(OsdpError::Baud(baud))
}
