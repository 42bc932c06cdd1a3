//! The line as libosdp sees it: one reader's turn at a time, and nothing that the guard does not let
//! pass.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libosdp::{Channel, ChannelError};

use super::channel::{ByteChannel, OpenChannel};
use super::frame::{Found, look};
use super::guard::Guard;

/// The library gives up on an answer after 200 ms; then it is another reader's turn.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);
/// How long until a channel that is lost is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(1);
/// More than a frame can hold; a line that is nothing but noise is not kept.
const MOST_HELD: usize = 1024;

/// One line with its readers. Only the line's thread locks it.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<State>>);

pub(super) struct State {
    open: OpenChannel,
    channel: Option<Box<dyn ByteChannel>>,
    open_at: Instant,
    /// Why there is no channel, or no more.
    pub fault: Option<String>,
    /// By the reader's place on the line.
    guards: Vec<Guard>,
    /// Whose answer is awaited, and since when.
    turn: Option<(usize, Instant)>,
    heard: Vec<u8>,
    for_library: Vec<u8>,
}

impl Wire {
    pub(super) fn new(open: OpenChannel, guards: Vec<Guard>) -> Self {
        Self(Arc::new(Mutex::new(State {
            open,
            channel: None,
            open_at: Instant::now(),
            fault: Some("the line has not been opened yet".to_owned()),
            guards,
            turn: None,
            heard: Vec::new(),
            for_library: Vec::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This line's end for the reader at `place`.
    pub(super) fn tap(&self, place: usize) -> Box<dyn Channel> {
        Box::new(Tap { wire: self.clone(), place })
    }
}

impl State {
    /// What watches the reader at `place`.
    pub(super) fn guard(&mut self, place: usize) -> Option<&mut Guard> {
        self.guards.get_mut(place)
    }

    /// Opens the channel where it is not open; answers whether it is.
    pub(super) fn is_open(&mut self, now: Instant) -> bool {
        if self.channel.is_none() && now >= self.open_at {
            self.open_at = now + OPEN_AGAIN;
            match (self.open)() {
                Ok(channel) => {
                    self.channel = Some(channel);
                    self.fault = None;
                    self.turn = None;
                }
                Err(error) => self.fault = Some(error.to_string()),
            }
        }
        self.channel.is_some()
    }

    /// Lets go of the channel.
    pub(super) fn close(&mut self) {
        self.channel = None;
    }

    /// Whose answer is awaited; nobody else may speak meanwhile.
    pub(super) fn turn(&mut self, now: Instant) -> Option<usize> {
        if self.turn.is_some_and(|(_, since)| now - since > ANSWER_WITHIN) {
            self.turn = None;
        }
        self.turn.map(|(place, _)| place)
    }

    fn lost(&mut self, why: &str) -> ChannelError {
        self.channel = None;
        self.turn = None;
        self.fault = Some(why.to_owned());
        ChannelError::TransportError
    }

    fn write(&mut self, place: usize, bytes: &[u8]) -> Result<usize, ChannelError> {
        let now = Instant::now();
        // Before its frame the library says an idle byte.
        let skip = bytes.iter().take_while(|byte| **byte == 0xFF).count();
        let Found::Frame(frame) = look(bytes.get(skip..).unwrap_or_default()) else {
            return Err(ChannelError::TransportError);
        };
        let Some(guard) = self.guards.get_mut(place) else {
            return Err(ChannelError::TransportError);
        };
        guard.may_leave(&frame, now).map_err(|_| ChannelError::TransportError)?;
        // What came before the question is no answer to it.
        self.take_in()?;
        self.heard.clear();
        self.for_library.clear();
        let Some(channel) = self.channel.as_mut() else {
            return Err(ChannelError::TransportError);
        };
        match channel.write(bytes) {
            Ok(written) if written == bytes.len() => {
                self.turn = Some((place, now));
                Ok(written)
            }
            Ok(_) => Err(self.lost("the line takes no more bytes")),
            Err(error) => Err(self.lost(&error.to_string())),
        }
    }

    fn read(&mut self, place: usize, into: &mut [u8]) -> Result<usize, ChannelError> {
        if self.turn.is_some_and(|(whose, _)| whose == place) {
            self.take_in()?;
            self.sift(place);
        }
        let much = into.len().min(self.for_library.len());
        if much == 0 {
            return Err(ChannelError::WouldBlock);
        }
        for (into, byte) in into.iter_mut().zip(self.for_library.drain(..much)) {
            *into = byte;
        }
        Ok(much)
    }

    fn take_in(&mut self) -> Result<(), ChannelError> {
        let mut buffer = [0; 256];
        // A line that never stops talking gets no more of our time than this.
        for _ in 0..16 {
            let Some(channel) = self.channel.as_mut() else {
                return Err(ChannelError::TransportError);
            };
            match channel.read(&mut buffer) {
                Ok(0) => return Err(self.lost("the line was hung up")),
                Ok(much) => {
                    self.heard.extend(buffer.iter().take(much));
                    let over = self.heard.len().saturating_sub(MOST_HELD);
                    self.heard.drain(..over);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lost(&error.to_string())),
            }
        }
        Ok(())
    }

    /// Hands the library the answer that it waits for, once it is whole.
    fn sift(&mut self, place: usize) {
        loop {
            let (much, enters) = match look(&self.heard) {
                Found::Unfinished => return,
                Found::Rubbish(much) => (much, false),
                Found::Frame(frame) => {
                    let guard = self.guards.get_mut(place);
                    let enters = guard.is_some_and(|guard| guard.may_enter(&frame, Instant::now()));
                    (frame.bytes.len(), enters)
                }
            };
            let frame = self.heard.drain(..much);
            if enters {
                self.for_library.extend(frame);
                self.turn = None;
            }
        }
    }
}

struct Tap {
    wire: Wire,
    place: usize,
}

impl Channel for Tap {
    fn get_id(&self) -> i32 {
        // Each reader has a control panel of its own, and so one channel.
        1
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ChannelError> {
        self.wire.lock().read(self.place, buf)
    }

    fn write(&mut self, buf: &[u8]) -> Result<usize, ChannelError> {
        self.wire.lock().write(self.place, buf)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.wire.lock().for_library.clear();
        Ok(())
    }

    fn close(&mut self) -> Result<(), ChannelError> {
        // The library never frees its channel; the line closes the port itself.
        Ok(())
    }
}
