//! The PIN of a My Number card (JPKI, the key for authentication), guarded: the card closes after three wrong
//! ones, and only a town hall opens it again. At enrolment only; no door ever asks for it.
//!
//! The commands are those of OpenSC's `card-jpki.c`. No My Number card was at hand to try them on.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::CardError;

pub(crate) const SELECT_APPLICATION: [u8; 15] =
    [0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
/// The PIN of the key for authentication; the one for signatures is another and is never asked for.
pub(crate) const SELECT_PIN: [u8; 7] = [0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x18];
/// VERIFY without a PIN: the card says how many tries are left, and counts nothing.
const ASK_TRIES: [u8; 4] = [0x00, 0x20, 0x00, 0x80];

/// A PIN is not sent with fewer tries left than this: whoever mistypes it here can still open their
/// card elsewhere.
pub const LEAST_TRIES: u8 = 2;

/// Four digits that somebody has just typed. Wiped when dropped; cannot be printed, copied or
/// compared, and is used up by being sent.
pub struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    /// Takes what was typed.
    ///
    /// # Errors
    /// [`PinError::NotFourDigits`]; nothing is sent to a card then.
    pub fn new(typed: Zeroizing<String>) -> Result<Self, PinError> {
        let digits = typed.as_bytes();
        if digits.len() != 4 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(PinError::NotFourDigits);
        }
        Ok(Self(Zeroizing::new(digits.to_vec())))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pin(..)")
    }
}

/// The PIN was the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinRight {
    /// The tries that were left before: fewer than three tell that somebody had mistyped it.
    pub tries_before: u8,
}

/// Why the PIN is not known to be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PinError {
    /// It cannot be one.
    #[error("the PIN of a My Number card's authentication key is four digits; nothing was sent")]
    NotFourDigits,
    /// No My Number card, or one without that application.
    #[error("the card has no My Number authentication (status {0:04X}); nothing was sent")]
    NoJpki(u16),
    /// It does not say how many tries are left, so none is risked.
    #[error("the card does not tell how many tries are left (status {0:04X}); nothing was sent")]
    TriesUnknown(u16),
    /// A wrong PIN now could close the card.
    #[error(
        "only {left} tries are left, and {LEAST_TRIES} are needed here, so that the card cannot be \
         closed by a slip; nothing was sent"
    )]
    TooFewTries {
        /// How many.
        left: u8,
    },
    /// The PIN was sent, and is wrong.
    #[error("the PIN is wrong; {left} tries are left")]
    Wrong {
        /// How many.
        left: u8,
    },
    /// The card is closed: a town hall opens it.
    #[error("the card is closed after too many wrong PINs: only a town hall can open it")]
    Closed,
    /// The PIN was sent, and what came back says nothing. It is not sent again.
    #[error(
        "the PIN was sent once, and the card's answer says nothing (status {0:04X}): ask for the tries left before you type it again"
    )]
    Unclear(u16),
    /// The card or the reader failed.
    #[error("{reason}; {}", if *.sent { "the PIN had been sent once" } else { "nothing was sent" })]
    Card {
        /// How.
        reason: CardError,
        /// Whether the PIN was on its way by then.
        sent: bool,
    },
}

/// The whole exchange, command by command. A PIN leaves it once at most.
pub(crate) struct Guard {
    pin: Option<Pin>,
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    Application,
    Pin,
    Tries,
    Verify { tries_before: u8 },
}

/// What comes next.
pub(crate) enum Next {
    /// Send this command, hand in the status of the answer, and forget the command.
    Ask(Zeroizing<Vec<u8>>),
    Done(Result<PinRight, PinError>),
}

impl Guard {
    pub(crate) fn new(pin: Pin) -> (Self, Zeroizing<Vec<u8>>) {
        let first = Zeroizing::new(SELECT_APPLICATION.to_vec());
        (Self { pin: Some(pin), at: At::Application }, first)
    }

    /// Whether the PIN has been handed out.
    pub(crate) fn sent(&self) -> bool {
        self.pin.is_none()
    }

    pub(crate) fn answered(&mut self, status: u16) -> Next {
        use PinError::{Closed, NoJpki, TooFewTries, TriesUnknown, Unclear, Wrong};
        let left = match status {
            0x63C0..=0x63CF => Some((status & 0x0F) as u8),
            0x6983 | 0x6984 => Some(0),
            _ => None,
        };
        Next::Done(Err(match (self.at, status, left) {
            (At::Application, 0x9000, _) => {
                self.at = At::Pin;
                return Next::Ask(Zeroizing::new(SELECT_PIN.to_vec()));
            }
            (At::Pin, 0x9000, _) => {
                self.at = At::Tries;
                return Next::Ask(Zeroizing::new(ASK_TRIES.to_vec()));
            }
            (At::Application | At::Pin, ..) => NoJpki(status),
            (At::Tries, _, Some(0)) => Closed,
            (At::Tries, _, Some(left)) if left < LEAST_TRIES => TooFewTries { left },
            (At::Tries, _, Some(tries_before)) => match self.pin.take() {
                Some(Pin(digits)) => {
                    self.at = At::Verify { tries_before };
                    let mut command = Zeroizing::new(Vec::with_capacity(9));
                    command.extend_from_slice(&ASK_TRIES);
                    command.push(4);
                    command.extend_from_slice(&digits);
                    return Next::Ask(command);
                }
                None => Unclear(status),
            },
            (At::Tries, _, None) => TriesUnknown(status),
            (At::Verify { tries_before }, 0x9000, _) => {
                return Next::Done(Ok(PinRight { tries_before }));
            }
            (At::Verify { .. }, _, Some(0)) => Closed,
            (At::Verify { .. }, _, Some(left)) => Wrong { left },
            (At::Verify { .. }, _, None) => Unclear(status),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn pin(typed: &str) -> Result<Pin, PinError> {
        Pin::new(Zeroizing::new(typed.to_owned()))
    }

    /// Plays a card that answers with these statuses; says what it was sent.
    fn check(statuses: &[u16]) -> (Result<PinRight, PinError>, Vec<Vec<u8>>) {
        let (mut guard, first) = Guard::new(pin("1234").unwrap());
        let mut sent = vec![first.to_vec()];
        for status in statuses {
            match guard.answered(*status) {
                Next::Ask(command) => sent.push(command.to_vec()),
                Next::Done(done) => {
                    assert_eq!(guard.sent(), sent.iter().any(|command| command.len() == 9));
                    return (done, sent);
                }
            }
        }
        unreachable!("it went on asking")
    }

    #[test]
    fn a_pin_is_four_digits_and_does_not_print() {
        for typed in ["", "123", "12345", "12a4", "１２３４", " 123"] {
            assert_eq!(pin(typed).err(), Some(PinError::NotFourDigits), "{typed}");
        }
        assert_eq!(format!("{:?}", pin("1234").unwrap()), "Pin(..)");
    }

    #[test]
    fn the_tries_are_read_before_a_pin_is_sent() {
        let (right, sent) = check(&[0x9000, 0x9000, 0x63C3, 0x9000]);
        assert_eq!(right, Ok(PinRight { tries_before: 3 }));
        assert_eq!(sent[2], [0, 0x20, 0, 0x80]);
        assert_eq!(sent[3], [0, 0x20, 0, 0x80, 4, b'1', b'2', b'3', b'4']);
        let (wrong, _) = check(&[0x9000, 0x9000, 0x63C2, 0x63C1]);
        assert_eq!(wrong, Err(PinError::Wrong { left: 1 }));
        let (closed, _) = check(&[0x9000, 0x9000, 0x63C2, 0x63C0]);
        assert_eq!(closed, Err(PinError::Closed));
        let (unclear, _) = check(&[0x9000, 0x9000, 0x63C3, 0x6F00]);
        assert_eq!(unclear, Err(PinError::Unclear(0x6F00)));
    }

    #[test]
    fn no_pin_is_sent_where_it_could_close_the_card_or_the_tries_are_unknown() {
        for (statuses, reason) in [
            (&[0x6A82][..], PinError::NoJpki(0x6A82)),
            (&[0x9000, 0x6A82], PinError::NoJpki(0x6A82)),
            (&[0x9000, 0x9000, 0x63C1], PinError::TooFewTries { left: 1 }),
            (&[0x9000, 0x9000, 0x63C0], PinError::Closed),
            (&[0x9000, 0x9000, 0x6983], PinError::Closed),
            (&[0x9000, 0x9000, 0x6984], PinError::Closed),
            (&[0x9000, 0x9000, 0x9000], PinError::TriesUnknown(0x9000)),
            (&[0x9000, 0x9000, 0x6300], PinError::TriesUnknown(0x6300)),
            (&[0x9000, 0x9000, 0x6D00], PinError::TriesUnknown(0x6D00)),
        ] {
            let (done, sent) = check(statuses);
            assert_eq!(done, Err(reason), "{statuses:04X?}");
            assert!(sent.iter().all(|command| command.len() != 9), "{statuses:04X?}");
        }
    }
}
