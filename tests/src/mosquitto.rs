//! A private Mosquitto that runs on the files that the edge agent writes for one.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Process, system_program};
use crate::waiting::until;

/// What the edge is told to run when its rights change; Mosquitto need not run yet.
///
/// # Panics
/// When the file cannot be written.
#[must_use]
pub fn reload_command(folder: &Path) -> PathBuf {
    let (script, pid) = (folder.join("reload-mosquitto"), pid_file(folder));
    let text = format!("#!/bin/sh\ntest ! -s {0} || kill -HUP \"$(cat {0})\"\n", pid.display());
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o700)).unwrap();
    script
}

/// Starts it at `address` once the edge has written its configuration into `edge_data`.
///
/// # Panics
/// When it is not installed or does not start.
pub async fn start(address: SocketAddr, edge_data: &Path, folder: &Path) -> Process {
    let written = edge_data.join("mosquitto.conf");
    let written =
        until("the edge to write mosquitto.conf", async || std::fs::read_to_string(&written).ok())
            .await;
    let conf = folder.join("mosquitto.conf");
    // A test that runs as root keeps its files to root; Mosquitto must then stay root.
    let text = format!("{written}user root\npid_file {}\n", pid_file(folder).display());
    std::fs::write(&conf, text).unwrap();
    let mut command = Command::new(system_program(&["mosquitto"]));
    let mut process =
        Process::start("mosquitto", command.arg("-c").arg(&conf), &folder.join("mosquitto.log"));
    process.listens(address).await;
    process
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("mosquitto.pid")
}
