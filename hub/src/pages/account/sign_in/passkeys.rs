//! Adding and removing passkeys.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use model::id::PasskeyId;

use super::{named, recovery, with_session};
use crate::pages::fields::Posted;
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::passkeys::{self, Adding, LONGEST_NAME, Question};
use crate::service::{Caller, Refused, proof};
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/sign-in/passkeys.html")]
struct Page {
    f: Frame,
    name: String,
    longest: usize,
    error: Option<&'static str>,
}

/// `/account/sign-in/passkeys`
pub async fn get(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    proof::recent(&web.hub, &caller).await?;
    Ok(html(StatusCode::OK, &page(&caller, None)))
}

/// What the browser is to be asked.
pub async fn options(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Json<Question>, Refused> {
    Ok(Json(passkeys::ask_to_add(&web.hub, &caller).await?))
}

/// Adds what the browser has made.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (ceremony, answer, name) =
        (fields.get("ceremony"), fields.get("answer"), fields.get("name"));
    let f = Frame::new(&caller, Part::Account);
    let error = match passkeys::add(&web.hub, &caller, ceremony, answer, name).await? {
        Adding::Done(added) => return Ok(recovery::after(&web, &caller, &added, "passkey")),
        Adding::Bad => f.say(
            "パスキーを追加できませんでした。もう一度お試しください",
            "The passkey could not be added. Please try again",
        ),
        Adding::TooMany => f.say(
            "これ以上は追加できません。使っていないものを消してください",
            "You have as many as there may be. Please remove one that you no longer use",
        ),
    };
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page(&caller, Some(error))))
}

/// Removes one.
pub async fn remove(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let id: PasskeyId = id.parse().map_err(|_| Refused::NotFound)?;
    let started = passkeys::remove(&web.hub, &caller, id).await?;
    let on = Redirect::to("/account/sign-in?done=removed");
    Ok(with_session(&web, started.as_ref(), on))
}

fn page(caller: &Caller, error: Option<&'static str>) -> Page {
    let f = Frame::new(caller, Part::Account);
    let name = if caller.agent.is_empty() { String::new() } else { named(&f, &caller.agent) };
    Page { f, name, longest: LONGEST_NAME, error }
}
