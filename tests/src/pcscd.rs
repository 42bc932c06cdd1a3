//! A private pcscd with a virtual reader (vpcd).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::Folder;
use crate::ports::free_port_pair;
use crate::process::{Process, program, system_program};

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/// The daemon; it ends with its owner. It begins to run when the first program connects.
pub struct Pcscd {
    folder: Folder,
    port: u16,
    _daemon: Process,
}

impl Pcscd {
    /// Part of the name of its reader.
    pub const READER: &str = "Kyoten test";

    /// Starts it.
    ///
    /// # Panics
    /// When pcscd or the virtual reader is not installed.
    #[must_use]
    pub fn start() -> Self {
        assert!(
            Path::new(DRIVER).exists(),
            "vsmartcard-vpcd is not installed: `make test` installs it"
        );
        let folder = Folder::new("pcscd");
        let port = free_port_pair();
        let reader = Self::READER;
        std::fs::create_dir_all(folder.join("conf")).unwrap();
        std::fs::write(
            folder.join("conf/vpcd"),
            format!("FRIENDLYNAME \"{reader}\"\nDEVICENAME /dev/null:{port}\nLIBPATH {DRIVER}\nCHANNELID {port}\n"),
        )
        .unwrap();
        let mut command = Command::new(system_program(&["systemd-socket-activate"]));
        command.arg("-l").arg(folder.join("p.sock")).arg(system_program(&["pcscd"]));
        command.args(["-f", "-c"]).arg(folder.join("conf"));
        let daemon = Process::start("pcscd", &mut command, &folder.join("pcscd.log"));
        Self { folder, port, _daemon: daemon }
    }

    /// What a program needs in `PCSCLITE_CSOCK_NAME` to find it.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("p.sock")
    }

    /// Lays a card (its identifier in hex) on the reader for `hold_ms` and takes it away again.
    ///
    /// # Errors
    /// When the reader is not up yet.
    pub fn tap(&self, identifier: &str, hold_ms: u32) -> Result<(), String> {
        let done = Command::new(program("kyoten-card"))
            .args(["vpcd", "--port", &self.port.to_string(), "--card", identifier])
            .args(["--hold-ms", &hold_ms.to_string()])
            .output()
            .unwrap();
        if done.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }
}
