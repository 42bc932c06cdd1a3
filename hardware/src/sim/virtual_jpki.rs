use std::sync::{Arc, Mutex, PoisonError};

use super::virtual_card::{NOT_FOUND, OK, UNKNOWN_COMMAND, WRONG_LENGTH};
use crate::card::pin;

/// The PIN of a My Number card's authentication key, as far as the card's own counting goes: no key
/// and no certificate behind it. Clones are the same card.
#[derive(Debug, Clone)]
pub struct VirtualJpki(Arc<Mutex<Count>>);

#[derive(Debug)]
struct Count {
    pin: Vec<u8>,
    left: u8,
    sent: u32,
    garbles: bool,
}

/// Wrong PINs in a row that such a card takes.
const TRIES: u8 = 3;
const NOT_CHOSEN: [u8; 2] = [0x69, 0x85];
const BLOCKED: [u8; 2] = [0x69, 0x84];

/// What of the application was chosen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum JpkiState {
    #[default]
    Nothing,
    Application,
    Pin,
}

impl VirtualJpki {
    /// A card with this PIN that takes so many wrong ones until it closes.
    #[must_use]
    pub fn new(pin: &str, left: u8) -> Self {
        let count = Count { pin: pin.as_bytes().to_vec(), left, sent: 0, garbles: false };
        Self(Arc::new(Mutex::new(count)))
    }

    /// The tries that are left.
    #[must_use]
    pub fn left(&self) -> u8 {
        self.count(|count| count.left)
    }

    /// How many PINs were ever sent to the card.
    #[must_use]
    pub fn pins_sent(&self) -> u32 {
        self.count(|count| count.sent)
    }

    /// From now on it takes a PIN and answers what is no answer.
    pub fn garble(&self) {
        self.count(|count| count.garbles = true);
    }

    fn count<T>(&self, with: impl FnOnce(&mut Count) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn answer(&self, state: &mut JpkiState, apdu: &[u8]) -> Vec<u8> {
        match apdu {
            [0x00, 0xA4, 0x04, ..] if apdu == pin::SELECT_APPLICATION => {
                *state = JpkiState::Application;
                OK.to_vec()
            }
            [0x00, 0xA4, 0x04, ..] => NOT_FOUND.to_vec(),
            [0x00, 0xA4, ..] if *state == JpkiState::Nothing => NOT_CHOSEN.to_vec(),
            [0x00, 0xA4, ..] if apdu == pin::SELECT_PIN => {
                *state = JpkiState::Pin;
                OK.to_vec()
            }
            [0x00, 0xA4, ..] => NOT_FOUND.to_vec(),
            [0x00, 0x20, ..] if *state != JpkiState::Pin => NOT_CHOSEN.to_vec(),
            [0x00, 0x20, 0x00, 0x80] => self.count(|count| vec![0x63, 0xC0 | count.left]),
            [0x00, 0x20, 0x00, 0x80, _, typed @ ..] => self.count(|count| count.verify(typed)),
            [0x00, 0x20, ..] => WRONG_LENGTH.to_vec(),
            _ => UNKNOWN_COMMAND.to_vec(),
        }
    }
}

impl Count {
    fn verify(&mut self, typed: &[u8]) -> Vec<u8> {
        self.sent += 1;
        if self.left == 0 {
            return BLOCKED.to_vec();
        }
        if self.garbles {
            self.left -= 1;
            return vec![0x63];
        }
        if typed == self.pin {
            self.left = TRIES;
            return OK.to_vec();
        }
        self.left -= 1;
        vec![0x63, 0xC0 | self.left]
    }
}
