//! The same site on Mosquitto, for places that run one already.
//!
//! Three things are different there. A device of another site, which the authority knows but
//! the site does not, can connect, but may neither publish nor read. A foreign subscription is
//! acknowledged and then gets nothing. A revoked device keeps its live connection until it
//! breaks: after changing the revocation list restart Mosquitto.
//!
//! Mosquitto reads its rights at start and on SIGHUP, so [`Rights`] asks for that when they change.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use wire::bus::{MAX_PACKET_BYTES, SESSION_SECONDS};
use wire::identity::IdentityFiles;
use wire::topics::mosquitto_acl;

use super::DeviceRegistry;

/// What Mosquitto's configuration depends on.
#[derive(Clone, Debug)]
pub struct MosquittoSite {
    /// Where it shall listen.
    pub address: SocketAddr,
    /// The edge's certificate and key, which are the server's.
    pub identity: IdentityFiles,
    /// Where [`acl`]'s text will lie.
    pub acl_file: PathBuf,
    /// The authority's revocation list, if it has one.
    pub revocation_list: Option<PathBuf>,
}

/// The text of `mosquitto.conf`.
#[must_use]
pub fn config(site: &MosquittoSite) -> String {
    let MosquittoSite { address, identity, acl_file, revocation_list } = site;
    let show = |path: &Path| path.display().to_string();
    let mut lines = vec![
        "# Written by kyoten-edge.".to_owned(),
        "per_listener_settings false".to_owned(),
        format!("listener {} {}", address.port(), address.ip()),
        format!("cafile {}", show(&identity.authority)),
        format!("certfile {}", show(&identity.certificate)),
        format!("keyfile {}", show(&identity.key)),
        "require_certificate true".to_owned(),
        "use_identity_as_username true".to_owned(),
        // Without it a device could take over another's session and its queue.
        "use_username_as_clientid true".to_owned(),
        "allow_anonymous false".to_owned(),
        format!("acl_file {}", show(acl_file)),
        format!("max_packet_size {MAX_PACKET_BYTES}"),
        "max_qos 1".to_owned(),
        "max_queued_messages 1000".to_owned(),
        "max_topic_alias 16".to_owned(),
        "max_keepalive 60".to_owned(),
        "allow_zero_length_clientid false".to_owned(),
        format!("persistent_client_expiration {}h", SESSION_SECONDS.div_ceil(3600)),
        "persistence false".to_owned(),
        "sys_interval 0".to_owned(),
        "log_dest stderr".to_owned(),
    ];
    lines.extend(revocation_list.as_deref().map(|list| format!("crlfile {}", show(list))));
    lines.join("\n") + "\n"
}

/// The rights of a site's devices, as Mosquitto keeps them.
#[derive(Clone, Debug)]
pub struct Rights {
    /// Where [`acl`]'s text lies.
    pub file: PathBuf,
    /// The program, with its arguments, that makes Mosquitto read it again.
    pub reload: Option<String>,
}

impl Rights {
    /// Writes what `registry` admits, whole or not at all, and has Mosquitto read it. Does nothing
    /// where the file says so already.
    ///
    /// # Errors
    /// When the file cannot be written, or the program fails.
    pub async fn keep(&self, registry: &DeviceRegistry) -> io::Result<()> {
        let text = acl(registry);
        if tokio::fs::read_to_string(&self.file).await.is_ok_and(|kept| kept == text) {
            return Ok(());
        }
        let draft = self.file.with_extension("new");
        tokio::fs::write(&draft, text).await?;
        tokio::fs::rename(&draft, &self.file).await?;
        let mut words = self.reload.iter().flat_map(|command| command.split_whitespace());
        let Some(program) = words.next() else {
            tracing::warn!(file = %self.file.display(), "new rights for Mosquitto: make it read them (SIGHUP)");
            return Ok(());
        };
        let done = Command::new(program).args(words).stdin(Stdio::null()).status().await?;
        if done.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("{program} failed: {done}")))
        }
    }
}

/// The text of the file that says what each admitted device may do.
#[must_use]
pub fn acl(registry: &DeviceRegistry) -> String {
    let devices = registry.admitted();
    mosquitto_acl(registry.edge(), devices.iter().map(|(device, kind)| (device, *kind)))
}
