//! A My Number card's PIN, at enrolment.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pcsc::{Context, Scope};

use super::read::{Line, in_thread};
use crate::card::CardError;
use crate::card::pin::{Guard, Next, Pin, PinError, PinRight};

/// Has the My Number card on the first reader whose name contains `name_contains` check this PIN.
///
/// The tries left are read first; with fewer than [`crate::card::pin::LEAST_TRIES`] nothing is sent.
/// The PIN is sent once at most and wiped. Takes as long as `patience` and blocks the thread.
///
/// # Errors
/// [`PinError`] says what is wrong, and whether the PIN was sent.
pub fn check_pin(name_contains: &str, pin: Pin, patience: Duration) -> Result<PinRight, PinError> {
    let sent = Arc::new(AtomicBool::new(false));
    let (wanted, tells) = (name_contains.to_owned(), Arc::clone(&sent));
    let checked = in_thread(patience, Arc::new(()), move |until| {
        let line = Line::open(&reader_named(&wanted)?, until)?;
        let (mut guard, mut command) = Guard::new(pin);
        loop {
            let answer = line.ask(&command)?;
            let Some((_, status)) = answer.split_last_chunk::<2>() else {
                return Err(CardError::Garbled(answer.len()).into());
            };
            match guard.answered(u16::from_be_bytes(*status)) {
                Next::Ask(next) => command = next,
                Next::Done(done) => return Ok(done),
            }
            tells.store(guard.sent(), Ordering::SeqCst);
        }
    });
    checked
        .map_err(|Failed(reason)| PinError::Card { reason, sent: sent.load(Ordering::SeqCst) })?
}

struct Failed(CardError);

impl From<CardError> for Failed {
    fn from(reason: CardError) -> Self {
        Self(reason)
    }
}

fn reader_named(wanted: &str) -> Result<CString, CardError> {
    let failed = |error: pcsc::Error| CardError::Reader(error.to_string());
    let context = Context::establish(Scope::User).map_err(failed)?;
    let mut names = context.list_readers_owned().map_err(failed)?;
    names.sort();
    let found = names.into_iter().find(|name| name.to_string_lossy().contains(wanted));
    found.ok_or_else(|| CardError::Reader(format!("no reader's name contains {wanted:?}")))
}
