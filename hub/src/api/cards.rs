//! Cards: one's own, and those of a centre's guests.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use model::card::CardState;
use model::centre::Centre;
use model::id::CredentialId;
use serde::{Deserialize, Serialize};
use store::Credential;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Answer, Asked, Body, Id, Said};
use crate::problem::Problem;
use crate::service::cards::{self as service, Added, NewCard};
use crate::service::{Caller, Refused};
use crate::web::Web;

/// A card. What it says to a reader is not told.
#[derive(Serialize, ToSchema)]
pub struct Card {
    id: Uuid,
    /// What it is called.
    label: String,
    /// `active`, `lost`, `blocked`, `replaced` or `expired`.
    #[schema(value_type = String, example = "active")]
    state: CardState,
    /// Since when.
    since: DateTime<Utc>,
    /// Why, where somebody said.
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
    /// Not from then on.
    valid_until: Option<DateTime<Utc>>,
    /// Since when it is theirs.
    added_at: DateTime<Utc>,
    /// What it has to prove: 1 its identifier, which can be copied; 2 a key that the reader has too; 3 a private key,
    /// which cannot be copied.
    level: u8,
}

/// Cards.
#[derive(Serialize, ToSchema)]
pub struct Cards {
    cards: Vec<Card>,
}

/// The card behind the code that a kiosk shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// The code.
    #[schema(example = "K7M-2QX")]
    code: String,
    /// What to call it, 1 to 40 characters.
    #[serde(default)]
    label: String,
}

/// The same for a guest, whose identity the operator has checked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddForGuest {
    /// The code.
    #[schema(example = "K7M-2QX")]
    code: String,
    /// The guest's e-mail address.
    email: String,
    /// What to call it, 1 to 40 characters.
    #[serde(default)]
    label: String,
    /// Not from then on.
    #[serde(default)]
    valid_until: Option<DateTime<Utc>>,
    /// Their card that it takes the place of.
    #[serde(default)]
    replaces: Option<Uuid>,
}

/// Whose cards.
#[derive(Deserialize, utoipa::IntoParams)]
pub struct Of {
    /// The guest's e-mail address.
    email: String,
}

/// Why a card is stopped, or works again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// 1 to 200 characters.
    why: String,
}

/// The caller's own cards.
#[utoipa::path(
    get, path = "/v1/me/cards", tag = "cards",
    responses(
        (status = 200, body = Cards),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(web): State<Web>, caller: Caller) -> Answer<Json<Cards>> {
    let cards = service::own(&web.hub, &caller).await?;
    Ok(Json(all(&web, cards)))
}

/// Makes the card behind a kiosk's code the caller's.
#[utoipa::path(
    post, path = "/v1/me/cards", tag = "cards", request_body = Add,
    params(("X-CSRF-Token" = String, Header, description = "The session's token.")),
    responses(
        (status = 201, body = Card),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The card is somebody's already."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "The code is wrong, used or too old."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many wrong codes; `until` says when to go on."),
    )
)]
pub async fn add(
    State(web): State<Web>,
    caller: Caller,
    body: Answer<Body<Add>>,
) -> Answer<(StatusCode, Json<Card>)> {
    service::own(&web.hub, &caller).await?;
    let Body(Add { code, label }) = body?;
    let new = NewCard { code: &code, label: &label, ..NewCard::default() };
    added(&web, service::add_own(&web.hub, &web.throttle, &caller, &new).await?)
}

/// Reports one of the caller's cards as lost. Doing it twice is the same as once.
#[utoipa::path(
    post, path = "/v1/me/cards/{id}/lost", tag = "cards",
    params(
        ("id" = Uuid, Path, description = "The card."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Card),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
    )
)]
pub async fn lost(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<CredentialId>>,
) -> Answer<Json<Card>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let card = service::lose_own(&web.hub, &caller, id).await?;
    Ok(Json(one(&web, card)))
}

/// The cards of a guest of the centre.
#[utoipa::path(
    get, path = "/v1/centres/{slug}/cards", tag = "cards",
    params(("slug" = String, Path, description = "The centre."), Of),
    responses(
        (status = 200, body = Cards),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such centre, or no such guest of it."),
    )
)]
pub async fn of_guest(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    of: Answer<Asked<Of>>,
) -> Answer<Json<Cards>> {
    let centre = centre(&web, &caller, &slug).await?;
    let Asked(Of { email }) = of?;
    let guest = service::guest(&web.hub, &caller, centre.id, &email).await?;
    Ok(Json(all(&web, guest.ok_or_else(no_guest)?.cards)))
}

/// Makes the card behind a code of one of the centre's kiosks a guest's.
#[utoipa::path(
    post, path = "/v1/centres/{slug}/cards", tag = "cards", request_body = AddForGuest,
    params(
        ("slug" = String, Path, description = "The centre."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 201, body = Card),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such centre."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The card is somebody's already."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "The code is wrong, used or too old; there is no such guest, or no such card to replace."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many wrong codes; `until` says when to go on."),
    )
)]
pub async fn add_for_guest(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    body: Answer<Body<AddForGuest>>,
) -> Answer<(StatusCode, Json<Card>)> {
    let centre = centre(&web, &caller, &slug).await?;
    let Body(AddForGuest { code, email, label, valid_until, replaces }) = body?;
    if service::guest(&web.hub, &caller, centre.id, &email).await?.is_none() {
        return Err(Said(Problem {
            status: StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
            ..no_guest()
        }));
    }
    let replaces = replaces.map(CredentialId);
    let new = NewCard { code: &code, label: &label, valid_until, replaces };
    let throttle = &web.throttle;
    added(&web, service::add_for_guest(&web.hub, throttle, &caller, &centre, &email, &new).await?)
}

/// Stops a guest's card: connected sites refuse it within seconds.
#[utoipa::path(
    post, path = "/v1/centres/{slug}/cards/{id}/block", tag = "cards", request_body = Reason,
    params(
        ("slug" = String, Path, description = "The centre."),
        ("id" = Uuid, Path, description = "The card."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Card),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such centre, or no guest of it has such a card."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "No reason."),
    )
)]
pub async fn block(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
    body: Answer<Body<Reason>>,
) -> Answer<Json<Card>> {
    let centre = centre(&web, &caller, &slug).await?;
    let Body(Reason { why }) = body?;
    let card = service::block(&web.hub, &caller, centre.id, named(&id)?, &why).await?;
    Ok(Json(one(&web, card.ok_or_else(no_reason)?)))
}

/// Lets a blocked card, or a lost one that was found, work again.
#[utoipa::path(
    post, path = "/v1/centres/{slug}/cards/{id}/unblock", tag = "cards", request_body = Reason,
    params(
        ("slug" = String, Path, description = "The centre."),
        ("id" = Uuid, Path, description = "The card."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Card),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such centre, or no guest of it has such a card."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "No reason."),
    )
)]
pub async fn unblock(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
    body: Answer<Body<Reason>>,
) -> Answer<Json<Card>> {
    let centre = centre(&web, &caller, &slug).await?;
    let Body(Reason { why }) = body?;
    let card = service::unblock(&web.hub, &caller, centre.id, named(&id)?, &why).await?;
    Ok(Json(one(&web, card.ok_or_else(no_reason)?)))
}

/// The centre, for those who may keep its guests' cards: what they sent is not read before.
async fn centre(web: &Web, caller: &Caller, slug: &str) -> Answer<Centre> {
    caller.signed_in()?;
    let centre = web.atlas().await?.named(slug).ok_or(Refused::NotFound)?.clone();
    service::may_manage(caller, centre.id)?;
    Ok(centre)
}

fn named(id: &str) -> Result<CredentialId, Refused> {
    id.parse().map_err(|_| Refused::NotFound)
}

fn one(web: &Web, card: Credential) -> Card {
    Card {
        id: card.id.0,
        state: card.state_at(web.hub.now()),
        since: card.change.at,
        why: card.change.why,
        valid_until: card.valid_until,
        added_at: card.added_at,
        level: card.level.number(),
        label: card.label,
    }
}

fn all(web: &Web, cards: Vec<Credential>) -> Cards {
    Cards { cards: cards.into_iter().map(|card| one(web, card)).collect() }
}

fn added(web: &Web, added: Added) -> Answer<(StatusCode, Json<Card>)> {
    let bad = |name, title, detail: &str| {
        Said(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, name, title, detail))
    };
    Err(match added {
        Added::Done(card) => return Ok((StatusCode::CREATED, Json(one(web, *card)))),
        Added::WrongCode => bad(
            "wrong-card-code",
            "The code is no good",
            "No card waits under this code; touch it at the kiosk again for a new one.",
        ),
        Added::Somebodys => Said(Problem::new(
            StatusCode::CONFLICT,
            "card-taken",
            "The card is somebody's",
            "The card is registered already.",
        )),
        Added::NothingToReplace => {
            bad("no-card-to-replace", "No card to replace", "They have no such card.")
        }
        Added::BadLabel => {
            bad("bad-label", "The name does not fit", "A card's name has up to 40 characters.")
        }
        Added::BadEnd => bad("bad-end", "The end is past", "valid_until must lie ahead."),
        Added::Wait(until) => Said(
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-codes",
                "Too many wrong codes",
                "Wait until the time in `until`.",
            )
            .with("until", until),
        ),
    })
}

fn no_guest() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-guest",
        "No such guest",
        "Nobody who has or had a booking at this centre, or works there, has this address.",
    )
}

fn no_reason() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "no-reason",
        "No reason",
        "Say why in 1 to 200 characters.",
    )
}
