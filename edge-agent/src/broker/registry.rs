//! Which devices belong to the site.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use model::id::{CentreId, DeviceId};
use model::permission::{self, Action, Actor, Target};
use tokio::sync::watch;
use wire::identity::PeerCertificate;
use wire::topics::DeviceKind;

/// What the site knows of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// What it is.
    pub kind: DeviceKind,
    /// The SHA-256 of each certificate that it may show, where the site knows them.
    pub certificates: Option<Vec<[u8; 32]>>,
    /// Locked out.
    pub revoked: bool,
}

/// The devices of a site, as its sheet lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceList {
    /// The centre; nothing before the first sheet.
    pub centre: Option<CentreId>,
    /// When the list was made.
    pub made_at: DateTime<Utc>,
    /// The devices.
    pub devices: BTreeMap<DeviceId, DeviceEntry>,
}

/// The site's list of devices, shared by whoever holds a clone. Unknown devices are refused.
#[derive(Clone, Debug)]
pub struct DeviceRegistry {
    edge: DeviceId,
    list: Arc<watch::Sender<DeviceList>>,
}

impl DeviceRegistry {
    /// The list of the site that `edge` runs.
    #[must_use]
    pub fn new(edge: DeviceId, list: DeviceList) -> Self {
        Self { edge, list: Arc::new(watch::Sender::new(list)) }
    }

    /// The device that runs the site.
    #[must_use]
    pub fn edge(&self) -> &DeviceId {
        &self.edge
    }

    /// Puts a new list in force. Whoever is no longer on it is cut off.
    pub fn replace(&self, list: DeviceList) {
        self.list.send_replace(list);
    }

    /// Locks a device out until the list is replaced.
    pub fn revoke(&self, device: &DeviceId) {
        self.list.send_modify(|list| {
            if let Some(entry) = list.devices.get_mut(device) {
                entry.revoked = true;
            }
        });
    }

    /// What the holder of this certificate is, if they may be on the bus.
    ///
    /// A certificate that was made after the list cannot be on it: the authority gave it to the
    /// device in place of one that was good, and the site need not have heard of that yet.
    #[must_use]
    pub fn admits(&self, peer: &PeerCertificate) -> Option<DeviceKind> {
        let list = self.list.borrow();
        let entry = list.devices.get(&peer.device).filter(|entry| !entry.revoked)?;
        let listed = entry.certificates.as_ref().is_none_or(|good| {
            good.contains(&peer.fingerprint) || peer.made_at >= list.made_at.trunc_subsecs(0)
        });
        listed.then_some(entry.kind)
    }

    /// Whether the table of rights lets a device of this site do `action` here.
    #[must_use]
    pub fn may(&self, device: &DeviceId, action: Action) -> bool {
        let list = self.list.borrow();
        let (Some(entry), Some(centre)) = (list.devices.get(device), list.centre) else {
            return false;
        };
        let actor = Actor::device(entry.kind, centre);
        !entry.revoked && permission::may(&actor, action, &Target::at(centre))
    }

    /// Who is on the list and not locked out.
    #[must_use]
    pub fn admitted(&self) -> Vec<(DeviceId, DeviceKind)> {
        let list = self.list.borrow();
        let admitted = list.devices.iter().filter(|(_, entry)| !entry.revoked);
        admitted.map(|(device, entry)| (device.clone(), entry.kind)).collect()
    }

    pub(super) fn changes(&self) -> watch::Receiver<DeviceList> {
        self.list.subscribe()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_certificate_is_good_while_it_is_listed_or_newer_than_the_list() {
        let made_at: DateTime<Utc> = "2026-11-24T00:00:00.5Z".parse().unwrap();
        let kiosk: DeviceId = "y-kiosk-1".parse().unwrap();
        let entry = |certificates, revoked| DeviceList {
            centre: None,
            made_at,
            devices: BTreeMap::from([(
                kiosk.clone(),
                DeviceEntry { kind: DeviceKind::Kiosk, certificates, revoked },
            )]),
        };
        let peer = |number, seconds| PeerCertificate {
            device: kiosk.clone(),
            fingerprint: [number; 32],
            made_at: made_at.trunc_subsecs(0) + TimeDelta::seconds(seconds),
            not_after: made_at + TimeDelta::days(90),
            serial: vec![number],
            public_key: [number; 32],
        };
        let listed = Some(vec![[1; 32], [2; 32]]);
        for (list, peer, want) in [
            (entry(listed.clone(), false), peer(1, -9), true),
            (entry(listed.clone(), false), peer(2, -9), true),
            (entry(listed.clone(), false), peer(3, -1), false),
            (entry(listed.clone(), false), peer(3, 0), true),
            (entry(listed.clone(), true), peer(3, 9), false),
            (entry(listed, true), peer(1, -9), false),
            (entry(None, false), peer(3, -9), true),
            (entry(Some(Vec::new()), false), peer(3, -9), false),
            (DeviceList::default(), peer(3, 9), false),
        ] {
            let registry = DeviceRegistry::new("y-edge".parse().unwrap(), list.clone());
            assert_eq!(registry.admits(&peer).is_some(), want, "{list:?} {peer:?}");
        }
    }
}
