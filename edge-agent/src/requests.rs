//! What devices ask over the site bus, from the question to the answer.

mod care;

use std::sync::Arc;

use argon2::{Argon2, PasswordVerifier as _};
use data_encoding::HEXLOWER_PERMISSIVE;
use futures::future::join_all;
use model::access::{Going, RefusalKind};
use model::booking::BookingCode;
use model::id::{DeviceId, TicketId, VisitId};
use model::language::Language;
use model::permission::Action;
use ring::rand::SecureRandom;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use twin::{CareAnswer, CodeCheck, Effect, Fact, PinOf};
use wire::bus::IncomingRequest;
use wire::nursery::AtDoor;
use wire::request::{Answer, Card, MOST_BYTES, Request, Secret};

use crate::broker::DeviceRegistry;
use crate::cards::{Cards, Read};
use crate::centre::{Centre, Decided};
use crate::doors::Doors;
use crate::hub::Hub;
use crate::nursery::{Nurseries, in_care};
use crate::random;
use crate::seats::Seats;
use crate::vouchers::Vouchers;

/// The most requests in hand at once.
const AT_ONCE: usize = 64;
/// The longest PIN that is looked at.
const LONGEST_PIN: usize = 64;

/// Answers requests.
pub struct Desk {
    /// Decides.
    pub centre: Centre,
    /// Opens doors.
    pub doors: Arc<Doors>,
    /// Tells terminals.
    pub seats: Seats,
    /// Knows which device may ask.
    pub registry: DeviceRegistry,
    /// Reads cards.
    pub cards: Arc<Cards>,
    /// Reads vouchers.
    pub vouchers: Arc<Vouchers>,
    /// Knows the children's names.
    pub nurseries: Arc<Nurseries>,
    /// Takes offers of cards.
    pub hub: Arc<dyn Hub>,
    /// For visits' ids.
    pub rng: Arc<dyn SecureRandom + Send + Sync>,
}

/// Why a request gets no answer but that it was not understood, or none at all.
enum Unanswered {
    NotUnderstood(&'static str),
    Stopped,
}

impl From<crate::centre::Stopped> for Unanswered {
    fn from(_: crate::centre::Stopped) -> Self {
        Self::Stopped
    }
}

/// Answers every request until the bus is closed.
pub(crate) async fn serve(desk: Arc<Desk>, mut requests: mpsc::Receiver<IncomingRequest>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    while let Some(request) = requests.recv().await {
        while tasks.try_join_next().is_some() {}
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let desk = desk.clone();
        tasks.spawn(async move {
            desk.handle(request).await;
            drop(place);
        });
    }
}

impl Desk {
    async fn handle(&self, request: IncomingRequest) {
        let device = request.device.clone();
        let answer = match self.answer(&device, &request.payload).await {
            Ok(answer) => answer,
            Err(Unanswered::NotUnderstood(reason)) => {
                tracing::warn!(%device, reason, "a request was not understood");
                Answer::NotUnderstood { reason: reason.to_owned() }
            }
            Err(Unanswered::Stopped) => return,
        };
        let sent = serde_json::to_vec(&answer)
            .map_err(|error| error.to_string())
            .and_then(|payload| request.answer(payload).map_err(|error| error.to_string()));
        if let Err(error) = sent {
            tracing::warn!(%device, error, "an answer could not be sent");
        }
    }

    async fn answer(&self, device: &DeviceId, payload: &[u8]) -> Result<Answer, Unanswered> {
        use Unanswered::NotUnderstood;
        if payload.len() > MOST_BYTES {
            return Err(NotUnderstood("the request is too long"));
        }
        let kiosk = self.registry.may(device, Action::AskSite);
        let staff = self.registry.may(device, Action::RunNursery);
        if !kiosk && !staff {
            return Err(NotUnderstood("only a kiosk or staff screen of this site may ask"));
        }
        let request: Request = serde_json::from_slice(payload)
            .map_err(|_| NotUnderstood("the request is not of the form this site knows"))?;
        match request {
            Request::StaffIn { card, pin } if staff => self.staff_in(device, &card, pin).await,
            Request::Staff { session, wants } if staff => {
                self.staff(device, session, wants).await.map(Answer::Staff)
            }
            Request::StaffIn { .. } | Request::Staff { .. } => {
                Err(NotUnderstood("staff sign in at their own screen"))
            }
            _ if !kiosk => Err(NotUnderstood("a staff screen does not ask what a kiosk does")),
            Request::OfferCard { ticket } => Ok(self.cards.offer(&*self.hub, device, ticket).await),
            Request::OfferStands { ticket } => {
                Ok(self.cards.offer_stands(&*self.hub, device, ticket).await)
            }
            Request::DropOff { ticket, child, check } => {
                self.drop_off(device, ticket, child, check).await
            }
            Request::Tap { card: Card::Identifier { identifier } } => {
                let read = self.read(&identifier)?;
                let (reader, digest, visit) = (device.clone(), read.digest, self.new_visit()?);
                let answer = self.guest(device, Fact::Tap { reader, digest, visit }).await?;
                Ok(self.with_ticket(answer, device, read))
            }
            request => {
                let fact = self.fact(device.clone(), request).await?;
                self.guest(device, fact).await
            }
        }
    }

    /// Has the centre decide about somebody in the lobby, and answers them.
    async fn guest(&self, kiosk: &DeviceId, fact: Fact) -> Result<Answer, Unanswered> {
        let decided = self.centre.decide(fact).await?;
        let guest = decided.guest;
        let (answer, door_open) = self.act(decided).await?;
        let children = match guest {
            Some(person) => {
                self.centre.look(move |twin, at| twin.children_of(at.now, person)).await?
            }
            None => Vec::new(),
        };
        let at_door = |language| {
            let person = guest.filter(|_| !children.is_empty())?;
            self.nurseries.at_door(kiosk, person, language, &children)
        };
        on_the_wire(answer, door_open, in_care(&children), at_door)
            .ok_or(Unanswered::NotUnderstood("this site has no answer to that"))
    }

    fn new_visit(&self) -> Result<VisitId, Unanswered> {
        random::uuid(&*self.rng)
            .map(VisitId)
            .map_err(|_| Unanswered::NotUnderstood("this site has no random numbers"))
    }

    /// A card that is nobody's, or was somebody's, can be registered.
    fn with_ticket(&self, answer: Answer, kiosk: &DeviceId, read: Read) -> Answer {
        use RefusalKind::{ExpiredCard, UnknownCard};
        match answer {
            Answer::Refused { why: why @ (UnknownCard | ExpiredCard), opens, language, .. } => {
                let (since, free_desks) = (None, None);
                let ticket = random::uuid(&*self.rng).map(TicketId).ok();
                if let Some(ticket) = ticket {
                    self.cards.ticket(ticket, kiosk, read);
                }
                Answer::Refused { why, opens, since, free_desks, language, ticket }
            }
            other => other,
        }
    }

    async fn fact(&self, reader: DeviceId, request: Request) -> Result<Fact, Unanswered> {
        let visit = self.new_visit()?;
        Ok(match request {
            Request::Tap { .. } => Fact::UnreadableCard { reader },
            Request::Code { code, pin } => {
                let code: Option<BookingCode> = code.parse().ok();
                let pin_right = match code {
                    Some(code) => self.pin_right(PinOf::Booking(code), pin).await?,
                    None => false,
                };
                Fact::Code { reader, code, pin_right, visit }
            }
            Request::Voucher { text } => match self.vouchers.read(&text.0) {
                Ok(voucher) => Fact::Voucher { reader, voucher: Box::new(voucher), visit },
                Err(error) => {
                    tracing::info!(%reader, %error, "what was scanned is not taken");
                    Fact::UnreadableVoucher { reader }
                }
            },
            Request::Leave { visit, leaving, back_soon } => {
                let going = match (leaving, back_soon) {
                    (true, _) => Going::ForGood,
                    (false, true) => Going::BackSoon,
                    (false, false) => Going::Stays,
                };
                Fact::Leave { reader, visit, going }
            }
            _ => return Err(Unanswered::NotUnderstood("that is nothing for the centre")),
        })
    }

    fn read(&self, identifier: &Secret) -> Result<Read, Unanswered> {
        let bad = || Unanswered::NotUnderstood("a card's identifier is 1 to 64 bytes in hex");
        let bytes = HEXLOWER_PERMISSIVE.decode(identifier.0.as_bytes()).map_err(|_| bad())?;
        if bytes.is_empty() || bytes.len() > 64 {
            return Err(bad());
        }
        Ok(self.cards.read(&bytes))
    }

    async fn pin_right(&self, of: PinOf, Secret(pin): Secret) -> Result<bool, Unanswered> {
        let CodeCheck::Pin(hash) = self.centre.check_pin(of).await? else { return Ok(false) };
        if pin.len() > LONGEST_PIN {
            return Ok(false);
        }
        // It takes tens of milliseconds on purpose, and taps must not wait for it.
        let right = tokio::task::spawn_blocking(move || {
            Argon2::default().verify_password(pin.as_bytes(), hash.as_str()).is_ok()
        });
        Ok(right.await.unwrap_or(false))
    }

    /// Opens the doors first, then waits for the disk, then tells the terminal. Answers what whoever
    /// asked is told, and whether a door was opened.
    async fn act(&self, decided: Decided) -> Result<(twin::Answer, bool), Unanswered> {
        let Decided { effects, answer, on_disk, .. } = decided;
        let unlocks = effects.iter().filter_map(|effect| match effect {
            Effect::Unlock { door, visit } => Some(self.doors.unlock(door, *visit)),
            _ => None,
        });
        let door_open = join_all(unlocks).await.contains(&true);
        if !on_disk.wait().await {
            return Err(Unanswered::Stopped);
        }
        effects.iter().for_each(|effect| self.seats.tell(effect));
        let answer = answer.ok_or(Unanswered::NotUnderstood("this site has no answer to that"))?;
        Ok((answer, door_open))
    }
}

/// What a kiosk is told; nothing where it is no answer to a kiosk.
fn on_the_wire(
    answer: twin::Answer,
    door_open: bool,
    in_care: u32,
    at_door: impl Fn(Language) -> Option<AtDoor>,
) -> Option<Answer> {
    Some(match answer {
        twin::Answer::Welcome { visit, space, until, language } => {
            let care = at_door(language);
            Answer::Welcome { visit, space, until, door_open, language, care }
        }
        twin::Answer::AskLeaving { visit, space, language } => {
            Answer::AskLeaving { visit, space, language, in_care }
        }
        twin::Answer::SeeYouSoon { space, until, language } => {
            Answer::SeeYouSoon { space, until, door_open, language, in_care }
        }
        twin::Answer::Goodbye { minutes, language } => {
            Answer::Goodbye { minutes, language, in_care }
        }
        twin::Answer::Refused { why, opens, since, free_desks, language } => {
            Answer::Refused { why, opens, since, free_desks, language, ticket: None }
        }
        twin::Answer::Care(CareAnswer::LetIn(language)) => {
            Answer::LetIn { door_open, language, care: at_door(language)? }
        }
        twin::Answer::Care(_) => return None,
    })
}
