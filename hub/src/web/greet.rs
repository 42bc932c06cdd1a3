//! Finds out who asks, once a request, before anything else is done.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::language::Language;
use model::permission::Actor;

use super::{Web, cookies};
use crate::hub::Hub;
use crate::service::{Caller, Refused, secret, session};

/// Puts the [`Caller`] beside the request and its answer, and gives the browser what it lacks: the
/// door's token, and the language it asks for by `?lang=`.
pub async fn greet(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let secure = web.settings.secure_cookies;
    let chosen = chosen_language(request.uri());
    let stranger = nobody(&request, chosen);
    let shown = Shown::of(request.headers(), chosen.is_some());
    let (caller, new_door) = match recognise(&web.hub, stranger.clone(), shown).await {
        Ok(found) => found,
        Err(refused) => {
            // Without the store nobody can be recognised: a stranger is told so.
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

/// The cookies that a request shows.
struct Shown {
    session: Option<String>,
    door: Option<String>,
    has_language: bool,
}

impl Shown {
    fn of(headers: &HeaderMap, chosen: bool) -> Self {
        let owned = |name| cookies::get(headers, name).map(str::to_owned);
        let kept = cookies::get(headers, cookies::LANGUAGE).and_then(Language::from_tag);
        Self {
            session: owned(cookies::SESSION),
            door: owned(cookies::DOOR).filter(|token| token.len() >= 32),
            has_language: chosen || kept.is_some(),
        }
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
    caller.actor = Actor { person: Some(person.id), grants: person.grants.clone() };
    caller.csrf.clone_from(&session.csrf);
    caller.person = Some(person);
    caller.session = Some(session);
    Ok((caller, None))
}

fn nobody(request: &Request, chosen: Option<Language>) -> Caller {
    let headers = request.headers();
    let kept = cookies::get(headers, cookies::LANGUAGE).and_then(Language::from_tag);
    Caller {
        actor: Actor::nobody(),
        person: None,
        session: None,
        language: chosen.or(kept).unwrap_or_else(|| accepted_language(headers)),
        // Behind a proxy on this machine everybody has its address, so that says nothing of anybody.
        address: request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip())
            .filter(|address| !address.is_loopback()),
        csrf: String::new(),
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
