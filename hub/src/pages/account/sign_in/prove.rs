//! Showing again who one is.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part, encode};
use crate::pages::html;
use crate::pages::sign_in::{later, minutes_until, way_on};
use crate::service::proof::{self, CanShow, Proof};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/sign-in/prove.html")]
struct Page {
    f: Frame,
    email: String,
    next: String,
    can: CanShow,
    wrong: bool,
    wrong_passkey: bool,
    wait_minutes: Option<i64>,
}

/// `/account/sign-in/prove`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let next = way_on(asked.get("next"));
    match proof::whole(&web.hub, &caller).await {
        Ok(_) => Ok(html(StatusCode::OK, &page(&web, &caller, next).await?)),
        // What they lack is the second factor.
        Err(Refused::ProveFirst) => {
            Ok(Redirect::to(&format!("/sign-in/second?next={}", encode(next))).into_response())
        }
        Err(refused) => Err(refused),
    }
}

/// Takes a password or a passkey.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let next = way_on(fields.get("next"));
    let (ceremony, answer) = (fields.get("ceremony"), fields.get("answer"));
    let by_passkey = !ceremony.is_empty();
    let proof = if by_passkey {
        proof::by_passkey(&web.hub, &caller, ceremony, answer).await?
    } else {
        proof::by_password(&web.hub, &web.throttle, &caller, fields.get("password")).await?
    };
    let page = page(&web, &caller, next).await?;
    match proof {
        Proof::Given => Ok(Redirect::to(next).into_response()),
        Proof::Wait(until) => {
            let page = Page { wait_minutes: Some(minutes_until(&web, until)), ..page };
            Ok(later(&web, until, &page))
        }
        Proof::Wrong => {
            let page = Page { wrong: !by_passkey, wrong_passkey: by_passkey, ..page };
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

async fn page(web: &Web, caller: &Caller, next: &str) -> Result<Page, Refused> {
    Ok(Page {
        can: proof::can_show(&web.hub, caller).await?,
        f: Frame::new(caller, Part::Account),
        email: caller.signed_in()?.email.clone(),
        next: next.to_owned(),
        wrong: false,
        wrong_passkey: false,
        wait_minutes: None,
    })
}
