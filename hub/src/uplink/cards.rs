//! Cards as sites tell of them: offered, moved to a newer key; and the keys on their way down.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::audit::{AuditAction, AuditActor};
use model::card::CardLevel;
use model::permission::Action;
use store::KeyedReference;
use wire::cards::{
    CardKey, CardKeys, CardOffered, MOST_REKEYED, OfferCard, Offers, Reference, Rekeyed,
};

use super::peer::Device;
use crate::hub::Hub;
use crate::problem::Problem;
use crate::service::audit;
use crate::service::cards::offers::{self, Offered};

/// `GET /uplink/v1/card-keys`: the newest key, and the one before it until it retires.
pub async fn keys(State(hub): State<Hub>, edge: Device) -> Result<Json<CardKeys>, Problem> {
    edge.allow_here(Action::FetchSheet)?;
    let generations = hub.keys.region_cards.now();
    let retired: Vec<u32> = (hub.store.card_keys().await?.iter())
        .filter(|record| record.retired_at.is_some())
        .map(|record| record.generation)
        .collect();
    let keys = [Some(generations.newest()), generations.former()]
        .into_iter()
        .flatten()
        .filter(|key| !retired.contains(&key.number))
        .map(|key| CardKey { generation: key.number, key: BASE64.encode(key.bytes) });
    Ok(Json(CardKeys { keys: keys.collect() }))
}

/// `POST /uplink/v1/cards/offers`: a card wants to be somebody's.
pub async fn offer(
    State(hub): State<Hub>,
    edge: Device,
    body: Result<Json<OfferCard>, JsonRejection>,
) -> Result<Json<CardOffered>, Problem> {
    edge.allow_here(Action::OfferCard)?;
    let Json(OfferCard { kiosk, references, keys }) = body?;
    let kept = |references: Vec<Reference>, level| -> Vec<KeyedReference> {
        let kept = |known: Reference| KeyedReference {
            generation: known.generation,
            reference: known.reference.0,
            level,
        };
        references.into_iter().map(kept).collect()
    };
    let read = offers::Read {
        keys: kept(keys, CardLevel::Key),
        identifiers: kept(references, CardLevel::Identifier),
    };
    let problem = |status, kind: &str, title, detail| {
        Problem::new(status, kind.trim_start_matches("/problems/"), title, detail)
    };
    match offers::offer(&hub, edge.centre, &kiosk, &read).await? {
        Offered::Kept { offer, code, ends_at } => {
            let entry = audit::Entry::new(AuditAction::CardOffered)
                .at(edge.centre)
                .note("kiosk", kiosk.as_str());
            audit::record_as(&hub, AuditActor::Device(edge.device.clone()), entry).await?;
            Ok(Json(CardOffered { offer, code: code.to_string(), ends_at }))
        }
        Offered::ForeignKiosk => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "foreign-kiosk",
            "Not a kiosk of this site",
            format!("{kiosk} is no kiosk of the site that this edge runs."),
        )),
        Offered::Somebodys => Err(problem(
            StatusCode::CONFLICT,
            wire::cards::SOMEBODYS,
            "The card is somebody's",
            "The card is registered already.",
        )),
        Offered::KeyChanged => Err(problem(
            StatusCode::CONFLICT,
            wire::cards::KEY_CHANGED,
            "The card key has changed",
            "Fetch the region's card keys and read the card again.",
        )),
        Offered::TooMany => Err(problem(
            StatusCode::TOO_MANY_REQUESTS,
            wire::cards::TOO_MANY,
            "Too many offers",
            "This kiosk has offered too many cards within an hour.",
        )),
    }
}

/// `GET /uplink/v1/cards/offers`: how the site's offers of the last hour stand.
pub async fn stand(State(hub): State<Hub>, edge: Device) -> Result<Json<Offers>, Problem> {
    edge.allow_here(Action::OfferCard)?;
    Ok(Json(Offers { offers: offers::stand(&hub, edge.centre).await? }))
}

/// `POST /uplink/v1/cards/rekeyed`: cards were read under the newest key. Told twice is told once;
/// what does not fit is left out.
pub async fn rekeyed(
    State(hub): State<Hub>,
    edge: Device,
    body: Result<Json<Rekeyed>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    edge.allow_here(Action::TellEvents)?;
    let Json(Rekeyed { cards }) = body?;
    if cards.len() > MOST_REKEYED {
        return Err(Problem::too_large(format!("At most {MOST_REKEYED} cards at once.")));
    }
    let newest = hub.keys.region_cards.now().newest().number;
    for card in &cards {
        let new = KeyedReference {
            generation: card.newest.generation,
            reference: card.newest.reference.0,
            // Which it is, the one before it says.
            level: CardLevel::Identifier,
        };
        let fits = new.generation == newest
            && hub.store.rekey(card.credential, &card.former.0, &new).await?;
        if !fits {
            tracing::warn!(edge = %edge.device, card = %card.credential, "a moved card does not fit");
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
