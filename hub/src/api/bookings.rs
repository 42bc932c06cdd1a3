//! Making, seeing and cancelling bookings.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use chrono::{DateTime, TimeDelta, Utc};
use model::booking::{BadWish, Booking as Made, BookingStatus, Wish};
use model::id::{BookingId, ChildId, SpaceId};
use serde::{Deserialize, Serialize};
use store::NoRoom;
use utoipa::ToSchema;
use uuid::Uuid;

use super::availability::{Change, Slot, no_centre};
use super::{Answer, Body, Id};
use crate::problem::Problem;
use crate::service::atlas::Atlas;
use crate::service::booking::{self as service, Booked, Cancelled, LONGEST_KEY};
use crate::service::search::{Query, When, search};
use crate::service::{Caller, Refused};
use crate::web::Web;

/// What is to be booked: in every slot so many desks and a care place for each child.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The centre, by slug or id.
    #[schema(example = "yokohama")]
    centre: String,
    /// When; at most 31, not overlapping.
    slots: Vec<Slot>,
    /// How many desks in each slot; 1 where it is left out.
    #[serde(default = "one")]
    desks: u32,
    /// The one space it must be; only with one desk.
    #[serde(default)]
    space: Option<Uuid>,
    /// Whose care in each slot; the caller's own children.
    #[serde(default)]
    children: Vec<Uuid>,
}

fn one() -> u32 {
    1
}

/// A booking.
#[derive(Serialize, ToSchema)]
pub struct Booking {
    id: Uuid,
    /// The centre's slug.
    centre: String,
    /// What a guest without a card types in.
    #[schema(example = "1234-5678")]
    code: String,
    /// `confirmed`, `cancelled` or `no_show`.
    #[schema(value_type = String, example = "confirmed")]
    status: BookingStatus,
    desks: Vec<Desk>,
    care: Vec<Care>,
    made_at: DateTime<Utc>,
    tariff_rev: u32,
    rule_rev: u32,
    /// Rises by one with every change.
    version: u32,
}

/// One space for one stretch.
#[derive(Serialize, ToSchema)]
pub struct Desk {
    space: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// When it was given free again, if it was.
    released_at: Option<DateTime<Utc>>,
}

/// One care place for one child and stretch.
#[derive(Serialize, ToSchema)]
pub struct Care {
    child: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// When it was given free again, if it was.
    released_at: Option<DateTime<Utc>>,
}

/// Makes a booking, all of it or nothing.
#[utoipa::path(
    post, path = "/v1/bookings", tag = "bookings", request_body = Order,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request harmless; 1 to 200 characters."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 201, body = Booking, headers(("Location" = String))),
        (status = 200, body = Booking, description = "The same key and request made it before."),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such centre, space or child."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "No room: `slot` says where, `instead` what would work."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Against the house rules."),
    )
)]
pub async fn make(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    Body(order): Body<Order>,
) -> Answer {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let key = key(&headers)?;
    let centre = atlas.named(&order.centre).ok_or_else(|| no_centre(&order.centre))?;
    let slots: Answer<Vec<_>> = order.slots.iter().map(|slot| slot.interval()).collect();
    let wish = Wish {
        centre: centre.id,
        slots: slots?,
        desks: order.desks,
        pinned: order.space.map(SpaceId),
        children: order.children.into_iter().map(ChildId).collect(),
    };
    let (status, booking) =
        match service::book(&web.hub, &atlas, &caller, wish.clone(), key).await? {
            Booked::Made(booking) => (StatusCode::CREATED, booking),
            Booked::Before(booking) => (StatusCode::OK, booking),
            Booked::Bad(bad) => return Err(bad_wish(&bad).into()),
            Booked::NoRoom(no_room) => {
                return Err(taken(&web, &atlas, &caller, &wish, &no_room).await?.into());
            }
            Booked::KeyReused => {
                return Err(Problem::new(
                    StatusCode::CONFLICT,
                    "key-reused",
                    "The Idempotency-Key was used for another request",
                    "Send a new key with a new request.",
                )
                .into());
            }
            Booked::NoCentre => return Err(no_centre(&order.centre).into()),
            Booked::NoSpace => {
                return Err(Problem::not_found("The centre has no such space.").into());
            }
            Booked::NoChild => {
                return Err(Problem::not_found("A child is not among your own.").into());
            }
            Booked::NoConsent(child) => {
                return Err(Problem::new(
                    StatusCode::CONFLICT,
                    "no-consent",
                    "A guardian has not agreed to care",
                    format!("Agree to care for this child first, at /children/{child}."),
                )
                .with("child", child)
                .into());
            }
        };
    let location = format!("/api/v1/bookings/{}", booking.id);
    Ok((status, [(header::LOCATION, location)], Json(view(&atlas, booking))).into_response())
}

/// The caller's bookings that end after 60 days ago, by first start.
#[utoipa::path(
    get, path = "/v1/bookings", tag = "bookings",
    responses(
        (status = 200, body = Vec<Booking>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(web): State<Web>, caller: Caller) -> Answer<Json<Vec<Booking>>> {
    let since = web.hub.now() - TimeDelta::days(60);
    let bookings = service::list(&web.hub, &caller, since).await?;
    let atlas = web.atlas().await?;
    Ok(Json(bookings.into_iter().map(|booking| view(&atlas, booking)).collect()))
}

/// One booking.
#[utoipa::path(
    get, path = "/v1/bookings/{id}", tag = "bookings",
    params(("id" = Uuid, Path, description = "The booking.")),
    responses(
        (status = 200, body = Booking),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
    )
)]
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
) -> Answer<Json<Booking>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let booking = service::see(&web.hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    Ok(Json(view(&atlas, booking)))
}

/// Gives a booking up, desks and care together. Doing it twice is the same as once.
#[utoipa::path(
    post, path = "/v1/bookings/{id}/cancel", tag = "bookings",
    params(
        ("id" = Uuid, Path, description = "The booking."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Booking),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is over."),
    )
)]
pub async fn cancel(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
) -> Answer<Json<Booking>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let atlas = web.atlas().await?;
    match service::cancel(&web.hub, &atlas, &caller, id).await? {
        Cancelled::Done(booking) | Cancelled::Before(booking) => Ok(Json(view(&atlas, booking))),
        Cancelled::Over(_) => Err(Problem::new(
            StatusCode::CONFLICT,
            "booking-over",
            "The booking is over",
            "What has ended cannot be cancelled.",
        )
        .into()),
        Cancelled::Inside(_) => Err(Problem::new(
            StatusCode::CONFLICT,
            "guest-inside",
            "The guest is inside",
            "Leave at the kiosk first; that gives the desk free.",
        )
        .into()),
    }
}

fn key(headers: &HeaderMap) -> Answer<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=LONGEST_KEY).contains(&text.len()) => Ok(Some(text.to_owned())),
        _ => Err(Problem::malformed("An Idempotency-Key has 1 to 200 visible characters.").into()),
    }
}

fn bad_wish(bad: &BadWish) -> Problem {
    let name = match bad {
        BadWish::Nothing => "nothing-asked",
        BadWish::TooMuch => "too-much",
        BadWish::PinnedMany => "space-and-many-desks",
        BadWish::Twice => "twice",
        BadWish::OffGrain { .. } => "off-grain",
        BadWish::Past => "past",
        BadWish::TooFarAhead { .. } => "too-far-ahead",
        BadWish::TooLong { .. } => "too-long",
        BadWish::NotOpen { .. } => "not-open",
    };
    let problem = Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        name,
        "That goes against the rules of the house",
        format!("{}.", bad),
    );
    match bad {
        BadWish::NotOpen { open, .. } => {
            let open: Vec<Slot> = open.iter().copied().map(Slot::from).collect();
            problem.with("open", open)
        }
        BadWish::OffGrain { minutes } => problem.with("grain_minutes", minutes),
        BadWish::TooFarAhead { last_day } => problem.with("last_day", last_day),
        _ => problem,
    }
}

/// No room: where, and what would work there and elsewhere.
async fn taken(
    web: &Web,
    atlas: &Atlas,
    caller: &Caller,
    wish: &Wish,
    no_room: &NoRoom,
) -> Result<Problem, Refused> {
    let query = Query {
        when: When::Slots(wish.slots.clone()),
        desks: wish.desks,
        children: u32::try_from(wish.children.len()).unwrap_or(u32::MAX),
        only: None,
        near: Some(wish.centre),
    };
    let found = search(&web.hub, atlas, caller, &query).await?;
    let here = found.others.into_iter().find(|other| other.centre == wish.centre);
    let instead = here.and_then(|other| other.instead).map(Change::from);
    let elsewhere: Vec<String> = found
        .takers
        .iter()
        .filter(|taker| taker.centre != wish.centre)
        .filter_map(|taker| atlas.centre(taker.centre))
        .map(|centre| centre.slug.to_string())
        .take(5)
        .collect();
    let (name, title, slot) = match no_room {
        NoRoom::Desk(slot) => ("no-desk", "Too few desks are free", Some(*slot)),
        NoRoom::Care(slot) => ("no-care-place", "Too few care places are free", Some(*slot)),
        NoRoom::NoNursery => ("no-nursery", "The centre has no nursery", None),
        NoRoom::ChildElsewhere(_, slot) => {
            ("child-elsewhere", "The child is in another booking then", Some(*slot))
        }
    };
    let detail = match (&instead, elsewhere.is_empty()) {
        (Some(_), _) => "Nothing was booked. The nearest change that works is in `instead`.",
        (None, false) => "Nothing was booked. The centres in `elsewhere` can take it at that time.",
        (None, true) => "Nothing was booked. Please look for another day.",
    };
    let problem = Problem::new(StatusCode::CONFLICT, name, title, detail)
        .with("instead", instead)
        .with("elsewhere", elsewhere);
    Ok(match slot {
        Some(slot) => problem.with("slot", Slot::from(slot)),
        None => problem,
    })
}

fn view(atlas: &Atlas, booking: Made) -> Booking {
    Booking {
        id: booking.id.0,
        centre: atlas
            .centre(booking.centre)
            .map(|centre| centre.slug.to_string())
            .unwrap_or_default(),
        code: booking.code.to_string(),
        status: booking.status,
        desks: booking
            .desks
            .iter()
            .map(|claim| Desk {
                space: claim.space.0,
                starts_at: claim.when.starts(),
                ends_at: claim.when.ends(),
                released_at: claim.released_at,
            })
            .collect(),
        care: booking
            .care
            .iter()
            .map(|claim| Care {
                child: claim.child.0,
                starts_at: claim.when.starts(),
                ends_at: claim.when.ends(),
                released_at: claim.released_at,
            })
            .collect(),
        made_at: booking.made_at,
        tariff_rev: booking.tariff_rev,
        rule_rev: booking.rule_rev,
        version: booking.version,
    }
}
