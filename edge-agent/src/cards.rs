//! Cards at the site: read under the region's keys, looked up on the sheet, offered to the hub.
//!
//! Identifier and key go no further than [`Cards::read`] and [`Cards::read_key`]. What leads to a card stays here: a kiosk
//! gets a ticket.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use std::{fs, io};

use data_encoding::BASE64;
use model::card::CardLevel;
use model::day_sheet::{CredentialDigest, SheetCredential};
use model::id::{CredentialId, DeviceId, OfferId, TicketId};
use tokio::sync::Notify;
use twin::TappedCard;
use wire::cards::{CardKeys, MOST_REKEYED, OfferCard, OfferState, Reference, RekeyedCard};
use wire::credential::{CardReference, RegionCardKey};
use wire::identity::replace_private;
use wire::request::{Answer, NotOffered, Secret};

use crate::hub::{Hub, HubError};

/// The file of the keys that were fetched, beside the identity.
pub const FILE: &str = "card-keys.json";
/// How long a card that was refused may be registered without another tap.
const TICKET: Duration = Duration::from_secs(3 * 60);
/// How long it is asked after an offer.
const OFFER: Duration = Duration::from_secs(15 * 60);
/// The most tickets at once: the oldest goes first.
const MOST_TICKETS: usize = 64;
/// The most moved cards that wait to be told.
const MOST_MOVED: usize = 10_000;

/// The region's card keys and the sheet's cards.
pub struct Cards {
    file: PathBuf,
    keys: RwLock<Vec<Key>>,
    /// Two that are fetched at a time are kept one after the other.
    keeping: Mutex<()>,
    sheet: RwLock<Option<OnSheet>>,
    tickets: Mutex<HashMap<TicketId, Ticket>>,
    moved: Mutex<HashMap<(CredentialId, CardLevel), RekeyedCard>>,
    /// Told when there are moved cards to tell of.
    pub(crate) has_moved: Notify,
}

/// A card key; its generation is known once it was fetched.
struct Key {
    generation: Option<u32>,
    key: RegionCardKey,
}

/// A card as it was read, under every key.
#[derive(Clone)]
pub struct Read {
    /// What the sheet would list.
    pub card: TappedCard,
    offers: Offered,
}

/// What a card would be registered by.
#[derive(Clone, Default)]
struct Offered {
    identifiers: Vec<Reference>,
    keys: Vec<Reference>,
}

/// One of the two things that a card is known by.
struct Looked {
    digest: CredentialDigest,
    references: Vec<Reference>,
}

struct OnSheet {
    salt: [u8; 32],
    cards: HashMap<CredentialDigest, (CredentialId, u32, CardLevel)>,
    /// The newest generation that each card is listed under, by its identifier and by its key.
    newest: HashMap<(CredentialId, CardLevel), u32>,
}

struct Ticket {
    kiosk: DeviceId,
    offers: Offered,
    offer: Option<OfferId>,
    ends: Instant,
}

impl Cards {
    /// With the keys that were fetched last into `folder`, or else the one of the enrolment; so too where the file cannot
    /// be read: the hub is asked again.
    #[must_use]
    pub fn open(folder: &Path, enrolled: Option<[u8; 32]>) -> Self {
        let file = folder.join(FILE);
        let fetched = kept(&file).unwrap_or_else(|error| {
            tracing::error!(%error, "the kept card keys are damaged; the hub is asked again");
            None
        });
        let keys = fetched.unwrap_or_else(|| {
            let key = |bytes| Key { generation: None, key: RegionCardKey::new(&bytes) };
            enrolled.map(key).into_iter().collect()
        });
        Self {
            file,
            keys: RwLock::new(keys),
            keeping: Mutex::default(),
            sheet: RwLock::default(),
            tickets: Mutex::default(),
            moved: Mutex::default(),
            has_moved: Notify::new(),
        }
    }

    /// Fetches the keys, keeps them, and reads cards under them from then on.
    ///
    /// # Errors
    /// When they cannot be fetched or kept; the ones before stay in use.
    pub async fn fetch(&self, hub: &dyn Hub) -> Result<(), HubError> {
        let fetched = hub.card_keys().await?;
        let unreadable = |error: io::Error| HubError::Unreadable(error.to_string());
        let found = keys(&fetched).map_err(unreadable)?;
        let json = serde_json::to_vec(&fetched)
            .map_err(|error| HubError::Unreadable(error.to_string()))?;
        let _keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        replace_private(&self.file, &json).map_err(unreadable)?;
        tracing::info!(keys = found.len(), "the region's card keys are in use");
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// Looks cards up on this sheet from now on.
    pub fn use_sheet(&self, salt: [u8; 32], credentials: &[SheetCredential]) {
        let mut newest: HashMap<(CredentialId, CardLevel), u32> = HashMap::new();
        for card in credentials {
            let known = newest.entry((card.credential, card.level)).or_default();
            *known = card.generation.max(*known);
        }
        let cards = credentials
            .iter()
            .map(|card| (card.digest, (card.credential, card.generation, card.level)))
            .collect();
        *self.sheet.write().unwrap_or_else(PoisonError::into_inner) =
            Some(OnSheet { salt, cards, newest });
    }

    /// A card that gave its identifier and proved nothing.
    #[must_use]
    pub fn read(&self, identifier: &[u8]) -> Read {
        let Looked { digest, references: identifiers } = self.look(|key| key.reference(identifier));
        let card = TappedCard::of_identifier(digest);
        Read { card, offers: Offered { identifiers, keys: Vec::new() } }
    }

    /// A card that has proved this key, with the identifier of the same card.
    #[must_use]
    pub fn read_key(&self, key: &[u8; 65], identifier: Option<&[u8]>) -> Read {
        let proved = self.look(|region| region.key_reference(key));
        let beside = identifier.map(|identifier| self.look(|key| key.reference(identifier)));
        let card = TappedCard {
            digest: proved.digest,
            level: CardLevel::Key,
            identifier: beside.as_ref().map(|beside| beside.digest),
        };
        let identifiers = beside.map(|beside| beside.references).unwrap_or_default();
        Read { card, offers: Offered { identifiers, keys: proved.references } }
    }

    /// What the sheet lists the card under: whichever key the hub has it by. A card that has yet to
    /// move to the newest key is told to the hub.
    fn look(&self, under: impl Fn(&RegionCardKey) -> CardReference) -> Looked {
        let (numbered, plain) = self.references(under);
        let sheet = self.sheet.read().unwrap_or_else(PoisonError::into_inner);
        // Before the first sheet no card is known, whatever its digest.
        let mut digest = CredentialDigest([0; 32]);
        if let Some(sheet) = sheet.as_ref() {
            let mut digests = plain.iter().map(|reference| reference.on_sheet(&sheet.salt));
            digest = digests
                .clone()
                .find(|digest| sheet.cards.contains_key(digest))
                .or_else(|| digests.next())
                .unwrap_or(digest);
            if let (Some((card, generation, level)), Some(newest)) =
                (sheet.cards.get(&digest), numbered.first())
                && sheet
                    .newest
                    .get(&(*card, *level))
                    .is_some_and(|known| *known < newest.generation)
                && let Some(former) = numbered.iter().find(|known| known.generation == *generation)
            {
                let (credential, former) = (*card, former.reference);
                self.moves(*level, RekeyedCard { credential, former, newest: *newest });
            }
        }
        Looked { digest, references: numbered }
    }

    fn references(
        &self,
        under: impl Fn(&RegionCardKey) -> CardReference,
    ) -> (Vec<Reference>, Vec<CardReference>) {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut numbered = Vec::new();
        let mut plain = Vec::new();
        for key in keys.iter() {
            let reference = under(&key.key);
            plain.push(reference);
            numbered.extend(key.generation.map(|generation| Reference { generation, reference }));
        }
        (numbered, plain)
    }

    fn moves(&self, level: CardLevel, card: RekeyedCard) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if moved.len() < MOST_MOVED {
            moved.insert((card.credential, level), card);
            self.has_moved.notify_one();
        }
    }

    /// Tells the hub of the cards that have moved; answers whether there were any.
    ///
    /// # Errors
    /// When the hub does not take them; they wait then.
    pub async fn tell_moved(&self, hub: &dyn Hub) -> Result<bool, HubError> {
        let cards: Vec<RekeyedCard> = {
            let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
            moved.values().take(MOST_REKEYED).copied().collect()
        };
        if cards.is_empty() {
            return Ok(false);
        }
        hub.rekeyed(&cards).await?;
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.retain(|_, card| !cards.contains(card));
        Ok(true)
    }

    /// A ticket with which the kiosk may offer the card that it has just read.
    pub fn ticket(&self, ticket: TicketId, kiosk: &DeviceId, read: Read) {
        let now = Instant::now();
        let mut tickets = self.tickets();
        tickets.retain(|_, ticket| now < ticket.ends);
        if tickets.len() >= MOST_TICKETS
            && let Some(oldest) =
                tickets.iter().min_by_key(|(_, ticket)| ticket.ends).map(|(id, _)| *id)
        {
            tickets.remove(&oldest);
        }
        let offers = read.offers;
        let new = Ticket { kiosk: kiosk.clone(), offers, offer: None, ends: now + TICKET };
        tickets.insert(ticket, new);
    }

    /// Offers the ticket's card to the hub.
    pub async fn offer(&self, hub: &dyn Hub, kiosk: &DeviceId, ticket: TicketId) -> Answer {
        let not = |why| Answer::NotOffered { why };
        let Offered { identifiers: references, keys } = match self.tickets().get(&ticket) {
            Some(known) if known.kiosk == *kiosk && Instant::now() < known.ends => {
                known.offers.clone()
            }
            _ => return not(NotOffered::TapAgain),
        };
        if references.is_empty() && keys.is_empty() {
            // Enrolled, and never connected since.
            self.fetch(hub).await.ok();
            return not(NotOffered::NoConnection);
        }
        match hub.offer_card(&OfferCard { kiosk: kiosk.clone(), references, keys }).await {
            Ok(offered) => {
                if let Some(known) = self.tickets().get_mut(&ticket) {
                    known.offer = Some(offered.offer);
                    known.ends = Instant::now() + OFFER;
                }
                let (code, ends_at) = (Secret(offered.code), offered.ends_at);
                Answer::CardOffered { ticket, code, ends_at }
            }
            Err(HubError::Refused { kind, .. }) if kind == wire::cards::SOMEBODYS => {
                not(NotOffered::Somebodys)
            }
            Err(HubError::Refused { kind, .. }) if kind == wire::cards::TOO_MANY => {
                not(NotOffered::TooMany)
            }
            Err(HubError::Refused { kind, .. }) if kind == wire::cards::KEY_CHANGED => {
                self.fetch(hub).await.ok();
                not(NotOffered::TapAgain)
            }
            Err(error) => {
                tracing::warn!(%kiosk, %error, "a card could not be offered");
                not(NotOffered::NoConnection)
            }
        }
    }

    /// Whether the ticket's card is somebody's by now.
    pub async fn offer_stands(&self, hub: &dyn Hub, kiosk: &DeviceId, ticket: TicketId) -> Answer {
        let offer = match self.tickets().get(&ticket) {
            Some(known) if known.kiosk == *kiosk => known.offer,
            _ => None,
        };
        let Some(offer) = offer else {
            return Answer::NotOffered { why: NotOffered::TapAgain };
        };
        let offers = hub.offers().await.map(|offers| offers.offers);
        let state = offers.map(|all| all.iter().find(|known| known.offer == offer).copied());
        match state {
            Ok(Some(known)) if known.state == OfferState::Taken => Answer::CardAdded,
            Ok(Some(known)) if known.state == OfferState::Ended => {
                Answer::NotOffered { why: NotOffered::TapAgain }
            }
            Ok(None) => Answer::NotOffered { why: NotOffered::TapAgain },
            // A line that is down for a moment is no reason to take the code off the screen.
            Ok(Some(_)) | Err(_) => Answer::CardWaits,
        }
    }

    fn tickets(&self) -> MutexGuard<'_, HashMap<TicketId, Ticket>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept(file: &Path) -> io::Result<Option<Vec<Key>>> {
    match fs::read(file) {
        Ok(bytes) => keys(&serde_json::from_slice(&bytes)?).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn keys(fetched: &CardKeys) -> io::Result<Vec<Key>> {
    let keys: Vec<Key> = fetched
        .keys
        .iter()
        .map(|key| {
            let bytes =
                BASE64.decode(key.key.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            let bytes: [u8; 32] = bytes.ok_or_else(no_key)?;
            Ok(Key { generation: Some(key.generation), key: RegionCardKey::new(&bytes) })
        })
        .collect::<io::Result<_>>()?;
    if keys.is_empty() { Err(no_key()) } else { Ok(keys) }
}

fn no_key() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a card key is not 32 bytes")
}
