//! Reading one card, in a thread that may never come back.

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use pcsc::{Card, Context, Disposition, Error, Protocols, Scope, ShareMode};

use super::PcscSettings;
use crate::card::{ASK_IDENTIFIER, CardError, CardRead, card_read};

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
        let (atr, answer) = in_thread(settings.patience, Arc::clone(&self.outstanding), reader)?;
        card_read(&settings.models, &reader.to_string_lossy(), &atr, &answer)
    }
}

type Answer = (Vec<u8>, Vec<u8>);

fn in_thread(patience: Duration, outstanding: Arc<()>, reader: &CStr) -> Result<Answer, CardError> {
    let reader: CString = reader.to_owned();
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("pcsc-read".to_owned())
        .spawn(move || {
            // Nobody waits any more when the read comes too late.
            let _ = sender.send(exchange(&reader));
            drop(outstanding);
        })
        .map_err(|error| CardError::Reader(error.to_string()))?;
    match receiver.recv_timeout(patience) {
        Ok(answer) => answer.map_err(card_error),
        Err(RecvTimeoutError::Timeout) => Err(CardError::NoAnswer(patience)),
        Err(RecvTimeoutError::Disconnected) => {
            Err(CardError::Reader("the reading broke off".to_owned()))
        }
    }
}

/// Gives the card's ATR and its answer. The context is its own, since a call that hangs holds up
/// everything else that shares its context.
fn exchange(reader: &CStr) -> Result<Answer, Error> {
    let context = Context::establish(Scope::User)?;
    let card = context.connect(reader, ShareMode::Shared, Protocols::ANY)?;
    let answer = ask(&card);
    // Not a reset, as dropping the handle would be: where it fails because the card has left,
    // pcscd takes the reader for empty and overlooks the next card.
    let _ = card.disconnect(Disposition::LeaveCard);
    answer
}

fn ask(card: &Card) -> Result<Answer, Error> {
    let atr = card.status2_owned()?.atr().to_vec();
    let mut buffer = [0; pcsc::MAX_BUFFER_SIZE];
    let answer = card.transmit(&ASK_IDENTIFIER, &mut buffer)?.to_vec();
    // Some drivers report a card that left in mid-command as a success without a byte.
    if answer.is_empty() {
        return Err(Error::RemovedCard);
    }
    Ok((atr, answer))
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
