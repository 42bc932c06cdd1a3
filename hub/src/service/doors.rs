//! What a centre's doors are and when they open. Whoever may run the hub's own program decides it; each decision
//! leaves an entry.

use model::audit::{AuditAction, AuditActor};
use model::centre::Centre;
use model::door::DoorPlan;
use model::id::DeviceId;

use super::Refused;
use super::audit::{self, Entry};
use crate::hub::Hub;

/// Gives doors of `centre` plans that have been checked, from now on: all of them or none.
///
/// # Errors
/// [`Refused`] when one of them is none of the centre's doors, a screen or another device of the site is named as a reader
/// (it has a screen of its own to answer on), or the store fails.
pub async fn set_plans(
    hub: &Hub,
    centre: &Centre,
    plans: &[(DeviceId, DoorPlan)],
) -> Result<(), Refused> {
    let devices = hub.store.devices_of(centre.id).await?;
    let readers = plans.iter().flat_map(|(_, plan)| &plan.readers);
    for reader in readers {
        if let Some(known) = devices.iter().find(|known| known.device == reader.device) {
            let (device, kind) = (&known.device, known.kind);
            return Err(Refused::Unreadable(format!(
                "{device} is a {kind} of this centre, and no reader at a door"
            )));
        }
    }
    if !hub.store.set_door_plans(centre.id, plans).await? {
        return Err(Refused::NotFound);
    }
    hub.live.plan_changed(centre.id);
    let doors: Vec<&str> = plans.iter().map(|(device, _)| device.as_str()).collect();
    let entry = Entry::new(AuditAction::DoorPlansSet).at(centre.id).note("doors", doors.join(", "));
    audit::record_as(hub, AuditActor::Hub, entry).await
}
