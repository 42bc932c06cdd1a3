use std::sync::mpsc;
use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};

use super::InputWiring;
use super::feedback::Answer;
use super::line::Order;
use super::reader::Status;
use crate::door::{Contact, ContactLevel, DoorError, DoorPart, Lock, LockLevel};
use crate::feedback::Feedback;

/// A lock at an output of an OSDP reader.
///
/// An unlocked output falls back by itself after ten seconds and is told every three to hold on: a line that is
/// cut leaves no door open. Where [`OutputWiring::timed`](super::OutputWiring::timed) says that it cannot, one does.
#[derive(Clone)]
pub struct OsdpLock {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) place: usize,
    pub(super) output: u8,
}

impl OsdpLock {
    async fn move_to(&self, wanted: LockLevel) -> Result<(), DoorError> {
        let (reply, moved) = oneshot::channel();
        let (place, output) = (self.place, self.output);
        self.order(Order::Move { place, output, wanted, reply })?;
        moved.await.unwrap_or(Err(SILENT))
    }

    fn order(&self, order: Order) -> Result<(), DoorError> {
        self.orders.send(order).map_err(|_| SILENT)
    }
}

const SILENT: DoorError = DoorError::NoAnswer(DoorPart::Lock);

#[async_trait]
impl Lock for OsdpLock {
    async fn lock(&self) -> Result<(), DoorError> {
        self.move_to(LockLevel::Locked).await
    }

    async fn unlock(&self) -> Result<(), DoorError> {
        self.move_to(LockLevel::Unlocked).await
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        let (reply, level) = oneshot::channel();
        self.order(Order::Read { place: self.place, output: self.output, reply })?;
        level.await.unwrap_or(Err(SILENT))
    }
}

/// A contact or a button at an input of an OSDP reader. It is read four times a second; while the
/// reader's Secure Channel is down it does not answer.
#[derive(Clone)]
pub struct OsdpContact {
    status: watch::Receiver<Status>,
    wiring: InputWiring,
    last: Result<ContactLevel, DoorError>,
}

impl OsdpContact {
    pub(super) fn new(status: watch::Receiver<Status>, wiring: InputWiring) -> Self {
        let last = level(&status.borrow(), wiring);
        Self { status, wiring, last }
    }
}

#[async_trait]
impl Contact for OsdpContact {
    async fn level(&self) -> Result<ContactLevel, DoorError> {
        // A line that was dropped reads nothing any more.
        let lives = self.status.has_changed().is_ok();
        let level = level(&self.status.borrow(), self.wiring);
        if lives { level } else { Err(DoorError::NoAnswer(DoorPart::Contact)) }
    }

    async fn changed(&mut self) -> Result<ContactLevel, DoorError> {
        let (last, wiring) = (self.last, self.wiring);
        let Ok(status) = self.status.wait_for(|status| level(status, wiring) != last).await else {
            // The line was dropped: that is said once.
            if last.is_err() {
                std::future::pending::<()>().await;
            }
            self.last = Err(DoorError::NoAnswer(DoorPart::Contact));
            return self.last;
        };
        self.last = level(&status, wiring);
        self.last
    }
}

fn level(status: &Status, wiring: InputWiring) -> Result<ContactLevel, DoorError> {
    let active = status.inputs.get(usize::from(wiring.input)).copied();
    match active.filter(|_| status.up) {
        Some(active) if active == wiring.open_when_active => Ok(ContactLevel::Open),
        Some(_) => Ok(ContactLevel::Closed),
        None => Err(DoorError::NoAnswer(DoorPart::Contact)),
    }
}

/// The light and buzzer of an OSDP reader, as far as it has them.
#[derive(Clone)]
pub struct OsdpFeedback {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) place: usize,
}

impl OsdpFeedback {
    fn show(&self, answer: Answer) {
        // A line that has gone shows nothing.
        self.orders.send(Order::Show { place: self.place, answer, made: Instant::now() }).ok();
    }
}

impl Feedback for OsdpFeedback {
    fn granted(&self) {
        self.show(Answer::Granted);
    }

    fn denied(&self) {
        self.show(Answer::Denied);
    }

    fn more(&self) {
        self.show(Answer::More);
    }
}
