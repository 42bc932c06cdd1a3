//! Signing in with the PIN of the card that waits, and out.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{App, root_page};
use crate::frame::press;
use crate::typed::{LONGEST_PIN, digits};

#[derive(Deserialize)]
pub(super) struct PinForm {
    #[serde(default)]
    key: String,
    #[serde(default)]
    pin: String,
}

pub(super) async fn pin(State(app): State<App>, Form(form): Form<PinForm>) -> Response {
    let mut pin = digits(&form.pin);
    if press(&mut pin, &form.key, LONGEST_PIN) {
        return root_page(&app, pin);
    }
    app.staff.sign_in(&pin).await;
    Redirect::to("/").into_response()
}

pub(super) async fn cancel(State(app): State<App>) -> Redirect {
    app.staff.drop_card();
    Redirect::to("/")
}

pub(super) async fn sign_out(State(app): State<App>) -> Redirect {
    app.staff.sign_out().await;
    Redirect::to("/")
}
