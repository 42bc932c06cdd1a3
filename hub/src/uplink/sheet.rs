//! The day sheet on its way down: manifest, sections by hash, and the site's word that it has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use model::permission::Action;
use wire::sheet::{SheetAck, SignedManifest};

use super::peer::Device;
use crate::hub::Hub;
use crate::problem::Problem;
use crate::service::audit::witness;
use crate::service::lease;
use crate::sheets::{self, Current, SheetError};

/// `GET /uplink/v1/sheet`: the newest signed manifest.
pub async fn get(State(hub): State<Hub>, edge: Device) -> Result<Json<SignedManifest>, Problem> {
    edge.allow_here(Action::FetchSheet)?;
    Ok(Json(newest(&hub, &edge).await?.sealed.manifest.clone()))
}

/// `GET /uplink/v1/sheet/sections/{sha256}`: the bytes of one section.
pub async fn section(
    State(hub): State<Hub>,
    edge: Device,
    sha256: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, Problem> {
    edge.allow_here(Action::FetchSheet)?;
    let Path(sha256) = sha256?;
    let bytes = hub.live.sheets.section(&hub, edge.centre, &sha256).await?.ok_or_else(|| {
        Problem::not_found(
            "No recent sheet of this site has such a section; fetch the manifest again.",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes))
}

/// `GET /uplink/v1/sheet/key`: what the site opens the sealed sections of its sheets with.
pub async fn key(State(hub): State<Hub>, edge: Device) -> Result<impl IntoResponse, Problem> {
    edge.allow_here(Action::FetchSheet)?;
    let told = sheets::section_key(&hub, edge.centre).told();
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(told)))
}

/// `POST /uplink/v1/sheet/ack`: notes which sheet the site runs on.
pub async fn acknowledge(
    State(hub): State<Hub>,
    edge: Device,
    body: Result<Json<SheetAck>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    edge.allow_here(Action::FetchSheet)?;
    let Json(SheetAck { version, audit_head }) = body?;
    let newest = newest(&hub, &edge).await?.sheet.version;
    if version > newest {
        return Err(Problem::malformed(format!(
            "There is no sheet {version} of this site yet; the newest is {newest}."
        )));
    }
    hub.store.ack_sheet(edge.centre, version, hub.now()).await?;
    if let Some(seen) = audit_head {
        witness::site_saw(&hub, edge.centre, &seen).await?;
    }
    if let Some(centre) = hub.live.sheets.centre(&hub, edge.centre).await? {
        lease::free_returned(&hub, &centre).await?;
    }
    hub.live.look(&hub, edge.centre).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn newest(hub: &Hub, edge: &Device) -> Result<Arc<Current>, Problem> {
    hub.live
        .sheets
        .current(hub, edge.centre)
        .await?
        .ok_or_else(|| Problem::not_found("The device's centre is no longer there."))
}

impl From<SheetError> for Problem {
    fn from(error: SheetError) -> Self {
        match error {
            SheetError::Store(error) => error.into(),
            SheetError::Json(error) => Self::internal(&error),
            SheetError::Seal(error) => Self::internal(&error),
            SheetError::Care(refused) => refused.into(),
        }
    }
}
