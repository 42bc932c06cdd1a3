//! What is ordered of a site, now.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use chrono::{DateTime, Utc};
use model::id::{DeviceId, OrderId, VisitId};
use model::site_order::SiteOrder;
use serde::{Deserialize, Serialize};
use store::SiteOrderRecord;
use utoipa::ToSchema;
use uuid::Uuid;

use super::availability::no_centre;
use super::bookings::{key, key_reused};
use super::refusals::{NotReadable, NotTheirs};
use super::{Answer, Body};
use crate::problem::Problem;
use crate::service::Caller;
use crate::service::site_order::{self as service, Given, Standing};
use crate::web::Web;

/// What is ordered.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "order", deny_unknown_fields)]
pub enum Wanted {
    /// Open this door once.
    Unlock {
        /// The door's device.
        #[schema(value_type = String, example = "yokohama-door-1")]
        door: DeviceId,
    },
    /// Lock every door, above all schedules, until it is lifted. The way out stays free.
    Lockdown {
        /// Begin it, or lift it.
        on: bool,
    },
    /// Open every door and ask everybody to leave, until it is lifted.
    Evacuate {
        /// Begin it, or lift it.
        on: bool,
    },
    /// End a visit as if its guest had left for good.
    EndVisit {
        /// The visit.
        visit: Uuid,
    },
}

impl From<Wanted> for SiteOrder {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Unlock { door } => Self::Unlock { door },
            Wanted::Lockdown { on } => Self::Lockdown { on },
            Wanted::Evacuate { on } => Self::Evacuate { on },
            Wanted::EndVisit { visit } => Self::EndVisit { visit: VisitId(visit) },
        }
    }
}

/// An order and how it stands.
#[derive(Serialize, ToSchema)]
pub struct Order {
    id: Uuid,
    /// `unlock`, `lockdown`, `evacuate` or `end_visit`.
    order: &'static str,
    /// The door, of `unlock`.
    #[serde(skip_serializing_if = "Option::is_none")]
    door: Option<String>,
    /// Whether it begins, of `lockdown` and `evacuate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    /// The visit, of `end_visit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    visit: Option<Uuid>,
    asked_at: DateTime<Utc>,
    /// It has no effect from then on, and is not sent again.
    not_after: DateTime<Utc>,
    /// `on_its_way`, `answered` or `not_delivered`: then telephone the site.
    standing: &'static str,
    /// `done`, `unknown_door`, `unknown_visit`, `overruled`, `lock_fault`, `too_late` or
    /// `clock_unset`, once the site has answered.
    answer: Option<&'static str>,
    answered_at: Option<DateTime<Utc>>,
}

/// Orders something of a centre's site. It is acted on within ten seconds, at most once, or not at
/// all; ask for the order to learn which.
#[utoipa::path(
    post, path = "/v1/centres/{slug}/orders", tag = "places", request_body = Wanted,
    params(
        ("slug" = String, Path, description = "The centre."),
        ("X-CSRF-Token" = String, Header, description = "The session's token."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request harmless; 1 to 200 characters."),
    ),
    responses(
        (status = 202, body = Order, description = "It is on its way."),
        (status = 200, body = Order, description = "It was given before: with the same key, or by the same person within three seconds."),
        NotTheirs, NotReadable,
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The key was used for another request."),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "The centre has no such door."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many orders are on their way."),
    )
)]
pub async fn give(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Body(wanted): Body<Wanted>,
) -> Answer {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or_else(|| no_centre(&slug))?;
    let key = key(&headers)?;
    match service::order_site(&web.hub, &caller, centre, wanted.into(), key).await? {
        Given::Done(order) => {
            Ok((StatusCode::ACCEPTED, Json(view(&order, web.hub.now()))).into_response())
        }
        Given::Before(order) => Ok(Json(view(&order, web.hub.now())).into_response()),
        Given::KeyReused => Err(key_reused().into()),
        Given::UnknownDoor => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown-door",
            "The centre has no such door",
            "The centre's plan names its doors by their devices.",
        )
        .into()),
    }
}

/// One order, and how it stands now.
#[utoipa::path(
    get, path = "/v1/centres/{slug}/orders/{id}", tag = "places",
    params(
        ("slug" = String, Path, description = "The centre."),
        ("id" = Uuid, Path, description = "The order."),
    ),
    responses((status = 200, body = Order), NotTheirs)
)]
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
) -> Answer<Json<Order>> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or_else(|| no_centre(&slug))?;
    let id: OrderId = id.parse().unwrap_or(OrderId(Uuid::nil()));
    let order = service::get(&web.hub, &caller, centre, id).await?;
    Ok(Json(view(&order, web.hub.now())))
}

fn view(order: &SiteOrderRecord, now: DateTime<Utc>) -> Order {
    let (door, on, visit) = match &order.what {
        SiteOrder::Unlock { door } => (Some(door.to_string()), None, None),
        SiteOrder::Lockdown { on } | SiteOrder::Evacuate { on } => (None, Some(*on), None),
        SiteOrder::EndVisit { visit } => (None, None, Some(visit.0)),
    };
    let standing = match service::standing(order, now) {
        Standing::OnItsWay => "on_its_way",
        Standing::Answered(_) => "answered",
        Standing::NotDelivered => "not_delivered",
    };
    Order {
        id: order.id.0,
        order: order.what.as_str(),
        door,
        on,
        visit,
        asked_at: order.asked_at,
        not_after: order.not_after,
        standing,
        answer: order.answer.map(|(answer, _)| answer.as_str()),
        answered_at: order.answer.map(|(_, at)| at),
    }
}
