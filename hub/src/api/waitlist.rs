//! Waiting for what is full.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use chrono::{DateTime, TimeDelta, Utc};
use model::feature::Features;
use model::id::WaitlistId;
use model::waitlist::{Entry as Waits, State as Stands};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::availability::Slot;
use super::bookings::{self, Booking, Order, key, key_reused, no_order, no_room_problem};
use super::{Answer, Body, Id};
use crate::problem::Problem;
use crate::service::atlas::Atlas;
use crate::service::waitlist::{self as service, Waiting};
use crate::service::{Caller, Refused};
use crate::web::Web;

/// A wish that waits.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    id: Uuid,
    /// The centre's slug.
    centre: String,
    slots: Vec<Slot>,
    desks: u32,
    /// What each desk must have.
    #[schema(value_type = Vec<String>)]
    required: Features,
    children: Vec<Uuid>,
    /// `waiting`, `offered`, `taken`, `left` or `over`.
    #[schema(value_type = String, example = "waiting")]
    state: Stands,
    /// How many wait before it for a part of its time; while it waits.
    ahead: Option<usize>,
    /// What was held for it last.
    booking: Option<Uuid>,
    made_at: DateTime<Utc>,
}

/// What came of asking to wait.
#[derive(Serialize, ToSchema)]
pub struct Waited {
    /// It waits; `null` where there was room.
    waits: Option<Entry>,
    /// There was room after all: this is held, `POST …/confirm` makes it stand.
    held: Option<Booking>,
}

/// Waits for all of an order; it is held as soon as all of it fits.
#[utoipa::path(
    post, path = "/v1/waitlist", tag = "bookings", request_body = Order,
    params(
        ("X-CSRF-Token" = String, Header, description = "The session's token."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request harmless; 1 to 200 characters.")
    ),
    responses(
        (status = 201, body = Waited),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such centre, space or child."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Waiting would not help, or the key was used for another request."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Against the house rules."),
    )
)]
pub async fn wait(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    Body(order): Body<Order>,
) -> Answer {
    caller.signed_in()?;
    let key = key(&headers)?;
    let atlas = web.atlas().await?;
    let wish = order.wish(order.centre(&atlas)?.id)?;
    let waited = match service::wait(&web.hub, &atlas, &caller, wish, key).await? {
        Waiting::Waits(entry) => {
            Waited { waits: Some(view(&web, &atlas, entry).await?), held: None }
        }
        Waiting::Held(booking) => {
            Waited { waits: None, held: Some(bookings::view(&atlas, booking)) }
        }
        Waiting::Not(not) => return Err(no_order(&not).into()),
        Waiting::Never(no_room) => return Err(no_room_problem(&no_room).into()),
        Waiting::KeyReused => return Err(key_reused().into()),
        Waiting::TooMany => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "waiting-enough",
                "You wait for enough already",
                format!(
                    "At most {} wishes wait at once; take one off first.",
                    model::waitlist::MOST_ENTRIES
                ),
            )
            .into());
        }
    };
    Ok((StatusCode::CREATED, Json(waited)).into_response())
}

/// What the caller waits or waited for that ends after 60 days ago, by start.
#[utoipa::path(
    get, path = "/v1/waitlist", tag = "bookings",
    responses(
        (status = 200, body = Vec<Entry>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(web): State<Web>, caller: Caller) -> Answer<Json<Vec<Entry>>> {
    let since = web.hub.now() - TimeDelta::days(60);
    let atlas = web.atlas().await?;
    let mut entries = Vec::new();
    for entry in service::list(&web.hub, &caller, since).await? {
        entries.push(view(&web, &atlas, entry).await?);
    }
    Ok(Json(entries))
}

/// Stops waiting; doing it twice is the same as once.
#[utoipa::path(
    delete, path = "/v1/waitlist/{id}", tag = "bookings",
    params(
        ("id" = Uuid, Path, description = "The entry."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Entry),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
    )
)]
pub async fn stop(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<WaitlistId>>,
) -> Answer<Json<Entry>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let entry = service::stop(&web.hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    Ok(Json(view(&web, &atlas, entry).await?))
}

async fn view(web: &Web, atlas: &Atlas, entry: Waits) -> Result<Entry, Refused> {
    let ahead = match entry.state {
        Stands::Waiting => Some(service::ahead(&web.hub, &entry).await?),
        _ => None,
    };
    let wish = entry.wish;
    let centre = atlas.centre(wish.centre).map(|centre| centre.slug.to_string());
    Ok(Entry {
        id: entry.id.0,
        centre: centre.unwrap_or_default(),
        slots: wish.slots.into_iter().map(Slot::from).collect(),
        desks: wish.desks,
        required: wish.required,
        children: wish.children.into_iter().map(|child| child.0).collect(),
        state: entry.state,
        ahead,
        booking: entry.booking.map(|booking| booking.0),
        made_at: entry.made_at,
    })
}
