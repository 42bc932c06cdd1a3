//! Where the signed-in person is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use model::id::SessionId;
use model::sign_in::Means;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Answer, Id};
use crate::problem::Problem;
use crate::service::{Caller, session};
use crate::web::Web;

/// One browser or program in which they are signed in.
#[derive(Serialize, ToSchema)]
pub struct SignedInAt {
    id: Uuid,
    /// The browser or program, by a short name; empty when it said none.
    agent: String,
    /// What they signed in with.
    #[schema(value_type = String, example = "code")]
    means: Means,
    started_at: DateTime<Utc>,
    /// When it ends by itself.
    ends_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    current: bool,
}

/// Where the signed-in person is signed in, the newest first.
#[utoipa::path(
    get, path = "/v1/me/sessions", tag = "session",
    responses(
        (status = 200, body = Vec<SignedInAt>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(web): State<Web>, caller: Caller) -> Answer<Json<Vec<SignedInAt>>> {
    let here = caller.session.as_ref().map(|session| session.id);
    let sessions = session::list(&web.hub, &caller).await?.into_iter();
    let told = sessions.map(|session| SignedInAt {
        id: session.id.0,
        agent: session.agent,
        means: session.means,
        started_at: session.started_at,
        ends_at: session.ends_at,
        current: Some(session.id) == here,
    });
    Ok(Json(told.collect()))
}

/// Signs them out of one of these.
#[utoipa::path(
    delete, path = "/v1/me/sessions/{id}", tag = "session",
    params(
        ("id" = Uuid, Path, description = "The session's id."),
        ("X-CSRF-Token" = String, Header, description = "The token of the session that asks."),
    ),
    responses(
        (status = 204),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn end(
    State(web): State<Web>,
    caller: Caller,
    Id(id): Id<SessionId>,
) -> Answer<StatusCode> {
    session::end_one(&web.hub, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs them out everywhere but here.
#[utoipa::path(
    delete, path = "/v1/me/sessions", tag = "session",
    params(("X-CSRF-Token" = String, Header, description = "The token of the session that asks.")),
    responses(
        (status = 204),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn end_others(State(web): State<Web>, caller: Caller) -> Answer<StatusCode> {
    session::end_others(&web.hub, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
