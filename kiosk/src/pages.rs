//! The lobby's pages: one screen that follows by server-sent events, and the code entry.
//!
//! Everything works as plain forms; the scripts only make it quicker.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Query, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures::{Stream, StreamExt};
use model::access::{Going, RefusalKind};
use model::booking::BookingCode;
use model::clock::Clock;
use model::id::VisitId;
use model::language::{Language, LocalText};
use serde::Deserialize;
use tokio_stream::wrappers::WatchStream;
use wire::request::{Answer, NotOffered};

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
        .route("/code", get(code).post(key))
        .route("/scan", post(scan))
        .route("/leaving", post(leaving))
        .route("/card", post(card))
        .route("/longer", post(longer))
        .route("/dismiss", post(dismiss))
        .route("/language", post(language))
        .route("/healthz", get(|| async { "ok" }))
        .route(
            "/assets/kiosk.css",
            get(|| asset("text/css; charset=utf-8", include_str!("../assets/kiosk.css"))),
        )
        .route(
            "/assets/kiosk.js",
            get(|| asset("text/javascript", include_str!("../assets/kiosk.js"))),
        )
        .route(
            "/assets/kyoten.js",
            get(|| asset("text/javascript", include_str!("../../hub/assets/kyoten.js"))),
        )
        .fallback(|| async { Redirect::to("/") })
        .layer(DefaultBodyLimit::max(MOST_TYPED))
        .layer(middleware::from_fn(guard))
        .with_state(App { lobby, house })
}

const SPRITE: &str = include_str!("../../hub/assets/icons.svg");
/// The longest form, in bytes: the longest voucher, in full-width letters, written as a form.
const MOST_TYPED: usize = 16 * 1024;
const PING: Duration = Duration::from_secs(15);
/// After this many seconds an abandoned code entry goes back to the idle screen.
const ABANDONED: &str = "90; url=/";

#[derive(Template)]
#[template(path = "lobby.html")]
struct LobbyPage<'a> {
    view: &'a View,
    house: &'a House,
    entry: Option<Entry>,
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
                    Some(Shown::Answer(
                        Answer::Welcome { language, .. }
                        | Answer::AskLeaving { language, .. }
                        | Answer::SeeYouSoon { language, .. }
                        | Answer::Goodbye { language, .. }
                        | Answer::Refused { language: Some(language), .. },
                    )) => *language,
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

            fn refusal(&self, why: &RefusalKind) -> Words {
                refusal(*why, self.theirs())
            }
        }
    )+};
}
words!(LobbyPage, LiveBlock);

/// What is said to somebody who is turned away, and what would work.
struct Words {
    say: &'static str,
    advice: &'static str,
    /// Whether booking code and PIN may help.
    code_helps: bool,
}

fn in_language<'t>(language: Language, ja: &'t str, en: &'t str) -> &'t str {
    match language {
        Language::Ja => ja,
        Language::En => en,
    }
}

fn refusal(why: RefusalKind, language: Language) -> Words {
    let words = |ja: (&'static str, &'static str), en: (&'static str, &'static str), code_helps| {
        let (say, advice) = match language {
            Language::Ja => ja,
            Language::En => en,
        };
        Words { say, advice, code_helps }
    };
    match why {
        RefusalKind::UnknownCard => words(
            (
                "このカードでは入れません",
                "予約がないか、まだ登録されていないカードです。予約番号と暗証番号でも入れます。",
            ),
            (
                "This card does not let you in",
                "It has no booking here, or is not registered yet. A booking code and PIN work too.",
            ),
            true,
        ),
        RefusalKind::BlockedCard => words(
            ("このカードは止められています", "予約番号と暗証番号で入るか、係員を呼んでください。"),
            ("This card is blocked", "Enter with your booking code and PIN, or call the staff."),
            true,
        ),
        RefusalKind::ExpiredCard => words(
            (
                "このカードは期限が切れています",
                "予約番号と暗証番号で入れます。カードは、もう一度登録すると使えます。",
            ),
            (
                "This card has expired",
                "Enter with your booking code and PIN. Register the card again to go on using it.",
            ),
            true,
        ),
        RefusalKind::UnreadableCard => words(
            (
                "カードを読み取れませんでした",
                "もう一度、カードを1枚だけ、ゆっくりタッチしてください。",
            ),
            ("The card could not be read", "Hold one card still on the reader and try again."),
            true,
        ),
        RefusalKind::NoBooking => words(
            ("いま使える予約がありません", "スマートフォンで予約すると、すぐに入れます。"),
            ("There is no booking for you now", "Book on your phone and you can come straight in."),
            false,
        ),
        RefusalKind::Released => words(
            (
                "予約の席は、もうありません",
                "予約の時間に入館がなかったためです。別の席をご用意できれば、あなたの席になります。数秒待って、もう一度お試しください。変わらないときは、係員を呼んでください。",
            ),
            (
                "Your desk was given free",
                "Nobody had come in time. If another can be found, it is yours: wait a few seconds and try again. If nothing changes, please call the staff.",
            ),
            false,
        ),
        RefusalKind::LeftForGood => words(
            (
                "この予約は、お帰りのときに終わりました",
                "残りの時間は、ほかの人が使えるようになっています。続けて使うときは、スマートフォンで予約してください。空いていれば、すぐに入れます。",
            ),
            (
                "Your booking ended when you left",
                "The rest of it is free for others. To go on, book on your phone: if a desk is free, you can come straight in.",
            ),
            false,
        ),
        RefusalKind::TooEarly => words(
            ("まだ入れません", "予約の時間が近づいたら、もう一度どうぞ。"),
            ("It is not time yet", "Please come back when your booking is near."),
            false,
        ),
        RefusalKind::WrongCode => words(
            ("予約番号か暗証番号が違います", "予約の画面の番号と暗証番号を確かめてください。"),
            ("The code or PIN is wrong", "Please check the number on your booking page."),
            true,
        ),
        RefusalKind::CodePaused => words(
            (
                "この予約番号は、いま使えません",
                "暗証番号のまちがいが続いたため、5分ほど止めています。カードをタッチするか、係員を呼んでください。",
            ),
            (
                "This booking code is paused",
                "There were too many wrong PINs. Wait five minutes, use your card, or call the staff.",
            ),
            false,
        ),
        RefusalKind::NoUsableSpace => words(
            (
                "使える席がありません",
                "予約の席が、故障しているか、使われています。係員を呼んでください。",
            ),
            ("No seat can be used", "Your seat is out of order or taken. Please call the staff."),
            false,
        ),
        RefusalKind::UnreadableVoucher => words(
            (
                "このコードでは入れません",
                "予約の画面のQRコードを、明るくして、もう一度かざしてください。予約番号と暗証番号でも入れます。",
            ),
            (
                "This code does not let you in",
                "Show the QR code of your booking page once more, with the screen bright. A booking code and PIN work too.",
            ),
            true,
        ),
        RefusalKind::OtherCentre => words(
            (
                "ほかのセンターの予約です",
                "予約の画面で場所を確かめて、そのセンターへお越しください。",
            ),
            (
                "This booking is for another centre",
                "Your booking page says where it is. Please go to that centre.",
            ),
            false,
        ),
        RefusalKind::VoidVoucher => words(
            (
                "この予約は、もう使えません",
                "取り消されたか、変更されています。予約の画面を開き直して、新しいQRコードをかざしてください。",
            ),
            (
                "This booking is no longer valid",
                "It was cancelled or changed. Open your booking page again and show its new QR code.",
            ),
            false,
        ),
        RefusalKind::SheetExpired | RefusalKind::ClockUnset => words(
            (
                "いまは新しく入館できません",
                "センターの装置を確認しています。係員を呼んでください。",
            ),
            (
                "No new check-ins just now",
                "The centre's equipment is being checked. Please call the staff.",
            ),
            false,
        ),
    }
}

fn not_offered(why: NotOffered, language: Language) -> (&'static str, &'static str) {
    match why {
        NotOffered::NoConnection => (
            in_language(language, "いまはカードを登録できません", "Cards cannot be registered now"),
            in_language(
                language,
                "いま回線がつながっていません。しばらくして、もう一度お試しください。予約番号と暗証番号では入れます。",
                "The line to the hub is down. Please try again later, or enter with your booking code and PIN.",
            ),
        ),
        NotOffered::Somebodys => (
            in_language(language, "登録ずみのカードです", "This card is registered already"),
            in_language(
                language,
                "このセンターの予約があれば、そのまま使えます。心あたりがないときは、係員を呼んでください。",
                "With a booking at this centre it lets you in as it is. If it is not yours, please tell the staff.",
            ),
        ),
        NotOffered::TooMany => (
            in_language(language, "いまはカードを登録できません", "Cards cannot be registered now"),
            in_language(
                language,
                "この1時間の登録が多すぎます。時間をおくか、係員を呼んでください。",
                "Too many cards were offered here in the last hour. Please try later, or call the staff.",
            ),
        ),
        NotOffered::TapAgain => (
            in_language(
                language,
                "もう一度、カードをタッチしてください",
                "Please touch your card again",
            ),
            in_language(
                language,
                "時間が過ぎました。タッチすると、もう一度登録できます。",
                "The time was up. Touch the card, and you can register it again.",
            ),
        ),
    }
}

async fn idle(State(app): State<App>) -> Response {
    page(&app, None)
}

fn page(app: &App, entry: Option<Entry>) -> Response {
    let view = app.lobby.screen.follow().borrow().clone();
    draw(&LobbyPage { view: &view, house: &app.house, entry })
}

fn draw(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!("a page could not be drawn: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn").into_response()
        }
    }
}

#[derive(Deserialize)]
struct LiveQuery {
    /// Set on the code entry: the idle screen must not replace what is being typed.
    entry: Option<String>,
}

async fn live(
    State(app): State<App>,
    Query(query): Query<LiveQuery>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut typing = query.entry.is_some();
    let views = WatchStream::new(app.lobby.screen.follow()).filter_map(move |view| {
        typing &= view.answer.is_none() && view.site;
        let block = LiveBlock { view: &view, house: &app.house };
        let drawn = if typing { None } else { block.render().ok() };
        std::future::ready(drawn.map(|html| Event::default().event("block").data(html)))
    });
    let pings = tokio_stream::wrappers::IntervalStream::new(tokio::time::interval(PING))
        .map(|_| Event::default().event("ping").data(""));
    Sse::new(futures::stream::select(views, pings).map(Ok))
}

/// What has been typed so far.
struct Entry {
    code: String,
    /// Present on the second step.
    pin: Option<String>,
    problem: Option<&'static str>,
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    key: String,
    #[serde(default)]
    code: String,
    pin: Option<String>,
}

async fn code(State(app): State<App>) -> Response {
    // Whoever comes to type has seen the last answer; left up, it would take the keypad's place.
    app.lobby.screen.dismiss();
    entry_page(&app, Entry { code: String::new(), pin: None, problem: None })
}

fn entry_page(app: &App, entry: Entry) -> Response {
    let mut response = page(app, Some(entry));
    response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(ABANDONED));
    response
}

async fn key(State(app): State<App>, Form(typed): Form<Typed>) -> Response {
    let language = app.lobby.screen.follow().borrow().language;
    let Typed { key, mut code, mut pin } = typed;
    code.truncate(code.char_indices().nth(16).map_or(code.len(), |(at, _)| at));
    if let Some(pin) = &mut pin {
        pin.retain(|c| c.is_ascii_digit());
        pin.truncate(8);
    }
    let current = pin.as_mut().unwrap_or(&mut code);
    let mut problem = None;
    match key.as_str() {
        "back" => drop(current.pop()),
        digit if digit.len() == 1 && digit.bytes().all(|b| b.is_ascii_digit()) => {
            if current.len() < 16 {
                current.push_str(digit);
            }
        }
        _ => match (code.parse::<BookingCode>(), &pin) {
            (Err(_), _) => {
                pin = None;
                problem = Some(in_language(
                    language,
                    "予約番号は8けたの数字です",
                    "A booking code has eight digits",
                ));
            }
            (Ok(whole), None) => {
                code = whole.to_string();
                pin = Some(String::new());
            }
            (Ok(_), Some(typed)) if (4..=8).contains(&typed.len()) => {
                app.lobby.code(&code, typed).await;
                return Redirect::to("/").into_response();
            }
            (Ok(_), Some(_)) => {
                problem = Some(in_language(
                    language,
                    "暗証番号は4〜8けたの数字です",
                    "A PIN has four to eight digits",
                ));
            }
        },
    }
    entry_page(&app, Entry { code, pin, problem })
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

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}

/// Another page must not press this screen's buttons, nor frame it.
async fn guard(request: HttpRequest, next: Next) -> Response {
    let foreign = |headers: &HeaderMap| {
        headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
    };
    if request.method() != Method::GET && foreign(request.headers()) {
        return (StatusCode::FORBIDDEN, "this screen takes no orders from other pages")
            .into_response();
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

#[cfg(test)]
mod tests;
