//! Signing in with an employer's own accounts: there, and back.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::way_on;
use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::organisation::{self, Back, Begun, Ended, Why};
use crate::service::{Caller, Refused};
use crate::web::{Web, cookies};

#[derive(Template)]
#[template(path = "sign-in/organisation.html")]
struct Page {
    f: Frame,
    email: String,
    next: String,
    wrong: Option<(&'static str, &'static str)>,
}

#[derive(Template)]
#[template(path = "sign-in/away.html")]
struct Away {
    f: Frame,
    employer: String,
    url: String,
}

/// `/sign-in/organisation`
pub async fn get(caller: Caller, Asked(asked): Asked) -> Response {
    let next = way_on(asked.get("next"));
    if caller.person.is_some() {
        return Redirect::to(next).into_response();
    }
    let f = Frame::new(&caller, Part::Elsewhere);
    let email = asked.get("email").to_owned();
    html(StatusCode::OK, &Page { f, email, next: next.to_owned(), wrong: None })
}

/// Sends the browser to the provider. A form may lead to nobody but us, so the page that answers
/// it leads on.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let next = way_on(fields.get("next"));
    let email = fields.get("email");
    let f = Frame::new(&caller, Part::Elsewhere);
    let wrong = match organisation::begin(&web.hub, &caller, email, next).await? {
        Begun::Away { url, employer } => {
            let refresh = HeaderValue::from_str(&format!("0; url={url}"))
                .map_err(|_| Refused::Inner("an address cannot be written"))?;
            let employer = f.get(&employer).to_owned();
            let mut response = html(StatusCode::OK, &Away { f, employer, url });
            response.headers_mut().insert(header::REFRESH, refresh);
            return Ok(response);
        }
        Begun::NoProvider => (
            f.say(
                "このメールアドレスの会社は登録されていません",
                "No organisation is set up for this address",
            ),
            f.say(
                "会社のメールアドレスか確かめてください。パスワードでもサインインできます。",
                "Is it the address you have at work? You can sign in with a password too.",
            ),
        ),
        Begun::Unreachable => unreachable(&f),
    };
    let (email, next) = (email.to_owned(), next.to_owned());
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &Page { f, email, next, wrong: Some(wrong) }))
}

/// `/sign-in/organisation/back`
pub async fn back(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let text = |name: &str| asked.get(name).to_owned();
    let issuer = Some(text("iss")).filter(|issuer| !issuer.is_empty());
    let back = Back { state: text("state"), code: text("code"), issuer };
    let secure = web.settings.secure_cookies;
    match organisation::end(&web.hub, &caller, back).await? {
        Ended::Done { started, language, next } => {
            let mut response = Redirect::to(way_on(&next)).into_response();
            for cookie in
                [cookies::session(&started.token, secure), cookies::language(language, secure)]
            {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Ended::Not(why) => {
            let f = Frame::new(&caller, Part::Elsewhere);
            let wrong = Some(said(&f, why));
            let page = Page { f, email: String::new(), next: "/".to_owned(), wrong };
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

fn said(f: &Frame, why: Why) -> (&'static str, &'static str) {
    match why {
        Why::Over => (
            f.say("もう一度はじめから", "Please start once more"),
            f.say(
                "時間がたったか、別の画面ではじめたサインインのようです。",
                "It took too long, or it began in another browser.",
            ),
        ),
        Why::Declined => (
            f.say("サインインを中止しました", "You were not signed in"),
            f.say("会社の認証サービスで中止されました。", "Your organisation's provider has not let you in."),
        ),
        Why::Unreachable => unreachable(f),
        Why::Untrusted => (
            f.say("サインインできませんでした", "That did not work"),
            f.say(
                "会社の認証サービスの答えを確かめられませんでした。続くときは、会社の担当者に伝えてください。",
                "We could not verify what your organisation's provider said. If it happens again, tell your organisation.",
            ),
        ),
        Why::ForeignAddress | Why::NotMember | Why::NoRole => (
            f.say("この会社の利用者として登録されていません", "Your organisation has not given you access"),
            f.say("会社の担当者に、登録を頼んでください。", "Please ask your organisation to add you."),
        ),
    }
}

fn unreachable(f: &Frame) -> (&'static str, &'static str) {
    (
        f.say(
            "会社の認証サービスにつながりません",
            "Your organisation's provider cannot be reached",
        ),
        f.say("少し待って、もう一度お試しください。", "Please try again in a moment."),
    )
}
