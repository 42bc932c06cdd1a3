//! What a supervisor asks: is the program there, does its database answer, what has it done.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use model::permission::Action::*;

use crate::hub::Hub;
use crate::problem::Problem;
use crate::routes::{About, Routes};

/// `/healthz`, `/readyz` and `/metrics`.
#[must_use]
pub fn routes() -> Routes<Hub> {
    Routes::default()
        .get("/healthz", UseTheDoor, About::Nothing, async || "ok\n")
        .get("/readyz", UseTheDoor, About::Nothing, readyz)
        .get("/metrics", UseTheDoor, About::Nothing, metrics)
}

async fn readyz(State(hub): State<Hub>) -> Result<&'static str, Problem> {
    // Nobody's session, by its key: the cheapest question that the database has to answer.
    hub.store.session(&[0; 32], hub.now()).await?;
    Ok("ready\n")
}

async fn metrics(State(hub): State<Hub>) -> impl IntoResponse {
    let counters = &hub.live.counters;
    let mut text = String::new();
    line(
        &mut text,
        "kyoten_bookings_made_total",
        "counter",
        "Bookings made.",
        &counters.bookings_made,
    );
    line(
        &mut text,
        "kyoten_site_events_total",
        "counter",
        "Events of sites committed.",
        &counters.events_taken,
    );
    line(
        &mut text,
        "kyoten_sites_connected",
        "gauge",
        "Event streams of sites that are open.",
        &counters.sites_connected,
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn line(text: &mut String, name: &str, kind: &str, help: &str, value: &AtomicU64) {
    let value = value.load(Ordering::Relaxed);
    // Writing to a text cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
}
