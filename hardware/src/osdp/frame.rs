//! OSDP frames as they stand on the wire (IEC 60839-11-5), as far as one must read them to judge them.

/// The first byte of a frame.
const START: u8 = 0x53;
/// Start, address, two bytes of length, control.
const HEADER: usize = 5;
/// The longest frame that libosdp takes.
const LONGEST: usize = 256;
/// Set in the address of whatever a reader says.
const FROM_READER: u8 = 0x80;
const HAS_CRC: u8 = 0x04;
const HAS_BLOCK: u8 = 0x08;

/// A whole frame with a good checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'bytes> {
    /// All its bytes.
    pub bytes: &'bytes [u8],
    /// The reader's address; the highest bit is gone.
    pub address: u8,
    /// Whether a reader says it.
    pub from_reader: bool,
    /// The sort of its security block (`SCS_11` and so on), if it has one.
    pub block: Option<u8>,
    /// What it commands or replies. This byte is never encrypted.
    pub code: u8,
    /// What follows that byte: plain, or encrypted and with its MAC.
    pub data: &'bytes [u8],
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'bytes> {
    /// A frame.
    Frame(Frame<'bytes>),
    /// This many bytes that belong to no frame.
    Rubbish(usize),
    /// Perhaps the beginning of a frame.
    Unfinished,
}

/// Looks at what `bytes` begin with.
pub(super) fn look(bytes: &[u8]) -> Found<'_> {
    match bytes.iter().position(|byte| *byte == START) {
        Some(0) => {}
        Some(ahead) => return Found::Rubbish(ahead),
        None if bytes.is_empty() => return Found::Unfinished,
        None => return Found::Rubbish(bytes.len()),
    }
    let [_, address, low, high, control, ..] = *bytes else { return Found::Unfinished };
    let length = usize::from(u16::from_le_bytes([low, high]));
    let check = if control & HAS_CRC == 0 { 1 } else { 2 };
    // A start inside of rubbish is told by a length that cannot be; the next one is looked for.
    if !(HEADER + 1 + check..=LONGEST).contains(&length) {
        return Found::Rubbish(1);
    }
    let Some(whole) = bytes.get(..length) else { return Found::Unfinished };
    let frame = split(whole, check).and_then(|(body, sum)| {
        let good = if check == 2 {
            sum == crc(body).to_le_bytes()
        } else {
            sum == [body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()]
        };
        let block_length =
            if control & HAS_BLOCK == 0 { 0 } else { usize::from(*body.get(HEADER)?) };
        let block = if control & HAS_BLOCK == 0 { None } else { Some(*body.get(HEADER + 1)?) };
        let sound = good && (block.is_none() || block_length >= 2);
        let (code, data) = body.get(HEADER + block_length..)?.split_first()?;
        let from_reader = address & FROM_READER != 0;
        let address = address & !FROM_READER;
        sound.then_some(Frame { bytes: whole, address, from_reader, block, code: *code, data })
    });
    frame.map_or(Found::Rubbish(1), Found::Frame)
}

fn split(whole: &[u8], check: usize) -> Option<(&[u8], &[u8])> {
    whole.split_at_checked(whole.len().checked_sub(check)?)
}

/// CRC-16 with the polynomial 1021 and the start 1D0F.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0x1D0F, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

    use super::*;

    /// A frame with a CRC.
    pub(in crate::osdp) fn frame(address: u8, control: u8, block: &[u8], rest: &[u8]) -> Vec<u8> {
        let control = HAS_CRC | control | if block.is_empty() { 0 } else { HAS_BLOCK };
        let length = u16::try_from(HEADER + block.len() + rest.len() + 2).unwrap();
        let [low, high] = length.to_le_bytes();
        let mut bytes = vec![START, address, low, high, control];
        bytes.extend(block);
        bytes.extend(rest);
        let sum = crc(&bytes).to_le_bytes();
        bytes.extend(sum);
        bytes
    }

    #[test]
    fn a_poll_of_the_standard_is_read() {
        // The poll with checksum that the standard's text shows for address 0.
        let poll = [0x53, 0x00, 0x07, 0x00, 0x00, 0x60, 0x46];
        let Found::Frame(frame) = look(&poll) else { panic!("no frame") };
        assert_eq!((frame.address, frame.from_reader, frame.block), (0, false, None));
        assert_eq!(frame.code, 0x60);
    }

    #[test]
    fn the_block_and_what_is_said_are_told_apart() {
        let bytes = frame(0x85, 1, &[2, 0x18], &[0x50, 1, 2, 3]);
        let Found::Frame(frame) = look(&bytes) else { panic!("no frame") };
        assert_eq!((frame.address, frame.from_reader), (5, true));
        assert_eq!((frame.block, frame.code), (Some(0x18), 0x50));
    }

    #[test]
    fn rubbish_never_hides_the_frame_behind_it() {
        let good = frame(0x80, 0, &[], &[0x40]);
        for rubbish in [vec![0xFF], vec![START; 9], vec![0, 1, 2, START, 0x80, 8, 0, 4, 0x40]] {
            let mut bytes = [rubbish.as_slice(), &good].concat();
            let mut steps = 0;
            loop {
                match look(&bytes) {
                    Found::Frame(frame) => break assert_eq!(frame.bytes, good),
                    Found::Rubbish(much) => drop(bytes.drain(..much)),
                    // Only what may still come could tell: a reader that is asked anew is heard.
                    Found::Unfinished => bytes.drain(..1).for_each(drop),
                }
                steps += 1;
                assert!(steps < 100, "it goes on for ever");
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_stand_still() {
        let mut state = 0x1234_5678_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        };
        for _ in 0..2_000 {
            let mut bytes: Vec<u8> = (0..40).map(|_| next()).collect();
            bytes.insert(usize::from(next() % 40), START);
            while !bytes.is_empty() {
                match look(&bytes) {
                    Found::Frame(frame) => drop(bytes.drain(..frame.bytes.len())),
                    Found::Rubbish(much) => {
                        assert!(much > 0);
                        bytes.drain(..much);
                    }
                    Found::Unfinished => break,
                }
            }
        }
    }

    #[test]
    fn a_block_longer_than_its_frame_is_rubbish() {
        for block in [[200, 0x18], [0, 0x18], [1, 0x18]] {
            let bytes = frame(0x80, 0, &block, &[0x50]);
            assert_eq!(look(&bytes), Found::Rubbish(1), "{block:?}");
        }
    }

    #[test]
    fn one_flipped_bit_makes_it_no_frame() {
        let good = frame(0x81, 2, &[2, 0x16], &[0x40, 9, 9, 9, 9]);
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 0x10;
            assert!(!matches!(look(&bad), Found::Frame(_)), "byte {place}");
        }
    }
}
