//! The centres of the region.

use axum::Json;
use axum::extract::State;
use model::centre::CentreKind;
use model::language::LocalText;
use model::permission::{Action, Target};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Answer;
use crate::problem::Problem;
use crate::service::{Caller, allow};
use crate::web::Web;

/// A name in Japanese and English.
#[derive(Serialize, ToSchema)]
pub struct Text {
    ja: String,
    en: String,
}

impl From<&LocalText> for Text {
    fn from(text: &LocalText) -> Self {
        Self { ja: text.ja.clone(), en: text.en.clone() }
    }
}

/// One centre.
#[derive(Serialize, ToSchema)]
pub struct Centre {
    id: Uuid,
    /// Its name in addresses.
    #[schema(example = "yokohama")]
    slug: String,
    name: Text,
    /// `telework_centre`, `satellite_office` or `rural_centre`.
    #[schema(value_type = String, example = "telework_centre")]
    kind: CentreKind,
    address: Text,
    /// Degrees north (WGS 84).
    latitude: f64,
    /// Degrees east (WGS 84).
    longitude: f64,
    #[schema(example = "Asia/Tokyo")]
    time_zone: String,
    /// Bookings begin and end on multiples of this many minutes.
    grain_minutes: u32,
    /// Its desks.
    desks: usize,
    nursery: Option<Nursery>,
    /// Which of this is assumed, and where the rest is from.
    source_note: Text,
}

/// The nursery of a centre.
#[derive(Serialize, ToSchema)]
pub struct Nursery {
    name: Text,
    /// Children at once.
    places: u32,
    /// From the centre's door; 0 is the same building.
    walking_minutes: u32,
    /// Minutes of care before a desk's stretch, the way on foot not counted.
    handover_before: u32,
    /// Minutes of care after a desk's stretch, the way on foot not counted.
    handover_after: u32,
    /// The schemes it offers, by name; the one in front counts where nobody says another.
    schemes: Vec<String>,
}

/// Every centre, by slug.
#[utoipa::path(
    get, path = "/v1/centres", tag = "places",
    responses(
        (status = 200, body = Vec<Centre>),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(web): State<Web>, caller: Caller) -> Answer<Json<Vec<Centre>>> {
    allow(&caller, Action::Search, &Target::default())?;
    let atlas = web.atlas().await?;
    let centres = atlas.centres.iter().map(|centre| Centre {
        id: centre.id.0,
        slug: centre.slug.to_string(),
        name: Text::from(&centre.name),
        kind: centre.kind,
        address: Text::from(&centre.address),
        latitude: centre.position.0,
        longitude: centre.position.1,
        time_zone: centre.time_zone.name().to_owned(),
        grain_minutes: centre.settings.grain_minutes,
        desks: atlas.desks(centre.id).count(),
        nursery: atlas.nursery(centre.id).map(|nursery| Nursery {
            name: Text::from(&nursery.name),
            places: nursery.places,
            walking_minutes: nursery.walking_minutes,
            handover_before: nursery.terms.handover.map_or(0, |one| one.before),
            handover_after: nursery.terms.handover.map_or(0, |one| one.after),
            schemes: nursery.terms.schemes.clone(),
        }),
        source_note: Text::from(&centre.source_note),
    });
    Ok(Json(centres.collect()))
}
