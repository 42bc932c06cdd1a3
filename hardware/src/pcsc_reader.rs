//! Card readers behind pcscd, the PC/SC service.
//!
//! A thread of its own watches the readers, another reads each card: a card that hangs blocks its
//! thread inside the service for many seconds, and is abandoned there.

mod jpki;
mod read;
mod watcher;

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ring::rand::SecureRandom;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::card::{CardEvent, CardReader, EventQueue, Ladder, ReaderFault, event_queue};
pub use jpki::check_pin;

/// The first PC/SC reader whose name contains a given text.
pub struct PcscReader {
    name: String,
    events: EventQueue,
    heartbeat: watch::Receiver<Instant>,
    available: bool,
    silent: bool,
    /// Hung up when the watcher has ended.
    watcher: mpsc::Receiver<()>,
}

/// What a PC/SC reader needs to know.
#[derive(Debug, Clone)]
pub struct PcscSettings {
    /// A part of the reader's name, as the service lists it. The alphabetically first match is
    /// taken: give more of the name to choose another.
    pub name_contains: String,
    /// How long a card may take to be read, all together.
    pub patience: Duration,
    /// How cards are asked who they are.
    pub ladder: Ladder,
}

impl PcscSettings {
    /// The usual settings: two seconds of patience, identifiers taken as they are.
    #[must_use]
    pub fn new(name_contains: &str, rng: Arc<dyn SecureRandom + Send + Sync>) -> Self {
        Self {
            name_contains: name_contains.to_owned(),
            patience: Duration::from_secs(2),
            ladder: Ladder::new(name_contains, rng),
        }
    }
}

impl PcscReader {
    /// Starts to watch. Neither the service nor the reader needs to be there yet: what is missing
    /// is reported as [`CardEvent::Unavailable`]. Ends when this value is dropped, which waits for it a moment.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(settings: PcscSettings) -> std::io::Result<Self> {
        let name = settings.name_contains.clone();
        let (sender, events) = event_queue();
        let (beat, heartbeat) = watch::channel(Instant::now());
        let (watches, watcher) = mpsc::channel();
        std::thread::Builder::new().name("pcsc-watcher".to_owned()).spawn(move || {
            watcher::run(settings, sender, beat);
            drop(watches);
        })?;
        Ok(Self { name, events, heartbeat, available: false, silent: false, watcher })
    }
}

/// The watcher looks twice a second whether it is wanted; longer than this only a read or the service holds it.
const LEAVES_WITHIN: Duration = Duration::from_secs(3);

impl Drop for PcscReader {
    /// The client library frees its contexts when a program ends: a thread that gives one back at that very moment
    /// would free it a second time.
    fn drop(&mut self) {
        self.events.close();
        // Nothing is ever sent: it hangs up, or is waited for no longer.
        let _ = self.watcher.recv_timeout(LEAVES_WITHIN);
    }
}

/// The watcher beats several times a second, or every few seconds while it reads a card.
const SILENCE: Duration = Duration::from_secs(6);

#[async_trait]
impl CardReader for PcscReader {
    fn name(&self) -> &str {
        &self.name
    }

    async fn next_event(&mut self) -> Option<CardEvent> {
        loop {
            if let Ok(event) = timeout(Duration::from_secs(1), self.events.next()).await {
                self.silent = false;
                match &event {
                    Some(CardEvent::Available) => self.available = true,
                    Some(CardEvent::Unavailable { .. }) => self.available = false,
                    _ => {}
                }
                return event;
            }
            let silent = self.heartbeat.borrow().elapsed() > SILENCE;
            if silent == self.silent {
                continue;
            }
            self.silent = silent;
            if silent {
                let reason = "the PC/SC service hangs: restart pcscd".to_owned();
                return Some(CardEvent::Unavailable { fault: ReaderFault::Silent, reason });
            }
            if self.available {
                return Some(CardEvent::Available);
            }
        }
    }
}
