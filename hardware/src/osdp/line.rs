//! The thread that owns a line. It never waits for a reader, and nobody waits for it but who asked it.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::feedback;
use super::held::{Level, Moved};
use super::reader::Reader;
use super::wire::Wire;
use crate::door::LockLevel;

/// How long the thread sleeps while there is nothing to do; an order wakes it.
const REST: Duration = Duration::from_millis(2);

/// So long one reader tries while others wait for that, too: more than a handshake takes.
const A_TRY: Duration = Duration::from_secs(1);
/// How long a line that is let go waits for locks that do not lock by themselves.
const LOCKS_WITHIN: Duration = Duration::from_millis(500);

/// What the line is told from outside. `place` is the reader's.
pub(super) enum Order {
    Move { place: usize, output: u8, wanted: LockLevel, reply: Moved },
    Read { place: usize, output: u8, reply: Level },
    Show { place: usize, answer: feedback::Answer, made: Instant },
    Stop,
}

/// Runs the line until it is told to stop, or nobody is left who could.
pub(super) fn run(wire: &Wire, mut readers: Vec<Reader>, orders: &Receiver<Order>) {
    let mut turns = Turns::default();
    loop {
        let now = Instant::now();
        let open = wire.lock().is_open(now);
        if open {
            take_turns(wire, &mut readers, &mut turns);
        } else {
            let why = wire.lock().fault.clone().unwrap_or_default();
            readers.iter_mut().for_each(|reader| reader.line_lost(now, &why));
        }
        readers.iter_mut().for_each(Reader::deliver);
        match orders.recv_timeout(REST) {
            Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(order) => obey(&mut readers, order),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    lock_untimed(wire, &mut readers);
    wire.lock().close();
}

/// Whose turn it is.
#[derive(Default)]
struct Turns {
    next: usize,
    /// Which of those that are not up tries, and since when.
    tries: usize,
    since: Option<Instant>,
}

/// While one reader's answer is awaited nobody else speaks; otherwise each may, in turn, until one does. Of those that
/// are not up one tries at a time: each that is dead holds the line for as long as an answer may take, and a few of them
/// would leave nothing of it to the others.
fn take_turns(wire: &Wire, readers: &mut [Reader], turns: &mut Turns) {
    for _ in 0..readers.len() {
        let now = Instant::now();
        let awaited = wire.lock().turn(now);
        let place = awaited.unwrap_or(turns.next % readers.len());
        turns.next = (place + 1) % readers.len();
        if awaited.is_none() && !turns.let_speak(readers, place, now) {
            continue;
        }
        let Some(reader) = readers.get_mut(place) else { return };
        reader.turn(now);
        if wire.lock().turn(now).is_some() {
            turns.next = place;
            return;
        }
    }
}

impl Turns {
    fn let_speak(&mut self, readers: &[Reader], place: usize, now: Instant) -> bool {
        if readers.get(place).is_some_and(Reader::is_up) {
            return true;
        }
        let may_try = |one: &usize| readers.get(*one).is_some_and(|reader| reader.may_try(now));
        let over = self.since.is_none_or(|since| now.saturating_duration_since(since) > A_TRY);
        if over || !may_try(&self.tries) {
            let mut others = (1..=readers.len()).map(|step| (self.tries + step) % readers.len());
            let Some(next) = others.find(may_try) else { return false };
            (self.tries, self.since) = (next, Some(now));
        }
        place == self.tries
    }
}

/// Unlocked outputs fall back by themselves. Those that are wired as ones that do not are locked before the line is
/// let go.
fn lock_untimed(wire: &Wire, readers: &mut [Reader]) {
    let until = Instant::now() + LOCKS_WITHIN;
    let mut turns = Turns::default();
    readers.iter_mut().for_each(Reader::lock_untimed);
    while Instant::now() < until && readers.iter().any(Reader::is_left_open) {
        take_turns(wire, readers, &mut turns);
        std::thread::sleep(REST);
    }
}

fn obey(readers: &mut [Reader], order: Order) {
    let now = Instant::now();
    match order {
        Order::Move { place, output, wanted, reply } => {
            if let Some(reader) = readers.get_mut(place) {
                reader.order(output, wanted, reply, now);
            }
        }
        Order::Read { place, output, reply } => {
            if let Some(reader) = readers.get_mut(place) {
                reader.ask(output, reply);
            }
        }
        Order::Show { place, answer, made } => {
            if let Some(reader) = readers.get_mut(place) {
                reader.show(answer, made);
            }
        }
        Order::Stop => {}
    }
}
