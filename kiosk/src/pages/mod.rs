//! The lobby's pages: one screen that follows by server-sent events, and the code entry.
//!
//! Everything works as plain forms; the scripts only make it quicker.

mod at_door;
mod bringing;
mod entry;
mod refusals;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures::{Stream, StreamExt};
use model::access::{Going, RefusalKind};
use model::care::day::NotTakenIn;
use model::clock::Clock;
use model::id::{ChildId, VisitId};
use model::language::{Language, LocalText};
use serde::Deserialize;
use tokio_stream::wrappers::WatchStream;
use wire::nursery::{AtDoor, DoorState};
use wire::request::{Answer, HouseAlarm, NotOffered};

use self::at_door::TurnedBack;
use self::bringing::Bringing;
use self::entry::Entry;
use self::refusals::{Words, not_offered, refusal};
use crate::alarm::{AlarmFollowing, both};
use crate::frame::{SPRITE, asset, draw, guard, in_language};
use crate::lobby::Lobby;
use crate::screen::{Shown, View};

/// What the pages are made with.
#[derive(Clone)]
pub struct House {
    /// The centre's name.
    pub name: LocalText,
    /// The zone its times are shown in.
    pub zone: Tz,
    /// Whether a scanner stands beside the screen, so that the screen speaks of it.
    pub scanner: bool,
    /// What "today" is.
    pub clock: Arc<dyn Clock>,
    /// The telephone that answers when nothing works, if there is one.
    pub telephone: Option<String>,
}

#[derive(Clone)]
struct App {
    lobby: Lobby,
    house: House,
}

/// The lobby's pages.
pub fn router(lobby: Lobby, house: House) -> Router {
    Router::new()
        .route("/", get(idle))
        .route("/live", get(live))
        .route("/code", get(entry::code).post(entry::key))
        .route("/drop-off", get(|| async { Redirect::to("/") }).post(bringing::bring))
        .route("/scan", post(scan))
        .route("/leaving", post(leaving))
        .route("/walk-in", post(walk_in))
        .route("/card", post(card))
        .route("/longer", post(longer))
        .route("/dismiss", post(dismiss))
        .route("/language", post(language))
        .route("/healthz", get(|| async { "ok" }))
        .route(
            "/assets/kiosk.css",
            get(|| asset("text/css; charset=utf-8", include_str!("../../assets/kiosk.css"))),
        )
        .route(
            "/assets/kiosk.js",
            get(|| asset("text/javascript", include_str!("../../assets/kiosk.js"))),
        )
        .route(
            "/assets/kyoten.js",
            get(|| asset("text/javascript", include_str!("../../../hub/assets/kyoten.js"))),
        )
        .fallback(|| async { Redirect::to("/") })
        .layer(DefaultBodyLimit::max(MOST_TYPED))
        .layer(middleware::from_fn(guard))
        .with_state(App { lobby, house })
}

/// The longest form, in bytes: the longest voucher, in full-width letters, written as a form.
const MOST_TYPED: usize = 16 * 1024;
const PING: Duration = Duration::from_secs(15);
/// After this many seconds what nobody goes on typing is given up for the idle screen.
const ABANDONED: &str = "90; url=/";

#[derive(Template)]
#[template(path = "lobby.html")]
struct LobbyPage<'a> {
    view: &'a View,
    house: &'a House,
    step: Option<Step>,
}

/// What somebody is typing.
enum Step {
    /// Their booking code.
    Code(Entry),
    /// How the child is that they bring.
    DropOff(Bringing),
}

/// The part of the page that live updates replace.
#[derive(Template)]
#[template(path = "screen.html")]
struct LiveBlock<'a> {
    view: &'a View,
    house: &'a House,
}

macro_rules! words {
    ($($page:ident),+) => {$(
        impl $page<'_> {
            fn language(&self) -> Language {
                self.view.language
            }

            fn say<'t>(&self, ja: &'t str, en: &'t str) -> &'t str {
                in_language(self.language(), ja, en)
            }

            /// The language of the person in front, for the part that speaks to them.
            fn theirs(&self) -> Language {
                match &self.view.answer {
                    Some(Shown::Answer(answer)) => {
                        language_of(answer).unwrap_or(self.view.language)
                    }
                    _ => self.view.language,
                }
            }

            fn tell<'t>(&self, ja: &'t str, en: &'t str) -> &'t str {
                in_language(self.theirs(), ja, en)
            }

            fn clock(&self, time: &DateTime<Utc>) -> String {
                time.with_timezone(&self.house.zone).format("%-H:%M").to_string()
            }

            /// The time, with its day where that is not today.
            fn when(&self, time: &DateTime<Utc>) -> String {
                let day = |time: DateTime<Utc>| time.with_timezone(&self.house.zone).date_naive();
                if day(*time) == day(self.house.clock.now()) {
                    return self.clock(time);
                }
                self.day_and_clock(time)
            }

            fn day_and_clock(&self, time: &DateTime<Utc>) -> String {
                let local = time.with_timezone(&self.house.zone);
                match self.theirs() {
                    Language::Ja => local.format("%-m月%-d日 %-H:%M").to_string(),
                    Language::En => local.format("%a %-d %b, %-H:%M").to_string(),
                }
            }

            fn not_offered(&self, why: &NotOffered) -> (&'static str, &'static str) {
                not_offered(*why, self.language())
            }

            /// Why they are offered another desk.
            fn offered_for(&self, why: &RefusalKind) -> &'static str {
                match why {
                    RefusalKind::NoUsableSpace => {
                        self.tell("ご予約の席は使えません", "Your own desk cannot be used")
                    }
                    _ => self.refusal(why).say,
                }
            }

            fn refusal(&self, why: &RefusalKind) -> Words {
                refusal(*why, self.theirs())
            }

            /// `2時間28分`, `2 h 28 min`.
            fn length(&self, minutes: &i64) -> String {
                let (hours, minutes) = (minutes / 60, minutes % 60);
                match (self.theirs(), hours, minutes) {
                    (Language::Ja, 0, _) => format!("{minutes}分"),
                    (Language::Ja, _, 0) => format!("{hours}時間"),
                    (Language::Ja, ..) => format!("{hours}時間{minutes}分"),
                    (Language::En, 0, _) => format!("{minutes} min"),
                    (Language::En, _, 0) => format!("{hours} h"),
                    (Language::En, ..) => format!("{hours} h {minutes} min"),
                }
            }

            fn child(&self, at: &usize, years: &u32) -> String {
                at_door::child(*at, *years, self.theirs())
            }

            /// How a kiosk names this one of them.
            fn which(&self, care: &Option<AtDoor>, child: &ChildId) -> String {
                at_door::which(care.as_ref(), *child, self.theirs())
            }

            fn turned_back(&self, why: &NotTakenIn) -> TurnedBack {
                at_door::turned_back(*why, self.theirs())
            }

            fn still_in_care(&self, children: &u32) -> String {
                at_door::still_in_care(*children, self.theirs())
            }
        }
    )+};
}
words!(LobbyPage, LiveBlock);

/// The language that somebody is answered in.
fn language_of(answer: &Answer) -> Option<Language> {
    match answer {
        Answer::Welcome { language, .. }
        | Answer::LetIn { language, .. }
        | Answer::DroppedOff { language, .. }
        | Answer::NotTaken { language, .. }
        | Answer::AskLeaving { language, .. }
        | Answer::SeeYouSoon { language, .. }
        | Answer::Goodbye { language, .. }
        | Answer::Refused { language: Some(language), .. } => Some(*language),
        _ => None,
    }
}

async fn idle(State(app): State<App>) -> Response {
    page(&app, None)
}

fn page(app: &App, step: Option<Step>) -> Response {
    let view = app.lobby.screen.follow().borrow().clone();
    draw(&LobbyPage { view: &view, house: &app.house, step })
}

/// A page on which something is typed, which nobody may come back to.
fn page_of_step(app: &App, step: Step) -> Response {
    let mut response = page(app, Some(step));
    response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(ABANDONED));
    response
}

#[derive(Deserialize)]
struct LiveQuery {
    /// Set where something is typed: the idle screen must not replace it.
    entry: Option<String>,
}

async fn live(
    State(app): State<App>,
    Query(query): Query<LiveQuery>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut typing = query.entry.is_some();
    let mut alarms = AlarmFollowing::default();
    let views = WatchStream::new(app.lobby.screen.follow()).filter_map(move |view| {
        typing &= view.answer.is_none() && view.site;
        let block = LiveBlock { view: &view, house: &app.house };
        let drawn = if typing { None } else { block.render().ok() };
        let drawn = both(alarms.next(view.alarm), drawn);
        std::future::ready(drawn.map(|html| Event::default().event("block").data(html)))
    });
    let pings = tokio_stream::wrappers::IntervalStream::new(tokio::time::interval(PING))
        .map(|_| Event::default().event("ping").data(""));
    Sse::new(futures::stream::select(views, pings).map(Ok))
}

#[derive(Deserialize)]
struct ScanForm {
    text: String,
}

/// What a scanner typed into the page. The answer shows on every screen that follows.
async fn scan(State(app): State<App>, Form(form): Form<ScanForm>) -> Redirect {
    app.lobby.scan(&form.text).await;
    Redirect::to("/")
}

#[derive(Deserialize)]
struct LeavingForm {
    visit: String,
    answer: String,
}

async fn leaving(State(app): State<App>, Form(form): Form<LeavingForm>) -> Response {
    let Ok(visit) = form.visit.parse::<VisitId>() else {
        return (StatusCode::BAD_REQUEST, "that is no visit: touch the card again").into_response();
    };
    match form.answer.as_str() {
        "yes" => app.lobby.leave(visit, Going::ForGood).await,
        "soon" => app.lobby.leave(visit, Going::BackSoon).await,
        "more" => app.lobby.screen.wait_longer(),
        _ => {
            app.lobby.leave(visit, Going::Stays).await;
            app.lobby.screen.dismiss();
        }
    }
    Redirect::to("/").into_response()
}

/// Whether somebody takes the desk that they were offered.
async fn walk_in(State(app): State<App>, Form(form): Form<LeavingForm>) -> Response {
    let Ok(visit) = form.visit.parse::<VisitId>() else {
        return (StatusCode::BAD_REQUEST, "that is no visit: touch the card again").into_response();
    };
    match form.answer.as_str() {
        "yes" => app.lobby.walk_in(visit, true).await,
        "more" => app.lobby.screen.wait_longer(),
        _ => app.lobby.walk_in(visit, false).await,
    }
    Redirect::to("/").into_response()
}

#[derive(Deserialize)]
struct CardForm {
    ticket: String,
}

/// Offers the card that was just refused.
async fn card(State(app): State<App>, Form(form): Form<CardForm>) -> Response {
    let Ok(ticket) = form.ticket.parse() else {
        return (StatusCode::BAD_REQUEST, "that is no ticket: touch the card again")
            .into_response();
    };
    app.lobby.offer_card(ticket).await;
    Redirect::to("/").into_response()
}

async fn longer(State(app): State<App>) -> Redirect {
    app.lobby.screen.wait_longer();
    Redirect::to("/")
}

async fn dismiss(State(app): State<App>) -> Redirect {
    app.lobby.screen.dismiss();
    Redirect::to("/")
}

#[derive(Deserialize)]
struct LanguageForm {
    lang: String,
}

async fn language(State(app): State<App>, Form(form): Form<LanguageForm>) -> Redirect {
    if let Some(language) = Language::from_tag(&form.lang) {
        app.lobby.screen.set_language(language);
    }
    Redirect::to("/")
}

#[cfg(test)]
mod tests;
