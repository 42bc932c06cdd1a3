//! A private pcscd with a virtual reader (vpcd).

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use hardware::sim::{PromptTcp, VirtualCard};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, duplex, split};
use tokio::task::JoinHandle;

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

    /// Lays a card on the reader, where it stays until it is dropped.
    #[must_use]
    pub fn lay(&self, card: VirtualCard) -> Lying {
        let (address, heard) =
            (SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), Arc::<Mutex<Vec<u8>>>::default());
        let ears = heard.clone();
        let visit = tokio::spawn(async move {
            let (mut reader_says, mut to_reader) =
                split(PromptTcp::connect(address).await.unwrap());
            let (cards_end, ours) = duplex(4096);
            let (mut card_says, mut to_card) = split(ours);
            let told = async {
                let mut said = [0; 512];
                while let Ok(much @ 1..) = card_says.read(&mut said).await
                    && to_reader.write_all(&said[..much]).await.is_ok()
                {
                    ears.lock().unwrap().extend(&said[..much]);
                }
            };
            let asked = copy(&mut reader_says, &mut to_card);
            // Ended by the reader or by whoever takes the card away.
            let _ = tokio::join!(card.present(cards_end, pending()), asked, told);
        });
        Lying { visit, heard }
    }
}

/// A card on the reader, and whoever listens to what it says there.
pub struct Lying {
    visit: JoinHandle<()>,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Lying {
    /// What the card has said until now.
    #[must_use]
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Lying {
    fn drop(&mut self) {
        self.visit.abort();
    }
}
