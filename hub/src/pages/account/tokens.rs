//! Tokens of the caller's own programs.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Asia::Tokyo;
use model::permission::TokenScope;
use store::{ApiToken, TokenHolder};

use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::api_tokens::{self, BadWish, Wish};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/tokens.html")]
struct Page {
    f: Frame,
    tokens: Vec<TokenShown>,
    /// Where the form that takes one back is sent.
    revoke: &'static str,
    made: Option<String>,
    revoked: bool,
    name: String,
    days: String,
    scopes: Vec<ScopeShown>,
    wrong: Option<&'static str>,
}

/// A token in a list.
pub struct TokenShown {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What for, in words.
    pub scopes: String,
    /// Until when.
    pub ends: String,
    /// Whether that is over.
    pub over: bool,
    /// When it was last used.
    pub used: Option<String>,
}

struct ScopeShown {
    word: &'static str,
    name: &'static str,
    chosen: bool,
}

/// `/account/tokens`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let revoked = !asked.get("revoked").is_empty();
    page(&web, &caller, &Fields::default(), None, revoked, None).await
}

/// Makes one and shows it, this once.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let holder = TokenHolder::Person(caller.signed_in()?.id);
    match api_tokens::make(&web.hub, &caller, holder, wish(&fields)).await? {
        Ok(made) => page(&web, &caller, &Fields::default(), Some(made.text), false, None).await,
        Err(bad) => page(&web, &caller, &fields, None, false, Some(bad)).await,
    }
}

/// Takes one back.
pub async fn revoke(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let holder = TokenHolder::Person(caller.signed_in()?.id);
    let id = fields.get("id").parse().map_err(|_| Refused::NotFound)?;
    api_tokens::revoke(&web.hub, &caller, holder, id).await?;
    Ok(Redirect::to("/account/tokens?revoked=1").into_response())
}

/// What a form wishes for.
pub(crate) fn wish(fields: &Fields) -> Wish {
    let scopes = fields
        .all("scope")
        .map(|word| TokenScope::ALL.into_iter().find(|scope| self::word(*scope) == word));
    Wish {
        name: fields.get("name").to_owned(),
        // A word that names none makes the wish one for nothing.
        scopes: scopes.collect::<Option<_>>().unwrap_or_default(),
        days: typed::number(fields.get("days")).map_or(0, i64::from),
    }
}

/// Tokens as a list shows them.
pub(crate) fn shown(
    f: &Frame,
    tokens: Vec<ApiToken>,
    now: chrono::DateTime<chrono::Utc>,
) -> Vec<TokenShown> {
    let shown = |token: ApiToken| TokenShown {
        id: token.id.to_string(),
        name: token.name,
        scopes: token
            .scopes
            .iter()
            .map(|scope| name(f, *scope))
            .collect::<Vec<_>>()
            .join(f.say("、", ", ")),
        ends: words::full_date(f.language(), token.ends_at.with_timezone(&Tokyo).date_naive()),
        over: token.ends_at <= now,
        used: token.last_used_on.map(|day| words::full_date(f.language(), day)),
    };
    tokens.into_iter().map(shown).collect()
}

/// Why a wish is none.
pub(crate) fn wrong(f: &Frame, bad: BadWish) -> &'static str {
    match bad {
        BadWish::Name => {
            f.say("名前は1〜100文字で入れてください", "Give a name of 1 to 100 characters")
        }
        BadWish::Scopes => f.say("使いみちを選んでください", "Choose what it is for"),
        BadWish::Days => f.say("日数は1〜365で入れてください", "Give 1 to 365 days"),
    }
}

fn word(scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::Read => "read",
        TokenScope::Book => "book",
        TokenScope::Report => "report",
        TokenScope::Members => "members",
    }
}

fn name(f: &Frame, scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::Read => f.say("予約と空きを見る", "see bookings and free desks"),
        TokenScope::Book => f.say("予約と取り消し", "book and cancel"),
        TokenScope::Report => f.say("報告を読む", "read reports"),
        TokenScope::Members => f.say("メンバーの管理（SCIM）", "keep members (SCIM)"),
    }
}

async fn page(
    web: &Web,
    caller: &Caller,
    typed: &Fields,
    made: Option<String>,
    revoked: bool,
    bad: Option<BadWish>,
) -> Result<Response, Refused> {
    let holder = TokenHolder::Person(caller.signed_in()?.id);
    let tokens = api_tokens::list(&web.hub, caller, holder).await?;
    let f = Frame::new(caller, Part::Account);
    let chosen = |word: &str| typed.all("scope").any(|other| other == word);
    let scopes = api_tokens::OF_PERSON.map(|scope| ScopeShown {
        word: word(scope),
        name: name(&f, scope),
        chosen: chosen(word(scope)),
    });
    let days = typed.get("days");
    let page = Page {
        tokens: shown(&f, tokens, web.hub.now()),
        revoke: "/account/tokens/revoke",
        made,
        revoked,
        name: typed.get("name").to_owned(),
        days: if days.is_empty() { "90".to_owned() } else { days.to_owned() },
        scopes: scopes.into(),
        wrong: bad.map(|bad| wrong(&f, bad)),
        f,
    };
    let status = if bad.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}
