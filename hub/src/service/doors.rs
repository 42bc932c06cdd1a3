//! What a centre's doors are and when they open. Whoever may run the hub's own program decides it; each decision
//! leaves an entry.

use model::audit::{AuditAction, AuditActor};
use model::centre::Centre;
use model::door::DoorPlan;
use model::id::{CentreId, DeviceId};

use super::Refused;
use super::audit::{self, Entry};
use crate::door_file::Known;
use crate::hub::Hub;

/// What a centre has that plans of its doors may name.
///
/// # Errors
/// When the store fails.
pub async fn known(hub: &Hub, centre: CentreId) -> store::Result<Known> {
    let devices = hub.store.devices_of(centre).await?.into_iter();
    let nurseries = hub.store.nurseries().await?.into_iter();
    Ok(Known {
        doors: hub.store.doors(centre).await?,
        devices: devices.map(|record| (record.device, record.kind)).collect(),
        nurseries: nurseries.filter(|one| one.centre == centre).map(|one| one.id).collect(),
    })
}

/// Gives doors of `centre` plans that [`crate::door_file::read`] has checked, from now on: all of them or none.
///
/// # Errors
/// [`Refused`] when one of them is none of the centre's doors, or the store fails.
pub async fn set_plans(
    hub: &Hub,
    centre: &Centre,
    plans: &[(DeviceId, DoorPlan)],
) -> Result<(), Refused> {
    if !hub.store.set_door_plans(centre.id, plans).await? {
        return Err(Refused::NotFound);
    }
    hub.live.plan_changed(centre.id);
    let doors: Vec<&str> = plans.iter().map(|(device, _)| device.as_str()).collect();
    let entry = Entry::new(AuditAction::DoorPlansSet).at(centre.id).note("doors", doors.join(", "));
    audit::record_as(hub, AuditActor::Hub, entry).await
}
