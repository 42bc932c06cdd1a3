//! Readers at doors that are wired to this machine. They answer with a light and a tone, and no more.

use std::sync::Arc;

use hardware::card::{CardEvent, CardReader, ReaderFault};
use hardware::feedback::Feedback;
use model::device::{Trouble, Watched};
use model::id::DeviceId;
use twin::Fact;

use crate::requests::Desk;
use crate::trouble::{Teller, sleep_until_due};

/// A reader at a door.
pub struct DoorReader {
    /// The name under which the sheet knows it.
    pub device: DeviceId,
    /// What reads the cards.
    pub reader: Box<dyn CardReader>,
    /// What shows whoever tapped what came of it.
    pub shows: Box<dyn Feedback>,
}

/// Serves a reader until it has stopped for good.
pub(crate) async fn serve(desk: Arc<Desk>, at: DoorReader) {
    let DoorReader { device, mut reader, shows } = at;
    let mut works = Teller::new(desk.centre.clone(), Watched::Reader(device.clone()));
    loop {
        let due = works.due();
        let event = tokio::select! {
            event = reader.next_event() => event,
            () = sleep_until_due(due) => {
                works.tell().await;
                continue;
            }
        };
        let Some(event) = event else { break };
        match event {
            CardEvent::Presented(read) => {
                desk.tap_at_door(&device, &read, &*shows).await;
            }
            CardEvent::Unreadable { reason } => {
                tracing::info!(reader = %device, %reason, "a card was not read");
                if reason.is_of_now() {
                    desk.unreadable_at_door(&device, &*shows).await;
                } else {
                    stale(&desk, &device).await;
                }
            }
            CardEvent::Pin(pin) => desk.pin_at_door(&device, &pin, &*shows).await,
            CardEvent::Removed => {}
            CardEvent::Unavailable { fault, reason } => {
                tracing::error!(reader = %device, reason, "the reader cannot be used");
                works.is(Some(trouble(fault))).await;
            }
            CardEvent::Available => {
                tracing::info!(reader = %device, "the reader can be used");
                works.is(None).await;
            }
        }
    }
}

/// Records a card that nobody holds there any more. Whoever came for it is gone, so nobody is shown anything.
async fn stale(desk: &Desk, reader: &DeviceId) {
    let fact = Fact::StaleCard { reader: reader.clone() };
    if desk.centre.decide(fact).await.is_err() {
        tracing::debug!(%reader, "the site has stopped");
    }
}

/// What a driver's fault is to an operator.
fn trouble(fault: ReaderFault) -> Trouble {
    match fault {
        ReaderFault::Silent => Trouble::Silent,
        ReaderFault::WrongKey => Trouble::WrongKey,
        ReaderFault::NotSecure => Trouble::NotSecure,
        ReaderFault::Tampered => Trouble::Tampered,
    }
}
