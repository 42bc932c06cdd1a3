//! The order in which a card is asked who it is: what proves most comes first.

use std::fmt;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use ring::rand::SecureRandom;

use super::answer::{ASK_IDENTIFIER, identifier, says_memory_card};
use super::pkoc::{self, Exchange, Turn};
use super::{CardError, CardKey, CardRead, ReaderModels};

/// How a reader asks cards who they are.
#[derive(Clone)]
pub struct Ladder {
    /// How identifiers are normalised; looked up by the reader's full name.
    pub models: ReaderModels,
    /// What cards are told of where they are shown.
    pub place: ReaderPlace,
    /// For the questions that a key has to answer.
    pub rng: Arc<dyn SecureRandom + Send + Sync>,
}

impl Ladder {
    /// Identifiers taken as they are, at a place of this name.
    #[must_use]
    pub fn new(reader: &str, rng: Arc<dyn SecureRandom + Send + Sync>) -> Self {
        Self { models: ReaderModels::default(), place: ReaderPlace::named("", reader), rng }
    }
}

impl fmt::Debug for Ladder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ladder").field("models", &self.models).finish_non_exhaustive()
    }
}

/// What a reader tells a card of itself. Cards may answer differently at different sites, so it must
/// stay the same for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderPlace {
    /// The site.
    pub site: [u8; 16],
    /// The reader at the site.
    pub reader: [u8; 16],
}

impl ReaderPlace {
    /// A place by its names: the first 16 bytes of the SHA-256 of each.
    #[must_use]
    pub fn named(site: &str, reader: &str) -> Self {
        let short = |name: &str| {
            let mut short = [0; 16];
            let whole = digest(&SHA256, name.as_bytes());
            short.iter_mut().zip(whole.as_ref()).for_each(|(to, from)| *to = *from);
            short
        };
        Self { site: short(site), reader: short(reader) }
    }
}

/// What a card is asked, in this order. A proof that is found out of order proves as much.
const PROBES: [Probe; 2] = [Probe::Pkoc, Probe::Identifier];

#[derive(Clone, Copy)]
enum Probe {
    /// Its key, level 3.
    Pkoc,
    /// Its identifier, level 1; of a card that has proved more, too.
    Identifier,
}

/// The reading of one card, command by command; whoever holds the line to the card drives it.
pub(crate) struct Climb<'ladder> {
    ladder: &'ladder Ladder,
    reader: &'ladder str,
    atr: Vec<u8>,
    probes: std::slice::Iter<'static, Probe>,
    at: At,
    key: Option<CardKey>,
}

enum At {
    Pkoc(Exchange),
    Identifier,
}

/// What comes next.
pub(crate) enum Step {
    /// Send this command and hand in the answer.
    Ask(Vec<u8>),
    /// The card has been read, or is refused.
    Done(Result<CardRead, CardError>),
}

impl<'ladder> Climb<'ladder> {
    /// Begins with the card that said `atr` of itself when it was powered on `reader`.
    pub(crate) fn new(ladder: &'ladder Ladder, reader: &'ladder str, atr: &[u8]) -> (Self, Step) {
        let mut climb = Self {
            ladder,
            reader,
            atr: atr.to_vec(),
            probes: PROBES.iter(),
            at: At::Identifier,
            key: None,
        };
        let first = climb.next_probe();
        (climb, first)
    }

    /// Takes in the whole answer, status included.
    pub(crate) fn answered(&mut self, answer: &[u8]) -> Step {
        let Some((body, status)) = answer.split_last_chunk::<2>() else {
            return Step::Done(Err(CardError::Garbled(answer.len())));
        };
        let status = u16::from_be_bytes(*status);
        match &mut self.at {
            At::Pkoc(exchange) => {
                match exchange.answered(body, status, &self.ladder.place, &*self.ladder.rng) {
                    Ok(Turn::Ask(command)) => Step::Ask(command),
                    Ok(Turn::NotThere) => self.next_probe(),
                    Ok(Turn::Proved(key)) => {
                        self.key = Some(key);
                        self.next_probe()
                    }
                    // It is never read at a lower level: a card that fails here is a bad copy.
                    Err(reason) => Step::Done(Err(reason.into())),
                }
            }
            At::Identifier => {
                let found = identifier(&self.ladder.models, self.reader, &self.atr, body, status);
                Step::Done(match self.key.take() {
                    Some(key) => Ok(CardRead::Key { key, identifier: found.ok() }),
                    None => found.map(CardRead::Identifier),
                })
            }
        }
    }

    fn next_probe(&mut self) -> Step {
        for probe in self.probes.by_ref() {
            match probe {
                // It has no applications that could be chosen.
                Probe::Pkoc if says_memory_card(&self.atr) => {}
                Probe::Pkoc => {
                    self.at = At::Pkoc(Exchange::Selecting);
                    return Step::Ask(pkoc::SELECT.to_vec());
                }
                Probe::Identifier => {
                    self.at = At::Identifier;
                    return Step::Ask(ASK_IDENTIFIER.to_vec());
                }
            }
        }
        Step::Done(Err(CardError::Nothing))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use ring::rand::SystemRandom;

    use super::*;
    use crate::card::{IdentifierError, PkocError};
    use crate::sim::VirtualKey;

    const PROCESSOR: [u8; 5] = [0x3B, 0x80, 0x80, 0x01, 0x01];
    const MEMORY: [u8; 20] =
        [0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0, 0, 3, 6, 3, 0, 1, 0, 0, 0, 0, 0x6A];
    const UID: [u8; 9] = [4, 1, 2, 3, 4, 5, 6, 0x90, 0];

    /// Reads a card that answers with `card`; says which commands it was sent, too.
    fn read(
        atr: &[u8],
        mut card: impl FnMut(&[u8]) -> Vec<u8>,
    ) -> (Result<CardRead, CardError>, Vec<Vec<u8>>) {
        let ladder = Ladder::new("Test", Arc::new(SystemRandom::new()));
        let (mut climb, mut step) = Climb::new(&ladder, "Test", atr);
        let mut sent = Vec::new();
        loop {
            match step {
                Step::Ask(command) => {
                    step = climb.answered(&card(&command));
                    sent.push(command);
                }
                Step::Done(read) => return (read, sent),
            }
        }
    }

    fn pkoc_card(command: &[u8], key: &VirtualKey, identifier: &[u8]) -> Vec<u8> {
        match command {
            [0x00, 0xA4, ..] => vec![0x5C, 2, 1, 0, 0x90, 0],
            [0x80, 0x80, ..] => {
                let signature = key.sign(&command[11..27]).unwrap();
                [&[0x5A, 65], &key.public()[..], &[0x9E, 64], &signature, &[0x90, 0]].concat()
            }
            _ => identifier.to_vec(),
        }
    }

    #[test]
    fn a_card_without_a_key_is_read_at_level_1() {
        let (read, sent) = read(&PROCESSOR, |command| match command {
            [0xFF, ..] => UID.to_vec(),
            _ => vec![0x6A, 0x82],
        });
        let read = read.unwrap();
        assert_eq!((read.level(), sent.len()), (1, 2));
        assert_eq!(read.identifier().unwrap().expose(), &UID[..7]);
        assert_eq!(read.key(), None);
    }

    #[test]
    fn a_memory_card_is_asked_for_its_identifier_alone() {
        let (read, sent) = read(&MEMORY, |_| UID.to_vec());
        assert_eq!((read.unwrap().level(), sent), (1, vec![ASK_IDENTIFIER.to_vec()]));
    }

    #[test]
    fn a_key_is_read_with_the_identifier_of_the_same_card() {
        let key = VirtualKey::make(Arc::new(SystemRandom::new())).unwrap();
        let (found, sent) = read(&PROCESSOR, |command| pkoc_card(command, &key, &UID));
        let found = found.unwrap();
        assert_eq!((found.level(), sent.len()), (3, 3));
        assert_eq!(found.key().unwrap().expose(), &key.public());
        assert_eq!(found.identifier().unwrap().expose(), &UID[..7]);
        for useless in [&[8, 1, 2, 3, 0x90, 0][..], &[0x6A, 0x81], &[0x63, 0]] {
            let (found, _) = read(&PROCESSOR, |command| pkoc_card(command, &key, useless));
            let found = found.unwrap();
            assert_eq!((found.level(), found.identifier()), (3, None), "{useless:02X?}");
        }
    }

    #[test]
    fn a_card_that_fails_to_prove_its_key_is_not_read_by_its_identifier() {
        let (found, sent) = read(&PROCESSOR, |command| match command {
            [0x00, ..] => vec![0x5C, 2, 1, 0, 0x90, 0],
            [0x80, ..] => vec![0x69, 0x85],
            _ => UID.to_vec(),
        });
        assert_eq!(found, Err(PkocError::Status(0x6985).into()));
        assert_eq!(sent.len(), 2, "its identifier is not even asked for");
        let (found, sent) = read(&PROCESSOR, |command| match command {
            [0x00, ..] => vec![0x5C, 2, 2, 0, 0x90, 0],
            _ => UID.to_vec(),
        });
        assert_eq!((found, sent.len()), (Err(PkocError::Version2.into()), 1));
    }

    #[test]
    fn no_answer_makes_it_panic_or_ask_for_ever() {
        for length in 0..300_usize {
            for last in [[0x90, 0], [0x6A, 0x82], [0x61, 0xFF]] {
                let mut answer = vec![0x5C; length];
                answer.extend(last);
                let (found, sent) = read(&PROCESSOR, |_| answer.clone());
                assert!(sent.len() <= 3);
                if let Ok(found) = found {
                    assert_eq!(found.level(), 1);
                }
            }
        }
        assert_eq!(read(&PROCESSOR, |_| vec![0x90]).0, Err(CardError::Garbled(1)));
        assert_eq!(read(&PROCESSOR, |_| vec![]).0, Err(CardError::Garbled(0)));
        let type_b = [0x3B, 0x88, 0x80, 0x01, 0, 0, 0, 0, 0x33, 0x81, 0x81, 0x20, 0x3A];
        let (found, _) = read(&type_b, |command| match command {
            [0xFF, ..] => vec![1, 2, 3, 4, 0x90, 0],
            _ => vec![0x6A, 0x82],
        });
        assert_eq!(found, Err(IdentifierError::TypeB.into()));
    }

    #[test]
    fn a_place_stays_the_same_and_differs_from_others() {
        let place = ReaderPlace::named("yokohama", "kiosk-1");
        assert_eq!(place, ReaderPlace::named("yokohama", "kiosk-1"));
        assert_ne!(place.reader, ReaderPlace::named("yokohama", "kiosk-2").reader);
        assert_ne!(place.site, ReaderPlace::named("kobe", "kiosk-1").site);
    }
}
