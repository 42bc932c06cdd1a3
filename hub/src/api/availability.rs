//! Which centres can take a wish, and what would work at the others.

#![expect(unused_qualifications, reason = "utoipa writes the path of the parameters out in full")]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use model::feature::{Feature, Features};
use model::interval::Interval;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Asked};
use crate::problem::Problem;
use crate::service::Caller;
use crate::service::atlas::Atlas;
use crate::service::search::{Found, Instead, Query, When, Why, search};
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
    /// What each desk must have, by name and parted by commas: `monitor,quiet`.
    #[serde(default)]
    features: String,
}

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
    /// Care places free all through, where there is a nursery.
    free_care_places: Option<usize>,
    distance_km: Option<f64>,
}

/// A centre that cannot.
#[derive(Serialize, ToSchema)]
pub struct Unavailable {
    /// Its slug.
    centre: String,
    /// `not_open`, `closed`, `rule`, `no_desk`, `no_nursery` or `no_care_place`.
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
    let query = Query {
        when: When::Slots(vec![slot]),
        desks: params.desks,
        children: params.children,
        required: features(&params.features)?,
        only: named(params.centre.as_ref())?,
        near: named(params.near.as_ref())?,
    };
    if query.desks > model::booking::MOST_DESKS
        || usize::try_from(query.children).is_ok_and(|n| n > model::booking::MOST_CHILDREN)
    {
        return Err(Problem::malformed(model::booking::BadWish::TooMuch.to_string()).into());
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
        distance_km: taker.distance_km,
    });
    let unavailable = found.others.iter().map(|other| {
        let (reason, detail) = why(&other.why);
        Unavailable {
            centre: slug(other.centre),
            reason,
            detail,
            distance_km: other.distance_km,
            instead: other.instead.clone().map(Change::from),
        }
    });
    Availability { available: available.collect(), unavailable: unavailable.collect() }
}

impl From<Instead> for Change {
    fn from(instead: Instead) -> Self {
        let (slots, with_care) = match instead {
            Instead::Shifted(slots) => (slots, true),
            Instead::DesksOnly(slots) => (slots, false),
        };
        Self { slots: slots.into_iter().map(Slot::from).collect(), with_care }
    }
}

fn why(why: &Why) -> (&'static str, String) {
    match why {
        Why::Rule(bad @ model::booking::BadWish::NotOpen { .. }) => ("not_open", bad.to_string()),
        Why::Rule(bad) => ("rule", bad.to_string()),
        Why::Desks(_, free) => ("no_desk", format!("only {free} desks are free all through")),
        Why::Closed(_, reason) => ("closed", reason.en.clone()),
        Why::NoNursery => ("no_nursery", "the centre has no nursery".to_owned()),
        Why::Care(_, free) => {
            ("no_care_place", format!("only {free} care places are free all through"))
        }
    }
}
