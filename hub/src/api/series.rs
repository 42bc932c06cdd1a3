//! The same again on other days.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use chrono::NaiveDate;
use model::series::{BadRule, Rule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::availability::{Change, Slot};
use super::bookings::{self, Booking, Order, key, key_reused, no_order, no_room_problem};
use super::{Answer, Body};
use crate::problem::Problem;
use crate::service::Caller;
use crate::service::series::{Came, MOST_WAYS, Repeated, repeat, way_for};
use crate::web::Web;

/// A wish of one stretch, and the days on which it is wanted again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// The wish on its first day; exactly one slot.
    order: Order,
    /// RFC 5545, without DTSTART; days are local days of the centre, at most 100.
    #[schema(example = "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=10")]
    rule: String,
    /// Book each day that is possible; otherwise all or nothing.
    #[serde(default)]
    each: bool,
}

/// What came of a series.
#[derive(Serialize, ToSchema)]
pub struct Series {
    /// Its id, where anything was booked.
    id: Option<Uuid>,
    /// Whether anything was booked.
    made: bool,
    /// Every day that the rule names.
    days: Vec<Day>,
}

/// What came of one day.
#[derive(Serialize, ToSchema)]
pub struct Day {
    /// The local day.
    day: NaiveDate,
    slot: Slot,
    /// The booking; where nothing was made, the one that there was room for.
    booking: Option<Booking>,
    /// Why there is none; nothing where the day was not tried, because another stood in the way of all.
    problem: Option<Problem>,
    /// The nearest change that works on that day.
    instead: Option<Change>,
}

/// Books the same on every day that a rule names.
#[utoipa::path(
    post, path = "/v1/series", tag = "bookings", request_body = Repeat,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request harmless; 1 to 200 characters."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 201, body = Series),
        (status = 200, body = Booking, description = "The same key and request made a series before; this is its first booking."),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such centre, space or child."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Nothing was booked: each of `days` says why, and the nearest way out."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "No rule that can be booked by, or against the house rules."),
    )
)]
pub async fn make(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    Body(asked): Body<Repeat>,
) -> Answer {
    caller.signed_in()?;
    let key = key(&headers)?;
    let atlas = web.atlas().await?;
    let wish = asked.order.wish(asked.order.centre(&atlas)?.id)?;
    let rule: Rule = asked.rule.parse().map_err(|bad| bad_rule(&bad))?;
    let hub = &web.hub;
    let (made, series, days) =
        match repeat(hub, &atlas, &caller, wish.clone(), rule, asked.each, key).await? {
            Repeated::Days { made, series, days } => (made, series, days),
            Repeated::BadRule(bad) => return Err(bad_rule(&bad).into()),
            Repeated::Not(not) => return Err(no_order(&not).into()),
            Repeated::Before(booking) => {
                let booking = bookings::view(&atlas, booking);
                return Ok((StatusCode::OK, Json(booking)).into_response());
            }
            Repeated::KeyReused => return Err(key_reused().into()),
        };
    let mut told = Vec::with_capacity(days.len());
    let mut ways = 0;
    for day in days {
        let mut instead = None;
        if matches!(day.came, Came::NoRoom(_) | Came::Not(_)) && ways < MOST_WAYS {
            ways += 1;
            instead = way_for(hub, &atlas, &caller, &wish, &day).await?.map(Change::from);
        }
        let (booking, problem) = match day.came {
            Came::Booked(booking) => (Some(bookings::view(&atlas, booking)), None),
            Came::NoRoom(no_room) => (None, Some(no_room_problem(&no_room))),
            Came::Not(not) => (None, Some(no_order(&not))),
            Came::Unasked => (None, None),
        };
        told.push(Day { day: day.day, slot: Slot::from(day.slot), booking, problem, instead });
    }
    if !made {
        return Err(nothing_booked(&told).into());
    }
    let series = Series { id: series.map(|id| id.0), made, days: told };
    Ok((StatusCode::CREATED, Json(series)).into_response())
}

fn nothing_booked(days: &[Day]) -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "series-not-booked",
        "Nothing of the series was booked",
        "Each of the days says why, and the nearest change that works.",
    )
    .with("made", false)
    .with("days", days)
}

fn bad_rule(bad: &BadRule) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "bad-rule",
        "The rule cannot be booked by",
        format!("{bad}."),
    )
}
