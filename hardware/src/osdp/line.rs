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

/// What the line is told from outside. `place` is the reader's.
pub(super) enum Order {
    Move { place: usize, output: u8, wanted: LockLevel, reply: Moved },
    Read { place: usize, output: u8, reply: Level },
    Show { place: usize, answer: feedback::Answer, made: Instant },
    Stop,
}

/// Runs the line until it is told to stop, or nobody is left who could.
pub(super) fn run(wire: &Wire, mut readers: Vec<Reader>, orders: &Receiver<Order>) {
    let mut next = 0;
    loop {
        let now = Instant::now();
        let open = wire.lock().is_open(now);
        if open {
            take_turns(wire, &mut readers, &mut next);
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
    wire.lock().close();
}

/// While one reader's answer is awaited nobody else speaks; otherwise each may, in turn, until one does.
fn take_turns(wire: &Wire, readers: &mut [Reader], next: &mut usize) {
    for _ in 0..readers.len() {
        let now = Instant::now();
        let whose = wire.lock().turn(now);
        let place = whose.unwrap_or(*next % readers.len());
        let Some(reader) = readers.get_mut(place) else { return };
        reader.turn(now);
        if wire.lock().turn(now).is_some() {
            return;
        }
        *next = (place + 1) % readers.len();
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
