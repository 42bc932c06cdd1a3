//! The code that a kiosk shows makes its card the caller's.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::card::LONGEST_LABEL;

use crate::pages::fields::{Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, wish, words};
use crate::service::cards::{self, Added, NewCard};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/cards/add.html")]
struct Page {
    f: Frame,
    code: String,
    label: String,
    problem: Option<String>,
    bad_label: bool,
    longest: usize,
}

/// `/account/cards/add`
pub async fn get(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    cards::own(&web.hub, &caller).await?;
    let f = Frame::new(&caller, Part::Account);
    Ok(page(f, StatusCode::OK, &Fields::default(), None, false))
}

/// Takes the code.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (code, label) = (fields.get("code"), fields.get("label"));
    let new = NewCard { code, label, ..NewCard::default() };
    let added = cards::add_own(&web.hub, &web.throttle, &caller, &new).await?;
    let f = Frame::new(&caller, Part::Account);
    let zone = wish::zone(&*web.atlas().await?);
    Ok(match problem(&f, &added, zone) {
        None => Redirect::to("/account/cards?done=added").into_response(),
        Some(_) if matches!(added, Added::BadLabel) => {
            page(f, StatusCode::UNPROCESSABLE_ENTITY, &fields, None, true)
        }
        Some((status, text)) => page(f, status, &fields, Some(text), false),
    })
}

fn page(
    f: Frame,
    status: StatusCode,
    fields: &Fields,
    problem: Option<String>,
    bad_label: bool,
) -> Response {
    let page = Page {
        code: fields.get("code").to_owned(),
        label: fields.get("label").to_owned(),
        problem,
        bad_label,
        longest: LONGEST_LABEL,
        f,
    };
    html(status, &page)
}

/// What stands in the way, in words.
pub(crate) fn problem(
    f: &Frame,
    added: &Added,
    zone: chrono_tz::Tz,
) -> Option<(StatusCode, String)> {
    let bad = StatusCode::UNPROCESSABLE_ENTITY;
    let (status, text) = match added {
        Added::Done(_) => return None,
        Added::WrongCode => (
            bad,
            f.say(
                "このコードは使えません。10分を過ぎたときは、キオスクでもう一度カードをタッチしてください。",
                "This code is no good. After ten minutes, touch the card at the kiosk again for a new one.",
            )
            .to_owned(),
        ),
        Added::Somebodys => (
            StatusCode::CONFLICT,
            f.say(
                "このカードはすでに登録されています。",
                "This card is registered already.",
            )
            .to_owned(),
        ),
        Added::NothingToReplace => (
            bad,
            f.say("交換するカードが見つかりません。", "There is no such card to replace.").to_owned(),
        ),
        Added::BadLabel => (
            bad,
            f.say("名前は40文字までです。", "A name has up to 40 characters.").to_owned(),
        ),
        Added::BadEnd => (
            bad,
            f.say("期限は今日からあとの日にしてください。", "The end must lie ahead.").to_owned(),
        ),
        Added::Wait(until) => {
            let time = words::clock(*until, zone);
            let text = if f.ja() {
                format!("まちがいが続いたため、{time} まで待ってください。")
            } else {
                format!("Too many wrong codes. Please wait until {time}.")
            };
            (StatusCode::TOO_MANY_REQUESTS, text)
        }
    };
    Some((status, text))
}
