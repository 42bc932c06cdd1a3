//! Which centres can take a wish, and what would work at the others.

#![expect(unused_qualifications, reason = "utoipa writes the path of the parameters out in full")]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use model::booking::{BadWish, MOST_CHILDREN, MOST_DESKS, MOST_SLOTS};
use model::feature::{Feature, Features};
use model::interval::Interval;
use model::language::Language;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Asked};
use crate::pages::words;
use crate::problem::Problem;
use crate::service::Caller;
use crate::service::atlas::Atlas;
use crate::service::rules;
use crate::service::search::{Found, Instead, Near, Query, Reason, When, Why, search};
use crate::web::Web;

/// What is looked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The start.
    from: DateTime<Utc>,
    /// The end, not included.
    to: DateTime<Utc>,
    /// How many desks; 1 where it is left out.
    #[serde(default = "one")]
    desks: u32,
    /// For how many children care is needed.
    #[serde(default)]
    children: u32,
    /// Only this centre, by slug or id.
    centre: Option<String>,
    /// The nearer to this centre the better, by slug or id.
    near: Option<String>,
    /// The nearer to this point the better: degrees north and east (WGS 84), parted by a comma.
    #[param(example = "35.46,139.62")]
    point: Option<String>,
    /// What each desk must have, by name and parted by commas: `monitor,quiet`.
    #[serde(default)]
    features: String,
    /// What each desk had better have, in the same way: centres whose desks do come first.
    #[serde(default)]
    wanted: String,
    /// Whether the desks are to stand side by side.
    #[serde(default)]
    together: bool,
    /// More days with the same local time, parted by commas: `2026-12-01,2026-12-03`.
    #[serde(default)]
    days: String,
    /// How many centres are told of, of those that can and of those that cannot.
    #[serde(default = "most")]
    #[param(minimum = 1, maximum = 100)]
    limit: usize,
}

/// The most centres of each kind that one answer tells of.
const MOST: usize = 100;

/// Features by their names, parted by commas.
fn features(names: &str) -> Answer<Features> {
    let named = |name: &str| {
        serde_json::from_value::<Feature>(name.trim().into()).map_err(|_| {
            let known: Vec<_> =
                Feature::ALL.iter().filter_map(|one| serde_json::to_string(one).ok()).collect();
            Problem::malformed(format!("A feature is one of {}.", known.join(", ")))
        })
    };
    let names = names.split(',').filter(|name| !name.trim().is_empty());
    Ok(names.map(named).collect::<Result<Features, _>>()?)
}

fn one() -> u32 {
    1
}

fn most() -> usize {
    rules::MOST_FOUND
}

/// A point by its degrees, parted by a comma.
fn point(text: &str) -> Answer<Near> {
    let parts = text.split_once(',').and_then(|(north, east)| {
        let (north, east): (f64, f64) = (north.trim().parse().ok()?, east.trim().parse().ok()?);
        ((-90.0..=90.0).contains(&north) && (-180.0..=180.0).contains(&east))
            .then_some(Near::Point(north, east))
    });
    let bad = || Problem::malformed("A point is degrees north and east: `35.46,139.62`.");
    Ok(parts.ok_or_else(bad)?)
}

/// Local days parted by commas.
fn days(text: &str) -> Answer<Vec<NaiveDate>> {
    let named = text.split(',').map(str::trim).filter(|day| !day.is_empty());
    let days = named.map(str::parse).collect::<Result<Vec<NaiveDate>, _>>();
    let days = days.map_err(|_| Problem::malformed("A day is written as `2026-12-01`."))?;
    if days.len() < MOST_SLOTS {
        Ok(days)
    } else {
        Err(Problem::malformed(BadWish::TooMuch.to_string()).into())
    }
}

/// A stretch of time that holds its start and not its end.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Its start.
    pub starts_at: DateTime<Utc>,
    /// Its end.
    pub ends_at: DateTime<Utc>,
}

impl From<Interval> for Slot {
    fn from(when: Interval) -> Self {
        Self { starts_at: when.starts(), ends_at: when.ends() }
    }
}

impl Slot {
    /// The stretch, when its end is after its start.
    pub fn interval(self) -> Answer<Interval> {
        Interval::new(self.starts_at, self.ends_at)
            .map_err(|_| Problem::malformed("A stretch must end after it starts.").into())
    }
}

/// The answer: those that can, best first, and those that cannot.
#[derive(Serialize, ToSchema)]
pub struct Availability {
    /// How many centres can, with those that are not told of.
    available_in_all: usize,
    available: Vec<Available>,
    unavailable: Vec<Unavailable>,
}

/// A centre that can take all of it.
#[derive(Serialize, ToSchema)]
pub struct Available {
    /// Its slug.
    centre: String,
    /// Desks free all through.
    free_desks: usize,
    /// Care places free all through, where there is a nursery that counts places alone.
    free_care_places: Option<usize>,
    /// When care would be, with the hand-overs, where care is asked for.
    care: Vec<Slot>,
    /// The schemes that all of the care can go under, by name, where the nursery offers any.
    schemes: Vec<String>,
    /// Whether one of them has to be named: the one that would count otherwise does not allow it.
    must_name_scheme: bool,
    distance_km: Option<f64>,
    /// What speaks for it: `wanted` (its desks have all of that), `nearest`, `nursery_inside`,
    /// `most_free`.
    reasons: Vec<&'static str>,
}

/// A centre that cannot.
#[derive(Serialize, ToSchema)]
pub struct Unavailable {
    /// Its slug.
    centre: String,
    /// `not_open`, `closed`, `rule`, `no_desk`, `not_together`, `no_nursery`,
    /// `no_room_for_age`, `no_care_place`, `care_short`, `nursery_shut` or `no_scheme`.
    #[schema(example = "no_desk")]
    reason: &'static str,
    /// The reason in a sentence.
    detail: String,
    distance_km: Option<f64>,
    /// The nearest change that works at this centre.
    instead: Option<Change>,
}

/// A change of the wish that works.
#[derive(Serialize, ToSchema)]
pub struct Change {
    /// When.
    pub slots: Vec<Slot>,
    /// Whether the care is part of it.
    pub with_care: bool,
    /// Whether it is another desk than the one that was picked.
    pub another_desk: bool,
}

/// Which centres have room.
#[utoipa::path(
    get, path = "/v1/availability", tag = "places", params(Params),
    responses(
        (status = 200, body = Availability),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(params): Asked<Params>,
) -> Answer<Json<Availability>> {
    let atlas = web.atlas().await?;
    let slot = Slot { starts_at: params.from, ends_at: params.to }.interval()?;
    let named = |name: Option<&String>| match name {
        None => Ok(None),
        Some(name) => match atlas.named(name) {
            Some(centre) => Ok(Some(centre.id)),
            None => Err(no_centre(name)),
        },
    };
    let near = match (&params.point, &params.near) {
        (Some(text), None) => Some(point(text)?),
        (None, near) => named(near.as_ref())?.map(Near::Centre),
        (Some(_), Some(_)) => {
            return Err(Problem::malformed("Give `near` or `point`, not both.").into());
        }
    };
    let query = Query {
        desks: params.desks,
        children: params.children,
        required: features(&params.features)?,
        wanted: features(&params.wanted)?,
        together: params.together,
        only: named(params.centre.as_ref())?,
        near,
        most: params.limit,
        ..Query::at(When::Again(slot, days(&params.days)?))
    };
    if query.desks > MOST_DESKS || usize::try_from(query.children).is_ok_and(|n| n > MOST_CHILDREN)
    {
        return Err(Problem::malformed(BadWish::TooMuch.to_string()).into());
    }
    if !(1..=MOST).contains(&params.limit) {
        return Err(Problem::malformed(format!("A limit is from 1 to {MOST}.")).into());
    }
    Ok(Json(answer(&atlas, &search(&web.hub, &atlas, &caller, &query).await?)))
}

/// No centre has this name.
pub fn no_centre(name: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-centre",
        "There is no such centre",
        format!("No centre has the slug or id {name:?}; GET /api/v1/centres lists them."),
    )
}

fn answer(atlas: &Atlas, found: &Found) -> Availability {
    let slug = |id| atlas.centre(id).map(|centre| centre.slug.to_string()).unwrap_or_default();
    let available = found.takers.iter().map(|taker| Available {
        centre: slug(taker.centre),
        free_desks: taker.free_desks,
        free_care_places: taker.free_care,
        care: taker.care.iter().copied().map(Slot::from).collect(),
        schemes: taker.schemes.clone(),
        must_name_scheme: !taker.by_default,
        distance_km: taker.distance_km,
        reasons: taker.reasons.iter().map(|reason| speaking(*reason)).collect(),
    });
    let unavailable = found.others.iter().map(|other| {
        let zone = atlas.centre(other.centre).map_or(Tz::UTC, |centre| centre.time_zone);
        let (reason, detail) = why(&other.why, zone);
        Unavailable {
            centre: slug(other.centre),
            reason,
            detail,
            distance_km: other.distance_km,
            instead: other.instead.clone().map(Change::from),
        }
    });
    Availability {
        available_in_all: found.takers_in_all,
        available: available.collect(),
        unavailable: unavailable.collect(),
    }
}

fn speaking(reason: Reason) -> &'static str {
    match reason {
        Reason::Wanted => "wanted",
        Reason::Nearest => "nearest",
        Reason::NurseryInside => "nursery_inside",
        Reason::MostFree => "most_free",
    }
}

impl From<Instead> for Change {
    fn from(instead: Instead) -> Self {
        let (slots, with_care, another_desk) = match instead {
            Instead::Shifted(slots) => (slots, true, false),
            Instead::DesksOnly(slots) => (slots, false, false),
            Instead::AnotherDesk(slots) => (slots, true, true),
        };
        let slots = slots.into_iter().map(Slot::from).collect();
        Self { slots, with_care, another_desk }
    }
}

fn why(why: &Why, zone: Tz) -> (&'static str, String) {
    match why {
        Why::Rule(bad @ BadWish::NotOpen { .. }) => ("not_open", bad.to_string()),
        Why::Rule(bad) => ("rule", bad.to_string()),
        Why::Desks(_, free) => ("no_desk", format!("only {free} desks are free all through")),
        Why::Apart => ("not_together", "its free desks are not side by side".to_owned()),
        Why::Closed(_, reason) => ("closed", reason.en.clone()),
        Why::NoNursery => ("no_nursery", "the centre has no nursery".to_owned()),
        Why::NoRoomForAge => {
            ("no_room_for_age", "the nursery takes no child of that age".to_owned())
        }
        Why::NurseryShut(slot, open) => {
            ("nursery_shut", words::nursery_open(Language::En, slot, open, zone))
        }
        Why::NotUnder(when, why) => {
            ("no_scheme", words::not_under(Language::En, when, why.as_ref(), zone))
        }
        Why::NeedsInterview => ("needs_interview", words::needs_interview(Language::En).to_owned()),
        Why::SiteSilent(_) => ("site_silent", words::site_silent(Language::En).to_owned()),
        Why::CareShort(lacks) => ("care_short", words::lacks(Language::En, lacks, zone)),
        Why::Care(_, free) => {
            ("no_care_place", format!("only {free} care places are free all through"))
        }
    }
}
