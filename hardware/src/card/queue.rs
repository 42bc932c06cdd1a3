use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{CardError, CardEvent};

/// How long a reading may wait for its consumer. A tap that acts later surprises everybody.
const FRESH: Duration = Duration::from_secs(3);

/// Events between a driver and its consumer; beyond these the driver waits.
const WAITING: usize = 32;

pub(crate) fn event_queue() -> (EventSender, EventQueue) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (EventSender(sender), EventQueue { receiver, fresh: FRESH })
}

/// The driver's end.
#[derive(Clone)]
pub(crate) struct EventSender(mpsc::Sender<(Instant, CardEvent)>);

/// The consumer has gone: the driver may stop.
#[derive(Debug)]
pub(crate) struct ConsumerGone;

impl EventSender {
    pub(crate) async fn send(&self, event: CardEvent) -> Result<(), ConsumerGone> {
        self.0.send((Instant::now(), event)).await.map_err(|_| ConsumerGone)
    }

    /// The same for a driver that is a thread.
    pub(crate) fn blocking_send(&self, event: CardEvent) -> Result<(), ConsumerGone> {
        self.0.blocking_send((Instant::now(), event)).map_err(|_| ConsumerGone)
    }

    /// The same for a driver that must never wait: what finds no room comes back.
    pub(crate) fn try_send(&self, made: Instant, event: CardEvent) -> Option<(Instant, CardEvent)> {
        use mpsc::error::TrySendError::{Closed, Full};
        match self.0.try_send((made, event)) {
            Ok(()) | Err(Closed(_)) => None,
            Err(Full(back)) => Some(back),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The consumer's end: hands out no reading that has gone stale.
pub(crate) struct EventQueue {
    receiver: mpsc::Receiver<(Instant, CardEvent)>,
    fresh: Duration,
}

impl EventQueue {
    /// Tells the driver that nobody takes anything any more.
    pub(crate) fn close(&mut self) {
        self.receiver.close();
    }

    pub(crate) async fn next(&mut self) -> Option<CardEvent> {
        let (made, event) = self.receiver.recv().await?;
        let age = made.elapsed();
        Some(match event {
            CardEvent::Presented(_) if age > self.fresh => {
                CardEvent::Unreadable { reason: CardError::Stale(age) }
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;
    use crate::card::{CardIdentifier, CardRead};

    #[tokio::test]
    async fn fault_09_a_reading_nobody_took_in_time_is_refused() {
        let (sender, mut queue) = event_queue();
        queue.fresh = Duration::ZERO;
        let identifier = CardIdentifier::new(&[1; 8]).unwrap();
        let read = CardRead::Identifier(identifier);
        sender.send(CardEvent::Presented(read)).await.unwrap();
        sender.send(CardEvent::Removed).await.unwrap();
        assert!(matches!(
            queue.next().await,
            Some(CardEvent::Unreadable { reason: CardError::Stale(_) })
        ));
        assert_eq!(queue.next().await, Some(CardEvent::Removed));
    }
}
