//! Finds out who asks, once a request, before anything else is done.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::language::Language;
use model::permission::Actor;
use model::sign_in::Stage;

use super::security::Nonce;
use super::{Web, WebSettings, agent, cookies};
use crate::hub::Hub;
use crate::service::{Caller, Refused, api_tokens, secret, session};

/// Puts the [`Caller`] beside the request and its answer, and gives the browser what it lacks: the
/// door's token, and the language it asks for by `?lang=`.
pub async fn greet(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let secure = web.settings.secure_cookies;
    let chosen = chosen_language(request.uri());
    let stranger = nobody(&request, &web.settings, chosen);
    // Taken out now: a request's body may not be shared across what is awaited.
    let asked = Asked::of(&request, secure, chosen.is_some());
    let (caller, new_door) = match admit(&web, stranger.clone(), asked).await {
        Ok(found) => found,
        Err(refused) => {
            // Nobody was recognised: a stranger is told so.
            let mut response = refused.into_response();
            response.extensions_mut().insert(stranger);
            return response;
        }
    };
    request.extensions_mut().insert(caller.clone());
    let mut response = next.run(request).await;
    // Only pages have forms, and only pages are chosen a language for.
    if response.headers().get(header::CONTENT_TYPE).is_some_and(is_html) {
        if let Some(door) = new_door {
            response.headers_mut().append(header::SET_COOKIE, cookies::door(&door, secure));
        }
        if let Some(language) = chosen {
            response.headers_mut().append(header::SET_COOKIE, cookies::language(language, secure));
        }
    }
    response.extensions_mut().insert(caller);
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        parts.extensions.get::<Self>().cloned().ok_or(Refused::Inner("nobody greeted the caller"))
    }
}

/// Who asks, unless they ask too much, or another site's page asks in their name.
async fn admit(
    web: &Web,
    stranger: Caller,
    asked: Asked,
) -> Result<(Caller, Option<String>), Refused> {
    web.limits.address(stranger.address)?;
    if asked.changes && asked.from_elsewhere {
        return Err(Refused::Csrf);
    }
    let found = match asked.token {
        Some(token) => program(&web.hub, stranger, &token).await?,
        None => recognise(&web.hub, stranger, asked.shown).await?,
    };
    web.limits.caller(&found.0, asked.changes)?;
    Ok(found)
}

/// What a request says of itself.
struct Asked {
    changes: bool,
    /// The browser says that a page of another site asks: a second wall behind the token.
    from_elsewhere: bool,
    /// A program's token.
    token: Option<String>,
    shown: Shown,
}

impl Asked {
    fn of(request: &Request, secure: bool, chosen: bool) -> Self {
        let headers = request.headers();
        let site = headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes);
        Self {
            changes: !request.method().is_safe(),
            from_elsewhere: matches!(site, Some(b"cross-site" | b"same-site")),
            token: bearer(headers).map(str::to_owned),
            shown: Shown::of(headers, secure, chosen),
        }
    }
}

/// The cookies that a request shows.
struct Shown {
    session: Option<String>,
    door: Option<String>,
    has_language: bool,
}

impl Shown {
    fn of(headers: &HeaderMap, secure: bool, chosen: bool) -> Self {
        let owned = |name| cookies::get(headers, name, secure).map(str::to_owned);
        let kept = cookies::get(headers, cookies::LANGUAGE, secure).and_then(Language::from_tag);
        Self {
            session: owned(cookies::SESSION),
            door: owned(cookies::DOOR).filter(|token| token.len() >= 32),
            has_language: chosen || kept.is_some(),
        }
    }
}

/// The token that a program shows; one that is not readable is as good as a wrong one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    Some(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" })
}

/// The program that shows this token. Its cookies count for nothing, and it has no forms.
async fn program(
    hub: &Hub,
    mut caller: Caller,
    token: &str,
) -> Result<(Caller, Option<String>), Refused> {
    if api_tokens::recognise(hub, &mut caller, token).await? {
        Ok((caller, None))
    } else {
        Err(Refused::BadToken)
    }
}

/// Who asks, and the door's token where the browser has none yet.
async fn recognise(
    hub: &Hub,
    mut caller: Caller,
    shown: Shown,
) -> Result<(Caller, Option<String>), Refused> {
    let found = match shown.session {
        Some(token) => session::find(hub, &token).await?,
        None => None,
    };
    let Some((session, person)) = found else {
        if let Some(door) = shown.door {
            caller.csrf = door;
            return Ok((caller, None));
        }
        caller.csrf = secret::token(hub.random.as_ref())?;
        let door = caller.csrf.clone();
        return Ok((caller, Some(door)));
    };
    if !shown.has_language {
        caller.language = person.language;
    }
    if session.stage == Stage::OwesSecond {
        caller.csrf.clone_from(&session.csrf);
        caller.owes_second = Some((session, person));
    } else {
        caller.recognise(session, person, hub.now());
    }
    Ok((caller, None))
}

fn nobody(request: &Request, settings: &WebSettings, chosen: Option<Language>) -> Caller {
    let headers = request.headers();
    let kept = cookies::get(headers, cookies::LANGUAGE, settings.secure_cookies)
        .and_then(Language::from_tag);
    Caller {
        actor: Actor::nobody(),
        person: None,
        session: None,
        withheld: Vec::new(),
        owes_second: None,
        language: chosen.or(kept).unwrap_or_else(|| accepted_language(headers)),
        // Behind a proxy on this machine everybody has its address, so that says nothing of anybody.
        address: request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| settings.proxies.client(info.0.ip(), headers))
            .filter(|address| !address.is_loopback()),
        agent: agent::name(headers),
        csrf: String::new(),
        nonce: request
            .extensions()
            .get::<Nonce>()
            .map(|Nonce(nonce)| nonce.clone())
            .unwrap_or_default(),
        here: request
            .extensions()
            .get::<OriginalUri>()
            .map_or(request.uri(), |original| &original.0)
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

fn chosen_language(uri: &Uri) -> Option<Language> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::from_tag)
}

/// The first of the browser's languages that is one of ours, in the order it lists them.
fn accepted_language(headers: &HeaderMap) -> Language {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            value.split(',').find_map(|tag| Language::from_tag(tag.split(';').next()?.trim()))
        })
        .unwrap_or_default()
}

fn is_html(value: &axum::http::HeaderValue) -> bool {
    value.as_bytes().starts_with(b"text/html")
}
