//! A real mail server, by aiosmtpd: it keeps what it takes, read apart in Python.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::folder::Folder;
use crate::ports::free_address;
use crate::process::Process;
use crate::waiting::until;

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security<'a> {
    /// In the open.
    None,
    /// TLS once it was asked for, with a certificate and its key.
    StartTls(&'a Path, &'a Path),
    /// TLS from the first byte on.
    Tls(&'a Path, &'a Path),
}

/// The server; it ends with its owner.
pub struct MailServer {
    /// Where it listens.
    pub address: SocketAddr,
    folder: Folder,
    _process: Process,
}

impl MailServer {
    /// Starts it.
    ///
    /// # Panics
    /// When it is not installed, or does not start.
    pub async fn start(security: Security<'_>) -> Self {
        let (folder, address) = (Folder::new("mail"), free_address());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("mail/server.py");
        let mut command = Command::new(python());
        command.arg(script).arg(address.port().to_string()).arg(folder.path());
        match security {
            Security::None => &mut command,
            Security::StartTls(certificate, key) => {
                command.arg("starttls").arg(certificate).arg(key)
            }
            Security::Tls(certificate, key) => command.arg("tls").arg(certificate).arg(key),
        };
        let mut process = Process::start("mail server", &mut command, &folder.join("server.log"));
        process.said("the mail server is ready").await;
        Self { address, folder, _process: process }
    }

    /// Answers every mail with `answer` from now on, such as `451 later`; takes them again with none.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn refuse(&self, answer: Option<&str>) {
        let file = self.folder.join("refuse");
        match answer {
            Some(answer) => {
                std::fs::write(self.folder.join("next"), answer).unwrap();
                std::fs::rename(self.folder.join("next"), file).unwrap();
            }
            None => std::fs::remove_file(file).unwrap(),
        }
    }

    /// How many mails it has refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        let refused = std::fs::read_to_string(self.folder.join("refused"));
        refused.map_or(0, |text| text.lines().count())
    }

    /// What it has taken, in order.
    ///
    /// # Panics
    /// When a file is none of its own.
    #[must_use]
    pub fn mails(&self) -> Vec<Value> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<PathBuf> =
            files.filter(|file| file.extension().is_some_and(|name| name == "json")).collect();
        files.sort();
        let read =
            |file: &PathBuf| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        files.iter().map(read).collect()
    }

    /// Waits for a mail whose text holds `text` and whose kind of change for a calendar is `method`.
    pub async fn mail(&self, method: &str, text: &str) -> Value {
        until(&format!("a mail to {method} about {text}"), async || {
            self.mails().into_iter().find(|mail| {
                mail["text"].as_str().unwrap_or_default().contains(text)
                    && mail["calendars"][0]["read"]["method"] == method
            })
        })
        .await
    }
}

/// Where `scripts/setup test` puts Python with its packages: in the folder that this program was
/// built in.
fn python() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let python = this.ancestors().nth(3).unwrap().join("tools/python/bin/python");
    assert!(python.exists(), "{}: scripts/setup test installs it", python.display());
    python
}
