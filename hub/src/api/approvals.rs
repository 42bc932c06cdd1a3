//! Bookings that somebody has to approve.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::id::{BookingId, EmployerId};

use super::availability::no_centre;
use super::bookings::{Booking, view};
use super::refusals::NotTheirs;
use super::{Answer, Id};
use crate::problem::Problem;
use crate::service::Caller;
use crate::service::approvals::{self as service, Decided};
use crate::web::Web;

/// What waits for a decision at a centre, the most urgent first.
#[utoipa::path(
    get, path = "/v1/centres/{slug}/approvals", tag = "bookings",
    params(("slug" = String, Path, description = "The centre.")),
    responses((status = 200, body = Vec<Booking>), NotTheirs)
)]
pub async fn at_centre(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Answer<Json<Vec<Booking>>> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or_else(|| no_centre(&slug))?;
    let asked = service::at_centre(&web.hub, &caller, centre.id).await?;
    Ok(Json(asked.into_iter().map(|booking| view(&atlas, booking)).collect()))
}

/// What waits for a decision and an employer would pay for, the most urgent first.
#[utoipa::path(
    get, path = "/v1/employers/{id}/approvals", tag = "employers",
    params(("id" = Uuid, Path, description = "The employer.")),
    responses((status = 200, body = Vec<Booking>), NotTheirs)
)]
pub async fn of_employer(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<EmployerId>>,
) -> Answer<Json<Vec<Booking>>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let asked = service::of_employer(&web.hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    Ok(Json(asked.into_iter().map(|booking| view(&atlas, booking)).collect()))
}

/// Approves a booking.
#[utoipa::path(
    post, path = "/v1/bookings/{id}/approve", tag = "bookings",
    params(
        ("id" = Uuid, Path, description = "The booking."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Booking),
        NotTheirs,
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It does not wait for a decision."),
    )
)]
pub async fn approve(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
) -> Answer<Json<Booking>> {
    decide(&web, &caller, id, true).await
}

/// Does not approve a booking: what it holds comes free.
#[utoipa::path(
    post, path = "/v1/bookings/{id}/decline", tag = "bookings",
    params(
        ("id" = Uuid, Path, description = "The booking."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Booking),
        NotTheirs,
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It does not wait for a decision."),
    )
)]
pub async fn decline(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
) -> Answer<Json<Booking>> {
    decide(&web, &caller, id, false).await
}

async fn decide(
    web: &Web,
    caller: &Caller,
    id: Answer<Id<BookingId>>,
    approve: bool,
) -> Answer<Json<Booking>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let atlas = web.atlas().await?;
    match service::decide(&web.hub, &atlas, caller, id, approve).await? {
        Decided::Done(booking) => Ok(Json(view(&atlas, booking))),
        Decided::Otherwise(booking) => Err(Problem::new(
            StatusCode::CONFLICT,
            "not-asked",
            "The booking does not wait for a decision",
            "It was decided, given up, or its time was over before.",
        )
        .with("booking_status", booking.status)
        .into()),
    }
}
