//! The rules of a house.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::centre::{Approval, CentreSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::availability::no_centre;
use super::refusals::{NotReadable, NotTheirs};
use super::{Answer, Body};
use crate::problem::Problem;
use crate::service::Caller;
use crate::service::house::{self as service, NotSet};
use crate::web::Web;

/// The house rules of a centre, all of them.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Bookings begin and end on multiples of this: 5, 10 or 15.
    #[schema(example = 15)]
    grain_minutes: u32,
    /// The shortest single stretch: 5 to 10080, at most the longest.
    #[schema(example = 15)]
    shortest_minutes: u32,
    /// The longest single stretch: 5 to 10080.
    #[schema(example = 720)]
    longest_minutes: u32,
    /// Bookings are taken so many days ahead: 0 to 730.
    #[schema(example = 60)]
    horizon_days: u32,
    /// Between two guests of a space: 0 to 240.
    #[schema(example = 0)]
    buffer_minutes: u32,
    /// Check-in opens so long before the start: 0 to 240.
    #[schema(example = 15)]
    early_minutes: u32,
    /// A desk is given free so long after the start when nobody came: 1 to 1440.
    #[schema(example = 30)]
    no_show_minutes: u32,
    /// Guests change and cancel by themselves until so long before the start: 0 to 43200.
    #[schema(example = 0)]
    cancel_minutes: u32,
    /// How long a hold waits for its confirmation: 1 to 1440.
    #[schema(example = 10)]
    hold_minutes: u32,
    /// How long what came free is kept for whoever waited for it: 1 to 10080.
    #[schema(example = 60)]
    offer_minutes: u32,
    /// Which bookings an operator approves: `none`, `rooms` or `all`.
    #[schema(value_type = String, example = "none")]
    approval: Approval,
    /// How long an approval is waited for: 1 to 43200.
    #[schema(example = 1440)]
    approval_minutes: u32,
    /// So many desks are kept for walk-ins: 0 to 50. Stays as it is where it is not given.
    #[schema(example = 1)]
    #[serde(default)]
    walk_in_desks: Option<u32>,
    /// They are kept so many hours ahead: 1 to 72. Stays as it is where it is not given.
    #[schema(example = 72)]
    #[serde(default)]
    walk_in_hours: Option<u32>,
    /// Which version of them this is. A change names the version that it was made from.
    #[schema(example = 1)]
    version: u32,
}

/// The house rules of a centre.
#[utoipa::path(
    get, path = "/v1/centres/{slug}/settings", tag = "places",
    params(("slug" = String, Path, description = "The centre.")),
    responses((status = 200, body = Settings), NotTheirs)
)]
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Answer<Json<Settings>> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or_else(|| no_centre(&slug))?;
    let (settings, version) = service::settings(&atlas, &caller, centre.id)?;
    Ok(Json(Settings::of(settings, version)))
}

/// Changes the house rules of a centre. What is booked already stands.
#[utoipa::path(
    put, path = "/v1/centres/{slug}/settings", tag = "places", request_body = Settings,
    params(
        ("slug" = String, Path, description = "The centre."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Settings),
        NotTheirs, NotReadable,
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Somebody changed them meanwhile; `version` is what stands."),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "A rule is out of its bounds; `rule` names it, with `least` and `most`."),
    )
)]
pub async fn set(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    body: Answer<Body<Settings>>,
) -> Answer<Json<Settings>> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or_else(|| no_centre(&slug))?;
    // Whether they may comes before whether it can be read.
    service::settings(&atlas, &caller, centre.id)?;
    let Body(settings) = body?;
    let (version, settings) = (settings.version, settings.in_place_of(&centre.settings));
    let wanted = settings.clone();
    match service::set_settings(&web.hub, &atlas, &caller, centre.id, wanted, version).await? {
        Ok(version) => Ok(Json(Settings::of(&settings, version))),
        Err(not) => Err(not_set(not).into()),
    }
}

fn not_set(not: NotSet) -> Problem {
    match not {
        NotSet::Bad(bad) => {
            let (least, most) = bad.rule().bounds();
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad-setting",
                "A house cannot be run by these rules",
                format!("{bad}."),
            )
            .with("rule", bad.rule())
            .with("least", least)
            .with("most", most)
        }
        NotSet::Newer(version) => Problem::new(
            StatusCode::CONFLICT,
            "other-version",
            "The rules were changed meanwhile",
            "Read them again, and change what they are now.",
        )
        .with("version", version),
    }
}

impl Settings {
    fn of(settings: &CentreSettings, version: u32) -> Self {
        Self {
            version,
            grain_minutes: settings.grain_minutes,
            shortest_minutes: settings.shortest_minutes,
            longest_minutes: settings.longest_minutes,
            horizon_days: settings.horizon_days,
            buffer_minutes: settings.buffer_minutes,
            early_minutes: settings.early_minutes,
            no_show_minutes: settings.no_show_minutes,
            cancel_minutes: settings.cancel_minutes,
            hold_minutes: settings.hold_minutes,
            offer_minutes: settings.offer_minutes,
            approval: settings.approval,
            approval_minutes: settings.approval_minutes,
            walk_in_desks: Some(settings.walk_in_desks),
            walk_in_hours: Some(settings.walk_in_hours),
        }
    }

    /// The house rules, where `before` are those that stand.
    fn in_place_of(self, before: &CentreSettings) -> CentreSettings {
        let settings = self;
        CentreSettings {
            grain_minutes: settings.grain_minutes,
            no_show_minutes: settings.no_show_minutes,
            early_minutes: settings.early_minutes,
            horizon_days: settings.horizon_days,
            longest_minutes: settings.longest_minutes,
            shortest_minutes: settings.shortest_minutes,
            buffer_minutes: settings.buffer_minutes,
            cancel_minutes: settings.cancel_minutes,
            hold_minutes: settings.hold_minutes,
            offer_minutes: settings.offer_minutes,
            approval: settings.approval,
            approval_minutes: settings.approval_minutes,
            walk_in_desks: settings.walk_in_desks.unwrap_or(before.walk_in_desks),
            walk_in_hours: settings.walk_in_hours.unwrap_or(before.walk_in_hours),
        }
    }
}
