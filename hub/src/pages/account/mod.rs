//! The caller's account: who they are here, PIN, language, cards.

pub mod calendar;
pub mod cards;
pub mod data;
pub mod sign_in;
pub mod tokens;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use model::card::CardState;
use model::language::Language;
use model::permission::Action;

use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::{Caller, Refused, account, children, personal};
use crate::web::{Web, cookies};

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    f: Frame,
    name: String,
    email: String,
    employer: Option<String>,
    cards: Option<Vec<Card>>,
    has_pin: bool,
    done: Option<&'static str>,
    pin_error: bool,
    telephone: String,
    telephone_error: bool,
    collects_error: bool,
}

struct Card {
    label: String,
    blocked: bool,
}

/// `/account`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let f = Frame::new(&caller, Part::Account);
    let done = match asked.get("done") {
        "pin" => Some(f.say("暗証番号を変えました", "The PIN has been changed")),
        "telephone" => Some(f.say("電話番号を変えました", "The telephone number has been changed")),
        "language" => Some(f.say("表示言語を変えました", "The language has been changed")),
        "collects" => {
            Some(f.say("お迎えの人として登録されました", "You may collect the child now"))
        }
        _ => None,
    };
    let bad = match asked.get("bad") {
        "telephone" => Some(Bad::Telephone),
        _ => None,
    };
    page(&web, &caller, f, done, bad).await
}

/// Something that was typed in and cannot be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bad {
    Pin,
    Telephone,
    Collects,
}

/// Sets the PIN.
pub async fn pin(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    if account::set_pin(&web.hub, &caller, fields.get("pin")).await?.is_ok() {
        return Ok(Redirect::to("/account?done=pin").into_response());
    }
    let f = Frame::new(&caller, Part::Account);
    page(&web, &caller, f, None, Some(Bad::Pin)).await
}

/// Makes this the account of somebody who collects a child, by a code of its guardian's.
pub async fn collects(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    if children::collects(&web.hub, &caller, fields.get("code")).await? {
        return Ok(Redirect::to("/account?done=collects").into_response());
    }
    let f = Frame::new(&caller, Part::Account);
    page(&web, &caller, f, None, Some(Bad::Collects)).await
}

/// Changes the language.
pub async fn language(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let language = Language::from_tag(fields.get("language"))
        .ok_or_else(|| Refused::Unreadable("no such language".to_owned()))?;
    account::set_language(&web.hub, &caller, language).await?;
    let cookie = cookies::language(language, web.settings.secure_cookies);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/account?done=language")).into_response())
}

async fn page(
    web: &Web,
    caller: &Caller,
    f: Frame,
    done: Option<&'static str>,
    bad: Option<Bad>,
) -> Result<Response, Refused> {
    let account = account::look(&web.hub, caller).await?;
    let person = caller.signed_in()?;
    let keeps = caller.may_own(Action::KeepCards);
    let cards = account.cards.into_iter();
    let page = Page {
        name: person.name.clone(),
        email: person.email.clone(),
        employer: account.employer.map(|name| f.get(&name).to_owned()),
        cards: keeps.then(|| {
            cards
                .map(|card| Card {
                    blocked: card.state_at(web.hub.now()) != CardState::Active,
                    label: card.label,
                })
                .collect()
        }),
        has_pin: account.has_pin,
        done,
        pin_error: bad == Some(Bad::Pin),
        telephone: personal::contact(&web.hub, caller).await?.telephone,
        telephone_error: bad == Some(Bad::Telephone),
        collects_error: bad == Some(Bad::Collects),
        f,
    };
    let refused = matches!(bad, Some(Bad::Pin | Bad::Collects));
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}
