//! The page that the desk's screen shows.

use std::convert::Infallible;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures::{Stream, StreamExt};
use model::language::Language;
use model::terminal::TerminalState;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use crate::terminal::View;

const SPRITE: &str = include_str!("../../hub/assets/icons.svg");

#[derive(Clone)]
struct App {
    view: watch::Receiver<View>,
    label: String,
}

/// The desk's page; `label` is what stands on the desk's sign.
pub fn router(view: watch::Receiver<View>, label: String) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/live", get(live))
        .route("/healthz", get(|| async { "ok" }))
        .route(
            "/assets/kiosk.css",
            get(|| asset("text/css; charset=utf-8", include_str!("../../kiosk/assets/kiosk.css"))),
        )
        .route(
            "/assets/kyoten.js",
            get(|| asset("text/javascript", include_str!("../../hub/assets/kyoten.js"))),
        )
        .with_state(App { view, label })
}

#[derive(Template)]
#[template(path = "seat.html")]
struct Page<'a> {
    screen: Screen<'a>,
}

/// The part of the page that live updates replace.
#[derive(Template)]
#[template(path = "screen.html")]
struct Screen<'a> {
    view: View,
    label: &'a str,
}

impl Screen<'_> {
    fn state(&self) -> &'static str {
        self.view.state.as_str()
    }

    fn say(&self) -> (&'static str, &'static str) {
        match (self.view.state, self.view.language) {
            (TerminalState::Idle, Language::Ja) => {
                ("空いています", "入口でカードをタッチすると使えます")
            }
            (TerminalState::Idle, Language::En) => {
                ("Free", "Touch your card at the entrance to use this desk")
            }
            (TerminalState::Assigned, Language::Ja) => ("あなたの席です", "どうぞお使いください"),
            (TerminalState::Assigned, Language::En) => {
                ("This is your desk", "Please take your seat")
            }
            (TerminalState::Wiped, Language::Ja) => {
                ("お疲れさまでした", "この端末には何も残っていません")
            }
            (TerminalState::Wiped, Language::En) => {
                ("Thank you", "Nothing is left on this terminal")
            }
            (_, Language::Ja) => ("使えません", "係員を呼んでください"),
            (_, Language::En) => ("Out of order", "Please call the staff"),
        }
    }

    fn icon(&self) -> &'static str {
        match self.view.state {
            TerminalState::Idle => "i-terminal",
            TerminalState::Assigned => "i-terminal-on",
            TerminalState::Wiped => "i-terminal-wiped",
            _ => "i-terminal-broken",
        }
    }
}

async fn page(State(app): State<App>) -> Response {
    let view = *app.view.borrow();
    match (Page { screen: Screen { view, label: &app.label } }).render() {
        Ok(html) => {
            let csp = HeaderValue::from_static(
                "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
            );
            ([(header::CONTENT_SECURITY_POLICY, csp)], Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!("the page could not be drawn: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn").into_response()
        }
    }
}

async fn live(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let blocks = WatchStream::new(app.view).filter_map(move |view| {
        let block = Screen { view, label: &app.label }.render().ok();
        std::future::ready(block.map(|html| Ok(Event::default().event("block").data(html))))
    });
    Sse::new(blocks).keep_alive(KeepAlive::new().event(Event::default().event("ping").data("")))
}

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn every_state_is_drawn_in_both_languages() {
        for state in [
            TerminalState::Idle,
            TerminalState::Assigned,
            TerminalState::Wiped,
            TerminalState::Broken,
        ] {
            for language in [Language::Ja, Language::En] {
                let view = View { state, until: None, language };
                let (_keep, receiver) = watch::channel(view);
                let request = Request::get("/").body(Body::empty()).unwrap();
                let response = router(receiver, "A-05".to_owned()).oneshot(request).await.unwrap();
                let html = to_bytes(response.into_body(), 1 << 20).await.unwrap();
                let html = String::from_utf8(html.to_vec()).unwrap();
                let (say, also) = Screen { view, label: "A-05" }.say();
                assert!(
                    html.contains(say) && html.contains(also) && html.contains("A-05"),
                    "{html}"
                );
            }
        }
    }
}
