//! Which devices belong to the site.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::id::DeviceId;
use tokio::sync::watch;
use wire::topics::DeviceKind;

/// What the site knows of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// What it is.
    pub kind: DeviceKind,
    /// The SHA-256 of its certificate, where the site knows it: then no other will do.
    pub fingerprint: Option<[u8; 32]>,
    /// Locked out.
    pub revoked: bool,
}

/// The site's list of devices, shared by whoever holds a clone. Unknown devices are refused.
#[derive(Clone, Debug)]
pub struct DeviceRegistry {
    edge: DeviceId,
    devices: Arc<watch::Sender<BTreeMap<DeviceId, DeviceEntry>>>,
}

impl DeviceRegistry {
    /// The list of the site that `edge` runs.
    #[must_use]
    pub fn new(edge: DeviceId, devices: BTreeMap<DeviceId, DeviceEntry>) -> Self {
        Self { edge, devices: Arc::new(watch::Sender::new(devices)) }
    }

    /// The device that runs the site.
    #[must_use]
    pub fn edge(&self) -> &DeviceId {
        &self.edge
    }

    /// Puts a new list in force. Whoever is no longer on it is cut off.
    pub fn replace(&self, devices: BTreeMap<DeviceId, DeviceEntry>) {
        self.devices.send_replace(devices);
    }

    /// Locks a device out until the list is replaced.
    pub fn revoke(&self, device: &DeviceId) {
        self.devices.send_modify(|devices| {
            if let Some(entry) = devices.get_mut(device) {
                entry.revoked = true;
            }
        });
    }

    /// The device's entry, if the holder of this certificate may be on the bus as `device`.
    #[must_use]
    pub fn admits(&self, device: &DeviceId, fingerprint: &[u8; 32]) -> Option<DeviceEntry> {
        self.devices.borrow().get(device).copied().filter(|entry| {
            !entry.revoked && entry.fingerprint.is_none_or(|known| known == *fingerprint)
        })
    }

    /// Who is on the list and not locked out.
    #[must_use]
    pub fn admitted(&self) -> Vec<(DeviceId, DeviceKind)> {
        let devices = self.devices.borrow();
        let admitted = devices.iter().filter(|(_, entry)| !entry.revoked);
        admitted.map(|(device, entry)| (device.clone(), entry.kind)).collect()
    }

    pub(super) fn changes(&self) -> watch::Receiver<BTreeMap<DeviceId, DeviceEntry>> {
        self.devices.subscribe()
    }
}
