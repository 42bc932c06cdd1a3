//! Watches the service, the reader and the card on it, and outlives all three.

use std::ffi::CString;
use std::time::{Duration, Instant};

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, Scope, State};
use tokio::sync::watch;

use super::PcscSettings;
use super::read::Reading;
use crate::card::{CardError, CardEvent, ConsumerGone, EventSender, ReaderFault};

/// The longest wait inside the service, and between tries to find it.
const TURN: Duration = Duration::from_millis(500);

pub(super) fn run(settings: PcscSettings, sender: EventSender, beat: watch::Sender<Instant>) {
    let mut watcher = Watcher { settings, sender, beat, reading: Reading::new(), state: None };
    while watcher.watch_service().is_ok() {
        std::thread::sleep(TURN);
    }
}

struct Watcher {
    settings: PcscSettings,
    sender: EventSender,
    beat: watch::Sender<Instant>,
    reading: Reading,
    /// What the consumer was told last; `None` before the first word.
    state: Option<Result<(), String>>,
}

impl Watcher {
    /// Stays with one context until the service fails; then the context is worth nothing.
    fn watch_service(&mut self) -> Result<(), ConsumerGone> {
        self.alive()?;
        match Context::establish(Scope::User) {
            Ok(context) => match self.watch_readers(&context) {
                Trouble::Gone => Err(ConsumerGone),
                Trouble::Service(error) => self.service_failed(error),
            },
            Err(error) => self.service_failed(error),
        }
    }

    fn service_failed(&mut self, error: Error) -> Result<(), ConsumerGone> {
        self.unavailable(format!(
            "the PC/SC service does not answer ({error}): see that pcscd is installed and runs"
        ))
    }

    /// Goes from reader to reader as they are plugged in and out; never ends well.
    fn watch_readers(&mut self, context: &Context) -> Trouble {
        loop {
            if let Err(trouble) = self.watch_next_reader(context) {
                return trouble;
            }
        }
    }

    fn watch_next_reader(&mut self, context: &Context) -> Result<(), Trouble> {
        self.alive()?;
        let mut names = match context.list_readers_owned() {
            Err(Error::NoReadersAvailable) => Vec::new(),
            other => other?,
        };
        names.sort();
        let wanted = &self.settings.name_contains;
        let fits = |name: &&CString| name.to_string_lossy().contains(wanted.as_str());
        match names.iter().find(fits) {
            Some(name) => self.watch_cards(context, name.clone()),
            None => {
                self.unavailable(missing(wanted, &names))?;
                let mut states = [ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
                wait(context, &mut states)?;
                Ok(())
            }
        }
    }

    /// Reports the cards on one reader until it goes away.
    fn watch_cards(&mut self, context: &Context, name: CString) -> Result<(), Trouble> {
        let mut states = [
            ReaderState::new(name.clone(), State::UNAWARE),
            ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE),
        ];
        // The first look answers at once; a card it finds was not tapped now.
        wait(context, &mut states)?;
        let mut card = Sight::of(&states[0]);
        if card == Sight::NoReader {
            self.reader_left(&name)?;
            // It is listed still, but its driver does not reach it: only a second look waits for a change.
            states.iter_mut().for_each(ReaderState::sync_current_state);
            return Ok(wait(context, &mut states)?);
        }
        self.available()?;
        if card != Sight::Empty {
            self.tell(CardEvent::Unreadable { reason: CardError::AlreadyThere })?;
        }
        loop {
            self.alive()?;
            states.iter_mut().for_each(ReaderState::sync_current_state);
            wait(context, &mut states)?;
            let seen = Sight::of(&states[0]);
            if seen == card {
                continue;
            }
            if seen == Sight::NoReader {
                return self.reader_left(&name);
            }
            if card != Sight::Empty {
                self.tell(CardEvent::Removed)?;
            }
            match seen {
                Sight::Card(_) => self.read_card(&name)?,
                Sight::Mute(_) => self.tell(CardEvent::Unreadable { reason: CardError::Mute })?,
                Sight::Empty | Sight::NoReader => {}
            }
            card = seen;
        }
    }

    fn reader_left(&mut self, name: &CString) -> Result<(), Trouble> {
        let name = name.to_string_lossy();
        self.unavailable(format!("reader {name} is gone: plug it in again"))?;
        Ok(())
    }

    fn read_card(&mut self, name: &CString) -> Result<(), Trouble> {
        let event = match self.reading.read(&self.settings, name) {
            Ok(read) => CardEvent::Presented(read),
            Err(reason) => CardEvent::Unreadable { reason },
        };
        self.tell(event)
    }

    fn tell(&mut self, event: CardEvent) -> Result<(), Trouble> {
        self.sender.blocking_send(event)?;
        Ok(())
    }

    fn available(&mut self) -> Result<(), ConsumerGone> {
        if self.state == Some(Ok(())) {
            return Ok(());
        }
        self.state = Some(Ok(()));
        self.sender.blocking_send(CardEvent::Available)
    }

    fn unavailable(&mut self, reason: String) -> Result<(), ConsumerGone> {
        let state = Some(Err(reason.clone()));
        if self.state == state {
            return Ok(());
        }
        self.state = state;
        self.sender.blocking_send(CardEvent::Unavailable { fault: ReaderFault::Silent, reason })
    }

    /// Tells the consumer's side that this thread moves, and learns whether it is still wanted.
    fn alive(&self) -> Result<(), ConsumerGone> {
        self.beat.send_replace(Instant::now());
        if self.sender.is_closed() { Err(ConsumerGone) } else { Ok(()) }
    }
}

/// Why watching ended.
enum Trouble {
    Gone,
    Service(Error),
}

impl From<ConsumerGone> for Trouble {
    fn from(_: ConsumerGone) -> Self {
        Self::Gone
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

/// What a look at the reader shows. Cards carry the reader's count of comings and goings, so that
/// one card swiftly put in another's place is a new sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    NoReader,
    Empty,
    Card(u32),
    Mute(u32),
}

impl Sight {
    fn of(state: &ReaderState) -> Self {
        let seen = state.event_state();
        if seen.intersects(State::UNKNOWN | State::IGNORE | State::UNAVAILABLE) {
            Self::NoReader
        } else if !seen.contains(State::PRESENT) {
            Self::Empty
        } else if seen.contains(State::MUTE) {
            Self::Mute(state.event_count())
        } else {
            Self::Card(state.event_count())
        }
    }
}

fn wait(context: &Context, states: &mut [ReaderState]) -> Result<(), Error> {
    match context.get_status_change(TURN, states) {
        Err(Error::Timeout) => Ok(()),
        // The reader left between the listing and this look; the states say so.
        Err(Error::UnknownReader) => Ok(()),
        other => other,
    }
}

fn missing(wanted: &str, names: &[CString]) -> String {
    if names.is_empty() {
        return format!(
            "no reader is connected: plug in the reader whose name contains {wanted:?}"
        );
    }
    let there: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
    format!("no reader's name contains {wanted:?}: connected are {}", there.join(", "))
}
