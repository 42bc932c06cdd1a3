//! What may pass between libosdp and the wire.
//!
//! The library alone would not do. While its Secure Channel is up it takes a reply whose security block
//! says that it belongs to the handshake without looking at its MAC; and a card that is "read" in the
//! middle of a handshake waits there until the channel is up. Whoever can touch the line could open a
//! door with either. So here stands what each command may be answered with, and everything else is
//! dropped before the library sees it.

use std::time::Instant;

use super::frame::Frame;

/// Commands and replies by their codes in IEC 60839-11-5.
pub(super) mod code {
    pub const POLL: u8 = 0x60;
    pub const ID: u8 = 0x61;
    pub const CAPABILITIES: u8 = 0x62;
    pub const LOCAL_STATUS: u8 = 0x64;
    pub const INPUT_STATUS: u8 = 0x65;
    pub const OUTPUT_STATUS: u8 = 0x66;
    pub const OUTPUT: u8 = 0x68;
    pub const LED: u8 = 0x69;
    pub const BUZZER: u8 = 0x6A;
    pub const KEYSET: u8 = 0x75;
    pub const CHALLENGE: u8 = 0x76;
    pub const CRYPTOGRAM: u8 = 0x77;

    pub const ACK: u8 = 0x40;
    pub const NAK: u8 = 0x41;
    pub const PD_ID: u8 = 0x45;
    pub const PD_CAPABILITIES: u8 = 0x46;
    pub const CLIENT_CRYPTOGRAM: u8 = 0x76;
    pub const INITIAL_MAC: u8 = 0x78;
    pub const BUSY: u8 = 0x79;
}

const SCS_11: u8 = 0x11;
const SCS_12: u8 = 0x12;
const SCS_13: u8 = 0x13;
const SCS_14: u8 = 0x14;
const SCS_15: u8 = 0x15;
const SCS_16: u8 = 0x16;
const SCS_17: u8 = 0x17;
const SCS_18: u8 = 0x18;

/// Watches what one reader is asked and answers.
#[derive(Debug)]
pub(super) struct Guard {
    address: u8,
    /// Whether a key is being set: some readers acknowledge it in plaintext.
    installs: bool,
    asked: Option<Asked>,
    seen: Seen,
    /// What the reader says that it can do: sort, how well, how many.
    abilities: Vec<[u8; 3]>,
}

/// What passed between the library and one reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// What the reader was asked last.
    pub asked: Option<u8>,
    /// What it answered to that.
    pub answer: Option<u8>,
    /// Whether it said so over the Secure Channel.
    pub secured: bool,
    /// When the library last wrote.
    pub wrote: Option<Instant>,
    /// When the reader last answered; that it is busy is no answer.
    pub heard: Option<Instant>,
    /// How many replies were dropped because they may not be.
    pub dropped: u64,
    /// The library wanted to say this in plaintext.
    pub plaintext: Option<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    code: u8,
    block: Option<u8>,
}

/// The library was about to say something in plaintext that belongs into the Secure Channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plaintext(pub u8);

impl Guard {
    pub(super) fn new(address: u8, installs: bool) -> Self {
        Self { address, installs, asked: None, seen: Seen::default(), abilities: Vec::new() }
    }

    /// Begins anew, for another try with the same reader.
    pub(super) fn forget(&mut self) {
        (self.asked, self.seen) = (None, Seen::default());
        self.abilities.clear();
    }

    /// What passed since.
    pub(super) fn seen(&self) -> Seen {
        self.seen
    }

    /// How well the reader can do what the standard numbers `sort`, and how many it has. It was said in plaintext:
    /// nothing that keeps a door locked may hang on it.
    pub(super) fn ability(&self, sort: u8) -> (u8, u8) {
        let known = self.abilities.iter().find(|[known, ..]| *known == sort);
        known.map_or((0, 0), |[_, well, many]| (*well, *many))
    }

    /// The library is about to write `frame`.
    pub(super) fn may_leave(&mut self, frame: &Frame<'_>, now: Instant) -> Result<(), Plaintext> {
        let may = match frame.block {
            None => matches!(frame.code, code::ID | code::CAPABILITIES),
            Some(SCS_11) => frame.code == code::CHALLENGE,
            Some(SCS_13) => frame.code == code::CRYPTOGRAM,
            Some(block) => matches!(block, SCS_15 | SCS_17),
        };
        if !may {
            self.seen.plaintext = Some(frame.code);
            return Err(Plaintext(frame.code));
        }
        self.asked = Some(Asked { code: frame.code, block: frame.block });
        (self.seen.asked, self.seen.answer) = (Some(frame.code), None);
        self.seen.wrote = Some(now);
        Ok(())
    }

    /// Whether the library may see `frame`, which came in.
    pub(super) fn may_enter(&mut self, frame: &Frame<'_>, now: Instant) -> bool {
        // An adapter that hears itself repeats our own commands; others' replies came too late.
        if !frame.from_reader || frame.address != self.address {
            return false;
        }
        let Some(asked) = self.asked else { return false };
        let may = match (asked.block, frame.block) {
            // A reader that does not understand, or has no time, says so in plaintext.
            (_, None) if matches!(frame.code, code::NAK | code::BUSY) => true,
            (None, None) => match asked.code {
                code::ID => frame.code == code::PD_ID,
                _ => frame.code == code::PD_CAPABILITIES,
            },
            (Some(SCS_11), Some(SCS_12)) => frame.code == code::CLIENT_CRYPTOGRAM,
            (Some(SCS_13), Some(SCS_14)) => frame.code == code::INITIAL_MAC,
            (Some(SCS_15 | SCS_17), Some(SCS_16 | SCS_18)) => true,
            (Some(SCS_15 | SCS_17), None) => {
                self.installs && asked.code == code::KEYSET && frame.code == code::ACK
            }
            _ => false,
        };
        // A question has one answer.
        if !may || self.seen.answer.is_some() {
            self.seen.dropped += 1;
            return false;
        }
        self.seen.answer = Some(frame.code);
        self.seen.secured = matches!(frame.block, Some(SCS_16 | SCS_18));
        if frame.code != code::BUSY {
            self.seen.heard = Some(now);
        }
        if frame.block.is_none() && frame.code == code::PD_CAPABILITIES {
            self.abilities = frame.data.as_chunks().0.to_vec();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may stop at the first surprise")]

    use super::super::frame::tests::frame;
    use super::super::frame::{Found, look};
    use super::*;

    const RAW: u8 = 0x50;

    fn asked(block: &[u8], code: u8) -> Guard {
        let mut guard = Guard::new(1, false);
        assert_eq!(leaves(&mut guard, block, code), Ok(()));
        guard
    }

    fn leaves(guard: &mut Guard, block: &[u8], code: u8) -> Result<(), Plaintext> {
        let bytes = frame(1, 0, block, &[code]);
        let Found::Frame(frame) = look(&bytes) else { panic!("no frame") };
        guard.may_leave(&frame, Instant::now())
    }

    fn enters(guard: &mut Guard, address: u8, block: &[u8], code: u8) -> bool {
        let bytes = frame(address, 0, block, &[code, 0, 0, 8, 0, 0xAB]);
        let Found::Frame(frame) = look(&bytes) else { panic!("no frame") };
        guard.may_enter(&frame, Instant::now())
    }

    #[test]
    fn a_card_in_plaintext_or_under_a_block_of_the_handshake_never_enters() {
        for (block, code) in [
            (&[][..], code::ID),
            (&[], code::CAPABILITIES),
            (&[3, SCS_11, 1], code::CHALLENGE),
            (&[3, SCS_13, 1], code::CRYPTOGRAM),
            (&[2, SCS_15], code::POLL),
            (&[2, SCS_17], code::LED),
        ] {
            for forged in
                [&[][..], &[3, SCS_11, 1], &[3, SCS_12, 1], &[3, SCS_13, 1], &[3, SCS_14, 1]]
            {
                let mut guard = asked(block, code);
                assert!(!enters(&mut guard, 0x81, forged, RAW), "{code:02X}: {forged:?}");
                assert_eq!((guard.seen.dropped, guard.seen.heard), (1, None));
            }
        }
    }

    #[test]
    fn the_handshake_and_what_is_secured_enter() {
        for (block, command, reply_block, reply) in [
            (&[][..], code::ID, &[][..], code::PD_ID),
            (&[], code::CAPABILITIES, &[], code::PD_CAPABILITIES),
            (&[3, SCS_11, 1], code::CHALLENGE, &[3, SCS_12, 1], code::CLIENT_CRYPTOGRAM),
            (&[3, SCS_13, 1], code::CRYPTOGRAM, &[3, SCS_14, 1], code::INITIAL_MAC),
            (&[2, SCS_15], code::POLL, &[2, SCS_18], RAW),
            (&[2, SCS_15], code::POLL, &[], code::NAK),
            (&[2, SCS_15], code::POLL, &[], code::BUSY),
        ] {
            assert!(enters(&mut asked(block, command), 0x81, reply_block, reply), "{command:02X}");
        }
    }

    #[test]
    fn a_second_answer_another_readers_and_ones_own_echo_are_dropped() {
        let mut guard = asked(&[2, SCS_15], code::POLL);
        assert!(!enters(&mut guard, 0x82, &[2, SCS_16], code::ACK));
        assert!(!enters(&mut guard, 0x01, &[2, SCS_16], code::ACK));
        assert!(enters(&mut guard, 0x81, &[2, SCS_16], code::ACK));
        assert!(!enters(&mut guard, 0x81, &[2, SCS_18], RAW));
        assert!(!enters(&mut Guard::new(1, false), 0x81, &[2, SCS_18], RAW), "nobody asked");
    }

    #[test]
    fn nothing_but_the_two_first_questions_leaves_in_plaintext() {
        for command in 0x60..=0xA4 {
            let may = matches!(command, code::ID | code::CAPABILITIES);
            assert_eq!(
                leaves(&mut Guard::new(1, true), &[], command).is_ok(),
                may,
                "{command:02X}"
            );
        }
    }

    #[test]
    fn a_plain_acknowledgement_is_for_a_new_key_only() {
        for (installs, command, may) in
            [(true, code::KEYSET, true), (false, code::KEYSET, false), (true, code::POLL, false)]
        {
            let mut guard = Guard::new(1, installs);
            assert_eq!(leaves(&mut guard, &[2, SCS_17], command), Ok(()));
            assert_eq!(enters(&mut guard, 0x81, &[], code::ACK), may);
        }
    }
}
