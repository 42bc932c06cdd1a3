//! An employer's people and the visits it pays for.

#![expect(unused_qualifications, reason = "utoipa writes the path of the parameters out in full")]

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use model::id::EmployerId;
use model::permission::Action;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Answer, Asked, Id};
use crate::pages::employers::{minutes, window};
use crate::problem::Problem;
use crate::service::{Caller, members};
use crate::web::Web;

/// Which days; the last thirty where nothing is said, at most 400.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// The first day, in Japan.
    from: Option<NaiveDate>,
    /// The last day, in Japan.
    until: Option<NaiveDate>,
}

/// A visit.
#[derive(Serialize, ToSchema)]
pub struct Visit {
    id: Uuid,
    person: Uuid,
    name: String,
    centre: Uuid,
    checked_in_at: DateTime<Utc>,
    /// None while they are there.
    checked_out_at: Option<DateTime<Utc>>,
    /// Whole minutes; none while they are there.
    minutes: Option<i64>,
}

/// A worker of the employer.
#[derive(Serialize, ToSchema)]
pub struct Member {
    id: Uuid,
    email: String,
    name: String,
}

/// The visits that an employer pays for, by their begin.
#[utoipa::path(
    get, path = "/v1/employers/{id}/visits", tag = "employers",
    params(("id" = Uuid, Path, description = "The employer."), Days),
    responses(
        (status = 200, body = Vec<Visit>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "This takes a second factor."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
    )
)]
pub async fn visits(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<EmployerId>>,
    days: Answer<Asked<Days>>,
) -> Answer<Json<Vec<Visit>>> {
    let Id(id) = id?;
    members::employer(&web.hub, &caller, Action::SeePaidVisits, id).await?;
    let Asked(Days { from, until }) = days?;
    let day =
        |name: &str, day: Option<NaiveDate>| day.map(|day| (name.to_owned(), day.to_string()));
    let asked: Vec<_> = day("from", from).into_iter().chain(day("until", until)).collect();
    let (_, _, window) = window(&asked.into(), web.hub.now())?;
    let visits = members::visits(&web.hub, &caller, id, &window).await?;
    let visit = |visit: store::PaidVisit| Visit {
        id: visit.visit.0,
        minutes: minutes(&visit),
        person: visit.person.0,
        name: visit.name,
        centre: visit.centre.0,
        checked_in_at: visit.checked_in_at,
        checked_out_at: visit.checked_out_at,
    };
    Ok(Json(visits.into_iter().map(visit).collect()))
}

/// An employer's workers of now, by address.
#[utoipa::path(
    get, path = "/v1/employers/{id}/members", tag = "employers",
    params(("id" = Uuid, Path, description = "The employer.")),
    responses(
        (status = 200, body = Vec<Member>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "This takes a second factor."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
    )
)]
pub async fn members(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<EmployerId>>,
) -> Answer<Json<Vec<Member>>> {
    let Id(id) = id?;
    let members = members::list(&web.hub, &caller, id).await?.into_iter().map(|person| Member {
        id: person.id.0,
        email: person.email,
        name: person.name,
    });
    Ok(Json(members.collect()))
}
