//! What was noticed about a site leaves entries in the record of who did what.

use model::audit::{AuditAction, AuditActor};
use model::id::{AuditId, CentreId};
use store::SiteAlarm;

use super::peer::Device;
use crate::hub::Hub;
use crate::service::Refused;
use crate::service::audit::{Entry, record_as};
use crate::service::secret::sha256;

/// Records what is not in the record yet. What cannot be recorded now is when the next is.
///
/// # Errors
/// When the store, the random source or a seal fails.
pub(super) async fn record(hub: &Hub, edge: &Device) -> Result<(), Refused> {
    for alarm in hub.store.alarms_to_record(edge.centre).await? {
        let kind = serde_json::to_value(alarm.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default();
        tracing::error!(centre = %edge.centre, edge = %edge.device, kind, place = alarm.place, detail = alarm.detail, "noticed about a site");
        let mut entry = Entry::new(AuditAction::SiteAlarmRaised)
            .named(id_of(edge.centre, kind, &alarm))
            .at(edge.centre)
            .note("what", kind)
            .note("event", alarm.place.to_string())
            .note("site", edge.device.to_string());
        if !alarm.detail.is_empty() {
            entry = entry.note("more", alarm.detail.as_str());
        }
        record_as(hub, AuditActor::Hub, entry).await?;
        hub.store.alarm_recorded(edge.centre, &alarm, hub.now()).await?;
    }
    Ok(())
}

/// An entry's id, made from the alarm that it tells of: recorded twice, it stands there once.
fn id_of(centre: CentreId, kind: &str, alarm: &SiteAlarm) -> AuditId {
    let (began, detail) = (alarm.began_at.timestamp_micros(), &alarm.detail);
    // Of one kind there may be several in one batch: two devices that have a twin each.
    let named = format!("kyoten: {kind} noticed of {centre} at {began}: {detail}");
    let hash = sha256(named.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    AuditId(uuid::Builder::from_custom_bytes(id).into_uuid())
}
