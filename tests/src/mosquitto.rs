//! A private Mosquitto that runs on the files that the edge agent writes for one, and is started
//! again whenever it ends, as a service manager does.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{Process, system_program};
use crate::waiting::until;

/// A running Mosquitto; it ends with its owner.
pub struct Mosquitto {
    shell: Option<Process>,
    pid_file: PathBuf,
}

/// What the edge is told to run so that Mosquitto does `signal`; it need not run yet.
///
/// # Panics
/// When the file cannot be written.
#[must_use]
pub fn command(folder: &Path, signal: &str) -> PathBuf {
    let (script, pid) = (folder.join(format!("mosquitto-{signal}")), pid_file(folder));
    // As a service manager does, a restart comes back once the next one runs.
    let text = "#!/bin/sh\ntest -e PID || exit 0\nold=$(cat PID)\nkill -SIGNAL $old || exit\n\
                test SIGNAL = HUP || while [ $old = $(cat PID) ]; do sleep 0.01; done\n";
    let text = text.replace("PID", &pid.display().to_string()).replace("SIGNAL", signal);
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o700)).unwrap();
    script
}

/// Starts it at `address` once the edge has written its configuration into `edge_data`.
///
/// # Panics
/// When it is not installed or does not start.
pub async fn start(address: SocketAddr, edge_data: &Path, folder: &Path) -> Mosquitto {
    let written = edge_data.join("mosquitto.conf");
    until("the edge to write mosquitto.conf", async || written.exists().then_some(())).await;
    let pid_file = pid_file(folder);
    // A test that runs as root keeps its files to root; Mosquitto must then stay root.
    let text = format!(
        "while :; do\n(cat {written}; echo user root) > {conf}\n{program} -c {conf} &\n\
         echo $! > {pid}.new; mv {pid}.new {pid}\nwait $!\ndone\n",
        written = written.display(),
        conf = folder.join("mosquitto.conf").display(),
        program = system_program(&["mosquitto"]).display(),
        pid = pid_file.display(),
    );
    let mut command = Command::new("sh");
    let mut shell =
        Process::start("mosquitto", command.args(["-c", &text]), &folder.join("mosquitto.log"));
    shell.listens(address).await;
    Mosquitto { shell: Some(shell), pid_file }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // The shell first, which would start another.
        self.shell.take();
        let pid = std::fs::read_to_string(&self.pid_file).unwrap_or_default();
        if !pid.trim().is_empty() {
            Command::new("kill").args(["-9", pid.trim()]).stderr(Stdio::null()).status().ok();
        }
    }
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("mosquitto.pid")
}
