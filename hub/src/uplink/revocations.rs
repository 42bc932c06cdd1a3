//! The authority's revocation list for one site, for brokers that are not the edge's own.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use model::permission::Action;

use super::peer::Device;
use crate::hub::Hub;
use crate::problem::Problem;

/// `GET /uplink/v1/revocations`: the site's certificates that were withdrawn before their end, as a
/// signed list in PEM.
pub(super) async fn get(
    State(hub): State<Hub>,
    device: Device,
) -> Result<impl IntoResponse, Problem> {
    device.allow_here(Action::FetchSheet)?;
    let withdrawn = hub.store.withdrawn_certificates(device.centre, hub.now()).await?;
    let list =
        hub.authority.revocation_list(&withdrawn).map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], list))
}
