//! What a site and its hub say to each other about cards: keys down, offers and moved cards up.

use std::fmt;

use chrono::{DateTime, Utc};
use model::id::{CredentialId, DeviceId, OfferId};
use serde::{Deserialize, Serialize};

use crate::credential::CardReference;

/// Where an edge fetches the region's card keys, below the hub's address.
pub const KEYS_PATH: &str = "/uplink/v1/card-keys";
/// Where it offers a card, and asks how its offers stand.
pub const OFFERS_PATH: &str = "/uplink/v1/cards/offers";
/// Where it tells of cards that it has read under a newer key.
pub const REKEYED_PATH: &str = "/uplink/v1/cards/rekeyed";

/// The most moved cards that are told of at once.
pub const MOST_REKEYED: usize = 100;

/// The kind of the problem when an offered card is somebody's.
pub const SOMEBODYS: &str = "/problems/card-taken";
/// The kind of the problem when the card was not read under the newest key.
pub const KEY_CHANGED: &str = "/problems/card-key-changed";
/// The kind of the problem when a kiosk has offered too many cards.
pub const TOO_MANY: &str = "/problems/too-many-offers";

/// The region's card keys in use, the newest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardKeys {
    /// The newest, and the one before it until it retires.
    pub keys: Vec<CardKey>,
}

/// One generation of the region's card key. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardKey {
    /// 1, 2, 3 …
    pub generation: u32,
    /// 32 bytes, base64.
    pub key: String,
}

impl fmt::Debug for CardKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardKeys(..)")
    }
}

/// `R` and the generation of the key that it was made with.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Of the key.
    pub generation: u32,
    /// `R`, 64 hexadecimal digits.
    pub reference: CardReference,
}

/// A card that was tapped at a kiosk and wants to be somebody's.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferCard {
    /// On which kiosk of the site.
    pub kiosk: DeviceId,
    /// The card's identifier under each key that the site has, the newest first; none where the card
    /// has a key and no usable identifier.
    pub references: Vec<Reference>,
    /// The key that the card has proved under each key that the site has, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Reference>,
}

/// The offer waits for its code.
#[derive(Clone, Serialize, Deserialize)]
pub struct CardOffered {
    /// Its id.
    pub offer: OfferId,
    /// What to show, as in `K7M-2QX`.
    pub code: String,
    /// Until when the code is good.
    pub ends_at: DateTime<Utc>,
}

/// How a site's offers of the last hour stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offers {
    /// Each of them.
    pub offers: Vec<OfferStands>,
}

/// How one offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferStands {
    /// Which.
    pub offer: OfferId,
    /// How.
    pub state: OfferState,
}

/// How an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
    /// It waits for its code.
    Open,
    /// The card is somebody's now.
    Taken,
    /// Nobody came in time.
    Ended,
}

/// Cards that the sheet lists under the former key only, read under the newest one.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rekeyed {
    /// Each of them; at most [`MOST_REKEYED`].
    pub cards: Vec<RekeyedCard>,
}

/// A card that was read under the newest key.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RekeyedCard {
    /// Which.
    pub credential: CredentialId,
    /// What the hub knows it by: only who has seen the card can say so.
    pub former: CardReference,
    /// What it is under the newest key.
    pub newest: Reference,
}
