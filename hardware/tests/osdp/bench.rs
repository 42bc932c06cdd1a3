//! A line of pseudo-terminals with somebody in the middle, who hears, keeps, cuts and forges.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hardware::card::{CardError, CardEvent, CardRead, CardReader};
use hardware::osdp::{
    ChannelKey, OpenChannel, OsdpLine, OsdpReader, OsdpReaderSettings, SerialPort,
};
use hardware::sim::{SimOsdpReader, SimOsdpSettings};
use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::time::{Instant, timeout_at};

pub const BAUD: u32 = 115_200;
pub const CARD: [u8; 8] = [0x01, 0x2E, 0x44, 0xA7, 0xA5, 0x18, 0x9C, 0x21];

pub fn key(seed: u8) -> ChannelKey {
    ChannelKey::new(std::array::from_fn(|place| seed.wrapping_mul(31).wrapping_add(place as u8)))
        .unwrap()
}

/// A pseudo-terminal: this end, and what opens the other.
struct Pty {
    master: File,
    path: PathBuf,
    /// Keeps the other end from being hung up while nobody has it open.
    _held: OwnedFd,
}

impl Pty {
    fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().to_str().unwrap());
        let held = open(&path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let mut settings = tcgetattr(&held).unwrap();
        settings.make_raw();
        tcsetattr(&held, OptionalActions::Now, &settings).unwrap();
        Self { master: File::from(master), path, _held: held }
    }
}

/// What somebody who can touch the line answers to a command, in place of the reader.
pub type Forge = Box<dyn FnMut(&[u8]) -> Option<Vec<u8>> + Send>;

#[derive(Default)]
struct Shared {
    cut: AtomicBool,
    stop: AtomicBool,
    from_panel: Mutex<Vec<u8>>,
    from_readers: Mutex<Vec<u8>>,
    noise: Mutex<Vec<u8>>,
    forge: Mutex<Option<Forge>>,
    forestall: Mutex<Option<Forge>>,
}

/// A line: one panel's end, and as many readers' as were asked for. What the panel says every reader
/// hears, and the other way round.
pub struct Line {
    shared: Arc<Shared>,
    panel: PathBuf,
    readers: Vec<PathBuf>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    pub fn new(readers: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let panel_pty = Pty::new();
        let reader_ptys: Vec<Pty> = (0..readers).map(|_| Pty::new()).collect();
        let panel = panel_pty.path.clone();
        let readers = reader_ptys.iter().map(|pty| pty.path.clone()).collect();
        let ours = shared.clone();
        let thread = std::thread::spawn(move || relay(&ours, panel_pty, reader_ptys));
        Self { shared, panel, readers, thread: Some(thread) }
    }

    pub fn opener(&self) -> OpenChannel {
        SerialPort::opener(self.panel.clone(), BAUD)
    }

    pub fn panel(&self, readers: Vec<OsdpReaderSettings>) -> OsdpLine {
        OsdpLine::start(self.opener(), BAUD, readers).unwrap()
    }

    pub fn reader(&self, place: usize, address: u8, key: Option<ChannelKey>) -> SimOsdpReader {
        let settings = SimOsdpSettings { address, key, timed_outputs: true, shows: true };
        self.reader_with(place, settings)
    }

    pub fn reader_with(&self, place: usize, settings: SimOsdpSettings) -> SimOsdpReader {
        let port = SerialPort::open(&self.readers[place], BAUD).unwrap();
        SimOsdpReader::start(Box::new(port), settings).unwrap()
    }

    pub fn set_cut(&self, cut: bool) {
        self.shared.cut.store(cut, Ordering::SeqCst);
    }

    /// These bytes come to both sides.
    pub fn make_noise(&self, noise: &[u8]) {
        self.shared.noise.lock().unwrap().extend(noise);
    }

    pub fn set_forge(&self, forge: Option<Forge>) {
        *self.shared.forge.lock().unwrap() = forge;
    }

    /// What is forged comes before the reader's own answer, which the panel hears, too.
    pub fn set_forestall(&self, forestall: Option<Forge>) {
        *self.shared.forestall.lock().unwrap() = forestall;
    }

    /// Everything that the panel has said.
    pub fn panel_said(&self) -> Vec<u8> {
        self.shared.from_panel.lock().unwrap().clone()
    }

    /// Everything that the readers have said.
    pub fn readers_said(&self) -> Vec<u8> {
        self.shared.from_readers.lock().unwrap().clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn relay(shared: &Shared, mut panel: Pty, mut readers: Vec<Pty>) {
    let mut buffer = [0; 512];
    while !shared.stop.load(Ordering::SeqCst) {
        let cut = shared.cut.load(Ordering::SeqCst);
        if let Ok(much) = panel.master.read(&mut buffer) {
            let said = &buffer[..much];
            shared.from_panel.lock().unwrap().extend(said);
            if let Some(forestall) = shared.forestall.lock().unwrap().as_mut()
                && let Some(forged) = forestall(said)
            {
                panel.master.write_all(&forged).unwrap();
            }
            let mut forge = shared.forge.lock().unwrap();
            let forged = forge.as_mut().and_then(|forge| forge(said));
            if let Some(forged) = forged {
                panel.master.write_all(&forged).unwrap();
            } else if !cut {
                readers.iter_mut().for_each(|reader| reader.master.write_all(said).unwrap());
            }
        }
        for place in 0..readers.len() {
            let Ok(much) = readers[place].master.read(&mut buffer) else { continue };
            let said = &buffer[..much];
            shared.from_readers.lock().unwrap().extend(said);
            if !cut {
                panel.master.write_all(said).unwrap();
                // On a two-wire line readers hear each other too.
                for (other, reader) in readers.iter_mut().enumerate() {
                    if other != place {
                        reader.master.write_all(said).unwrap();
                    }
                }
            }
        }
        let noise = std::mem::take(&mut *shared.noise.lock().unwrap());
        panel.master.write_all(&noise).unwrap();
        readers.iter_mut().for_each(|reader| reader.master.write_all(&noise).unwrap());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a reader would answer to `asked`, where it said `said` under this security block.
pub fn answer(asked: &[u8], block: &[u8], said: &[u8]) -> Vec<u8> {
    let start = asked.iter().position(|byte| *byte == 0x53).unwrap();
    let (address, sequence) = (asked[start + 1] | 0x80, asked[start + 4] & 3);
    let control = sequence | 4 | if block.is_empty() { 0 } else { 8 };
    let length = 5 + block.len() + said.len() + 2;
    let mut frame = vec![0x53, address, length as u8, 0, control];
    frame.extend(block);
    frame.extend(said);
    let sum = frame.iter().fold(0x1D0F_u16, |sum, byte| {
        (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| {
            if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
        })
    });
    frame.extend(sum.to_le_bytes());
    frame
}

/// Waits until the reader tells something that `wanted` finds; answers all that it told up to then.
pub async fn told_until(
    reader: &mut OsdpReader,
    within: Duration,
    wanted: impl Fn(&CardEvent) -> bool,
) -> Vec<CardEvent> {
    let until = Instant::now() + within;
    let mut told = Vec::new();
    loop {
        let Ok(event) = timeout_at(until, reader.next_event()).await else {
            panic!("within {within:?} the reader told only {told:?}");
        };
        told.push(event.unwrap());
        if wanted(told.last().unwrap()) {
            return told;
        }
    }
}

/// Shows a card, and shows it again where the reader has lost its line for a moment, as whoever stands there does: on a
/// busy machine both ends of a line keep each other waiting. Answers what was read, and how long after it was shown.
pub async fn shown(
    pd: &SimOsdpReader,
    reader: &mut OsdpReader,
    card: &[u8],
) -> (CardRead, Duration) {
    const AGAIN: Duration = Duration::from_secs(3);
    let mut told = Vec::new();
    for _ in 0..5 {
        pd.present(card).unwrap();
        let tapped = Instant::now();
        while let Ok(event) = timeout_at(tapped + AGAIN, reader.next_event()).await {
            let event = event.unwrap();
            if let CardEvent::Presented(read) = event {
                return (read, tapped.elapsed());
            }
            told.push(event);
        }
        let lost = |event: &CardEvent| {
            let reason = CardError::BeforeReconnect;
            matches!(event, CardEvent::Unavailable { .. })
                || *event == CardEvent::Unreadable { reason }
        };
        assert!(told.iter().any(lost), "a tap was lost: {told:?}");
    }
    panic!("the card was not read: {told:?}");
}

/// All that the reader tells for a while.
pub async fn told_for(reader: &mut OsdpReader, a_while: Duration) -> Vec<CardEvent> {
    let until = Instant::now() + a_while;
    let mut told = Vec::new();
    while let Ok(event) = timeout_at(until, reader.next_event()).await {
        told.push(event.unwrap());
    }
    told
}

pub fn is_read(event: &CardEvent) -> bool {
    matches!(event, CardEvent::Presented(_))
}

/// Whole frames of what was heard: (address, security block, code).
pub fn frames(heard: &[u8]) -> Vec<(u8, Option<u8>, u8)> {
    let mut rest = heard;
    let mut frames = Vec::new();
    while let [_, further @ ..] = rest {
        if rest[0] == 0x53 && rest.len() > 7 {
            let length = usize::from(u16::from_le_bytes([rest[2], rest[3]]));
            let block = (rest[4] & 8 != 0).then(|| rest[6]);
            let code = rest[5 + if block.is_some() { usize::from(rest[5]) } else { 0 }];
            frames.push((rest[1], block, code));
            rest = &rest[length.min(rest.len())..];
        } else {
            rest = further;
        }
    }
    frames
}

pub fn holds(heard: &[u8], needle: &[u8]) -> bool {
    heard.windows(needle.len()).any(|window| window == needle)
}
