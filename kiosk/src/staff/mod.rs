//! The screen of a nursery's staff: who is there, what is to be done, and who gets which child.
//!
//! It decides nothing either. It holds the session that the site gave to whoever signed in with card and PIN, shows
//! what the site answers, and forgets all of it when they go.

mod board;
mod child;
mod frame;
mod guardians;
pub mod hand_over;
mod handing;
mod house;
mod live;
pub mod screen;
mod sign_in;
pub mod words;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use model::care::board::ChildState;
use model::id::ChildId;
use model::language::Language;
use serde::Deserialize;
use wire::nursery::StaffAsk;
use wire::request::HouseAlarm;

use self::frame::Frame;
use self::screen::{Staff, Stage, Told};
use crate::frame::{SPRITE, asset, draw, guard, is_foreign, turned_away};
use crate::pages::House;

/// The longest form, in bytes: a note far too long is told so, and not cut off.
const MOST_TYPED: usize = 64 * 1024;

#[derive(Clone)]
struct App {
    staff: Staff,
    house: House,
}

/// The staff screen's pages.
pub fn router(staff: Staff, house: House) -> Router {
    let app = App { staff, house };
    Router::new()
        .route("/", get(root))
        .route("/live", get(live::live))
        .route("/pin", post(sign_in::pin))
        .route("/cancel", post(sign_in::cancel))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/language", post(language))
        .route("/caregiver", post(caregiver))
        .route("/muster", get(house::muster))
        .route("/house", get(|| async { Redirect::to("/") }).post(house::order))
        .route("/scan", post(handing::scan))
        .route("/child/{child}", get(child::page))
        .route("/child/{child}/receive", post(child::receive))
        .route("/child/{child}/drop-off", get(child::drop_off).post(child::type_drop_off))
        .route("/child/{child}/temperature", get(child::temperature).post(child::type_temperature))
        .route("/child/{child}/note", post(child::note))
        .route("/child/{child}/move", post(child::change_room))
        .route("/child/{child}/recall", post(guardians::recall))
        .route("/child/{child}/put-right", post(guardians::put_right))
        .route("/child/{child}/hand-over", get(handing::page).post(handing::claim))
        .fallback(|| async { Redirect::to("/") })
        .layer(DefaultBodyLimit::max(MOST_TYPED))
        .layer(middleware::from_fn_with_state(app.clone(), watch))
        .route("/healthz", get(|| async { "ok" }))
        .route(
            "/assets/kiosk.css",
            get(|| asset("text/css; charset=utf-8", include_str!("../../assets/kiosk.css"))),
        )
        .route(
            "/assets/staff.css",
            get(|| asset("text/css; charset=utf-8", include_str!("../../assets/staff.css"))),
        )
        .route(
            "/assets/favicon.svg",
            get(|| asset("image/svg+xml", include_str!("../../../hub/assets/favicon.svg"))),
        )
        .route(
            "/assets/kiosk.js",
            get(|| asset("text/javascript", include_str!("../../assets/kiosk.js"))),
        )
        .route(
            "/assets/kyoten.js",
            get(|| asset("text/javascript", include_str!("../../../hub/assets/kyoten.js"))),
        )
        .layer(middleware::from_fn(guard))
        .with_state(app)
}

/// Whatever is asked for by hand is a touch; nothing is shown to a page of another's.
async fn watch(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let visiting = request.method() == Method::GET && path == "/";
    if !visiting && is_foreign(request.headers()) {
        return turned_away();
    }
    if path != "/live" {
        app.staff.touch();
    }
    next.run(request).await
}

#[derive(Template)]
#[template(path = "staff/root.html")]
struct RootPage<'a> {
    f: Frame<'a>,
    pin: String,
}

/// The part of the page that live updates replace.
#[derive(Template)]
#[template(path = "staff/stage.html")]
struct StageBlock<'a> {
    f: Frame<'a>,
    pin: String,
}

async fn root(State(app): State<App>, headers: HeaderMap) -> Response {
    // What a browser fetches beside a page must not close the hand-over that stands on it.
    let beside = |asked: &HeaderValue| asked != "document";
    if !headers.get("sec-fetch-dest").is_some_and(beside) {
        app.staff.put_away();
    }
    root_page(&app, String::new())
}

fn root_page(app: &App, pin: String) -> Response {
    let view = app.staff.now();
    draw(&RootPage { f: Frame::new(&view, &app.house, "root"), pin })
}

#[derive(Deserialize)]
struct LanguageForm {
    lang: String,
}

async fn language(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<LanguageForm>,
) -> Redirect {
    if let Some(language) = Language::from_tag(&form.lang) {
        app.staff.set_language(language);
    }
    Redirect::to(&came_from(&headers))
}

/// The page of this screen that a form was sent from; the board where that is not known.
fn came_from(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let page = referer.and_then(|from| {
        let (_, path) = from.split_once("://")?.1.split_once("/child/")?;
        let mut parts = path.split(['/', '?', '#']);
        let child: ChildId = parts.next()?.parse().ok()?;
        Some(match parts.next() {
            Some(page @ ("hand-over" | "drop-off" | "temperature")) => {
                format!("/child/{child}/{page}")
            }
            _ => format!("/child/{child}"),
        })
    });
    page.unwrap_or_else(|| "/".to_owned())
}

#[derive(Deserialize)]
struct CaregiverForm {
    shift: String,
    state: String,
}

async fn caregiver(State(app): State<App>, Form(form): Form<CaregiverForm>) -> Redirect {
    let told = match (form.shift.parse(), board::state_of(&form.state)) {
        (Ok(shift), Some(state)) => app.staff.act(StaffAsk::Caregiver { shift, state }).await.err(),
        _ => Some(Told::Odd),
    };
    app.staff.tell(told);
    Redirect::to("/")
}

#[cfg(test)]
mod tests;
