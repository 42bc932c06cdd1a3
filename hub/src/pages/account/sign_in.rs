//! What the caller signs in with, and where they are signed in.

pub mod code;
pub mod passkeys;
pub mod password;
pub mod prove;
pub mod recovery;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use model::id::SessionId;
use model::language::Language;
use model::sign_in::Means;
use store::FactorsHeld;

use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, wish, words};
use crate::service::session::{self, Started};
use crate::service::sign_in::{Factors, factors};
use crate::service::{Caller, Refused};
use crate::web::{Web, cookies};

#[derive(Template)]
#[template(path = "account/sign-in.html")]
struct Page {
    f: Frame,
    done: Option<&'static str>,
    /// They may do more once they have a second factor.
    lacks: bool,
    has_password: bool,
    held: FactorsHeld,
    passkeys: Vec<PasskeyRow>,
    sessions: Vec<SessionRow>,
}

struct PasskeyRow {
    id: String,
    name: String,
    added: String,
    used: Option<String>,
}

struct SessionRow {
    id: String,
    agent: String,
    means: &'static str,
    since: String,
    here: bool,
}

/// `/account/sign-in`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let f = Frame::new(&caller, Part::Account);
    let done = match asked.get("done") {
        "password" => Some(f.say(
            "パスワードを変えました。ほかのサインインは終わりました",
            "The password has been changed, and you are signed out elsewhere",
        )),
        "code" => Some(f.say("認証アプリを設定しました", "The authenticator app is set up")),
        "passkey" => Some(f.say("パスキーを追加しました", "The passkey has been added")),
        "removed" => Some(f.say("消しました", "It has been removed")),
        "ended" => Some(f.say("サインアウトしました", "Signed out there")),
        _ => None,
    };
    let sessions = session::list(&web.hub, &caller).await?;
    let Factors { has_password, held, passkeys } = factors(&web.hub, &caller).await?;
    let atlas = web.atlas().await?;
    let (language, zone) = (f.language(), wish::zone(&atlas));
    let here = caller.session.as_ref().map(|session| session.id);
    let page = Page {
        done,
        lacks: !caller.withheld.is_empty() && !held.any(),
        has_password,
        held,
        passkeys: passkeys
            .into_iter()
            .map(|passkey| PasskeyRow {
                id: passkey.id.to_string(),
                name: named(&f, &passkey.name),
                added: words::day_and_clock(language, passkey.added_at, zone),
                used: passkey.used_at.map(|at| words::day_and_clock(language, at, zone)),
            })
            .collect(),
        sessions: sessions
            .into_iter()
            .map(|session| SessionRow {
                id: session.id.to_string(),
                agent: named(&f, &session.agent),
                means: means(&f, session.means),
                since: words::day_and_clock(language, session.started_at, zone),
                here: Some(session.id) == here,
            })
            .collect(),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// Signs the caller out of one session.
pub async fn end(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let id: SessionId = id.parse().map_err(|_| Refused::NotFound)?;
    session::end_one(&web.hub, &caller, id).await?;
    Ok(Redirect::to("/account/sign-in?done=ended").into_response())
}

/// Signs the caller out everywhere else.
pub async fn end_others(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    session::end_others(&web.hub, &caller).await?;
    Ok(Redirect::to("/account/sign-in?done=ended").into_response())
}

/// `response` with the cookie of a session that goes on under another token.
fn with_session(web: &Web, started: Option<&Started>, response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    if let Some(started) = started {
        let cookie = cookies::session(&started.token, web.settings.secure_cookies);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A browser's short name, in the page's language.
fn named(f: &Frame, agent: &str) -> String {
    match (agent, f.language()) {
        ("", _) => f.say("名前のわからないブラウザー", "An unknown browser").to_owned(),
        (agent, Language::Ja) => agent.to_owned(),
        (agent, Language::En) => agent.replace('、', ", "),
    }
}

fn means(f: &Frame, means: Means) -> &'static str {
    match means {
        Means::Password => f.say("パスワード", "password"),
        Means::Code => f.say("パスワードと認証アプリ", "password and authenticator app"),
        Means::RecoveryCode => f.say("パスワードと予備コード", "password and recovery code"),
        Means::Passkey => f.say("パスキー", "passkey"),
        Means::Organisation => f.say("組織のアカウント", "organisation's account"),
    }
}
