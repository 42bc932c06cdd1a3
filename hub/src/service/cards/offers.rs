//! Cards that want to be somebody's: offered by a site, taken with a code.

use chrono::{DateTime, TimeDelta, Utc};
use model::card::{OFFER_LASTS, OfferCode};
use model::day_sheet::DeviceKind;
use model::id::{CentreId, DeviceId, OfferId};
use store::{CardOffer, KeyedReference, OfferKept, StoreError};
use wire::cards::{OfferStands, OfferState};

use crate::hub::Hub;
use crate::service::Refused;

/// So long an offer is remembered.
pub const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// The most offers of one kiosk in that time.
pub const MOST_OF_A_KIOSK: u32 = 60;
/// Codes are drawn again where an offer has the same one; more often than this is no accident.
const DRAWS: u32 = 8;

/// How an offer ended.
pub enum Offered {
    /// It waits for its code.
    Kept {
        /// Its id.
        offer: OfferId,
        /// What the kiosk shows.
        code: OfferCode,
        /// Until when the code is good.
        ends_at: DateTime<Utc>,
    },
    /// The kiosk is none of this centre's.
    ForeignKiosk,
    /// The card is somebody's.
    Somebodys,
    /// The card was not read under the newest key.
    KeyChanged,
    /// The kiosk has made too many.
    TooMany,
}

/// What a site has read of a card, each under the newest card key first.
pub struct Read {
    /// The key that it has proved; none where it proved nothing.
    pub keys: Vec<KeyedReference>,
    /// Its identifier; none where it has a key and no usable identifier.
    pub identifiers: Vec<KeyedReference>,
}

/// Keeps the offer of a card.
///
/// # Errors
/// When the store or the random source fails.
pub async fn offer(
    hub: &Hub,
    centre: CentreId,
    kiosk: &DeviceId,
    read: &Read,
) -> Result<Offered, Refused> {
    let device = hub.store.device(kiosk).await?;
    if !device.is_some_and(|found| found.centre == centre && found.kind == DeviceKind::Kiosk) {
        return Ok(Offered::ForeignKiosk);
    }
    let generations = hub.keys.region_cards.now();
    let Read { keys, identifiers } = read;
    let (main, beside) = match keys.is_empty() {
        true => (identifiers, keys),
        false => (keys, identifiers),
    };
    let of = |references: &[KeyedReference], number| {
        references.iter().find(|known| known.generation == number).copied()
    };
    let newest = generations.newest().number;
    let Some(reference) = of(main, newest) else { return Ok(Offered::KeyChanged) };
    let former = generations.former().map(|former| former.number);
    let now = hub.now();
    for _ in 0..DRAWS {
        let code = OfferCode::from_random(u64::from_be_bytes(hub.random_bytes()?));
        let offer = CardOffer {
            id: OfferId(hub.new_id()?),
            code: digest(hub, code),
            centre,
            kiosk: kiosk.clone(),
            reference,
            former: former.and_then(|number| of(main, number)),
            beside: of(beside, newest),
            former_beside: former.and_then(|number| of(beside, number)),
            at: now,
            ends_at: now + OFFER_LASTS,
        };
        match hub.store.offer_card(&offer, now - REMEMBERED, MOST_OF_A_KIOSK).await? {
            OfferKept::Kept => {
                let (offer, ends_at) = (offer.id, offer.ends_at);
                return Ok(Offered::Kept { offer, code, ends_at });
            }
            OfferKept::Somebodys => return Ok(Offered::Somebodys),
            OfferKept::TooMany => return Ok(Offered::TooMany),
            OfferKept::CodeTaken => {}
        }
    }
    Err(Refused::Inner("no code was free for an offer"))
}

/// How a centre's offers stand.
///
/// # Errors
/// When the store fails.
pub async fn stand(hub: &Hub, centre: CentreId) -> Result<Vec<OfferStands>, StoreError> {
    let now = hub.now();
    let offers = hub.store.offers_of(centre, now - REMEMBERED, now).await?;
    Ok(offers
        .into_iter()
        .map(|(offer, state)| OfferStands {
            offer,
            state: match state {
                store::OfferState::Open => OfferState::Open,
                store::OfferState::Taken => OfferState::Taken,
                store::OfferState::Ended => OfferState::Ended,
            },
        })
        .collect())
}

/// What is kept of a code: nobody without the key can try them all.
#[must_use]
pub fn digest(hub: &Hub, code: OfferCode) -> [u8; 32] {
    hub.keys.derive(b"kyoten: code of an offered card", &[code.as_bytes()])
}
