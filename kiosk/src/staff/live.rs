//! What is shown changes by itself: server-sent events, as in the lobby.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::sse::{Event, Sse};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use tokio_stream::wrappers::{IntervalStream, WatchStream};

use super::frame::Frame;
use super::handing::HandOverBlock;
use super::screen::{Stage, View};
use super::{App, StageBlock};
use crate::alarm::{AlarmFollowing, both};

const PING: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
pub(super) struct LiveQuery {
    #[serde(default)]
    page: String,
    /// What the page showed when it was drawn: nothing replaces that until something else is to be seen.
    #[serde(default)]
    turn: u64,
}

pub(super) async fn live(
    State(app): State<App>,
    Query(query): Query<LiveQuery>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let LiveQuery { page, turn } = query;
    let mut following = Following { page, turn, last: String::new() };
    let mut alarms = AlarmFollowing::default();
    let views = WatchStream::new(app.staff.follow()).filter_map(move |view| {
        let html = both(alarms.next(view.alarm), following.next(&app, &view));
        std::future::ready(html.map(|html| Event::default().event("block").data(html)))
    });
    let pings = IntervalStream::new(tokio::time::interval(PING))
        .map(|_| Event::default().event("ping").data(""));
    Sse::new(futures::stream::select(views, pings).map(Ok))
}

struct Following {
    page: String,
    turn: u64,
    last: String,
}

impl Following {
    /// What takes the place of what the page shows, where something does.
    fn next(&mut self, app: &App, view: &View) -> Option<String> {
        let signed = match &view.stage {
            Stage::In(signed) => Some(signed),
            _ => None,
        };
        // Whoever is signed out sees nothing of what was on any page; whose hand-over was put away sees the board.
        let hand_over_gone = self.page == "hand-over"
            && signed.is_none_or(|signed| signed.hand_over.is_none() || signed.seen.is_none());
        if signed.is_none() || hand_over_gone {
            self.page = "root".to_owned();
        }
        let unchanged = view.turn == self.turn;
        let html = match self.page.as_str() {
            "hand-over" if unchanged => None,
            "hand-over" => HandOverBlock::of(view, &app.house)?.render().ok(),
            "root" if unchanged && matches!(view.stage, Stage::Card { .. }) => None,
            "root" => {
                let f = Frame::new(view, &app.house, "root");
                StageBlock { f, pin: String::new() }.render().ok()
            }
            // What somebody types stays.
            _ => None,
        }?;
        if html == self.last {
            return None;
        }
        self.last.clone_from(&html);
        Some(html)
    }
}
