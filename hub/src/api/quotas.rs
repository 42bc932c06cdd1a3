//! How much may be booked.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use chrono::NaiveDate;
use model::id::{EmployerId, QuotaId};
use model::language::LocalText;
use model::quota::{Measure, Quota as Kept, Subject};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::availability::no_centre;
use super::refusals::{NotReadable, NotTheirs};
use super::{Answer, Body, Id, Said};
use crate::problem::Problem;
use crate::service::atlas::Atlas;
use crate::service::{Caller, house as service};
use crate::web::Web;

/// A quota to be kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewQuota {
    /// Only bookings that this employer pays for; an employer's own address has said so already.
    #[serde(default)]
    employer: Option<Uuid>,
    /// Whose bookings are counted together: `person`, `household` or `employer`.
    #[schema(value_type = String, example = "person")]
    subject: Subject,
    /// Only bookings at this centre, by slug or id.
    #[serde(default)]
    #[schema(example = "yokohama")]
    centre: Option<String>,
    /// What is counted: `minutes_a_month`, `days_a_week` or `at_once` (desks).
    #[schema(value_type = String, example = "days_a_week")]
    measure: Measure,
    /// The most that there may be.
    #[schema(example = 3)]
    most: u32,
    /// The first day it counts on; today where it is left out.
    #[serde(default)]
    from_day: Option<NaiveDate>,
    /// The first day it does not count on any more.
    #[serde(default)]
    until_day: Option<NaiveDate>,
    /// Where it comes from, in Japanese; 1 to 200 characters.
    source_ja: String,
    /// The same in English.
    source_en: String,
}

/// A quota.
#[derive(Serialize, ToSchema)]
pub struct Quota {
    id: Uuid,
    /// `person`, `household` or `employer`.
    #[schema(value_type = String, example = "person")]
    subject: Subject,
    /// Only bookings that this employer pays for.
    employer: Option<Uuid>,
    /// The slug of the only centre where it counts.
    centre: Option<String>,
    /// `minutes_a_month`, `days_a_week` or `at_once`.
    #[schema(value_type = String, example = "days_a_week")]
    measure: Measure,
    most: u32,
    from_day: NaiveDate,
    until_day: Option<NaiveDate>,
    source_ja: String,
    source_en: String,
}

/// Every quota of now or to come.
#[utoipa::path(
    get, path = "/v1/quotas", tag = "bookings",
    responses((status = 200, body = Vec<Quota>), NotTheirs)
)]
pub async fn list(State(web): State<Web>, caller: Caller) -> Answer<Json<Vec<Quota>>> {
    caller.signed_in()?;
    let quotas = service::quotas(&web.hub, &caller).await?;
    let atlas = web.atlas().await?;
    Ok(Json(quotas.into_iter().map(|quota| view(&atlas, quota)).collect()))
}

/// Decides how much everybody, or an employer's people, may book. What is booked already stands.
#[utoipa::path(
    post, path = "/v1/quotas", tag = "bookings", request_body = NewQuota,
    params(("X-CSRF-Token" = String, Header, description = "The session's token.")),
    responses(
        (status = 201, body = Quota),
        NotTheirs, NotReadable,
        (status = 422, body = Problem, content_type = "application/problem+json", description = "It makes no sense, or there is no such employer."),
    )
)]
pub async fn add(State(web): State<Web>, caller: Caller, body: Answer<Body<NewQuota>>) -> Answer {
    caller.signed_in()?;
    // Whether they may comes before whether it can be read.
    service::quotas(&web.hub, &caller).await?;
    let Body(new) = body?;
    keep(&web, &caller, new).await
}

/// The quotas on what an employer pays for, of now or to come.
#[utoipa::path(
    get, path = "/v1/employers/{id}/quotas", tag = "employers",
    params(("id" = Uuid, Path, description = "The employer.")),
    responses((status = 200, body = Vec<Quota>), NotTheirs)
)]
pub async fn of_employer(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<EmployerId>>,
) -> Answer<Json<Vec<Quota>>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let quotas = service::quotas_of(&web.hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    Ok(Json(quotas.into_iter().map(|quota| view(&atlas, quota)).collect()))
}

/// Decides how much of what an employer pays for may be booked. What is booked already stands.
#[utoipa::path(
    post, path = "/v1/employers/{id}/quotas", tag = "employers", request_body = NewQuota,
    params(
        ("id" = Uuid, Path, description = "The employer."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 201, body = Quota),
        NotTheirs, NotReadable,
        (status = 422, body = Problem, content_type = "application/problem+json", description = "It makes no sense."),
    )
)]
pub async fn add_for_employer(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<EmployerId>>,
    body: Answer<Body<NewQuota>>,
) -> Answer {
    caller.signed_in()?;
    let Id(id) = id?;
    service::quotas_of(&web.hub, &caller, id).await?;
    let Body(new) = body?;
    if new.employer.is_some_and(|employer| employer != id.0) {
        return Err(unfit("The address is another employer's."));
    }
    keep(&web, &caller, NewQuota { employer: Some(id.0), ..new }).await
}

/// Ends a quota: from today on it does not count any more.
#[utoipa::path(
    delete, path = "/v1/quotas/{id}", tag = "bookings",
    params(
        ("id" = Uuid, Path, description = "The quota."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses((status = 204), NotTheirs)
)]
pub async fn end(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<QuotaId>>,
) -> Answer<StatusCode> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let id = id.ok().map(|Id(id)| id);
    service::end_quota(&web.hub, &atlas, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn keep(web: &Web, caller: &Caller, new: NewQuota) -> Answer {
    let atlas = web.atlas().await?;
    let centre = match &new.centre {
        None => None,
        Some(name) => Some(atlas.named(name).ok_or_else(|| no_centre(name))?.id),
    };
    let new = service::NewQuota {
        subject: new.subject,
        employer: new.employer.map(EmployerId),
        centre,
        measure: new.measure,
        most: new.most,
        from_day: new.from_day,
        until_day: new.until_day,
        source: LocalText { ja: new.source_ja, en: new.source_en },
    };
    match service::add_quota(&web.hub, &atlas, caller, new).await? {
        Ok(quota) => {
            let atlas = web.atlas().await?;
            Ok((StatusCode::CREATED, Json(view(&atlas, quota))).into_response())
        }
        Err(bad) => Err(unfit(&format!("It cannot be kept: {bad}."))),
    }
}

fn unfit(detail: &str) -> Said {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Problem::new(status, "bad-quota", "There can be no such quota", detail).into()
}

fn view(atlas: &Atlas, quota: Kept) -> Quota {
    let centre = quota.centre.and_then(|centre| atlas.centre(centre));
    Quota {
        id: quota.id.0,
        subject: quota.subject,
        employer: quota.employer.map(|employer| employer.0),
        centre: centre.map(|centre| centre.slug.to_string()),
        measure: quota.measure,
        most: quota.most,
        from_day: quota.from_day,
        until_day: quota.until_day,
        source_ja: quota.source.ja,
        source_en: quota.source.en,
    }
}
