//! Recovery codes: shown once, when they are made.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::with_session;
use crate::pages::fields::Posted;
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::codes::{self, Added};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/sign-in/recovery.html")]
struct Page {
    f: Frame,
    codes: Vec<String>,
}

/// Makes new ones; the old ones are worth nothing.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    Ok(match codes::renew_recovery(&web.hub, &caller).await? {
        Some(codes) => html(StatusCode::OK, &Page { f: Frame::new(&caller, Part::Account), codes }),
        None => Redirect::to("/account/sign-in").into_response(),
    })
}

/// Where somebody is taken who has added a second factor: to their first recovery codes, or back.
pub(super) fn after(web: &Web, caller: &Caller, added: &Added, done: &str) -> Response {
    let started = added.started.as_ref();
    if added.recovery_codes.is_empty() {
        let on = Redirect::to(&format!("/account/sign-in?done={done}"));
        return with_session(web, started, on);
    }
    let mut f = Frame::new(caller, Part::Account);
    if let Some(started) = started {
        f.csrf.clone_from(&started.session.csrf);
    }
    let page = html(StatusCode::OK, &Page { f, codes: added.recovery_codes.clone() });
    with_session(web, started, page)
}
