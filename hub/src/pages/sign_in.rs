//! The door.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::fields::{Asked, Posted};
use super::frame::{Frame, Part};
use super::html;
use crate::service::sign_in::{SignIn, sign_in};
use crate::service::{Caller, Refused};
use crate::web::{Web, cookies};

#[derive(Template)]
#[template(path = "sign-in.html")]
struct Page {
    f: Frame,
    email: String,
    next: String,
    wrong: bool,
    wait_minutes: Option<i64>,
}

/// `/sign-in`
pub async fn get(caller: Caller, Asked(asked): Asked) -> Response {
    let next = way_on(asked.get("next"));
    if caller.person.is_some() {
        return Redirect::to(next).into_response();
    }
    let f = Frame::new(&caller, Part::Elsewhere);
    let page =
        Page { f, email: String::new(), next: next.to_owned(), wrong: false, wait_minutes: None };
    html(StatusCode::OK, &page)
}

/// Signs in and goes on to where the caller was headed.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let next = way_on(fields.get("next"));
    let (email, password) = (fields.get("email"), fields.get("password"));
    let secure = web.settings.secure_cookies;
    let f = Frame::new(&caller, Part::Elsewhere);
    let form = |wrong, wait_minutes| Page {
        f,
        email: email.to_owned(),
        next: next.to_owned(),
        wrong,
        wait_minutes,
    };
    match sign_in(&web.hub, &web.throttle, &caller, email, password).await? {
        SignIn::Done { started, language } => {
            let mut response = Redirect::to(next).into_response();
            for cookie in
                [cookies::session(&started.token, secure), cookies::language(language, secure)]
            {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        SignIn::Wrong => Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &form(true, None))),
        SignIn::Wait(until) => {
            let seconds = (until - web.hub.now()).num_seconds().max(1);
            let page = form(false, Some((seconds + 59) / 60));
            let mut response = html(StatusCode::TOO_MANY_REQUESTS, &page);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

/// A path of this site, or the front page: a form must not send people elsewhere.
fn way_on(next: &str) -> &str {
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
