//! The same site on Mosquitto, for places that run one already.
//!
//! Two things are different there. A device of another site, which the authority knows but the
//! site does not, can connect, but may neither publish nor read. A foreign subscription is
//! acknowledged and then gets nothing.
//!
//! Mosquitto reads its rights, certificates and revocation list at start and on SIGHUP, but asks
//! nobody again who is connected already. So a change of rights, or a certificate whose device has
//! moved on to the next, is followed by a reload, and a device that was locked out by a restart:
//! everybody is back within a second, but for that one.
//!
//! It forgets a SIGHUP that comes while it follows the one before: its main loop takes the mark off
//! only when it has read everything. So whatever it was told it is told once more a little later.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{Mutex, Notify};
use tokio::time::{sleep, timeout};
use wire::bus::{MAX_PACKET_BYTES, SESSION_SECONDS};
use wire::identity::{IdentityFiles, withdrawn_serials};
use wire::topics::mosquitto_acl;

use super::DeviceRegistry;
use crate::hub::Hub;

const CONFIG: &str = "mosquitto.conf";
const ACL: &str = "mosquitto.acl";
const REVOCATIONS: &str = "mosquitto.crl";
/// How soon what could not be done is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// Nor is it tried more seldom.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A program that tells it something has so long for it.
const LONGEST_RUN: Duration = Duration::from_secs(30);

/// What Mosquitto's configuration depends on.
#[derive(Clone, Debug)]
pub struct MosquittoSite {
    /// Where it shall listen.
    pub address: SocketAddr,
    /// The edge's certificate and key, which are the server's.
    pub identity: IdentityFiles,
    /// Where [`acl`]'s text will lie.
    pub acl_file: PathBuf,
    /// The authority's revocation list, if there is one yet.
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
        "set_tcp_nodelay true".to_owned(),
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

/// The text of the file that says what each admitted device may do.
#[must_use]
pub fn acl(registry: &DeviceRegistry) -> String {
    let devices = registry.admitted();
    mosquitto_acl(registry.edge(), devices.iter().map(|(device, kind)| (device, *kind)))
}

/// A site's Mosquitto: its files in the edge's folder, and how it is told that they have changed.
#[derive(Clone, Debug)]
pub struct Mosquitto {
    /// Where the files lie.
    pub folder: PathBuf,
    /// Where it shall listen.
    pub address: SocketAddr,
    /// The edge's certificate and key, which are the server's.
    pub identity: IdentityFiles,
    /// The program, with its arguments, that makes it read its files again.
    pub reload: Option<String>,
    /// The program, with its arguments, that restarts it.
    pub restart: Option<String>,
    /// What it has not been told yet; nothing to begin with.
    pub untold: Arc<Untold>,
}

/// What Mosquitto has not been told yet, because the program that tells it failed.
#[derive(Debug, Default)]
pub struct Untold {
    wants: Mutex<Wants>,
    failed: Notify,
    told: Notify,
    /// How often in a row it could not be told.
    failures: AtomicU32,
}

/// What has to be done so that Mosquitto follows its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Wants {
    #[default]
    Nothing,
    Reload,
    Restart,
}

impl Mosquitto {
    /// Writes everything that it needs to start.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn prepare(&self, registry: &DeviceRegistry) -> io::Result<()> {
        std::fs::write(self.folder.join(ACL), acl(registry))?;
        std::fs::write(self.folder.join(CONFIG), self.config())
    }

    /// Writes what `registry` admits, whole or not at all, and has Mosquitto read it. Does nothing
    /// where the file says so already.
    ///
    /// # Errors
    /// When the file cannot be written, or the program fails.
    pub async fn admit(&self, registry: &DeviceRegistry) -> io::Result<()> {
        let changed = self.put(ACL, &acl(registry)).await?;
        self.tell(if changed { self.follows_by() } else { Wants::Nothing }).await
    }

    /// Keeps the authority's list in PEM of certificates that were withdrawn, and has Mosquitto
    /// follow it. Does nothing where the list it has names the same.
    ///
    /// # Errors
    /// When the list is none, a file cannot be written, or a program fails.
    pub async fn refuse(&self, revocations: &str) -> io::Result<()> {
        let named = withdrawn_serials(revocations)
            .ok_or_else(|| io::Error::other("the hub's revocation list cannot be read"))?;
        let known = tokio::fs::read_to_string(self.folder.join(REVOCATIONS)).await.ok();
        let known = known.and_then(|list| withdrawn_serials(&list));
        let mut wants = Wants::Nothing;
        if known.as_ref() != Some(&named) {
            self.put(REVOCATIONS, revocations).await?;
            let known = known.unwrap_or_default();
            let locked_out = named.iter().any(|(serial, superseded)| {
                !superseded && known.get(serial).is_none_or(|superseded| *superseded)
            });
            // Whoever has a newer certificate is not to be disturbed for it.
            wants = if locked_out { Wants::Restart } else { Wants::Reload };
        }
        // With the first list its place stands in the configuration, which only a start reads.
        if self.put(CONFIG, &self.config()).await? {
            wants = Wants::Restart;
        }
        self.tell(wants).await
    }

    /// Has it take up the edge's new certificate.
    ///
    /// # Errors
    /// When the program fails.
    pub async fn identity_changed(&self) -> io::Result<()> {
        self.tell(Wants::Reload).await
    }

    /// How it follows other rights. Mosquitto 2.0.11, Debian's, may break down while it reads them again, and forgets
    /// what comes meanwhile: a start is the safer way where the edge may order one, and takes a fraction of a second.
    fn follows_by(&self) -> Wants {
        if self.restart.is_some() { Wants::Restart } else { Wants::Reload }
    }

    /// Keeps it as the hub's revocation list says, looking again with every change of `registry`.
    pub(crate) async fn follow(self, registry: DeviceRegistry, hub: Arc<dyn Hub>) {
        tokio::select! {
            () = self.keep(&registry, &*hub) => {}
            () = async { loop { self.repeat(AGAIN).await } } => {}
        }
    }

    async fn keep(&self, registry: &DeviceRegistry, hub: &dyn Hub) {
        let mut changes = registry.changes();
        loop {
            changes.mark_unchanged();
            let kept = match hub.revocations().await {
                Ok(list) => self.refuse(&list).await.map_err(|error| error.to_string()),
                // What it has not been told yet it can be told without the hub.
                Err(error) => {
                    let told = self.tell(Wants::Nothing).await;
                    Err(told.map_or_else(|error| error.to_string(), |()| error.to_string()))
                }
            };
            if let Err(error) = kept {
                tracing::warn!(
                    error,
                    "Mosquitto does not have the newest rights and revocations; trying again"
                );
            } else {
                tokio::select! {
                    changed = changes.changed() => match changed {
                        Ok(()) => continue,
                        Err(_) => return,
                    },
                    () = self.untold.failed.notified() => {}
                }
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = sleep(self.pause()) => {}
            }
        }
    }

    /// Has it read its files once more, `later` than it was told to; a start has read them.
    async fn repeat(&self, later: Duration) {
        self.untold.told.notified().await;
        sleep(later).await;
        if self.reload.is_some()
            && let Err(error) = self.pass_on(Wants::Reload).await
        {
            tracing::warn!(%error, "Mosquitto could not be told once more");
        }
    }

    fn config(&self) -> String {
        let list = self.folder.join(REVOCATIONS);
        config(&MosquittoSite {
            address: self.address,
            identity: self.identity.clone(),
            acl_file: self.folder.join(ACL),
            revocation_list: list.is_file().then_some(list),
        })
    }

    /// Writes a file whole or not at all; answers whether it said something else before.
    async fn put(&self, name: &str, text: &str) -> io::Result<bool> {
        let file = self.folder.join(name);
        if tokio::fs::read_to_string(&file).await.is_ok_and(|kept| kept == text) {
            return Ok(false);
        }
        // A draft of its own for each: a sheet and a revocation list may come at the same time.
        let draft = self.folder.join(format!("{name}.new"));
        tokio::fs::write(&draft, text).await?;
        tokio::fs::rename(&draft, &file).await?;
        Ok(true)
    }

    /// Tells it this, and what it could not be told before. That it reads its files it hears twice.
    async fn tell(&self, more: Wants) -> io::Result<()> {
        if self.pass_on(more).await? == Wants::Reload {
            self.untold.told.notify_one();
        }
        Ok(())
    }

    /// Passes this on, and what could not be passed on before; answers what that was.
    async fn pass_on(&self, more: Wants) -> io::Result<Wants> {
        // One at a time: what is being told is not what has failed.
        let mut wants = self.untold.wants.lock().await;
        *wants = (*wants).max(more);
        let told = self.run(*wants).await.map(|()| *wants);
        if told.is_ok() {
            *wants = Wants::Nothing;
            self.untold.failures.store(0, Ordering::Relaxed);
            return told;
        }
        self.untold.failures.fetch_add(1, Ordering::Relaxed);
        self.untold.failed.notify_one();
        // While nobody can restart it, it reads its files all the same.
        if *wants == Wants::Restart && self.restart.is_some() {
            let read = self.run(Wants::Reload).await;
            if more != Wants::Restart {
                return read.map(|()| Wants::Reload);
            }
        }
        told
    }

    /// The longer the more often it has failed: a program may have done its work and yet say that it failed.
    fn pause(&self) -> Duration {
        let failures = self.untold.failures.load(Ordering::Relaxed);
        AGAIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
    }

    async fn run(&self, wants: Wants) -> io::Result<()> {
        let command = match wants {
            Wants::Nothing => return Ok(()),
            Wants::Reload => self.reload.as_ref(),
            Wants::Restart => {
                if self.restart.is_none() {
                    tracing::warn!(
                        "a device that was locked out keeps its connection to Mosquitto until that is restarted: set KYOTEN_BROKER_RESTART"
                    );
                }
                self.restart.as_ref().or(self.reload.as_ref())
            }
        };
        let mut words = command.iter().flat_map(|command| command.split_whitespace());
        let Some(program) = words.next() else {
            tracing::warn!("Mosquitto's files have changed: make it read them (SIGHUP)");
            return Ok(());
        };
        let mut command = Command::new(program);
        let running = command.args(words).stdin(Stdio::null()).kill_on_drop(true).status();
        let done = timeout(LONGEST_RUN, running)
            .await
            .map_err(|_| io::Error::other(format!("{program} did not end in {LONGEST_RUN:?}")))??;
        if done.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("{program} failed: {done}")))
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn what_it_could_not_be_told_is_told_later() {
        let folder = std::env::temp_dir().join(format!("kyoten-told-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| folder.join(name);
        for (name, script) in [
            ("reload", "test -e {}/up && echo reload >> {}/told"),
            ("restart", "test -e {}/up && echo restart >> {}/told"),
            ("broken", "exit 1"),
        ] {
            let script = script.replace("{}", &folder.display().to_string());
            std::fs::write(path(name), format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        let program = |name: &str| Some(path(name).display().to_string());
        let mosquitto = Mosquitto {
            folder: folder.clone(),
            address: "127.0.0.1:1883".parse().unwrap(),
            identity: IdentityFiles {
                key: path("key"),
                certificate: path("certificate"),
                authority: path("authority"),
            },
            reload: program("reload"),
            restart: program("restart"),
            untold: Arc::default(),
        };
        let told = || std::fs::read_to_string(path("told")).unwrap_or_default();
        assert!(mosquitto.tell(Wants::Restart).await.is_err());
        assert!(mosquitto.tell(Wants::Reload).await.is_err());
        // A failure wakes whoever tries again.
        mosquitto.untold.failed.notified().await;
        std::fs::write(path("up"), "").unwrap();
        mosquitto.tell(Wants::Nothing).await.unwrap();
        assert_eq!(told(), "restart\n");
        mosquitto.tell(Wants::Nothing).await.unwrap();
        mosquitto.tell(Wants::Reload).await.unwrap();
        assert_eq!(told(), "restart\nreload\n");
        // Who tells it something meanwhile does not tell it twice.
        let (one, other) =
            tokio::join!(mosquitto.tell(Wants::Restart), mosquitto.tell(Wants::Nothing));
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(told(), "restart\nreload\nrestart\n");
        // That it was to read its files it hears once more, as it forgets what comes while it is busy.
        mosquitto.repeat(Duration::ZERO).await;
        assert_eq!(told(), "restart\nreload\nrestart\nreload\n");
        let again = timeout(Duration::from_millis(50), mosquitto.repeat(Duration::ZERO)).await;
        assert!(again.is_err(), "a start has read everything");
        assert_eq!(mosquitto.follows_by(), Wants::Restart);
        let reads = Mosquitto { restart: None, untold: Arc::default(), ..mosquitto.clone() };
        assert_eq!(reads.follows_by(), Wants::Reload);
        // Who cannot restart it has it read its files all the same, and tries again ever more seldom.
        let broken = Mosquitto { restart: program("broken"), untold: Arc::default(), ..mosquitto };
        assert!(broken.tell(Wants::Restart).await.is_err());
        assert_eq!(broken.pause(), AGAIN);
        broken.tell(Wants::Reload).await.unwrap();
        assert_eq!(broken.pause(), AGAIN * 2);
        assert!(told().ends_with("reload\nreload\n"), "{}", told());
        for _ in 0..40 {
            broken.tell(Wants::Nothing).await.unwrap();
        }
        assert_eq!(broken.pause(), LONGEST_PAUSE);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
