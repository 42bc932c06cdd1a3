//! The code entry: booking code and PIN on a keypad, as a plain form.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::booking::BookingCode;
use serde::Deserialize;

use super::{App, Step, page_of_step};
use crate::frame::{cut, in_language, press};
use crate::typed;

const MOST_TYPED: usize = 16;

/// What has been typed so far.
pub(super) struct Entry {
    pub code: String,
    /// Present on the second step.
    pub pin: Option<String>,
    pub problem: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    key: String,
    #[serde(default)]
    code: String,
    pin: Option<String>,
}

pub(super) async fn code(State(app): State<App>) -> Response {
    // Whoever comes to type has seen the last answer; left up, it would take the keypad's place.
    app.lobby.screen.dismiss();
    entry_page(&app, Entry { code: String::new(), pin: None, problem: None })
}

fn entry_page(app: &App, entry: Entry) -> Response {
    page_of_step(app, Step::Code(entry))
}

pub(super) async fn key(State(app): State<App>, Form(typed): Form<Typed>) -> Response {
    let language = app.lobby.screen.follow().borrow().language;
    let Typed { key, mut code, mut pin } = typed;
    code = cut(code, MOST_TYPED);
    pin = pin.map(|pin| typed::digits(&pin));
    let mut problem = None;
    if !press(pin.as_mut().unwrap_or(&mut code), &key, MOST_TYPED) {
        match (code.parse::<BookingCode>(), &pin) {
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
        }
    }
    entry_page(&app, Entry { code, pin, problem })
}
