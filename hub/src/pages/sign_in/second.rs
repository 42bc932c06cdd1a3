//! The door's second half: what the password was not enough for.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use store::FactorsHeld;

use super::{go_on, later, minutes_until, way_on};
use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part, encode};
use crate::pages::html;
use crate::service::sign_in::{self, Denied};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "sign-in/second.html")]
struct Page {
    f: Frame,
    next: String,
    held: FactorsHeld,
    wrong: bool,
    wrong_recovery: bool,
    wait_minutes: Option<i64>,
}

/// `/sign-in/second`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let next = way_on(asked.get("next"));
    match page(&web, &caller, next).await? {
        Ok(page) => Ok(html(StatusCode::OK, &page)),
        Err(elsewhere) => Ok(elsewhere),
    }
}

/// Takes a code of either kind.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let next = way_on(fields.get("next"));
    let page = match page(&web, &caller, next).await? {
        Ok(page) => page,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let recovery = fields.get("recovery");
    let code = if recovery.is_empty() { fields.get("code") } else { recovery };
    match sign_in::second(&web.hub, &web.throttle, &caller, code).await? {
        Ok(signed_in) => Ok(go_on(&web, &signed_in, next)),
        Err(Denied::Wait(until)) => {
            let page = Page { wait_minutes: Some(minutes_until(&web, until)), ..page };
            Ok(later(&web, until, &page))
        }
        Err(_) => {
            let wrong_recovery = !recovery.is_empty();
            let page = Page { wrong: !wrong_recovery, wrong_recovery, ..page };
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

/// The page, or where whoever owes nothing is taken.
async fn page(web: &Web, caller: &Caller, next: &str) -> Result<Result<Page, Response>, Refused> {
    let Some((_, person)) = sign_in::owing(caller) else {
        let to = match &caller.person {
            Some(_) => next.to_owned(),
            None if next == "/" => "/sign-in".to_owned(),
            None => format!("/sign-in?next={}", encode(next)),
        };
        return Ok(Err(Redirect::to(&to).into_response()));
    };
    let held = web.hub.store.factors_of(person.id).await?;
    if !held.any() {
        return Ok(Err(Redirect::to("/account/sign-in").into_response()));
    }
    Ok(Ok(Page {
        f: Frame::new(caller, Part::Elsewhere),
        next: next.to_owned(),
        held,
        wrong: false,
        wrong_recovery: false,
        wait_minutes: None,
    }))
}
