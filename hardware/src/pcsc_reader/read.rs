//! Reading one card, in a thread that may never come back.

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use pcsc::{Card, Context, Disposition, Error, Protocols, Scope, ShareMode};

use super::PcscSettings;
use crate::card::{CardError, CardRead, Climb, Ladder, Step};

/// Threads that hang in a read at the same time; beyond these the service is the trouble.
const MOST_ABANDONED: usize = 4;

/// Reads cards on one reader, counting the threads that have not come back.
pub(super) struct Reading {
    outstanding: Arc<()>,
}

impl Reading {
    pub(super) fn new() -> Self {
        Self { outstanding: Arc::new(()) }
    }

    /// Reads the card on `reader`, for as long as the settings have patience.
    pub(super) fn read(
        &self,
        settings: &PcscSettings,
        reader: &CStr,
    ) -> Result<CardRead, CardError> {
        if Arc::strong_count(&self.outstanding) > MOST_ABANDONED {
            let reason = "earlier cards still hang in it: unplug the reader or restart pcscd";
            return Err(CardError::Reader(reason.to_owned()));
        }
        let name: CString = reader.to_owned();
        let ladder = settings.ladder.clone();
        in_thread(settings.patience, Arc::clone(&self.outstanding), move |until| {
            let card = Line::open(&name, until)?;
            card.climb(&ladder, &name.to_string_lossy())
        })
    }
}

/// Does `talk` in a thread of its own, which is left to itself once the patience is over. Its
/// deadline is handed to it: a card that comes back to life is told nothing more.
pub(super) fn in_thread<Said, Trouble>(
    patience: Duration,
    outstanding: Arc<()>,
    talk: impl FnOnce(Instant) -> Result<Said, Trouble> + Send + 'static,
) -> Result<Said, Trouble>
where
    Said: Send + 'static,
    Trouble: From<CardError> + Send + 'static,
{
    let until = Instant::now() + patience;
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("pcsc-read".to_owned())
        .spawn(move || {
            // Nobody waits any more when the read comes too late.
            let _ = sender.send(talk(until));
            drop(outstanding);
        })
        .map_err(|error| CardError::Reader(error.to_string()))?;
    match receiver.recv_timeout(patience) {
        Ok(said) => said,
        Err(RecvTimeoutError::Timeout) => Err(CardError::NoAnswer(patience).into()),
        Err(RecvTimeoutError::Disconnected) => {
            Err(CardError::Reader("the reading broke off".to_owned()).into())
        }
    }
}

/// The line to one card. The context is its own, since a call that hangs holds up everything else
/// that shares its context.
pub(super) struct Line {
    card: Option<Card>,
    _context: Context,
    until: Instant,
}

impl Drop for Line {
    fn drop(&mut self) {
        // Not a reset, as dropping the handle would be: where it fails because the card has left,
        // pcscd takes the reader for empty and overlooks the next card.
        if let Some(card) = self.card.take() {
            let _ = card.disconnect(Disposition::LeaveCard);
        }
    }
}

impl Line {
    pub(super) fn open(reader: &CStr, until: Instant) -> Result<Self, CardError> {
        let context = Context::establish(Scope::User).map_err(card_error)?;
        let card =
            context.connect(reader, ShareMode::Shared, Protocols::ANY).map_err(card_error)?;
        Ok(Self { card: Some(card), _context: context, until })
    }

    fn card(&self) -> Result<&Card, CardError> {
        if Instant::now() >= self.until {
            return Err(CardError::NoAnswer(Duration::ZERO));
        }
        self.card.as_ref().ok_or(CardError::Torn)
    }

    fn climb(&self, ladder: &Ladder, reader: &str) -> Result<CardRead, CardError> {
        let atr = self.card()?.status2_owned().map_err(card_error)?.atr().to_vec();
        let (mut climb, mut step) = Climb::new(ladder, reader, &atr);
        loop {
            match step {
                Step::Ask(command) => step = climb.answered(&self.ask(&command)?),
                Step::Done(read) => return read,
            }
        }
    }

    /// Gives the whole answer, status included.
    pub(super) fn ask(&self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let mut buffer = [0; pcsc::MAX_BUFFER_SIZE];
        let answer = self.card()?.transmit(command, &mut buffer).map_err(card_error)?;
        // Some drivers report a card that left in mid-command as a success without a byte.
        if answer.is_empty() { Err(CardError::Torn) } else { Ok(answer.to_vec()) }
    }
}

fn card_error(error: Error) -> CardError {
    match error {
        Error::NotTransacted
        | Error::RemovedCard
        | Error::ResetCard
        | Error::NoSmartcard
        | Error::CommDataLost => CardError::Torn,
        Error::UnresponsiveCard | Error::UnpoweredCard | Error::ProtoMismatch => CardError::Mute,
        Error::InsufficientBuffer => CardError::Oversize(pcsc::MAX_BUFFER_SIZE),
        Error::SharingViolation => {
            CardError::Reader("another program has it to itself: stop that program".to_owned())
        }
        other => CardError::Reader(other.to_string()),
    }
}
