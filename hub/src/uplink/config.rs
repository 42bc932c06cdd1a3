//! Settings for an edge, signed like its sheets.

use axum::Json;
use axum::extract::State;
use model::permission::Action;
use wire::edge_config::{EdgeConfig, SignedEdgeConfig, sign};

use super::peer::Device;
use crate::hub::Hub;
use crate::problem::Problem;

/// `GET /uplink/v1/config`: the newest settings for this centre's edge.
pub(super) async fn get(
    State(hub): State<Hub>,
    edge: Device,
) -> Result<Json<SignedEdgeConfig>, Problem> {
    edge.allow_here(Action::FetchSheet)?;
    let kept = hub.store.edge_config(edge.centre).await?;
    let kept = kept.ok_or_else(|| Problem::not_found("There are no settings for this edge."))?;
    let settings = serde_json::from_str(&kept.json).map_err(|error| Problem::internal(&error))?;
    let config = EdgeConfig { centre: edge.centre, version: kept.version, settings };
    sign(&config, &hub.keys.sheet).map(Json).map_err(|error| Problem::internal(&error))
}
