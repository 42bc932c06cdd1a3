//! The door.

pub mod organisation;
pub mod passkey;
pub mod second;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use model::sign_in::Stage;

use super::fields::{Asked, Posted};
use super::frame::{Frame, Part, encode};
use super::html;
use crate::service::sign_in::{Denied, SignedIn, sign_in};
use crate::service::{Caller, Refused};
use crate::web::{Web, cookies};

#[derive(Template)]
#[template(path = "sign-in.html")]
struct Page {
    f: Frame,
    email: String,
    next: String,
    wrong: bool,
    wrong_passkey: bool,
    wait_minutes: Option<i64>,
}

/// `/sign-in`
pub async fn get(caller: Caller, Asked(asked): Asked) -> Response {
    let next = way_on(asked.get("next"));
    if caller.person.is_some() {
        return Redirect::to(next).into_response();
    }
    html(StatusCode::OK, &page(&caller, next))
}

/// Signs in and goes on to where the caller was headed, or to the second factor.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let next = way_on(fields.get("next"));
    let (email, password) = (fields.get("email"), fields.get("password"));
    let form = Page { email: email.to_owned(), ..page(&caller, next) };
    match sign_in(&web.hub, &web.throttle, &caller, email, password).await? {
        Ok(signed_in) => Ok(go_on(&web, &signed_in, next)),
        Err(Denied::Wait(until)) => {
            let page = Page { wait_minutes: Some(minutes_until(&web, until)), ..form };
            Ok(later(&web, until, &page))
        }
        Err(_) => Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &Page { wrong: true, ..form })),
    }
}

fn page(caller: &Caller, next: &str) -> Page {
    Page {
        f: Frame::new(caller, Part::Elsewhere),
        email: String::new(),
        next: next.to_owned(),
        wrong: false,
        wrong_passkey: false,
        wait_minutes: None,
    }
}

/// Takes somebody with a session to where they were headed, or to what they still owe.
fn go_on(web: &Web, signed_in: &SignedIn, next: &str) -> Response {
    let mut response = match signed_in.started.session.stage {
        Stage::OwesSecond => Redirect::to(&format!("/sign-in/second?next={}", encode(next))),
        Stage::One | Stage::Two => Redirect::to(next),
    }
    .into_response();
    let secure = web.settings.secure_cookies;
    for cookie in [
        cookies::session(&signed_in.started.token, secure),
        cookies::language(signed_in.language, secure),
    ] {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

pub(super) fn minutes_until(web: &Web, until: DateTime<Utc>) -> i64 {
    ((until - web.hub.now()).num_seconds().max(1) + 59) / 60
}

/// A page that says when to try again.
pub(super) fn later(web: &Web, until: DateTime<Utc>, page: &impl Template) -> Response {
    let mut response = html(StatusCode::TOO_MANY_REQUESTS, page);
    let seconds = (until - web.hub.now()).num_seconds().max(1);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A path of this site, or the front page: a form must not send people elsewhere.
pub(super) fn way_on(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/sign-")
        && !next.contains(['\\', '\r', '\n', '\t'])
        && next.is_ascii();
    if ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_stays_on_this_site() {
        assert_eq!(way_on("/bookings?x=1"), "/bookings?x=1");
        for elsewhere in ["", "https://example.com", "//example.com", "/\\example.com", "/a\r\nb"] {
            assert_eq!(way_on(elsewhere), "/", "{elsewhere}");
        }
    }
}
