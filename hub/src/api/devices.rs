//! A centre's devices, for those who look after them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use model::centre::Centre;
use model::device::RevokedFor;
use serde::{Deserialize, Serialize};
use store::DeviceRecord;
use utoipa::ToSchema;

use super::{Answer, Body};
use crate::problem::Problem;
use crate::service::devices::{self, CODE_LASTS, Standing};
use crate::service::{Caller, Refused};
use crate::web::Web;

/// One device.
#[derive(Serialize, ToSchema)]
pub struct Device {
    /// Its id, which stands in its certificate.
    #[schema(example = "yokohama-kiosk-1")]
    device: String,
    /// `edge`, `kiosk`, `seat` or `staff` (the screen of a nursery's staff).
    #[schema(example = "kiosk")]
    kind: &'static str,
    /// `new` (never enrolled), `good`, `ended` (its certificate has) or `revoked`.
    #[schema(example = "good")]
    state: &'static str,
    /// When its certificate ends.
    certificate_ends_at: Option<DateTime<Utc>>,
    /// When the hub heard of it last.
    last_heard_at: Option<DateTime<Utc>>,
    /// When it was locked out.
    revoked_at: Option<DateTime<Utc>>,
    /// Why: `lost`, `broken` or `retired`.
    revoked_for: Option<&'static str>,
}

impl Device {
    fn of(record: &DeviceRecord, now: DateTime<Utc>) -> Self {
        let standing = devices::standing(record, now);
        Self {
            device: record.device.to_string(),
            kind: record.kind.as_str(),
            state: match standing {
                Standing::New(_) => "new",
                Standing::Good(_) => "good",
                Standing::Ended => "ended",
                Standing::Revoked(..) => "revoked",
            },
            certificate_ends_at: match standing {
                Standing::Good(ends) => Some(ends),
                _ => None,
            },
            last_heard_at: record.last_seen_at,
            revoked_at: record.revoked.map(|(at, _)| at),
            revoked_for: record.revoked.map(|(_, reason)| reason.as_str()),
        }
    }
}

/// What a code is made for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeWish {
    /// Hosts and addresses by which an edge is reached in its house, with commas; those it had,
    /// where nothing is said.
    #[serde(default)]
    #[schema(example = "edge.local,192.168.10.2")]
    names: String,
}

/// A one-time code; it is told once.
#[derive(Serialize, ToSchema)]
pub struct Code {
    code: String,
    ends_at: DateTime<Utc>,
}

/// Why a device is locked out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeWish {
    /// `lost`, `broken` or `retired`.
    #[schema(value_type = String, example = "lost")]
    reason: RevokedFor,
}

/// The devices of a centre, by id.
#[utoipa::path(
    get, path = "/v1/centres/{slug}/devices", tag = "devices",
    params(("slug" = String, Path, description = "The centre", example = "yokohama")),
    responses(
        (status = 200, body = Vec<Device>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Answer<Json<Vec<Device>>> {
    let centre = centre(&web, &caller, &slug).await?;
    let now = web.hub.now();
    let records = devices::list(&web.hub, &caller, &centre).await?;
    Ok(Json(records.iter().map(|record| Device::of(record, now)).collect()))
}

/// Makes a one-time code with which a device gets its certificate.
#[utoipa::path(
    post, path = "/v1/centres/{slug}/devices/{device}/enrol-code", tag = "devices",
    params(
        ("slug" = String, Path, description = "The centre", example = "yokohama"),
        ("device" = String, Path, description = "The device", example = "yokohama-kiosk-1"),
    ),
    request_body = CodeWish,
    responses(
        (status = 201, body = Code),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn enrol_code(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, device)): Path<(String, String)>,
    Body(wish): Body<CodeWish>,
) -> Answer<(StatusCode, Json<Code>)> {
    let centre = centre(&web, &caller, &slug).await?;
    let made = devices::enrol_code(&web.hub, &caller, &centre, &device, &wish.names).await?;
    let code = made.map_err(|name| {
        Problem::malformed(format!("'{name}' is neither a host name nor an address."))
    })?;
    let code = Code { code: code.reveal(), ends_at: web.hub.now() + CODE_LASTS };
    Ok((StatusCode::CREATED, Json(code)))
}

/// Locks a device out: at the port for sites at once, on its site bus within seconds.
#[utoipa::path(
    post, path = "/v1/centres/{slug}/devices/{device}/revoke", tag = "devices",
    params(
        ("slug" = String, Path, description = "The centre", example = "yokohama"),
        ("device" = String, Path, description = "The device", example = "yokohama-kiosk-1"),
    ),
    request_body = RevokeWish,
    responses(
        (status = 200, body = Device),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn revoke(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, device)): Path<(String, String)>,
    Body(wish): Body<RevokeWish>,
) -> Answer<Json<Device>> {
    let centre = centre(&web, &caller, &slug).await?;
    devices::revoke(&web.hub, &caller, &centre, &device, wish.reason).await?;
    let record = devices::get(&web.hub, &caller, &centre, &device).await?;
    Ok(Json(Device::of(&record, web.hub.now())))
}

async fn centre(web: &Web, caller: &Caller, slug: &str) -> Result<Centre, Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    Ok(atlas.named(slug).ok_or(Refused::NotFound)?.clone())
}
