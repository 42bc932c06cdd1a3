//! What devices ask over the site bus, from the question to the answer.

mod care;
mod order;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use argon2::{Argon2, PasswordVerifier as _};
use data_encoding::HEXLOWER_PERMISSIVE;
use futures::future::join_all;
use hardware::card::{CardRead, TypedPin};
use hardware::feedback::Feedback;
use model::access::{Going, RefusalKind};
use model::booking::BookingCode;
use model::id::{BookingId, DeviceId, TicketId, VisitId};
use model::language::Language;
use model::permission::Action;
use ring::rand::SecureRandom;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use twin::{CareAnswer, CodeCheck, Effect, Fact, PinOf};
use wire::bus::{ANSWER_WITHIN, IncomingRequest};
use wire::nursery::AtDoor;
use wire::request::{Answer, Card, MOST_BYTES, Request, Secret, WalkInOffer};

use crate::broker::DeviceRegistry;
use crate::cards::{Cards, Read};
use crate::centre::{Centre, Decided, Stopped};
use crate::doors::Doors;
use crate::hub::Hub;
use crate::nursery::{Nurseries, in_care};
use crate::random;
use crate::seats::Seats;
use crate::vouchers::Vouchers;

/// The most requests in hand at once.
const AT_ONCE: usize = 64;
/// So many requests are remembered: what the bus delivers a second time comes soon after.
const REMEMBERED: usize = 1_000;
/// So long whoever asked waits for the disk; the doors have not waited for it. With the two seconds that a lock may take
/// the answer still comes in time for the device that asked.
const DISK: Duration = Duration::from_millis(1500);
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
    /// It was decided, and is not on disk yet.
    NotKept {
        door_open: bool,
    },
    /// Whoever asked has given up, and may not stand there any more.
    TooLate,
    Stopped,
}

const NO_RANDOM: Unanswered = Unanswered::NotUnderstood("this site has no random numbers");

impl From<Stopped> for Unanswered {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Answers every request until the bus is closed.
pub(crate) async fn serve(desk: Arc<Desk>, mut requests: mpsc::Receiver<IncomingRequest>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    let mut taken_up = TakenUp::default();
    while let Some(request) = requests.recv().await {
        while tasks.try_join_next().is_some() {}
        if !taken_up.is_new(&request.device, request.correlation()) {
            tracing::warn!(device = %request.device, "dropped a request that the bus delivered twice");
            continue;
        }
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let desk = desk.clone();
        tasks.spawn(async move {
            desk.handle(request).await;
            drop(place);
        });
    }
}

/// The requests that were taken up last. A line that breaks before the edge has said that a request came has the bus
/// deliver it once more, and a door would open for it once more.
#[derive(Default)]
struct TakenUp(VecDeque<(DeviceId, Vec<u8>)>);

impl TakenUp {
    /// Whether it was not taken up before; now it is.
    fn is_new(&mut self, device: &DeviceId, correlation: &[u8]) -> bool {
        if self.0.iter().any(|(of, known)| known == correlation && of == device) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((device.clone(), correlation.to_vec()));
        true
    }
}

/// Nothing is decided for somebody who has given up.
fn in_time(request: &IncomingRequest) -> Result<(), Unanswered> {
    if request.age() > ANSWER_WITHIN { Err(Unanswered::TooLate) } else { Ok(()) }
}

impl Desk {
    async fn handle(&self, request: IncomingRequest) {
        let device = request.device.clone();
        let answer = match self.answer(&request).await {
            Ok(answer) => answer,
            Err(Unanswered::NotUnderstood(reason)) => {
                tracing::warn!(%device, reason, "a request was not understood");
                Answer::NotUnderstood { reason: reason.to_owned() }
            }
            Err(Unanswered::NotKept { door_open }) => {
                tracing::error!(%device, "the disk does not take what was decided; it is held in memory");
                Answer::NotKept { door_open }
            }
            Err(Unanswered::TooLate) => {
                return tracing::warn!(%device, "dropped a request that had waited for too long");
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

    async fn answer(&self, asked: &IncomingRequest) -> Result<Answer, Unanswered> {
        use Unanswered::NotUnderstood;
        in_time(asked)?;
        let (device, payload) = (&asked.device, asked.payload.as_slice());
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
            Request::House => Ok(Answer::House { alarm: self.house_alarm().await? }),
            _ if !kiosk => Err(NotUnderstood("a staff screen does not ask what a kiosk does")),
            Request::OfferCard { ticket } => Ok(self.cards.offer(&*self.hub, device, ticket).await),
            Request::OfferStands { ticket } => {
                Ok(self.cards.offer_stands(&*self.hub, device, ticket).await)
            }
            Request::DropOff { ticket, child, check } => {
                self.drop_off(device, ticket, child, check).await
            }
            Request::Tap { card } => {
                let Some(read) = self.read(&card)? else {
                    return self
                        .guest(device, Fact::UnreadableCard { reader: device.clone() })
                        .await;
                };
                let fact = self.tap(device, &read)?;
                let answer = self.guest(device, fact).await?;
                Ok(self.with_ticket(answer, device, read))
            }
            request => {
                let fact = self.fact(device.clone(), request).await?;
                // To look at a PIN takes a while, and there may be many of them.
                in_time(asked)?;
                self.guest(device, fact).await
            }
        }
    }

    /// A card was read at a door: it opens or it does not, and whoever tapped sees which.
    pub(crate) async fn tap_at_door(
        &self,
        reader: &DeviceId,
        read: &CardRead,
        shows: &dyn Feedback,
    ) {
        let done = match self.tap(reader, &self.read_at_door(read)) {
            Ok(fact) => self.at_door(fact, shows).await,
            Err(error) => Err(error),
        };
        if done.is_err() {
            shows.denied();
        }
        if let Err(Unanswered::NotUnderstood(reason)) = done {
            tracing::warn!(%reader, reason, "a tap at a door came to nothing");
        }
    }

    /// A PIN was typed at a door's reader, after the tap that it was asked for with.
    pub(crate) async fn pin_at_door(
        &self,
        reader: &DeviceId,
        pin: &TypedPin,
        shows: &dyn Feedback,
    ) {
        if self.weighed_at_door(reader, pin, shows).await.is_err() {
            shows.denied();
        }
    }

    async fn weighed_at_door(
        &self,
        reader: &DeviceId,
        pin: &TypedPin,
        shows: &dyn Feedback,
    ) -> Result<(), Unanswered> {
        let asked = reader.clone();
        let of = self.centre.look(move |twin, at| twin.pin_asked(at, &asked)).await?;
        let right = match of {
            Some(of) => self.pin_fits(of, Secret(pin.expose().to_owned())).await?,
            None => false,
        };
        let reader = reader.clone();
        self.at_door(Fact::DoorPin { reader, right }, shows).await
    }

    /// Has the centre decide about somebody at a door, and shows them what came of it.
    async fn at_door(&self, fact: Fact, shows: &dyn Feedback) -> Result<(), Unanswered> {
        use RefusalKind::{PinNeeded, SecondPerson};
        let decided = self.centre.decide(fact).await?;
        let opened = self.open(&decided.effects).await;
        // They look at the light now; the disk may take its time.
        match &decided.answer {
            _ if opened => shows.granted(),
            Some(twin::Answer::Refused { why: PinNeeded | SecondPerson, .. }) => shows.more(),
            _ => shows.denied(),
        }
        // What is not kept yet has moved the door all the same.
        match self.tell(decided, opened).await {
            Ok(_) | Err(Unanswered::NotKept { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A card at a door gave nothing usable; that is recorded.
    pub(crate) async fn unreadable_at_door(&self, reader: &DeviceId, shows: &dyn Feedback) {
        let fact = Fact::UnreadableCard { reader: reader.clone() };
        let Ok(decided) = self.centre.decide(fact).await else { return shows.denied() };
        // Inside it opens all the same: it is the way out.
        match self.open(&decided.effects).await {
            true => shows.granted(),
            false => shows.denied(),
        }
        self.tell(decided, false).await.ok();
    }

    /// The same wherever a card is read.
    fn tap(&self, reader: &DeviceId, read: &Read) -> Result<Fact, Unanswered> {
        let (reader, card, visit) = (reader.clone(), read.card, self.new_visit()?);
        Ok(Fact::Tap { reader, card, visit })
    }

    fn read_at_door(&self, read: &CardRead) -> Read {
        let identifier = read.identifier().map(|identifier| identifier.expose());
        match read.key() {
            Some(key) => self.cards.read_key(key.expose(), identifier),
            None => self.cards.read(identifier.unwrap_or_default()),
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
        random::uuid(&*self.rng).map(VisitId).map_err(|_| NO_RANDOM)
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
                let offer = None;
                Answer::Refused { why, opens, since, free_desks, language, ticket, offer }
            }
            other => other,
        }
    }

    async fn fact(&self, reader: DeviceId, request: Request) -> Result<Fact, Unanswered> {
        let visit = self.new_visit()?;
        Ok(match request {
            Request::Code { code, pin } => {
                let code: Option<BookingCode> = code.parse().ok();
                let pin_right = match code {
                    Some(code) => self.pin_fits(PinOf::Booking(code), pin).await?,
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
            Request::WalkIn { visit, takes } => {
                let booking = random::uuid(&*self.rng).map(BookingId);
                let booking = booking.map_err(|_| NO_RANDOM)?;
                Fact::WalkIn { reader, visit, booking, takes }
            }
            _ => return Err(Unanswered::NotUnderstood("that is nothing for the centre")),
        })
    }

    /// The card, unless it gave nothing usable.
    fn read(&self, card: &Card) -> Result<Option<Read>, Unanswered> {
        Ok(match card {
            Card::Unreadable => None,
            Card::Identifier { identifier } => Some(self.cards.read(&identifier_of(identifier)?)),
            Card::Key { key, identifier } => {
                let identifier = identifier.as_ref().map(identifier_of).transpose()?;
                Some(self.cards.read_key(&key_of(key)?, identifier.as_deref()))
            }
        })
    }

    async fn pin_fits(&self, of: PinOf, Secret(pin): Secret) -> Result<bool, Stopped> {
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
        let door_open = self.open(&decided.effects).await;
        let answer = self.tell(decided, door_open).await?;
        let answer = answer.ok_or(Unanswered::NotUnderstood("this site has no answer to that"))?;
        Ok((answer, door_open))
    }

    /// Opens the doors; answers whether one was opened.
    async fn open(&self, effects: &[Effect]) -> bool {
        // Locks are told and not waited for; whoever waits, waits for a door to open.
        for effect in effects {
            if let Effect::Lock { door } = effect {
                self.doors.lock(door);
            }
        }
        let unlocks = effects.iter().filter_map(|effect| match effect {
            Effect::Unlock { door, visit } => Some(self.doors.unlock(door, *visit)),
            _ => None,
        });
        join_all(unlocks).await.contains(&true)
    }

    /// Waits for the disk, then tells the terminals; what whoever asked is told comes back. `door_open` is whether a door
    /// was opened for them.
    async fn tell(
        &self,
        decided: Decided,
        door_open: bool,
    ) -> Result<Option<twin::Answer>, Unanswered> {
        let Decided { effects, answer, on_disk, .. } = decided;
        match on_disk.wait_for(DISK).await {
            Ok(true) => {}
            Ok(false) => return Err(Unanswered::Stopped),
            Err(on_disk) => {
                // A terminal hears of it once it is kept, as always.
                let seats = self.seats.clone();
                tokio::spawn(async move {
                    if on_disk.wait().await {
                        effects.iter().for_each(|effect| seats.tell(effect));
                    }
                });
                return Err(Unanswered::NotKept { door_open });
            }
        }
        effects.iter().for_each(|effect| self.seats.tell(effect));
        Ok(answer)
    }
}

fn identifier_of(Secret(hex): &Secret) -> Result<Vec<u8>, Unanswered> {
    let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
    bytes
        .filter(|bytes| (1..=64).contains(&bytes.len()))
        .ok_or(Unanswered::NotUnderstood("a card's identifier is 1 to 64 bytes in hex"))
}

fn key_of(Secret(hex): &Secret) -> Result<[u8; 65], Unanswered> {
    let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
    bytes
        .and_then(|bytes| <[u8; 65]>::try_from(bytes).ok())
        .filter(|bytes| bytes.first() == Some(&0x04))
        .ok_or(Unanswered::NotUnderstood("a card's key is 65 bytes in hex that begin with 04"))
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
            let (ticket, offer) = (None, None);
            Answer::Refused { why, opens, since, free_desks, language, ticket, offer }
        }
        twin::Answer::OfferWalkIn { visit, space, until, minutes, why, opens, language } => {
            let offer = Some(WalkInOffer { visit, space, until, minutes });
            let (since, free_desks, ticket, language) = (None, None, None, Some(language));
            Answer::Refused { why, opens, since, free_desks, language, ticket, offer }
        }
        twin::Answer::Care(CareAnswer::LetIn(language)) => {
            Answer::LetIn { door_open, language, care: at_door(language)? }
        }
        // Whoever comes to work brings nobody: the ticket is none.
        twin::Answer::DoorOpens { language, .. } => {
            let care = AtDoor { ticket: TicketId(uuid::Uuid::nil()), children: Vec::new() };
            Answer::LetIn { door_open, language, care }
        }
        twin::Answer::Care(_) | twin::Answer::Ordered(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn a_request_is_new_once_and_of_the_eldest_nothing_is_known() {
        let (kiosk, other): (DeviceId, DeviceId) =
            ("y-kiosk-1".parse().unwrap(), "y-kiosk-2".parse().unwrap());
        let mut taken_up = TakenUp::default();
        for (what, device, correlation, is_new) in [
            ("the first", &kiosk, vec![1_u8], true),
            ("the same once more", &kiosk, vec![1], false),
            ("the next", &kiosk, vec![2], true),
            ("another's with the same mark", &other, vec![1], true),
            ("the first yet again", &kiosk, vec![1], false),
            ("one without a mark", &kiosk, vec![], true),
        ] {
            assert_eq!(taken_up.is_new(device, &correlation), is_new, "{what}");
        }
        for number in 0..REMEMBERED {
            assert!(taken_up.is_new(&kiosk, &number.to_be_bytes()));
        }
        assert_eq!(taken_up.0.len(), REMEMBERED);
        assert!(!taken_up.is_new(&kiosk, &0_usize.to_be_bytes()), "as many as that are known");
        assert!(taken_up.is_new(&kiosk, &[1]), "and the eldest are not");
    }
}
