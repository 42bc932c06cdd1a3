//! Settings that the hub sends: tried, checked, and taken back where they do not pass. Those of a version that failed are
//! never tried again, also after a power cut in the middle.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edge_store::EdgeStore;
use model::id::DeviceId;
use model::site_event::{Happening, SiteEvent};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use wire::bus::SiteBus;
use wire::edge_config::{self, EdgeConfig, EdgeConfigRefused, EdgeSettings};
use wire::identity::replace_private;

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
/// What is out of order for so long before they are tried says nothing against them: a lock's line may be coming up.
const BEFORE: Duration = Duration::from_secs(8);
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
    kept: Kept,
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
    pub(crate) fn open(own: Config) -> Self {
        let path = own.data_dir.join(FILE);
        let mut kept = read(&path);
        let cut_short = kept.trying.take().map(|tried| tried.version);
        if let Some(version) = cut_short {
            tracing::error!(
                version,
                "the hub's settings were not checked to the end: those before are in force"
            );
            kept.failed.insert(version);
        }
        let pushed = Self { own, path, kept, cut_short };
        if cut_short.is_some() {
            pushed.keep();
        }
        pushed
    }

    /// The settings in force.
    pub(crate) fn config(&self) -> Config {
        let Some(Version { version, settings }) = &self.kept.in_force else {
            return self.own.clone();
        };
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
    pub(crate) async fn follow(mut self, parts: Parts, look: Arc<Notify>) {
        if let Some(version) = self.cut_short {
            let why = "the edge stopped before the check was over".to_owned();
            note(&parts, Happening::ConfigRolledBack { version, why }).await;
        }
        loop {
            let pause = match self.look(&parts).await {
                Ok(()) => LOOK,
                Err(Looked::Stopped(_)) => return,
                Err(Looked::Refused(error)) => {
                    tracing::warn!(%error, "the hub's settings are not taken");
                    LOOK
                }
                Err(Looked::Not(why)) => {
                    tracing::debug!(why, "no new settings from the hub");
                    SOON
                }
            };
            // Silence is no failure: it is time to look without having been told.
            timeout(pause, look.notified()).await.ok();
        }
    }

    async fn look(&mut self, parts: &Parts) -> Result<(), Looked> {
        let not = |why: &dyn std::fmt::Display| Looked::Not(why.to_string());
        let Some(signed) = parts.hub.edge_config().await.map_err(|error| not(&error))? else {
            return Ok(());
        };
        let centre = parts.sheets.centre_id();
        let centre = centre.ok_or_else(|| not(&"no sheet says yet which centre this is"))?;
        let EdgeConfig { version, settings, .. } =
            edge_config::check(&signed, &parts.sheets.trusted_keys(), centre)?;
        let newest = self.kept.in_force.as_ref().map_or(0, |version| version.version);
        if version <= newest || self.kept.failed.contains(&version) {
            return Ok(());
        }
        let mut before = None;
        let passed = match self.own.with(&settings) {
            Ok(config) => {
                let known = settled(parts, &Troubles::new(), BEFORE).await?;
                // A trial locks every door first: not while all of them are to be open.
                if released(parts).await {
                    return Err(not(&"the doors are released"));
                }
                self.kept.trying = Some(Version { version, settings });
                if let Err(error) = write(&self.path, &self.kept) {
                    self.kept.trying = None;
                    return Err(not(&error));
                }
                tracing::info!(version, "trying the hub's new settings");
                apply(parts, &config).await;
                let broken = settled(parts, &known, PATIENCE).await?.pop_first();
                before = Some(known);
                broken.map_or(Ok(()), |(_, why)| Err(why))
            }
            Err(why) => Err(why),
        };
        let tried = self.kept.trying.take();
        let what = match passed {
            Ok(()) => {
                self.kept.in_force = tried;
                Happening::ConfigInForce { version }
            }
            Err(why) => {
                tracing::error!(
                    version,
                    why,
                    "the hub's settings do not pass: those before are in force"
                );
                self.kept.failed.insert(version);
                // Settings that cannot even be read have moved nothing.
                if let Some(before) = before {
                    while released(parts).await && read_as_before(parts, &before).await {
                        sleep(AGAIN).await;
                    }
                    apply(parts, &self.config()).await;
                }
                Happening::ConfigRolledBack { version, why }
            }
        };
        self.keep();
        note(parts, what).await;
        Ok(())
    }

    fn keep(&self) {
        if let Err(error) = write(&self.path, &self.kept) {
            // What was being tried is still on disk: the next start takes it back.
            tracing::error!(%error, "what became of the hub's settings cannot be kept");
        }
    }
}

enum Looked {
    Stopped(Stopped),
    Refused(EdgeConfigRefused),
    Not(String),
}

impl From<EdgeConfigRefused> for Looked {
    fn from(error: EdgeConfigRefused) -> Self {
        Self::Refused(error)
    }
}

impl From<Stopped> for Looked {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

async fn note(parts: &Parts, what: Happening) {
    if let Ok(at) = parts.centre.now().await {
        parts.journal.note(SiteEvent { at, what });
    }
}

/// Whether every door is to be open: then none is locked for a change of settings, as long as it can be heard.
async fn released(parts: &Parts) -> bool {
    let view = parts.centre.look(|twin, at| twin.view(at.now)).await;
    view.is_ok_and(|view| view.house.is_released())
}

async fn read_as_before(parts: &Parts, before: &Troubles) -> bool {
    let unread = parts.doors.unread(Instant::now() + ANSWER).await;
    unread.into_keys().all(|door| before.contains_key(&Part::Lock(door)))
}

/// Puts settings in force, and restarts the parts that work by them.
async fn apply(parts: &Parts, config: &Config) {
    parts.store.set_budget(config.room().budget);
    parts.drivers.set_up(config);
    parts.doors.restart().await;
}

/// What can be out of order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Driver(DeviceId),
    Lock(DeviceId),
    Centre,
    File,
    Bus,
}

/// What is out of order, and how, in words.
type Troubles = BTreeMap<Part, String>;

/// Asks every part until nothing is out of order that was not so before, and answers with what still is after so long.
async fn settled(
    parts: &Parts,
    before: &Troubles,
    patience: Duration,
) -> Result<Troubles, Stopped> {
    let until = Instant::now() + patience;
    loop {
        let mut found = troubles(parts, until.min(Instant::now() + ANSWER)).await?;
        found.retain(|part, _| !before.contains_key(part));
        // Waiting gives no door a driver.
        let waits = found.keys().all(|part| !matches!(part, Part::Driver(_)));
        if found.is_empty() || !waits || Instant::now() + AGAIN >= until {
            return Ok(found);
        }
        sleep(AGAIN).await;
    }
}

/// What is out of order now; who has not answered by then is.
async fn troubles(parts: &Parts, until: Instant) -> Result<Troubles, Stopped> {
    let mut found = Troubles::new();
    let (now, unread) =
        tokio::join!(timeout_at(until, parts.centre.now()), parts.doors.unread(until));
    for door in parts.doors.without_driver() {
        let why = format!("the door {door} has no driver");
        found.insert(Part::Driver(door), why);
    }
    for (door, why) in unread {
        let why = format!("the lock of {door} cannot be read: {why}");
        found.insert(Part::Lock(door), why);
    }
    match now {
        Ok(now) => {
            let file = match timeout_at(until, parts.store.keep_clock_floor(now?)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("the site's file cannot be written: {error}")),
                Err(_) => Some("the site's file does not answer".to_owned()),
            };
            found.extend(file.map(|why| (Part::File, why)));
        }
        Err(_) => drop(found.insert(Part::Centre, "the centre does not answer".to_owned())),
    }
    if !*parts.bus.connected().borrow() {
        found.insert(Part::Bus, "the edge is not on its own bus".to_owned());
    }
    Ok(found)
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

fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    replace_private(path, &serde_json::to_vec(kept).map_err(io::Error::other)?)
}
