//! Setting up one-time codes.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::recovery;
use super::with_session;
use crate::pages::fields::Posted;
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::codes::{self, Confirmed, Offer};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/sign-in/code.html")]
struct Page {
    f: Frame,
    offer: Offer,
    wrong: bool,
}

/// `/account/sign-in/code`
pub async fn get(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    let offer = codes::offer(&web.hub, &caller).await?;
    Ok(html(StatusCode::OK, &Page { f: Frame::new(&caller, Part::Account), offer, wrong: false }))
}

/// Takes the first code.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (token, code) = (fields.get("offer"), fields.get("code"));
    match codes::confirm(&web.hub, &caller, token, code).await? {
        Confirmed::Done(added) => Ok(recovery::after(&web, &caller, &added, "code")),
        Confirmed::Wrong(offer) => {
            let page = Page { f: Frame::new(&caller, Part::Account), offer, wrong: true };
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        // A new secret is offered.
        Confirmed::Gone => Ok(Redirect::to("/account/sign-in/code").into_response()),
    }
}

/// Stops asking for codes.
pub async fn remove(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let started = codes::remove(&web.hub, &caller).await?;
    let on = Redirect::to("/account/sign-in?done=removed");
    Ok(with_session(&web, started.as_ref(), on))
}
