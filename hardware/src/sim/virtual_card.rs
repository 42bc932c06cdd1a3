use std::future::Future;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::virtual_jpki::{JpkiState, VirtualJpki};
use super::virtual_key::VirtualKey;
use super::vpcd::{ASK_ATR, LinkError, POWER_OFF, POWER_ON, RESET, receive, send};
use crate::card::pkoc;

/// A contactless card made of software, for vpcd and for the simulated reader alike.
///
/// It gives its identifier, and has the applications that were put on it.
#[derive(Debug)]
pub struct VirtualCard {
    identifier: Vec<u8>,
    atr: Vec<u8>,
    pkoc: Option<PkocConduct>,
    jpki: Option<VirtualJpki>,
    times_read: watch::Sender<u32>,
}

/// No card can have such an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a card's identifier has 1 to 16 bytes, not {0}")]
pub struct VirtualCardError(usize);

/// What a card with the PKOC application does when it is to prove its key.
#[derive(Debug)]
pub enum PkocConduct {
    /// Proves it.
    Proves(VirtualKey),
    /// Shows this public key of another card, and signs with a key of its own.
    Copies([u8; 65], VirtualKey),
    /// Answers these bytes, with status 9000, whatever it is asked.
    Repeats(Vec<u8>),
    /// Says that it speaks version 2 of the protocol.
    Version2,
}

/// Which application of the card was chosen since it was powered.
#[derive(Debug, Default)]
struct Chosen {
    pkoc: bool,
    jpki: JpkiState,
}

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
        let (pkoc, jpki) = (None, None);
        let atr = atr(identifier.len() == 8);
        Ok(Self { identifier: identifier.to_vec(), atr, pkoc, jpki, times_read })
    }

    /// The same with the PKOC application, as a type A card with a processor.
    #[must_use]
    pub fn with_pkoc(self, conduct: PkocConduct) -> Self {
        Self { pkoc: Some(conduct), atr: PROCESSOR.to_vec(), ..self }
    }

    /// The same with the application of the My Number card, as a type B card.
    #[must_use]
    pub fn with_jpki(self, jpki: VirtualJpki) -> Self {
        Self { jpki: Some(jpki), atr: TYPE_B.to_vec(), ..self }
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
        let mut chosen = Chosen::default();
        loop {
            let message = receive(stream, usize::from(u16::MAX)).await?;
            let Some(answer) = self.respond(&mut chosen, &message) else { continue };
            send(stream, &answer).await?;
            if message.starts_with(&[0xFF, 0xCA]) && answer.len() > 2 && answer.ends_with(&OK) {
                self.times_read.send_modify(|times| *times += 1);
            }
        }
    }

    /// The card's answer to one message, `None` where none is due.
    fn respond(&self, chosen: &mut Chosen, message: &[u8]) -> Option<Vec<u8>> {
        match message {
            [POWER_OFF | POWER_ON | RESET] => {
                *chosen = Chosen::default();
                None
            }
            [ASK_ATR] => Some(self.atr.clone()),
            [] | [_] => None,
            apdu => Some(self.answer(chosen, apdu)),
        }
    }

    fn answer(&self, chosen: &mut Chosen, apdu: &[u8]) -> Vec<u8> {
        let Some(expected) = expected_length(apdu) else { return WRONG_LENGTH.to_vec() };
        match apdu {
            [0xFF, 0xCA, 0x00, 0x00, ..] => self.give_identifier(expected),
            [0xFF, 0xCA, ..] => WRONG_PARAMETERS.to_vec(),
            [0x00, 0xA4, 0x04, ..] => self.choose(chosen, apdu),
            [0x80, 0x80, 0x00, 0x01, ..] if chosen.pkoc => self.prove(apdu),
            _ => match &self.jpki {
                Some(jpki) => jpki.answer(&mut chosen.jpki, apdu),
                None => UNKNOWN_COMMAND.to_vec(),
            },
        }
    }

    fn choose(&self, chosen: &mut Chosen, apdu: &[u8]) -> Vec<u8> {
        *chosen = Chosen::default();
        match (&self.pkoc, &self.jpki) {
            (Some(conduct), _) if apdu == pkoc::SELECT => {
                chosen.pkoc = true;
                let major = if matches!(conduct, PkocConduct::Version2) { 2 } else { 1 };
                [&[pkoc::VERSION, 2, major, 0][..], &OK].concat()
            }
            (_, Some(jpki)) => jpki.answer(&mut chosen.jpki, apdu),
            (Some(_), None) => NOT_FOUND.to_vec(),
            (None, None) => UNKNOWN_COMMAND.to_vec(),
        }
    }

    fn prove(&self, apdu: &[u8]) -> Vec<u8> {
        let (public, key) = match &self.pkoc {
            Some(PkocConduct::Proves(key)) => (key.public(), key),
            Some(PkocConduct::Copies(public, key)) => (*public, key),
            Some(PkocConduct::Repeats(recorded)) => return [&recorded[..], &OK].concat(),
            Some(PkocConduct::Version2) | None => return UNKNOWN_COMMAND.to_vec(),
        };
        // Version, transaction and reader in the order in which readers send them.
        let Some([pkoc::VERSION, 2, 1, 0, pkoc::TRANSACTION, 16, rest @ ..]) = apdu.get(5..) else {
            return WRONG_DATA.to_vec();
        };
        let Some((transaction, [pkoc::READER, 32, ..])) = rest.split_first_chunk::<16>() else {
            return WRONG_DATA.to_vec();
        };
        proof(&public, key, transaction).unwrap_or_else(|| WENT_WRONG.to_vec())
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

/// What a card with this key answers to this transaction, with its status.
fn proof(public: &[u8; 65], key: &VirtualKey, transaction: &[u8; 16]) -> Option<Vec<u8>> {
    let signature = key.sign(transaction).ok()?;
    let (before, between) = ([pkoc::PUBLIC_KEY, 65], [pkoc::SIGNATURE, 64]);
    Some([&before[..], public, &between, &signature, &OK].concat())
}

pub(super) const OK: [u8; 2] = [0x90, 0x00];
pub(super) const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];
const WRONG_PARAMETERS: [u8; 2] = [0x6A, 0x81];
const WRONG_DATA: [u8; 2] = [0x6A, 0x80];
pub(super) const NOT_FOUND: [u8; 2] = [0x6A, 0x82];
pub(super) const UNKNOWN_COMMAND: [u8; 2] = [0x6D, 0x00];
const WENT_WRONG: [u8; 2] = [0x6F, 0x00];

/// The ATR of a type A card with a processor that says nothing else of itself (PC/SC part 3).
const PROCESSOR: [u8; 5] = [0x3B, 0x80, 0x80, 0x01, 0x01];
/// The ATR of a type B card with a processor.
const TYPE_B: [u8; 13] = [0x3B, 0x88, 0x80, 0x01, 0, 0, 0, 0, 0x33, 0x81, 0x81, 0x20, 0x1A];

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
        VirtualCard::new(&IDM).unwrap().respond(&mut Chosen::default(), message)
    }

    #[test]
    fn a_plain_card_gives_its_identifier_and_nothing_else() {
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
            card.respond(&mut Chosen::default(), &message);
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
