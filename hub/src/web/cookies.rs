//! The three cookies: the session, the door's token before there is one, and the language.

use axum::http::{HeaderMap, HeaderValue, header};
use model::language::Language;

use crate::service::rules;

/// The session's token.
pub const SESSION: &str = "kyoten_session";
/// The token that the sign-in form must carry, before there is a session.
pub const DOOR: &str = "kyoten_door";
/// The language chosen.
pub const LANGUAGE: &str = "kyoten_lang";

/// What a cookie is called. Over HTTPS its name says that only this very host can have set it, so
/// that no neighbour's page plants one of its own.
#[must_use]
pub fn called(name: &str, secure: bool) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

/// The value of the first cookie called `name`.
#[must_use]
pub fn get<'a>(headers: &'a HeaderMap, name: &str, secure: bool) -> Option<&'a str> {
    let name = called(name, secure);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Says a new session's token to the browser.
#[must_use]
pub fn session(token: &str, secure: bool) -> HeaderValue {
    line(SESSION, token, rules::SESSION.num_seconds(), secure)
}

/// Makes the browser forget the session.
#[must_use]
pub fn no_session(secure: bool) -> HeaderValue {
    line(SESSION, "", 0, secure)
}

/// Says the door's token to the browser.
#[must_use]
pub fn door(token: &str, secure: bool) -> HeaderValue {
    line(DOOR, token, rules::SESSION.num_seconds(), secure)
}

/// Keeps the language chosen.
#[must_use]
pub fn language(language: Language, secure: bool) -> HeaderValue {
    line(LANGUAGE, language.tag(), 365 * 24 * 3600, secure)
}

fn line(name: &str, value: &str, seconds: i64, secure: bool) -> HeaderValue {
    let name = called(name, secure);
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    // Tokens are base64url and language tags plain letters, so this is always a header value.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; kyoten_lang=en"));
        headers.append(header::COOKIE, HeaderValue::from_static("kyoten_session=abc"));
        assert_eq!(get(&headers, LANGUAGE, false), Some("en"));
        assert_eq!(get(&headers, SESSION, false), Some("abc"));
        assert_eq!(get(&headers, DOOR, false), None);
    }

    #[test]
    fn over_https_only_this_host_s_own_cookies_count() {
        let line = session("abc", true);
        let line = line.to_str().unwrap_or_default();
        assert!(line.starts_with("__Host-kyoten_session=abc; Path=/;"), "{line}");
        assert!(line.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{line}");
        let mut headers = HeaderMap::new();
        let planted = "kyoten_session=planted; __Host-kyoten_session=own";
        headers.append(header::COOKIE, HeaderValue::from_static(planted));
        assert_eq!(get(&headers, SESSION, true), Some("own"));
        headers.insert(header::COOKIE, HeaderValue::from_static("kyoten_session=planted"));
        assert_eq!(get(&headers, SESSION, true), None);
    }
}
