//! Signing in and out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, Body};
use crate::problem::Problem;
use crate::service::sign_in::{SignIn, sign_in as try_sign_in};
use crate::service::{Caller, session};
use crate::web::{Web, cookies};

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    email: String,
    password: String,
}

/// What a program needs of its session.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// To be sent in the header X-CSRF-Token with every change.
    csrf_token: String,
    /// When it ends by itself.
    ends_at: chrono::DateTime<chrono::Utc>,
}

/// Signs in: sets the cookie `kyoten_session`.
#[utoipa::path(
    post, path = "/v1/session", tag = "session", request_body = Credentials,
    responses(
        (status = 201, body = Session),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "E-mail or password is wrong."),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many wrong tries."),
    )
)]
pub async fn sign_in(
    State(web): State<Web>,
    caller: Caller,
    Body(credentials): Body<Credentials>,
) -> Answer<Response> {
    let Credentials { email, password } = credentials;
    match try_sign_in(&web.hub, &web.throttle, &caller, &email, &password).await? {
        SignIn::Done { started, .. } => {
            let cookie = cookies::session(&started.token, web.settings.secure_cookies);
            let session =
                Session { csrf_token: started.session.csrf, ends_at: started.session.ends_at };
            Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(session)).into_response())
        }
        SignIn::Wrong => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "wrong-credentials",
            "E-mail or password is wrong",
            "Check both and try again.",
        )
        .into()),
        SignIn::Wait(until) => {
            let seconds = (until - web.hub.now()).num_seconds().max(1);
            let mut response = Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-tries",
                "Too many wrong tries",
                format!("Try again in {seconds} seconds."),
            )
            .into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

/// Signs out.
#[utoipa::path(
    delete, path = "/v1/session", tag = "session",
    params(("X-CSRF-Token" = String, Header, description = "The session's token.")),
    responses(
        (status = 204),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn sign_out(State(web): State<Web>, caller: Caller) -> Answer<Response> {
    caller.signed_in()?;
    if let Some(session) = &caller.session {
        session::end(&web.hub, session).await?;
    }
    let cookie = cookies::no_session(web.settings.secure_cookies);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
