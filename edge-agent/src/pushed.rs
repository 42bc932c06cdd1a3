//! Settings that the hub sends: tried, checked, and taken back where they do not pass. Those of a version that failed are
//! never tried again, also after a power cut in the middle.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edge_store::EdgeStore;
use model::site_event::{Happening, SiteEvent};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use wire::bus::SiteBus;
use wire::edge_config::{self, EdgeConfig, EdgeSettings};
use wire::identity::write_private;

use crate::centre::{Centre, Stopped};
use crate::config::Config;
use crate::doors::{Doors, Drivers};
use crate::hub::Hub;
use crate::journal::JournalReader;
use crate::sheets::Sheets;

const FILE: &str = "settings-from-hub.json";
/// New settings have so long to pass the check: with the doors that are restarted before and after it those before are
/// back within half a minute.
const PATIENCE: Duration = Duration::from_secs(12);
/// A part that has not answered by then has not passed.
const ANSWER: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(1);
/// How often the hub is asked for settings.
const LOOK: Duration = Duration::from_secs(60);
/// The same after it did not answer.
const SOON: Duration = Duration::from_secs(5);

/// What is kept of them. A file that is torn counts as none: then the edge's own settings hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Those that passed the check.
    #[serde(default)]
    in_force: Option<Version>,
    /// Those that are being tried.
    #[serde(default)]
    trying: Option<Version>,
    /// The versions that did not pass.
    #[serde(default)]
    failed: BTreeSet<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    version: u64,
    settings: EdgeSettings,
}

/// The edge's own settings with the hub's on top.
pub(crate) struct Pushed {
    own: Config,
    path: PathBuf,
    kept: Mutex<Kept>,
    /// What was being tried when the program stopped.
    pub(crate) cut_short: Option<u64>,
}

/// What new settings are applied to, and checked by.
pub(crate) struct Parts {
    pub hub: Arc<dyn Hub>,
    pub sheets: Arc<Sheets>,
    pub store: EdgeStore,
    pub centre: Centre,
    pub doors: Arc<Doors>,
    pub drivers: Arc<dyn Drivers>,
    pub bus: SiteBus,
    pub journal: JournalReader,
}

impl Pushed {
    /// Reads what is kept. Settings whose check a power cut has cut short are not used.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn open(own: Config) -> io::Result<Self> {
        let path = own.data_dir.join(FILE);
        let mut kept = read(&path);
        let cut_short = kept.trying.take().map(|tried| tried.version);
        if let Some(version) = cut_short {
            tracing::error!(
                version,
                "the hub's settings were not checked to the end: those before are in force"
            );
            kept.failed.insert(version);
            write(&path, &kept)?;
        }
        Ok(Self { own, path, kept: Mutex::new(kept), cut_short })
    }

    /// The settings in force.
    pub(crate) async fn config(&self) -> Config {
        let kept = self.kept.lock().await;
        let Some(Version { version, settings }) = &kept.in_force else { return self.own.clone() };
        self.own.with(settings).unwrap_or_else(|why| {
            tracing::error!(
                version,
                why,
                "the hub's settings are not known here any more; the edge's own hold"
            );
            self.own.clone()
        })
    }

    /// Keeps the hub's settings followed.
    pub(crate) async fn follow(self: Arc<Self>, parts: Parts, look: Arc<Notify>) {
        if let Some(version) = self.cut_short {
            let why = "the edge stopped before the check was over".to_owned();
            note(&parts, Happening::ConfigRolledBack { version, why }).await;
        }
        loop {
            let pause = match self.look(&parts).await {
                Ok(()) => LOOK,
                Err(Looked::Stopped(_)) => return,
                Err(Looked::Not(why)) => {
                    tracing::debug!(why, "no new settings from the hub");
                    SOON
                }
            };
            // Silence is no failure: it is time to look without having been told.
            timeout(pause, look.notified()).await.ok();
        }
    }

    async fn look(&self, parts: &Parts) -> Result<(), Looked> {
        let not = |why: &dyn std::fmt::Display| Looked::Not(why.to_string());
        let Some(signed) = parts.hub.edge_config().await.map_err(|error| not(&error))? else {
            return Ok(());
        };
        let centre = parts.sheets.centre_id();
        let centre = centre.ok_or_else(|| not(&"no sheet says yet which centre this is"))?;
        let EdgeConfig { version, settings, .. } =
            edge_config::check(&signed, &parts.sheets.trusted_keys(), centre)
                .map_err(|error| not(&error))?;
        // A trial locks every door first: not while all of them are to be open.
        if released(parts).await {
            return Err(not(&"the doors are released"));
        }
        let mut kept = self.kept.lock().await;
        let newest = kept.in_force.as_ref().map_or(0, |version| version.version);
        if version <= newest || kept.failed.contains(&version) {
            return Ok(());
        }
        kept.trying = Some(Version { version, settings: settings.clone() });
        write(&self.path, &kept).map_err(|error| not(&error))?;
        tracing::info!(version, "trying the hub's new settings");
        let passed = match self.own.with(&settings) {
            Ok(config) => {
                apply(parts, &config).await;
                healthy(parts).await?
            }
            Err(why) => Err(why),
        };
        let what = match passed {
            Ok(()) => {
                kept.in_force = kept.trying.take();
                Happening::ConfigInForce { version }
            }
            Err(why) => {
                tracing::error!(
                    version,
                    why,
                    "the hub's settings do not pass: those before are in force again"
                );
                kept.trying = None;
                kept.failed.insert(version);
                let none = EdgeSettings::default();
                let before = kept.in_force.as_ref().map_or(&none, |version| &version.settings);
                if let Ok(config) = self.own.with(before) {
                    while released(parts).await && all_read(parts).await {
                        sleep(AGAIN).await;
                    }
                    apply(parts, &config).await;
                }
                Happening::ConfigRolledBack { version, why }
            }
        };
        if let Err(error) = write(&self.path, &kept) {
            // What is being tried is still on disk: the next start takes it back.
            tracing::error!(%error, "what became of the hub's settings cannot be kept");
        }
        note(parts, what).await;
        Ok(())
    }
}

enum Looked {
    Stopped(Stopped),
    Not(String),
}

impl From<Stopped> for Looked {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

async fn note(parts: &Parts, what: Happening) {
    if let Ok(fence) = parts.centre.fence().await {
        parts.journal.note(SiteEvent { at: fence.now, what });
    }
}

/// Whether every door is to be open: then none is locked for a change of settings, as long as it can be heard.
async fn released(parts: &Parts) -> bool {
    let view = parts.centre.look(|twin, at| twin.view(at.now)).await;
    view.is_ok_and(|view| view.house.is_released())
}

async fn all_read(parts: &Parts) -> bool {
    timeout(ANSWER, parts.doors.all_read()).await.is_ok_and(|read| read.is_ok())
}

/// Puts settings in force, and restarts the parts that work by them.
async fn apply(parts: &Parts, config: &Config) {
    parts.store.set_budget(config.room().budget);
    parts.drivers.set_up(config);
    parts.doors.restart().await;
}

/// Asks every part until all are well, for [`PATIENCE`] at most.
async fn healthy(parts: &Parts) -> Result<Result<(), String>, Stopped> {
    let until = Instant::now() + PATIENCE;
    let mut last = Err("no part has answered in time".to_owned());
    loop {
        // Waiting gives no door a driver.
        if let Some(door) = parts.doors.without_driver() {
            return Ok(Err(format!("the door {door} has no driver")));
        }
        match timeout_at(until, check(parts)).await {
            Ok(found) => last = found?,
            Err(_) => return Ok(last.and(Err("a part does not answer".to_owned()))),
        }
        if last.is_ok() || Instant::now() + AGAIN >= until {
            return Ok(last);
        }
        sleep(AGAIN).await;
    }
}

async fn check(parts: &Parts) -> Result<Result<(), String>, Stopped> {
    let Ok(fence) = timeout(ANSWER, parts.centre.fence()).await else {
        return Ok(Err("the centre does not answer".to_owned()));
    };
    let now = fence?.now;
    match timeout(ANSWER, parts.store.keep_clock_floor(now)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Ok(Err(format!("the site's file cannot be written: {error}"))),
        Err(_) => return Ok(Err("the site's file does not answer".to_owned())),
    }
    if let Err(why) = parts.doors.all_read().await {
        return Ok(Err(why));
    }
    if !*parts.bus.connected().borrow() {
        return Ok(Err("the edge is not on its own bus".to_owned()));
    }
    Ok(Ok(()))
}

fn read(path: &Path) -> Kept {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::error!(%error, "the kept settings of the hub are torn; the edge's own hold");
            Kept::default()
        }),
        Err(_) => Kept::default(),
    }
}

/// Whole or not at all.
fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let bytes = serde_json::to_vec(kept).map_err(io::Error::other)?;
    let coming = path.with_extension("coming");
    write_private(&coming, &bytes)?;
    std::fs::rename(&coming, path)?;
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
