//! Making, seeing and cancelling bookings, and their vouchers.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use model::booking::{BadWish, Booking as Made, BookingStatus, Wish};
use model::care::intake::{Lack, Lacking};
use model::centre::Centre;
use model::feature::Features;
use model::id::{BookingId, CentreId, ChildId, SpaceId};
use model::language::{Language, LocalText};
use serde::{Deserialize, Serialize};
use store::NoRoom;
use utoipa::ToSchema;
use uuid::Uuid;

use super::availability::{Change as Way, Slot, no_centre};
use super::{Answer, Asked, Body, Id};
use crate::pages::words;
use crate::problem::Problem;
use crate::service::atlas::Atlas;
use crate::service::booking::{
    self as service, Booked, Cancelled, Confirmed, LONGEST_KEY, Rebooked,
};
use crate::service::order::NoOrder;
use crate::service::search::{Near, Query, search, way_out};
use crate::service::voucher::{self as vouchers, Issued, NoVoucher};
use crate::service::{Caller, Refused, series};
use crate::typed;
use crate::web::Web;

/// What is to be booked: in every slot so many desks and a care place for each child.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The centre, by slug or id.
    #[schema(example = "yokohama")]
    centre: String,
    /// When; at most 31, not overlapping.
    slots: Vec<Slot>,
    /// How many desks in each slot; 1 where it is left out.
    #[serde(default = "one")]
    desks: u32,
    /// The one space it must be; only with one desk.
    #[serde(default)]
    space: Option<Uuid>,
    /// What each desk must have: `monitor`, `standing`, `wheelchair`, `quiet`, `near_nursery`,
    /// `thin_client`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["monitor"]))]
    required: Features,
    /// What each desk had better have.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["quiet"]))]
    wanted: Features,
    /// Whether several desks must stand side by side.
    #[serde(default)]
    together: bool,
    /// Whose care in each slot; the caller's own children.
    #[serde(default)]
    children: Vec<Uuid>,
    /// Under which scheme the care of a child goes, by child; the nursery's first that is for it where
    /// nothing is said.
    #[serde(default)]
    #[schema(value_type = BTreeMap<Uuid, String>, example = json!({}))]
    schemes: BTreeMap<ChildId, String>,
    /// Only hold it for a while: `POST …/confirm` makes it stand.
    #[serde(default)]
    hold: bool,
}

impl Order {
    /// The wish at `centre`.
    pub(super) fn wish(&self, centre: CentreId) -> Answer<Wish> {
        let slots: Answer<Vec<_>> = self.slots.iter().map(|slot| slot.interval()).collect();
        Ok(Wish {
            centre,
            slots: slots?,
            desks: self.desks,
            pinned: self.space.map(SpaceId),
            required: self.required,
            wanted: self.wanted,
            together: self.together,
            children: self.children.iter().copied().map(ChildId).collect(),
            schemes: self.schemes.clone(),
        })
    }

    /// The centre that it names.
    pub(super) fn centre<'a>(&self, atlas: &'a Atlas) -> Answer<&'a Centre> {
        Ok(atlas.named(&self.centre).ok_or_else(|| no_centre(&self.centre))?)
    }
}

fn one() -> u32 {
    1
}

/// A booking.
#[derive(Serialize, ToSchema)]
pub struct Booking {
    id: Uuid,
    /// The centre's slug.
    centre: String,
    /// What a guest without a card types in.
    #[schema(example = "1234-5678")]
    code: String,
    /// `confirmed`, `held`, `asked` (for approval), `cancelled`, `no_show`, `lapsed` or `declined`.
    #[schema(value_type = String, example = "confirmed")]
    status: BookingStatus,
    desks: Vec<Desk>,
    care: Vec<Care>,
    /// What the desks must have.
    #[schema(value_type = Vec<String>)]
    required: Features,
    /// What the desks had better have.
    #[schema(value_type = Vec<String>)]
    wanted: Features,
    /// When it ends by itself, while it is held or asked for.
    lapses_at: Option<DateTime<Utc>>,
    /// Who still has to approve it, while it is asked for: `centre`, `employer`, or both.
    #[schema(example = json!(["employer"]))]
    awaits: Vec<&'static str>,
    /// The series that it is of.
    series: Option<Uuid>,
    made_at: DateTime<Utc>,
    tariff_rev: u32,
    rule_rev: u32,
    /// Rises by one with every change.
    version: u32,
}

/// One space for one stretch.
#[derive(Serialize, ToSchema)]
pub struct Desk {
    space: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// When it was given free again, if it was.
    released_at: Option<DateTime<Utc>>,
    /// From when on it is not charged.
    refunded_at: Option<DateTime<Utc>>,
}

/// One care place for one child and stretch.
#[derive(Serialize, ToSchema)]
pub struct Care {
    child: Uuid,
    nursery: Uuid,
    /// The scheme it is under, where the nursery offers any.
    scheme: Option<String>,
    /// With a desk care begins and ends with the hand-overs.
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// When it was given free again, if it was.
    released_at: Option<DateTime<Utc>>,
    /// From when on it is not charged.
    refunded_at: Option<DateTime<Utc>>,
}

/// Makes a booking, all of it or nothing.
#[utoipa::path(
    post, path = "/v1/bookings", tag = "bookings", request_body = Order,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request harmless; 1 to 200 characters."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 201, body = Booking, headers(("Location" = String))),
        (status = 200, body = Booking, description = "The same key and request made it before."),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such centre, space or child."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "No room: `slot` says where, `instead` what would work; where a nursery is short, `lacks` names when, of what, and how much."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Against the house rules."),
    )
)]
pub async fn make(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    Body(order): Body<Order>,
) -> Answer {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let key = key(&headers)?;
    let wish = order.wish(order.centre(&atlas)?.id)?;
    let booked = service::book(&web.hub, &atlas, &caller, wish.clone(), order.hold, key).await?;
    let (status, booking) = match booked {
        Booked::Made(booking) => (StatusCode::CREATED, booking),
        Booked::Before(booking) => (StatusCode::OK, booking),
        Booked::Not(not) => return Err(no_order(&not).into()),
        Booked::NoRoom(no_room) => {
            return Err(taken(&web, &atlas, &caller, &wish, &no_room).await?.into());
        }
        Booked::KeyReused => return Err(key_reused().into()),
    };
    let location = format!("/api/v1/bookings/{}", booking.id);
    Ok((status, [(header::LOCATION, location)], Json(view(&atlas, booking))).into_response())
}

/// The caller's bookings that end after 60 days ago, by first start.
#[utoipa::path(
    get, path = "/v1/bookings", tag = "bookings",
    responses(
        (status = 200, body = Vec<Booking>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(web): State<Web>, caller: Caller) -> Answer<Json<Vec<Booking>>> {
    let since = web.hub.now() - TimeDelta::days(60);
    let bookings = service::list(&web.hub, &caller, since).await?;
    let atlas = web.atlas().await?;
    Ok(Json(bookings.into_iter().map(|booking| view(&atlas, booking)).collect()))
}

/// One booking.
#[utoipa::path(
    get, path = "/v1/bookings/{id}", tag = "bookings",
    params(("id" = Uuid, Path, description = "The booking.")),
    responses(
        (status = 200, body = Booking),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
    )
)]
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
) -> Answer<Json<Booking>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let booking = service::see(&web.hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    Ok(Json(view(&atlas, booking)))
}

/// A voucher, as a kiosk reads it off a QR code.
#[derive(Serialize, ToSchema)]
pub struct Voucher {
    booking: Uuid,
    /// The local day that it is for.
    day: NaiveDate,
    /// Every day that the booking has one for.
    days: Vec<NaiveDate>,
    issued_at: DateTime<Utc>,
    /// What the code says: capital letters and digits, for the QR code's alphanumeric mode.
    #[schema(pattern = "^KY1[A-Z2-7]+$")]
    text: String,
}

/// For which day.
#[derive(Deserialize)]
pub struct Day {
    #[serde(default)]
    day: Option<String>,
}

/// The signed voucher of a confirmed booking for one of its days. A kiosk reads it as a QR code and
/// lets its guest in, whether or not its centre can reach the hub.
#[utoipa::path(
    get, path = "/v1/bookings/{id}/voucher", tag = "bookings",
    params(
        ("id" = Uuid, Path, description = "The booking."),
        ("day" = Option<NaiveDate>, Query, description = "A local day of it; the next one where it is left out.")
    ),
    responses(
        (status = 200, body = Voucher),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The booking has no voucher for that day; `days` names those that have one."),
    )
)]
pub async fn voucher(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
    asked: Answer<Asked<Day>>,
) -> Answer<Json<Voucher>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let looked_at = web.hub.now();
    let booking = service::carry(&web.hub, &caller, id).await?;
    let Asked(Day { day }) = asked?;
    let day = match day {
        None => None,
        Some(day) => Some(
            typed::date(&day)
                .ok_or_else(|| Problem::malformed("`day` is a local date such as 2026-11-24."))?,
        ),
    };
    let atlas = web.atlas().await?;
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    match vouchers::issue(&web.hub, centre, &booking, day, looked_at).await? {
        Ok(Issued { day, days, issued_at, text }) => {
            Ok(Json(Voucher { booking: booking.id.0, day, days, issued_at, text }))
        }
        Err(why) => Err(no_voucher(why).into()),
    }
}

fn no_voucher(why: NoVoucher) -> Problem {
    let (detail, days) = match why {
        NoVoucher::NotConfirmed => ("The booking does not stand any more.", vec![]),
        NoVoucher::NothingThen { days } if days.is_empty() => {
            ("The booking has no desk that is still to come.", days)
        }
        NoVoucher::NothingThen { days } => {
            ("The booking has no desk on that day; those in `days` have one.", days)
        }
        NoVoucher::NobodyPays => ("Whoever pays for it does not stand for its guest now.", vec![]),
        NoVoucher::TooMuch => (
            "It holds more on that day than a QR code can say; its code and the PIN let its guest in.",
            vec![],
        ),
    };
    let title = "There is no voucher for that";
    Problem::new(StatusCode::CONFLICT, "no-voucher", title, detail).with("days", days)
}

/// Gives a booking up, desks and care together. Doing it twice is the same as once.
#[utoipa::path(
    post, path = "/v1/bookings/{id}/cancel", tag = "bookings",
    params(
        ("id" = Uuid, Path, description = "The booking."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Booking),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is over."),
    )
)]
pub async fn cancel(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
) -> Answer<Json<Booking>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let atlas = web.atlas().await?;
    match service::cancel(&web.hub, &atlas, &caller, id).await? {
        Cancelled::Done(booking) | Cancelled::Before(booking) => Ok(Json(view(&atlas, booking))),
        Cancelled::Over(_) => Err(Problem::new(
            StatusCode::CONFLICT,
            "booking-over",
            "The booking is over",
            "What has ended cannot be cancelled.",
        )
        .into()),
        Cancelled::TooLate(booking) => Err(not_changed(&Rebooked::TooLate(booking)).into()),
        Cancelled::InCare(booking) => Err(not_changed(&Rebooked::InCare(booking)).into()),
        Cancelled::Inside(_) => Err(Problem::new(
            StatusCode::CONFLICT,
            "guest-inside",
            "The guest is inside",
            "Leave at the kiosk first; that gives the desk free.",
        )
        .into()),
    }
}

/// Gives a booking other times, desks or children. What has begun stays as it is, unless a new stretch
/// overlaps it or there is nothing else: then it ends at the next step of the grain. With
/// `reach` the other bookings of its series get the same hours and needs, each on its own day.
#[utoipa::path(
    post, path = "/v1/bookings/{id}/change", tag = "bookings", request_body = Change,
    params(
        ("id" = Uuid, Path, description = "The booking."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Vec<ChangedOne>, description = "Each booking that was meant, with what came of it."),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "No room, another version, or it holds nothing any more."),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Against the house rules."),
    )
)]
pub async fn change(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
    Body(change): Body<Change>,
) -> Answer<Json<Vec<ChangedOne>>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let atlas = web.atlas().await?;
    let booking = service::see(&web.hub, &caller, id).await?;
    let wish = change.order.wish(booking.centre)?;
    let reach = change.reach.into();
    let hub = &web.hub;
    let (version, asked) = (change.version, wish.clone());
    let mut changed =
        series::change_in_series(hub, &atlas, &caller, id, version, asked, reach).await?;
    if let [(_, one)] = changed.as_mut_slice() {
        let no = match one {
            Rebooked::Done(_) => None,
            Rebooked::Not(not) => Some(no_order(not)),
            Rebooked::NoRoom(no_room) => Some(taken(&web, &atlas, &caller, &wish, no_room).await?),
            other => Some(not_changed(other)),
        };
        if let Some(no) = no {
            return Err(no.into());
        }
    }
    let changed = changed.into_iter().map(|(id, came)| {
        let (booking, problem) = match came {
            Rebooked::Done(booking) => (Some(view(&atlas, booking)), None),
            Rebooked::Not(not) => (None, Some(no_order(&not))),
            Rebooked::NoRoom(no_room) => (None, Some(no_room_problem(&no_room))),
            other => (None, Some(not_changed(&other))),
        };
        ChangedOne { id: id.0, booking, problem }
    });
    Ok(Json(changed.collect()))
}

/// What a booking is to be like from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The booking's version that you have seen.
    version: u32,
    /// Which bookings of its series are meant.
    #[serde(default)]
    reach: Reach,
    /// What it is to hold instead; its `centre` stays as it is and `hold` says nothing here.
    order: Order,
}

/// Which bookings of a series are meant.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The one alone.
    #[default]
    One,
    /// It and those after it.
    Following,
    /// All that have not begun.
    All,
}

impl From<Reach> for series::Reach {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::One => Self::One,
            Reach::Following => Self::Following,
            Reach::All => Self::All,
        }
    }
}

/// What came of one booking that was meant.
#[derive(Serialize, ToSchema)]
pub struct ChangedOne {
    id: Uuid,
    /// As it is now, where it was changed.
    booking: Option<Booking>,
    /// Why it was not.
    problem: Option<Problem>,
}

/// Makes a held booking stand; where somebody has to approve it, it is asked for.
#[utoipa::path(
    post, path = "/v1/bookings/{id}/confirm", tag = "bookings",
    params(
        ("id" = Uuid, Path, description = "The booking."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Booking),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is none, or it is somebody else's."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is not held any more, or it goes over a quota and stays held."),
    )
)]
pub async fn confirm(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<BookingId>>,
) -> Answer<Json<Booking>> {
    caller.signed_in()?;
    let Id(id) = id?;
    let atlas = web.atlas().await?;
    match service::confirm(&web.hub, &atlas, &caller, id).await? {
        Confirmed::Done(booking) => Ok(Json(view(&atlas, booking))),
        // Doing it twice is the same as once.
        Confirmed::Otherwise(booking) if booking.status == BookingStatus::Confirmed => {
            Ok(Json(view(&atlas, booking)))
        }
        Confirmed::Otherwise(booking) => Err(Problem::new(
            StatusCode::CONFLICT,
            "not-held",
            "The booking is not held any more",
            "Its time to confirm is over, or it was given up. Please book again.",
        )
        .with("booking_status", booking.status)
        .into()),
        Confirmed::Over(_, over) => Err(no_room_problem(&NoRoom::Quota(over)).into()),
        Confirmed::NotUnder(_, child, when, why) => {
            Err(no_room_problem(&NoRoom::NotUnder(child, when, Some(why))).into())
        }
    }
}

/// Why a booking could not be changed, apart from room and rules.
fn not_changed(came: &Rebooked) -> Problem {
    let (name, title, detail, now) = match came {
        Rebooked::Newer(now) => (
            "other-version",
            "The booking was changed meanwhile",
            "Read it again, and change what it is now.",
            Some(now),
        ),
        Rebooked::TooLate(now) => (
            "too-late",
            "It is too late to change it",
            "Please call the centre; its operators can still change it.",
            Some(now),
        ),
        Rebooked::InCare(now) => (
            "child-in-care",
            "A child is in care",
            "It can be changed or cancelled once the child has been collected.",
            Some(now),
        ),
        Rebooked::Fixed(now) => (
            "booking-fixed",
            "The booking cannot be changed",
            "It holds nothing any more, or its guest is inside.",
            Some(now),
        ),
        Rebooked::Done(_) | Rebooked::Not(_) | Rebooked::NoRoom(_) => {
            ("not-changed", "The booking was not changed", "Please try again.", None)
        }
    };
    let problem = Problem::new(StatusCode::CONFLICT, name, title, detail);
    match now {
        Some(now) => problem.with("version", now.version).with("booking_status", now.status),
        None => problem,
    }
}

/// Why a wish makes no order.
pub(super) fn no_order(not: &NoOrder) -> Problem {
    match not {
        NoOrder::Bad(bad) => bad_wish(bad),
        NoOrder::Closed(slot, reason) => no_room_problem(&NoRoom::Closed(*slot, reason.clone())),
        NoOrder::NoCentre => Problem::not_found("There is no such centre."),
        NoOrder::NoSpace => Problem::not_found("The centre has no such space."),
        NoOrder::NoChild => Problem::not_found("A child is not among your own."),
        NoOrder::NoConsent(child) => Problem::new(
            StatusCode::CONFLICT,
            "no-consent",
            "A guardian has not agreed to care",
            format!("Agree to care for this child first, at /children/{child}."),
        )
        .with("child", child),
    }
}

/// That a key was used before.
pub(super) fn key_reused() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "key-reused",
        "The Idempotency-Key was used for another request",
        "Send a new key with a new request.",
    )
}

/// What a nursery has too little of, and when.
#[derive(Serialize)]
struct Short {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// `rules`, `plan-staff`, `live-staff`, `qualified`, `kind`, `floor`, `group` or `places`.
    what: &'static str,
    /// The kind of staff, where one of that kind is needed.
    kind: Option<String>,
    /// The room, where it is one that is too small.
    room: Option<LocalText>,
    have: u32,
    need: u32,
}

impl From<&Lack> for Short {
    fn from(lack: &Lack) -> Self {
        let what = match lack.what {
            Lacking::Rules => "rules",
            Lacking::PlanStaff => "plan-staff",
            Lacking::LiveStaff => "live-staff",
            Lacking::Qualified => "qualified",
            Lacking::Kind(_) => "kind",
            Lacking::Floor(_) => "floor",
            Lacking::Group(_) => "group",
            Lacking::Places => "places",
        };
        let kind = match &lack.what {
            Lacking::Kind(kind) => Some(kind.clone()),
            _ => None,
        };
        let room = match &lack.what {
            Lacking::Floor(room) | Lacking::Group(room) => Some(room.clone()),
            _ => None,
        };
        let (starts_at, ends_at) = (lack.when.starts(), lack.when.ends());
        Self { starts_at, ends_at, what, kind, room, have: lack.have, need: lack.need }
    }
}

/// No room, without looking for what would work.
pub(super) fn no_room_problem(no_room: &NoRoom) -> Problem {
    let (name, title, slot) = match no_room {
        NoRoom::Desk { slot, .. } => ("no-desk", "Too few desks are free", Some(*slot)),
        NoRoom::Care(slot) => ("no-care-place", "Too few care places are free", Some(*slot)),
        NoRoom::CareShort(lacks) => {
            let when = lacks.first().map(|lack| lack.when);
            ("care-short", "The nursery has too little for these children then", when)
        }
        NoRoom::NoRoomForAge(_) => {
            ("no-room-for-age", "The nursery takes no child of that age", None)
        }
        NoRoom::NurseryShut(slot, _) => {
            ("nursery-shut", "The nursery is not open then", Some(*slot))
        }
        NoRoom::NotUnder(_, when, _) => {
            ("no-scheme", "The nursery's schemes do not allow it", Some(*when))
        }
        NoRoom::NotTheirs(_) => ("not-your-child", "A child is not among your own", None),
        NoRoom::SiteSilent(slot) => {
            ("site-silent", "The centre cannot be reached to take a child today", Some(*slot))
        }
        NoRoom::NeedsInterview { .. } => {
            ("needs-interview", "The nursery talks with the guardians before the first day", None)
        }
        NoRoom::NoNursery => ("no-nursery", "The centre has no nursery", None),
        NoRoom::ChildElsewhere(_, slot) => {
            ("child-elsewhere", "The child is in another booking then", Some(*slot))
        }
        NoRoom::Closed(slot, _) => ("closed", "The centre is closed then", Some(*slot)),
        NoRoom::Quota(_) => ("over-quota", "That is more than may be booked", None),
    };
    let detail = match no_room {
        NoRoom::Closed(_, reason) => reason.en.clone(),
        NoRoom::Quota(over) => words::over(Language::En, over),
        NoRoom::NotUnder(_, _, why) => words::not_allowed(Language::En, why.as_ref()),
        NoRoom::NeedsInterview { child, .. } => {
            format!("Ask for it at /children/{child}, and book a time after it.")
        }
        _ => "Nothing was booked.".to_owned(),
    };
    let problem = Problem::new(StatusCode::CONFLICT, name, title, detail);
    let problem = match no_room {
        NoRoom::Desk { proven, .. } => problem.with("proven", proven),
        NoRoom::Quota(over) => problem
            .with("measure", over.quota.measure)
            .with("most", over.quota.most)
            .with("left", over.left)
            .with("on", over.on),
        NoRoom::CareShort(lacks) => {
            problem.with("lacks", lacks.iter().map(Short::from).collect::<Vec<_>>())
        }
        NoRoom::NoRoomForAge(child) | NoRoom::NotTheirs(child) => problem.with("child", child),
        NoRoom::NeedsInterview { child, nursery, fixed } => {
            problem.with("child", child).with("nursery", nursery).with("interview_at", fixed)
        }
        NoRoom::NurseryShut(_, open) => {
            problem.with("open", open.iter().copied().map(Slot::from).collect::<Vec<_>>())
        }
        NoRoom::NotUnder(child, _, why) => {
            let problem = problem.with("child", child);
            match why {
                Some((scheme, not)) => problem.with("scheme", scheme).with("why", not),
                None => problem,
            }
        }
        _ => problem,
    };
    match slot {
        Some(slot) => problem.with("slot", Slot::from(slot)),
        None => problem,
    }
}

pub(super) fn key(headers: &HeaderMap) -> Answer<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=LONGEST_KEY).contains(&text.len()) => Ok(Some(text.to_owned())),
        _ => Err(Problem::malformed("An Idempotency-Key has 1 to 200 visible characters.").into()),
    }
}

fn bad_wish(bad: &BadWish) -> Problem {
    let name = match bad {
        BadWish::Nothing => "nothing-asked",
        BadWish::TooMuch => "too-much",
        BadWish::PinnedMany => "space-and-many-desks",
        BadWish::Twice => "twice",
        BadWish::OffGrain { .. } => "off-grain",
        BadWish::Past => "past",
        BadWish::TooFarAhead { .. } => "too-far-ahead",
        BadWish::TooLong { .. } => "too-long",
        BadWish::TooShort { .. } => "too-short",
        BadWish::NotOpen { .. } => "not-open",
    };
    let problem = Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        name,
        "That goes against the rules of the house",
        format!("{}.", bad),
    );
    match bad {
        BadWish::NotOpen { open, .. } => {
            let open: Vec<Slot> = open.iter().copied().map(Slot::from).collect();
            problem.with("open", open)
        }
        BadWish::OffGrain { minutes } => problem.with("grain_minutes", minutes),
        BadWish::TooFarAhead { last_day } => problem.with("last_day", last_day),
        _ => problem,
    }
}

/// No room: where, and what would work there and elsewhere.
async fn taken(
    web: &Web,
    atlas: &Atlas,
    caller: &Caller,
    wish: &Wish,
    no_room: &NoRoom,
) -> Result<Problem, Refused> {
    let instead = way_out(&web.hub, atlas, caller, wish, Some(no_room)).await?.map(Way::from);
    let near = Some(Near::Centre(wish.centre));
    let query = Query { near, stays: true, ..Query::of(wish) };
    let found = search(&web.hub, atlas, caller, &query).await?;
    let elsewhere: Vec<String> = found
        .takers
        .iter()
        .filter(|taker| taker.centre != wish.centre)
        .filter_map(|taker| atlas.centre(taker.centre))
        .map(|centre| centre.slug.to_string())
        .take(5)
        .collect();
    let detail = match (&instead, elsewhere.is_empty()) {
        (Some(_), _) => "Nothing was booked. The nearest change that works is in `instead`.",
        (None, false) => "Nothing was booked. The centres in `elsewhere` can take it at that time.",
        (None, true) => "Nothing was booked. Please look for another day, or wait for it.",
    };
    let problem = no_room_problem(no_room);
    Ok(match no_room {
        NoRoom::Quota(_) | NoRoom::Closed(..) | NoRoom::NeedsInterview { .. } => problem,
        _ => problem.saying(detail),
    }
    .with("instead", instead)
    .with("elsewhere", elsewhere))
}

pub(super) fn view(atlas: &Atlas, booking: Made) -> Booking {
    Booking {
        id: booking.id.0,
        centre: atlas
            .centre(booking.centre)
            .map(|centre| centre.slug.to_string())
            .unwrap_or_default(),
        code: booking.code.to_string(),
        status: booking.status,
        desks: booking
            .desks
            .iter()
            .map(|claim| Desk {
                space: claim.space.0,
                starts_at: claim.when.starts(),
                ends_at: claim.when.ends(),
                released_at: claim.released_at,
                refunded_at: claim.refunded_at,
            })
            .collect(),
        care: booking
            .care
            .iter()
            .map(|claim| Care {
                child: claim.child.0,
                nursery: claim.nursery.0,
                scheme: claim.scheme.clone(),
                starts_at: claim.when.starts(),
                ends_at: claim.when.ends(),
                released_at: claim.released_at,
                refunded_at: claim.refunded_at,
            })
            .collect(),
        required: booking.needs.required,
        wanted: booking.needs.wanted,
        lapses_at: booking.lapses_at,
        awaits: [(booking.awaits.centre, "centre"), (booking.awaits.employer, "employer")]
            .into_iter()
            .filter_map(|(awaits, whom)| awaits.then_some(whom))
            .collect(),
        series: booking.series.map(|series| series.0),
        made_at: booking.made_at,
        tariff_rev: booking.tariff_rev,
        rule_rev: booking.rule_rev,
        version: booking.version,
    }
}
