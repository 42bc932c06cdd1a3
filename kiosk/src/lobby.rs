//! From a card, a code or a voucher to the screen, by way of the site.

use std::sync::Arc;
use std::time::Duration;

use hardware::card::{CardEvent, CardReader};
use hardware::scan::CodeScanner;
use model::access::Going;
use model::care::day::HealthCheck;
use model::id::{ChildId, DeviceId, TicketId, VisitId};
use tokio::sync::{mpsc, watch};
use wire::bus::StateChange;
use wire::request::{Answer, Request, Secret};

use crate::reading::{Reading, reading};
use crate::screen::{Screen, Shown};
use crate::site::{self, Site};

/// How often it is asked whether an offered card is somebody's by now.
const FOLLOW: Duration = Duration::from_secs(2);

/// The lobby: one screen, one site.
#[derive(Clone)]
pub struct Lobby {
    /// What is shown.
    pub screen: Screen,
    site: Arc<dyn Site>,
}

/// Why there is no answer that could be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// The site did not answer.
    Silent,
    /// The site has no use for the question: what it rests on, like a ticket, is over.
    NotUnderstood,
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
        connected: watch::Receiver<bool>,
        states: mpsc::Receiver<StateChange>,
    ) {
        site::follow_line(edge, connected, states, |reached| self.screen.set_site(reached)).await;
    }

    /// Keeps the screen told what everybody in the house has to know. For good.
    pub async fn follow_house(&self) {
        site::follow_house(&*self.site, |alarm| self.screen.set_alarm(alarm)).await;
    }

    async fn on_card(&self, event: CardEvent) {
        match reading(event) {
            Reading::Works(works) => self.screen.set_reader(works),
            Reading::Nothing => {}
            Reading::Card(card) => self.ask(&Request::Tap { card }).await,
        }
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

    /// Passes on whether somebody takes the desk that they were offered.
    pub async fn walk_in(&self, visit: VisitId, takes: bool) {
        self.ask(&Request::WalkIn { visit, takes }).await;
    }

    /// Brings a child of those who were answered with this ticket, and shows the site's answer.
    ///
    /// # Errors
    /// [`Unheard`] where there is none to show, so that what was typed stays.
    pub async fn drop_off(
        &self,
        ticket: TicketId,
        child: ChildId,
        check: HealthCheck,
    ) -> Result<(), Unheard> {
        let answer = self.answer(&Request::DropOff { ticket, child, check }).await?;
        self.screen.show(Shown::Answer(answer));
        Ok(())
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
        self.screen.show(self.answer(request).await.map_or(Shown::Silence, Shown::Answer));
    }

    async fn answer(&self, request: &Request) -> Result<Answer, Unheard> {
        match self.site.ask(request).await {
            Ok(Answer::NotUnderstood { reason }) => {
                tracing::error!("the site did not understand this kiosk: {reason}");
                Err(Unheard::NotUnderstood)
            }
            Ok(answer) => Ok(answer),
            Err(silent) => {
                tracing::warn!("no answer from the site: {}", silent.0);
                Err(Unheard::Silent)
            }
        }
    }
}
