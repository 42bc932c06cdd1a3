//! Signing in and out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, Body};
use crate::problem::Problem;
use crate::service::sign_in::{Denied, sign_in_at_once};
use crate::service::{Caller, session};
use crate::web::{Web, cookies};

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    email: String,
    password: String,
    /// A one-time code or a recovery code, from those who have a second factor.
    #[serde(default)]
    code: Option<String>,
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
        (status = 401, body = Problem, content_type = "application/problem+json", description = "E-mail or password is wrong, or the code is missing (`second-factor-needed`) or wrong (`wrong-code`)."),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many wrong tries."),
    )
)]
pub async fn sign_in(
    State(web): State<Web>,
    caller: Caller,
    Body(credentials): Body<Credentials>,
) -> Answer<Response> {
    let Credentials { email, password, code } = credentials;
    let (hub, code) = (&web.hub, code.as_deref());
    let denied = |name, title, detail| {
        Err(Problem::new(StatusCode::UNAUTHORIZED, name, title, detail).into())
    };
    match sign_in_at_once(hub, &web.throttle, &caller, &email, &password, code).await? {
        Ok(signed_in) => {
            let started = signed_in.started;
            let cookie = cookies::session(&started.token, web.settings.secure_cookies);
            let session =
                Session { csrf_token: started.session.csrf, ends_at: started.session.ends_at };
            Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(session)).into_response())
        }
        Err(Denied::Wrong) => {
            denied("wrong-credentials", "E-mail or password is wrong", "Check both and try again.")
        }
        Err(Denied::CodeNeeded) => denied(
            "second-factor-needed",
            "A second factor is needed",
            "Send a one-time code or a recovery code as code.",
        ),
        Err(Denied::WrongCode) => denied(
            "wrong-code",
            "The code is wrong or was used already",
            "Send the next one-time code, or another recovery code.",
        ),
        Err(Denied::Wait(until)) => {
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
    session::sign_out(&web.hub, &caller).await?;
    let cookie = cookies::no_session(web.settings.secure_cookies);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
