//! From a card, a code or a voucher to the screen, by way of the site.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hardware::card::{CardEvent, CardReader, CredentialKind};
use hardware::scan::CodeScanner;
use model::access::Going;
use model::id::{DeviceId, TicketId, VisitId};
use tokio::sync::{mpsc, watch};
use wire::bus::StateChange;
use wire::request::{Answer, Card, Request, Secret};
use wire::topics::LIFECYCLE;

use crate::screen::{Screen, Shown};
use crate::site::Site;

/// How often it is asked whether an offered card is somebody's by now.
const FOLLOW: Duration = Duration::from_secs(2);

/// The lobby: one screen, one site.
#[derive(Clone)]
pub struct Lobby {
    /// What is shown.
    pub screen: Screen,
    site: Arc<dyn Site>,
}

impl Lobby {
    /// A lobby whose questions go to `site`.
    #[must_use]
    pub fn new(screen: Screen, site: Arc<dyn Site>) -> Self {
        Self { screen, site }
    }

    /// Reads cards until the reader stops for good.
    pub async fn read_cards(&self, mut reader: Box<dyn CardReader>) {
        while let Some(event) = reader.next_event().await {
            self.on_card(event).await;
        }
        self.screen.set_reader(false);
        tracing::error!(reader = reader.name(), "the reader has stopped; restart the kiosk");
    }

    /// Takes what a scanner reads until it stops for good.
    pub async fn read_codes(&self, mut scanner: Box<dyn CodeScanner>) {
        while let Some(text) = scanner.next_text().await {
            self.scan(text.expose()).await;
        }
        tracing::error!(scanner = scanner.name(), "the scanner has stopped; restart the kiosk");
    }

    /// Keeps the screen told whether the site can be reached: the bus, and the `edge` that answers
    /// on it. A broker of its own is there also while nobody listens behind it.
    pub async fn follow_line(
        &self,
        edge: &DeviceId,
        mut connected: watch::Receiver<bool>,
        mut states: mpsc::Receiver<StateChange>,
    ) {
        let mut ready = false;
        loop {
            let reached = *connected.borrow_and_update();
            // What was known of the edge is said again on the next connection.
            ready &= reached;
            self.screen.set_site(ready);
            tokio::select! {
                changed = connected.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
                Some(change) = states.recv() => {
                    if change.device == *edge && change.path == LIFECYCLE {
                        ready = change.value == "ready";
                    }
                }
            }
        }
    }

    async fn on_card(&self, event: CardEvent) {
        let card = match event {
            CardEvent::Available => return self.screen.set_reader(true),
            CardEvent::Unavailable { reason } => {
                tracing::warn!("cards cannot be read: {reason}");
                return self.screen.set_reader(false);
            }
            CardEvent::Removed => return,
            CardEvent::Unreadable { reason } => {
                tracing::info!("a card gave nothing usable: {reason}");
                Card::Unreadable
            }
            CardEvent::Presented(read) => match read.kind {
                CredentialKind::Identifier => Card::Identifier {
                    identifier: Secret(HEXLOWER.encode(read.identifier.expose())),
                },
                _ => Card::Unreadable,
            },
        };
        self.ask(&Request::Tap { card }).await;
    }

    /// Asks the site about a booking code and PIN.
    pub async fn code(&self, code: &str, pin: &str) {
        self.ask(&Request::Code { code: code.to_owned(), pin: Secret(pin.to_owned()) }).await;
    }

    /// Asks the site about the text of a code that was scanned.
    pub async fn scan(&self, text: &str) {
        self.ask(&Request::Voucher { text: Secret(text.to_owned()) }).await;
    }

    /// Passes on whether they leave.
    pub async fn leave(&self, visit: VisitId, going: Going) {
        let (leaving, back_soon) = (going == Going::ForGood, going == Going::BackSoon);
        self.ask(&Request::Leave { visit, leaving, back_soon }).await;
    }

    /// Offers the card that was refused with this ticket, and follows what becomes of it for as long
    /// as its code is shown.
    pub async fn offer_card(&self, ticket: TicketId) {
        self.ask(&Request::OfferCard { ticket }).await;
        if self.screen.offers(ticket) {
            let lobby = self.clone();
            tokio::spawn(async move { lobby.follow_offer(ticket).await });
        }
    }

    async fn follow_offer(&self, ticket: TicketId) {
        loop {
            tokio::time::sleep(FOLLOW).await;
            if !self.screen.offers(ticket) {
                return;
            }
            match self.site.ask(&Request::OfferStands { ticket }).await {
                Ok(Answer::CardWaits) | Err(_) => {}
                Ok(answer) if self.screen.offers(ticket) => {
                    return self.screen.show(Shown::Answer(answer));
                }
                Ok(_) => return,
            }
        }
    }

    async fn ask(&self, request: &Request) {
        let shown = match self.site.ask(request).await {
            Ok(Answer::NotUnderstood { reason }) => {
                tracing::error!("the site did not understand this kiosk: {reason}");
                Shown::Silence
            }
            Ok(answer) => Shown::Answer(answer),
            Err(silent) => {
                tracing::warn!("no answer from the site: {}", silent.0);
                Shown::Silence
            }
        };
        self.screen.show(shown);
    }
}
