//! A private Mosquitto with the configuration that the edge agent writes for one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use edge_agent::broker::mosquitto::{MosquittoSite, acl, config};
use edge_agent::broker::{DeviceEntry, DeviceRegistry};
use model::id::DeviceId;
use wire::identity::DeviceIdentity;
use wire::topics::DeviceKind;

use crate::process::{Process, system_program};

/// Starts it at `address` with the edge's identity, for these devices; its files go to `folder`.
///
/// # Panics
/// When it is not installed or does not start.
pub async fn start(
    address: SocketAddr,
    edge_data: &Path,
    devices: impl IntoIterator<Item = (DeviceId, DeviceKind)>,
    folder: &Path,
) -> Process {
    let edge = DeviceIdentity::load(edge_data).unwrap();
    let entry = |kind| DeviceEntry { kind, fingerprint: None, revoked: false };
    let devices: BTreeMap<_, _> =
        devices.into_iter().map(|(device, kind)| (device, entry(kind))).collect();
    let registry = DeviceRegistry::new(edge.device().clone(), devices);
    let (conf, acl_file) = (folder.join("mosquitto.conf"), folder.join("mosquitto.acl"));
    std::fs::write(&acl_file, acl(&registry)).unwrap();
    let site = MosquittoSite { address, identity: edge.files(), acl_file, revocation_list: None };
    // A test that runs as root keeps its files to root; Mosquitto must then stay root.
    std::fs::write(&conf, config(&site) + "user root\n").unwrap();
    let mut command = Command::new(system_program(&["mosquitto"]));
    let mut process =
        Process::start("mosquitto", command.arg("-c").arg(&conf), &folder.join("mosquitto.log"));
    process.listens(address).await;
    process
}
