//! The port for sites: enrolment and renewal, sheets down, events up. Nobody but an enrolled device
//! gets further than the enrolment, and the table of rights says how far.

mod alarms;
mod cards;
mod care;
mod config;
pub mod enrol;
mod events;
mod orders;
mod peer;
mod renew;
mod revocations;
mod sheet;
mod stream;
mod turns;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::DATE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::response::Response;
use axum::routing::{post, put};
use model::permission::Action::*;

use self::turns::Turns;
use crate::hub::Hub;
use crate::problem::Problem;
use crate::routes::{About, Routes};

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

/// The longest enrolment request, in bytes.
const ENROL_BYTES: usize = 16 * 1024;
/// The longest acknowledgement, in bytes.
const ACK_BYTES: usize = 1024;
/// The longest batch of events, in bytes: 1,000 events have room.
const EVENTS_BYTES: usize = 1024 * 1024;
/// The longest offer of a card, in bytes.
const OFFER_BYTES: usize = 4 * 1024;
/// The longest answer to an order, in bytes.
const ANSWER_BYTES: usize = 1024;
/// The longest list of moved cards, in bytes: 100 cards have room.
const REKEYED_BYTES: usize = 64 * 1024;
/// The longest snapshot, in bytes.
const SNAPSHOT_BYTES: usize = 8 * 1024 * 1024;

/// Everything that sites can ask, for [`crate::tls_listener::TlsListener`] with
/// `ConnectInfo<PeerIdentity>`.
pub fn router(hub: Hub) -> Router {
    let dated = map_response_with_state(hub.clone(), date);
    let in_turn = from_fn_with_state(Turns::default(), turns::wait);
    routes().split().1.layer(in_turn).layer(dated).with_state(hub)
}

/// Says when it is by the hub's own clock (RFC 9110, 6.6.1): sites hold theirs against it.
async fn date(State(hub): State<Hub>, mut answer: Response) -> Response {
    let now = hub.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(now) = HeaderValue::try_from(now) {
        answer.headers_mut().insert(DATE, now);
    }
    answer
}

/// The same, with the list of what it serves.
#[must_use]
pub fn routes() -> Routes<Hub> {
    let limit = DefaultBodyLimit::max;
    let enrol = post(enrol::post).layer(limit(ENROL_BYTES));
    let acknowledge = post(sheet::acknowledge).layer(limit(ACK_BYTES));
    let events = post(events::post).layer(limit(EVENTS_BYTES));
    let renew = post(renew::post).layer(limit(ENROL_BYTES));
    let offer = post(cards::offer).layer(limit(OFFER_BYTES));
    let answer = post(orders::answer).layer(limit(ANSWER_BYTES));
    let rekeyed = post(cards::rekeyed).layer(limit(REKEYED_BYTES));
    let snapshot = put(events::put_snapshot).layer(limit(SNAPSHOT_BYTES));
    Routes::default()
        .serve(POST, wire::enrol::PATH, UseTheDoor, About::Nothing, enrol)
        .get(wire::edge_config::PATH, FetchSheet, About::Site, config::get)
        .get("/uplink/v1/sheet", FetchSheet, About::Site, sheet::get)
        .get("/uplink/v1/sheet/sections/{sha256}", FetchSheet, About::Site, sheet::section)
        .get(wire::sheet::KEY_PATH, FetchSheet, About::Site, sheet::key)
        .serve(POST, "/uplink/v1/sheet/ack", FetchSheet, About::Site, acknowledge)
        .serve(POST, "/uplink/v1/events", TellEvents, About::Site, events)
        .serve(PUT, "/uplink/v1/snapshot", TellEvents, About::Site, snapshot)
        .get(wire::cards::KEYS_PATH, FetchSheet, About::Site, cards::keys)
        .serve(POST, wire::cards::OFFERS_PATH, OfferCard, About::Site, offer)
        .get(wire::cards::OFFERS_PATH, OfferCard, About::Site, cards::stand)
        .serve(POST, wire::cards::REKEYED_PATH, TellEvents, About::Site, rekeyed)
        .serve(POST, "/uplink/v1/orders/{id}", TellEvents, About::SiteOrder, answer)
        .get("/uplink/v1/stream", FetchSheet, About::Site, stream::get)
        .get("/uplink/v1/revocations", FetchSheet, About::Site, revocations::get)
        .get(wire::renew::DEVICE_PATH, RenewCertificate, About::Device, renew::device)
        .serve(POST, wire::renew::PATH, RenewCertificate, About::Device, renew)
        .under(|all| {
            all.fallback(async || Problem::not_found("The port for sites has no such address."))
                .method_not_allowed_fallback(async || {
                    Problem::new(
                        StatusCode::METHOD_NOT_ALLOWED,
                        "method",
                        "Not done this way",
                        "This address takes another method.",
                    )
                })
        })
}
