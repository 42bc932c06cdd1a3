//! How the edge announces itself: by Homie 5, and to Home Assistant where the site wants that.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::centre::Door;
use model::day_sheet::DaySheet;
use model::id::DeviceId;
use model::language::Language;
use wire::bus::SiteBus;
use wire::home_assistant::discovery;
use wire::homie::{CONTACT, LOCK, NodeOfDoor, STATE, door_path, of_edge};

/// Lies in the data folder as long as Home Assistant may know of this site.
const TOLD: &str = "home-assistant";

/// Announces a site whenever its sheet changes what there is to announce.
pub(crate) struct Announcer {
    bus: SiteBus,
    edge: DeviceId,
    home_assistant: bool,
    /// What was announced last.
    known: Mutex<Option<Known>>,
}

#[derive(PartialEq)]
struct Known {
    name: String,
    doors: Vec<NodeOfDoor>,
}

impl Announcer {
    /// Nothing is announced yet. Where Home Assistant was told before and is not to be told any
    /// more, it is told to forget.
    ///
    /// # Errors
    /// When the data folder cannot be written.
    pub(crate) fn new(
        bus: SiteBus,
        edge: DeviceId,
        home_assistant: bool,
        folder: &Path,
    ) -> io::Result<Self> {
        let told: PathBuf = folder.join(TOLD);
        if home_assistant {
            std::fs::write(&told, "")?;
        } else if told.exists() {
            if let Err(error) = bus.set_discovery("") {
                tracing::warn!(%error, "Home Assistant cannot be told to forget this site");
            }
            std::fs::remove_file(&told)?;
        }
        Ok(Self { bus, edge, home_assistant, known: Mutex::default() })
    }

    /// Announces the house of a sheet; before its doors are taken into use, so that nothing is
    /// said of a door that nobody has described.
    pub(crate) fn announce(&self, sheet: &DaySheet) {
        let site = &sheet.site;
        let name = site.name.get(Language::Ja).to_owned();
        let doors: Vec<NodeOfDoor> = site.doors.iter().map(node).collect();
        if self.home_assistant {
            let payload = discovery(&self.edge, &name, &doors, &site.sensors, &sheet.devices);
            if let Err(error) = self.bus.set_discovery(&payload) {
                tracing::warn!(%error, "Home Assistant cannot be told of this site");
            }
        }
        let now = Known { name, doors };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() == Some(&now) {
            return;
        }
        let described = of_edge(&now.name, &now.doors, sheet.version);
        if let Err(error) = self.bus.announce(&described) {
            tracing::warn!(%error, "the doors cannot be announced on the site bus");
        }
        *known = Some(now);
    }

    /// Takes back what was said of doors that are none of the site's any more.
    pub(crate) fn take_back(&self, gone: &[DeviceId]) {
        for door in gone {
            for property in [LOCK, CONTACT, STATE] {
                if let Err(error) = self.bus.take_back(&door_path(door, property)) {
                    tracing::warn!(%door, %error, "an old door's state cannot be taken back");
                }
            }
        }
    }
}

fn node(door: &Door) -> NodeOfDoor {
    NodeOfDoor { door: door.device.clone(), name: door.name.get(Language::Ja).to_owned() }
}
