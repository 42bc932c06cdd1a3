//! The way out.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};

use super::fields::Posted;
use crate::service::{Caller, Refused, session};
use crate::web::{Web, cookies};

/// Ends the session.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    session::sign_out(&web.hub, &caller).await?;
    let cookie = cookies::no_session(web.settings.secure_cookies);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}
