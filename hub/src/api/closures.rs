//! When a centre or one of its spaces is closed.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use model::closure::{Closure as Shut, ClosureKind, LONGEST_REASON};
use model::id::{ClosureId, SpaceId};
use model::language::LocalText;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::availability::{Slot, no_centre};
use super::refusals::{NotReadable, NotTheirs};
use super::{Answer, Body};
use crate::problem::Problem;
use crate::service::atlas::Atlas;
use crate::service::closures::{self as service, Closed, Closing, MOST_WAYS, Ways};
use crate::service::{Caller, Refused};
use crate::web::Web;

/// What is to be closed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// The one space; the whole centre where it is left out.
    #[serde(default)]
    space: Option<Uuid>,
    /// `closed`: nobody can come, what is booked must be moved. `no_new`: what is booked stands.
    #[schema(value_type = String, example = "closed")]
    kind: ClosureKind,
    /// When.
    when: Slot,
    /// What guests are told, in Japanese; 1 to 200 characters.
    reason_ja: String,
    /// The same in English.
    reason_en: String,
}

/// A closure.
#[derive(Serialize, ToSchema)]
pub struct Closure {
    id: Uuid,
    /// The one space; the whole centre where there is none.
    space: Option<Uuid>,
    /// `closed` or `no_new`.
    #[schema(value_type = String, example = "closed")]
    kind: ClosureKind,
    when: Slot,
    reason_ja: String,
    reason_en: String,
    /// The bookings that it meets: they stand until they are moved or cancelled.
    meets: Vec<Met>,
}

/// A booking that a closure meets.
#[derive(Serialize, ToSchema)]
pub struct Met {
    booking: Uuid,
    version: u32,
    slots: Vec<Slot>,
    /// The nearest times at the centre: its own, where another desk is free then, others of the
    /// same day, or the same hours of one of the next days.
    instead: Option<Vec<Slot>>,
    /// The nearest other centre with room at its own times, by slug.
    elsewhere: Option<String>,
}

/// The closures of a centre from now on.
#[utoipa::path(
    get, path = "/v1/centres/{slug}/closures", tag = "places",
    params(("slug" = String, Path, description = "The centre.")),
    responses((status = 200, body = Vec<Closure>), NotTheirs)
)]
pub async fn list(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Answer<Json<Vec<Closure>>> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or_else(|| no_centre(&slug))?;
    let mut closures = Vec::new();
    for (closure, met) in service::list(&web.hub, &caller, centre.id).await? {
        closures.push(view(&web, &atlas, &caller, closure, met).await?);
    }
    Ok(Json(closures))
}

/// Closes a centre or one of its spaces for a while.
#[utoipa::path(
    post, path = "/v1/centres/{slug}/closures", tag = "places", request_body = Close,
    params(
        ("slug" = String, Path, description = "The centre."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 201, body = Closure),
        NotTheirs, NotReadable,
        (status = 422, body = Problem, content_type = "application/problem+json", description = "No reason, or no time to come."),
    )
)]
pub async fn close(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Body(close): Body<Close>,
) -> Answer {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or_else(|| no_centre(&slug))?;
    let closing = Closing {
        space: close.space.map(SpaceId),
        kind: close.kind,
        when: close.when.interval()?,
        reason: LocalText { ja: close.reason_ja, en: close.reason_en },
    };
    let unfit = |name, detail: String| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            name,
            "That goes against the rules of the house",
            detail,
        )
    };
    match service::close(&web.hub, &atlas, &caller, centre.id, closing).await? {
        Closed::Done(closure, met) => {
            // What would work instead is looked for where it is closed already.
            let atlas = web.atlas().await?;
            let closure = view(&web, &atlas, &caller, closure, met).await?;
            Ok((StatusCode::CREATED, Json(closure)).into_response())
        }
        Closed::NoSpace => Err(Problem::not_found("The centre has no such space.").into()),
        Closed::NoReason => Err(unfit(
            "no-reason",
            format!("Say why in Japanese and English, in 1 to {LONGEST_REASON} characters each."),
        )
        .into()),
        Closed::BadTime => Err(unfit(
            "bad-time",
            "A closure ends in the future and is at most a year long.".to_owned(),
        )
        .into()),
    }
}

/// Takes a closure back.
#[utoipa::path(
    delete, path = "/v1/centres/{slug}/closures/{id}", tag = "places",
    params(
        ("slug" = String, Path, description = "The centre."),
        ("id" = Uuid, Path, description = "The closure."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses((status = 204), NotTheirs)
)]
pub async fn reopen(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or_else(|| no_centre(&slug))?;
    let id: Option<ClosureId> = id.parse().ok();
    let id = id.unwrap_or(ClosureId(Uuid::nil()));
    service::reopen(&web.hub, &atlas, &caller, centre.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn view(
    web: &Web,
    atlas: &Atlas,
    caller: &Caller,
    closure: Shut,
    met: Vec<model::booking::Booking>,
) -> Result<Closure, Refused> {
    let mut meets = Vec::with_capacity(met.len());
    for booking in met {
        let ways = if meets.len() < MOST_WAYS {
            service::ways_out(&web.hub, atlas, caller, &booking).await?
        } else {
            Ways::default()
        };
        let elsewhere = ways.elsewhere.and_then(|centre| atlas.centre(centre));
        let slots = crate::service::booking::wish_to_come(&booking, web.hub.now()).slots;
        meets.push(Met {
            booking: booking.id.0,
            version: booking.version,
            slots: slots.into_iter().map(Slot::from).collect(),
            elsewhere: elsewhere.map(|centre| centre.slug.to_string()),
            instead: ways.here.map(|slots| slots.into_iter().map(Slot::from).collect()),
        });
    }
    Ok(Closure {
        id: closure.id.0,
        space: closure.space.map(|space| space.0),
        kind: closure.kind,
        when: Slot::from(closure.when),
        reason_ja: closure.reason.ja,
        reason_en: closure.reason.en,
        meets,
    })
}
