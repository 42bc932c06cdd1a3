//! The port for sites: enrolment, sheets down, events up. Nobody but an enrolled edge gets
//! further than the enrolment.

pub mod enrol;
mod events;
mod peer;
mod sheet;
mod stream;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post, put};

use crate::hub::Hub;
use crate::problem::Problem;

/// The longest enrolment request, in bytes.
const ENROL_BYTES: usize = 16 * 1024;
/// The longest acknowledgement, in bytes.
const ACK_BYTES: usize = 1024;
/// The longest batch of events, in bytes: 1,000 events have room.
const EVENTS_BYTES: usize = 1024 * 1024;
/// The longest snapshot, in bytes.
const SNAPSHOT_BYTES: usize = 8 * 1024 * 1024;

/// Everything that sites can ask, for [`crate::tls_listener::TlsListener`] with
/// `ConnectInfo<PeerIdentity>`.
pub fn router(hub: Hub) -> Router {
    let limit = DefaultBodyLimit::max;
    Router::new()
        .route(wire::enrol::PATH, post(enrol::post).layer(limit(ENROL_BYTES)))
        .route("/uplink/v1/sheet", get(sheet::get))
        .route("/uplink/v1/sheet/sections/{sha256}", get(sheet::section))
        .route("/uplink/v1/sheet/ack", post(sheet::acknowledge).layer(limit(ACK_BYTES)))
        .route("/uplink/v1/events", post(events::post).layer(limit(EVENTS_BYTES)))
        .route("/uplink/v1/snapshot", put(events::put_snapshot).layer(limit(SNAPSHOT_BYTES)))
        .route("/uplink/v1/stream", get(stream::get))
        .fallback(async || Problem::not_found("The port for sites has no such address."))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "Not done this way",
                "This address takes another method.",
            )
        })
        .with_state(hub)
}
