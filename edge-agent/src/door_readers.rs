//! Readers at doors that are wired to this machine. They answer with a light and a tone, and no more.

use std::sync::Arc;

use hardware::card::{CardEvent, CardReader};
use hardware::feedback::Feedback;
use model::id::DeviceId;

use crate::requests::Desk;

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
    while let Some(event) = reader.next_event().await {
        match event {
            CardEvent::Presented(read) => {
                desk.tap_at_door(&device, &read, &*shows).await;
            }
            CardEvent::Unreadable { reason } => {
                tracing::info!(reader = %device, %reason, "a card was not read");
                if reason.is_of_now() {
                    desk.unreadable_at_door(&device, &*shows).await;
                }
            }
            CardEvent::Pin(pin) => desk.pin_at_door(&device, &pin, &*shows).await,
            CardEvent::Removed => {}
            CardEvent::Unavailable { reason } => {
                tracing::error!(reader = %device, reason, "the reader cannot be used");
            }
            CardEvent::Available => tracing::info!(reader = %device, "the reader can be used"),
        }
    }
}
