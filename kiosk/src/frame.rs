//! What the lobby's pages and the staff's have in common: how they are drawn and guarded, and their keypad.

use std::net::IpAddr;

use askama::Template;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use model::language::Language;

/// The symbols that every page refers to.
pub const SPRITE: &str = include_str!("../../hub/assets/icons.svg");

const NOT_BY_NAME: &str =
    "this screen opens as localhost, or by its address in numbers: put that in place of the name";

/// The words in this language.
#[must_use]
pub fn in_language<'t>(language: Language, ja: &'t str, en: &'t str) -> &'t str {
    match language {
        Language::Ja => ja,
        Language::En => en,
    }
}

/// A page as an answer.
#[must_use]
pub fn draw(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!("a page could not be drawn: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn").into_response()
        }
    }
}

/// A file that pages load.
pub async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}

/// Another page must not press this screen's buttons, nor frame it.
pub async fn guard(request: Request, next: Next) -> Response {
    if !is_here(request.headers()) {
        let name = request.headers().get(header::HOST);
        tracing::warn!(?name, "the screen was asked for by a name that is not this machine's own");
        return (StatusCode::FORBIDDEN, NOT_BY_NAME).into_response();
    }
    if request.method() != Method::GET && is_foreign(request.headers()) {
        return turned_away();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
        ),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether another site's page has sent this. Older browsers say only where a form was sent from.
#[must_use]
pub fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or(""));
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site != "same-origin" && site != "none";
    }
    let host = text(header::HOST).unwrap_or("");
    text(header::ORIGIN).is_some_and(|origin| {
        origin.split_once("://").map_or("", |(_, of)| of) != host || host.is_empty()
    })
}

/// Whether the browser was sent to this machine by number or as itself. A name that somebody else holds may be made to
/// mean this machine, and the page that did it would then be no foreign one.
fn is_here(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = Authority::try_from(host.as_bytes()) else { return false };
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok()
}

/// The answer to another site's page.
#[must_use]
pub fn turned_away() -> Response {
    (StatusCode::FORBIDDEN, "this screen takes no orders from other pages").into_response()
}

/// What a key of a keypad does to what was typed, which holds at most `most` characters; `false` where it is no key
/// that types.
pub fn press(typed: &mut String, key: &str, most: usize) -> bool {
    match key {
        "back" => drop(typed.pop()),
        key if key.len() == 1 && key.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            if typed.chars().count() < most {
                typed.push_str(key);
            }
        }
        _ => return false,
    }
    true
}

/// The first `most` characters of what somebody sent.
#[must_use]
pub fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.char_indices().nth(most).map_or(text.len(), |(at, _)| at));
    text
}
