use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::card::TypedPin;

/// Who has not typed for so long has gone away, and the next begins anew.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// No PIN is longer; what is typed beyond is no PIN.
const MOST: usize = 16;
/// How readers tell of the key that confirms and the one that deletes (IEC 60839-11-5, keypad data).
const CONFIRM: u8 = 0x0D;
const DELETE: u8 = 0x7F;

/// What is being typed at a reader.
#[derive(Default)]
pub(super) struct Keypad {
    digits: Zeroizing<String>,
    last: Option<Instant>,
}

impl Keypad {
    /// Takes keys in; answers what was confirmed with them.
    pub(super) fn take(&mut self, keys: &[u8], now: Instant) -> Vec<TypedPin> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > FORGOTTEN) {
            self.clear();
        }
        self.last = Some(now);
        let mut confirmed = Vec::new();
        for key in keys {
            match *key {
                digit @ b'0'..=b'9' if self.digits.len() <= MOST => {
                    self.digits.push(char::from(digit));
                }
                CONFIRM => {
                    let digits = std::mem::take(&mut self.digits);
                    if (1..=MOST).contains(&digits.len()) {
                        confirmed.push(TypedPin::new(digits.to_string()));
                    }
                }
                DELETE => self.clear(),
                _ => {}
            }
        }
        confirmed
    }

    pub(super) fn clear(&mut self) {
        self.digits = Zeroizing::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pieces: &[(&[u8], u64)]) -> Vec<String> {
        let (mut keypad, begun) = (Keypad::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let confirmed = pieces.iter().flat_map(|(keys, seconds)| keypad.take(keys, at(*seconds)));
        confirmed.map(|pin| pin.expose().to_owned()).collect()
    }

    #[test]
    fn a_pin_is_what_was_typed_before_it_was_confirmed() {
        let long = [b'1'; 40];
        for (pieces, wanted) in [
            (&[(&b"2468\r"[..], 0)][..], &["2468"][..]),
            (&[(b"24", 0), (b"68", 3), (b"\r", 5)], &["2468"]),
            (&[(b"99\x7f2468\r1\r", 0)], &["2468", "1"]),
            (&[(b"99", 0), (b"2468\r", 11)], &["2468"]),
            (&[(b"\r\r", 0)], &[]),
            (&[(b"2a4*6\xff8\r", 0)], &["2468"]),
            (&[(&long, 0), (b"\r", 1), (b"7\r", 2)], &["7"]),
        ] {
            assert_eq!(typed(pieces), wanted, "{pieces:?}");
        }
    }
}
