//! Settings that the hub sends to a centre's edge, which tries them. Whoever may run the hub's own program decides them;
//! each decision leaves an entry.

use model::audit::{AuditAction, AuditActor};
use model::centre::Centre;
use wire::edge_config::EdgeSettings;

use super::Refused;
use super::audit::{self, Entry};
use crate::hub::Hub;

/// Keeps settings that have been checked for the edge of `centre`; answers their version.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn send(hub: &Hub, centre: &Centre, settings: &EdgeSettings) -> Result<u64, Refused> {
    let json = serde_json::to_string(settings)
        .map_err(|_| Refused::Inner("settings cannot be written"))?;
    let version = hub.store.put_edge_config(centre.id, &json, hub.now()).await?;
    let entry = Entry::new(AuditAction::EdgeSettingsSent).at(centre.id);
    audit::record_as(hub, AuditActor::Hub, entry.note("version", version.to_string())).await?;
    Ok(version)
}
