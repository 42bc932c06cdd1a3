use std::future::Future;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::vpcd::{ASK_ATR, LinkError, POWER_OFF, POWER_ON, RESET, receive, send};

/// A contactless card made of software, for vpcd and for the simulated reader alike.
///
/// It knows one command: the pseudo-APDU for its identifier.
#[derive(Debug)]
pub struct VirtualCard {
    identifier: Vec<u8>,
    atr: Vec<u8>,
    times_read: watch::Sender<u32>,
}

/// No card can have such an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a card's identifier has 1 to 16 bytes, not {0}")]
pub struct VirtualCardError(usize);

impl VirtualCard {
    /// A card with this identifier, 1 to 16 bytes; identifiers that readers refuse are allowed, so
    /// that the refusal can be seen. With 8 bytes it says that it is FeliCa, otherwise type A.
    ///
    /// # Errors
    /// [`VirtualCardError`] for other lengths.
    pub fn new(identifier: &[u8]) -> Result<Self, VirtualCardError> {
        if !(1..=16).contains(&identifier.len()) {
            return Err(VirtualCardError(identifier.len()));
        }
        let (times_read, _) = watch::channel(0);
        Ok(Self { identifier: identifier.to_vec(), atr: atr(identifier.len() == 8), times_read })
    }

    /// How often the card has given its identifier so far.
    #[must_use]
    pub fn times_read(&self) -> watch::Receiver<u32> {
        self.times_read.subscribe()
    }

    /// Lies on the reader behind `stream` until `leave` is done.
    ///
    /// # Errors
    /// [`LinkError::HungUp`] when the reader ends it first, other [`LinkError`]s when the
    /// connection fails.
    pub async fn present<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        leave: impl Future<Output = ()>,
    ) -> Result<(), LinkError> {
        tokio::select! {
            () = leave => Ok(()),
            ended = self.serve(&mut stream) => ended,
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
    ) -> Result<(), LinkError> {
        loop {
            let message = receive(stream, usize::from(u16::MAX)).await?;
            let Some(answer) = self.respond(&message) else { continue };
            send(stream, &answer).await?;
            if answer.len() > 2 && answer.ends_with(&OK) {
                self.times_read.send_modify(|times| *times += 1);
            }
        }
    }

    /// The card's answer to one message, `None` where none is due.
    fn respond(&self, message: &[u8]) -> Option<Vec<u8>> {
        match message {
            [] | [POWER_OFF | POWER_ON | RESET] => None,
            [ASK_ATR] => Some(self.atr.clone()),
            [_] => None,
            apdu => Some(self.answer(apdu)),
        }
    }

    fn answer(&self, apdu: &[u8]) -> Vec<u8> {
        let Some(expected) = expected_length(apdu) else { return WRONG_LENGTH.to_vec() };
        match apdu {
            [0xFF, 0xCA, 0x00, 0x00, ..] => self.give_identifier(expected),
            [0xFF, 0xCA, ..] => WRONG_PARAMETERS.to_vec(),
            _ => UNKNOWN_COMMAND.to_vec(),
        }
    }

    fn give_identifier(&self, expected: Option<u8>) -> Vec<u8> {
        let own = u8::try_from(self.identifier.len()).unwrap_or(0);
        match expected {
            None => WRONG_LENGTH.to_vec(),
            Some(length) if length != 0 && length != own => vec![0x6C, own],
            Some(_) => [&self.identifier[..], &OK].concat(),
        }
    }
}

const OK: [u8; 2] = [0x90, 0x00];
const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];
const WRONG_PARAMETERS: [u8; 2] = [0x6A, 0x81];
const UNKNOWN_COMMAND: [u8; 2] = [0x6D, 0x00];

/// The Le byte of a well-formed short command; `None` when the lengths do not add up. Extended
/// lengths count as malformed: this card announces none.
fn expected_length(apdu: &[u8]) -> Option<Option<u8>> {
    match apdu.get(4..)? {
        [] => Some(None),
        [le] => Some(Some(*le)),
        [lc, body @ ..] => match body.len().checked_sub(usize::from(*lc))? {
            _ if *lc == 0 => None,
            0 => Some(None),
            1 => Some(body.last().copied()),
            _ => None,
        },
    }
}

/// The ATR that a PC/SC reader makes up for a contactless memory card (PC/SC part 3).
fn atr(felica: bool) -> Vec<u8> {
    let [standard, high, low] = if felica { [0x11, 0x00, 0x3B] } else { [0x03, 0x00, 0x01] };
    let mut atr = vec![0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06];
    atr.extend([standard, high, low, 0x00, 0x00, 0x00, 0x00]);
    let check = atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte);
    atr.push(check);
    atr
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    const IDM: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    fn ask(message: &[u8]) -> Option<Vec<u8>> {
        VirtualCard::new(&IDM).unwrap().respond(message)
    }

    #[test]
    fn it_gives_its_identifier_and_nothing_else() {
        let given = Some([&IDM[..], &[0x90, 0]].concat());
        assert_eq!(ask(&[0xFF, 0xCA, 0, 0, 0]), given);
        assert_eq!(ask(&[0xFF, 0xCA, 0, 0, 8]), given);
        assert_eq!(ask(&[0xFF, 0xCA, 0, 0, 4]), Some(vec![0x6C, 8]));
        assert_eq!(ask(&[0xFF, 0xCA, 1, 0, 0]), Some(vec![0x6A, 0x81]));
        assert_eq!(ask(&[0, 0xA4, 4, 0, 1, 0xA0, 0]), Some(vec![0x6D, 0]));
        assert_eq!(ask(&[0, 0xCB, 0x3F, 0xFF]), Some(vec![0x6D, 0]));
    }

    #[test]
    fn malformed_commands_are_told_so() {
        let malformed: [&[u8]; 6] = [
            &[0xFF, 0xCA],
            &[0xFF, 0xCA, 0],
            &[0xFF, 0xCA, 0, 0],
            &[0, 0xA4, 4, 0, 9, 1, 2],
            &[0, 0xA4, 4, 0, 1, 1, 2, 3],
            &[0, 0xA4, 4, 0, 0, 0, 1, 0xA0],
        ];
        for apdu in malformed {
            assert_eq!(ask(apdu), Some(vec![0x67, 0]), "{apdu:02X?}");
        }
    }

    #[test]
    fn controls_need_no_answer_but_the_atr_does() {
        for silent in [&[][..], &[0], &[1], &[2], &[3], &[200]] {
            assert_eq!(ask(silent), None, "{silent:?}");
        }
        let atr = ask(&[4]).unwrap();
        assert_eq!(atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte), 0, "the check byte");
        assert_eq!(atr.get(12), Some(&0x11), "FeliCa");
    }

    #[test]
    fn no_message_makes_it_panic() {
        let card = VirtualCard::new(&IDM).unwrap();
        let mut message = Vec::new();
        for length in 0..300_usize {
            message.resize(length, u8::try_from(length % 251).unwrap());
            card.respond(&message);
        }
    }

    #[tokio::test]
    async fn it_stays_until_it_leaves_and_notices_a_hang_up() {
        let card = VirtualCard::new(&IDM).unwrap();
        let mut reads = card.times_read();
        let (mut reader, side) = tokio::io::duplex(64);
        let leave = async {
            reads.wait_for(|times| *times == 1).await.unwrap();
        };
        let asking = async {
            send(&mut reader, &[POWER_ON]).await.unwrap();
            send(&mut reader, &[0xFF, 0xCA, 0, 0, 0]).await.unwrap();
            receive(&mut reader, 258).await.unwrap()
        };
        let (stayed, answer) = tokio::join!(card.present(side, leave), asking);
        stayed.unwrap();
        assert_eq!(answer, [&IDM[..], &[0x90, 0]].concat());

        let (reader, side) = tokio::io::duplex(64);
        drop(reader);
        let ended = card.present(side, std::future::pending()).await;
        assert!(matches!(ended, Err(LinkError::HungUp)));
    }

    #[test]
    fn impossible_identifiers_are_refused() {
        assert!(VirtualCard::new(&[]).is_err());
        assert!(VirtualCard::new(&[1; 17]).is_err());
    }
}
