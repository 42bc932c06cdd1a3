//! Cards from their offer at a kiosk to their end, and the generations of the region's card key.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::card::{CardLevel, CardState};
use model::id::{CentreId, CredentialId, DeviceId, OfferId, PersonId};

use crate::Result;

/// Whose cards they are, and how they become so.
#[async_trait]
pub trait Cards {
    /// Adds a card; none of its references is another card's.
    async fn add_credential(&self, credential: &Credential) -> Result<()>;
    /// A card.
    async fn credential(&self, id: CredentialId) -> Result<Option<Credential>>;
    /// A person's cards, those added first before others.
    async fn credentials_of(&self, person: PersonId) -> Result<Vec<Credential>>;
    /// Changes what a person calls a card of theirs; answers whether it is theirs.
    async fn set_label(&self, person: PersonId, id: CredentialId, label: &str) -> Result<bool>;
    /// Moves a card that is in one of the states `from`; answers whether it was.
    async fn change_card(
        &self,
        id: CredentialId,
        from: &[CardState],
        to: CardState,
        change: &CardChange,
    ) -> Result<bool>;

    /// Whether somebody has or had a booking at a centre, or works there.
    async fn knows_centre(&self, person: PersonId, centre: CentreId) -> Result<bool>;
    /// The operators of a centre and the staff of its nurseries whose term is not over at `now`.
    async fn staff_of(&self, centre: CentreId, now: DateTime<Utc>) -> Result<Vec<PersonId>>;

    /// The references of the lost and blocked cards of the region, those stopped last first; at most
    /// `most` of them.
    async fn stopped_cards(&self, most: u32) -> Result<Vec<(CredentialId, KeyedReference)>>;

    /// Keeps an offer, in the place of an earlier one of the same card. Nothing is kept where the
    /// card is somebody's, or where its kiosk has made `most` offers since `since`.
    async fn offer_card(
        &self,
        offer: &CardOffer,
        since: DateTime<Utc>,
        most: u32,
    ) -> Result<OfferKept>;
    /// How a centre's offers that were made after `since` stand at `now`.
    async fn offers_of(
        &self,
        centre: CentreId,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(OfferId, OfferState)>>;
    /// Makes an offered card somebody's, all or nothing. The code is used up unless it was wrong or
    /// there is nothing to replace.
    async fn take_offer(&self, take: &TakeOffer) -> Result<OfferTaken>;
    /// Forgets offers made before `before`; answers how many.
    async fn sweep_offers(&self, before: DateTime<Utc>) -> Result<u64>;

    /// Every generation of the region's card key, the oldest first.
    async fn card_keys(&self) -> Result<Vec<CardKeyRecord>>;
    /// Notes a new generation, and when the one before it retires.
    async fn add_card_key(
        &self,
        generation: u32,
        at: DateTime<Utc>,
        former_retires_at: DateTime<Utc>,
    ) -> Result<()>;
    /// How many cards that are not at their end are known under `generation` or an older one only, by
    /// what they must prove.
    async fn cards_only_under(&self, generation: u32) -> Result<u64>;
    /// Forgets the references of a generation and ends the cards that can prove nothing without them,
    /// with the reason
    /// [`KEY_RETIRED`]; answers how many cards ended.
    async fn retire_card_key(&self, generation: u32, at: DateTime<Utc>) -> Result<u64>;
    /// Adds a reference under a newer generation to the card that has `former`, which it stands for;
    /// answers whether the card has it now.
    async fn rekey(
        &self,
        id: CredentialId,
        former: &[u8; 32],
        new: &KeyedReference,
    ) -> Result<bool>;
}

/// Why a card is at its end that was not tapped before its key was retired.
pub const KEY_RETIRED: &str = "card-key-retired";

/// A card of somebody's.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose.
    pub person: PersonId,
    /// What its holder calls it.
    pub label: String,
    /// `R` under one or two generations of the region's card key, the newest first, and what proves
    /// most first; nothing once the last of them is retired.
    pub references: Vec<KeyedReference>,
    /// The highest level that it was ever registered or seen at: it is refused below.
    pub level: CardLevel,
    /// Where it is in its life; [`Credential::state_at`] knows of its end too.
    pub state: CardState,
    /// Since when, by whom and why.
    pub change: CardChange,
    /// Not from then on.
    pub valid_until: Option<DateTime<Utc>>,
    /// Since when it is theirs.
    pub added_at: DateTime<Utc>,
}

impl Credential {
    /// An active card under one reference.
    #[must_use]
    pub fn new(
        id: CredentialId,
        person: PersonId,
        reference: KeyedReference,
        label: &str,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            person,
            label: label.to_owned(),
            references: vec![reference],
            level: reference.level,
            state: CardState::Active,
            change: CardChange { at, by: None, why: String::new() },
            valid_until: None,
            added_at: at,
        }
    }

    /// Where it is in its life at `now`.
    #[must_use]
    pub fn state_at(&self, now: DateTime<Utc>) -> CardState {
        match self.state {
            CardState::Active if self.valid_until.is_some_and(|until| until <= now) => {
                CardState::Expired
            }
            state => state,
        }
    }
}

/// `R`, made of a card's identifier or of its key, and the generation of the region's card key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyedReference {
    /// Of the key.
    pub generation: u32,
    /// `R`.
    pub reference: [u8; 32],
    /// What a card that is known by it has proved.
    pub level: CardLevel,
}

/// Since when, by whom and why a card is in its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardChange {
    /// Since when.
    pub at: DateTime<Utc>,
    /// By whom; nobody where it was the hub.
    pub by: Option<PersonId>,
    /// Why, in their words.
    pub why: String,
}

/// A card that wants to be somebody's.
#[derive(Clone)]
pub struct CardOffer {
    /// Its id.
    pub id: OfferId,
    /// A keyed hash of its code.
    pub code: [u8; 32],
    /// Where it was tapped.
    pub centre: CentreId,
    /// On which kiosk.
    pub kiosk: DeviceId,
    /// What proves most of it, under the newest key.
    pub reference: KeyedReference,
    /// The same under the key before.
    pub former: Option<KeyedReference>,
    /// Where that is a key: the identifier of the same card, under the newest key.
    pub beside: Option<KeyedReference>,
    /// The same under the key before.
    pub former_beside: Option<KeyedReference>,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// When its code ends.
    pub ends_at: DateTime<Utc>,
}

impl CardOffer {
    /// All that the card would be known by.
    pub fn references(&self) -> impl Iterator<Item = KeyedReference> {
        let all = [Some(self.reference), self.former, self.beside, self.former_beside];
        all.into_iter().flatten()
    }
}

/// Whether an offer was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferKept {
    /// It waits for its code.
    Kept,
    /// The card is somebody's.
    Somebodys,
    /// The kiosk has made too many.
    TooMany,
    /// Another offer has this code.
    CodeTaken,
}

/// How an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferState {
    /// It waits for its code.
    Open,
    /// The card is somebody's now.
    Taken,
    /// Nobody came in time.
    Ended,
}

/// Who takes an offered card, and as what.
#[derive(Clone)]
pub struct TakeOffer {
    /// The keyed hash of the code that was typed.
    pub code: [u8; 32],
    /// Only an offer of this centre's.
    pub centre: Option<CentreId>,
    /// The new card's id.
    pub id: CredentialId,
    /// Whose it becomes.
    pub person: PersonId,
    /// What it is called.
    pub label: String,
    /// Not from then on.
    pub valid_until: Option<DateTime<Utc>>,
    /// Their card that it takes the place of.
    pub replaces: Option<CredentialId>,
    /// When and by whom.
    pub change: CardChange,
}

/// How taking an offer ended.
#[derive(Clone, PartialEq, Eq)]
pub enum OfferTaken {
    /// The card is theirs.
    Done(Box<Credential>),
    /// No open offer has this code.
    NoSuchCode,
    /// The card is somebody's already.
    Somebodys,
    /// They have no such card to replace.
    NothingToReplace,
}

/// A generation of the region's card key; the key itself is not in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardKeyRecord {
    /// 1, 2, 3 …
    pub generation: u32,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it retires, once there is a newer one.
    pub retires_at: Option<DateTime<Utc>>,
    /// When it did.
    pub retired_at: Option<DateTime<Utc>>,
}
