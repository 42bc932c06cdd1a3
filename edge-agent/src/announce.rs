//! How the edge announces itself: by Homie 5, and to Home Assistant where the site wants that.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::centre::Door;
use model::day_sheet::DaySheet;
use model::id::DeviceId;
use model::language::Language;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wire::bus::{MAX_RETAINED_BYTES, SiteBus};
use wire::home_assistant::discovery;
use wire::homie::{CONTACT, LOCK, NodeOfDoor, STATE, door_path, of_edge};
use wire::identity::replace_private;

/// Lies in the data folder as long as Home Assistant may know of this site, and holds what it was told of last.
const TOLD: &str = "home-assistant";

/// Announces a site whenever its sheet changes what there is to announce.
pub(crate) struct Announcer {
    bus: SiteBus,
    edge: DeviceId,
    /// What Home Assistant was told of last, where the site wants that.
    home_assistant: Option<Mutex<Told>>,
    /// Where that is kept.
    file: PathBuf,
    /// What was announced last.
    known: Mutex<Option<Known>>,
}

/// The components of a message to Home Assistant: the platform of each by its id.
type Components = BTreeMap<String, String>;

/// What Home Assistant was told of.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Told {
    there: Components,
    /// What went with the last change. Home Assistant forgets nothing that is only left out: it has to be told, and may
    /// not have been there when it was. So it is found in the message until something else changes.
    gone: Components,
}

impl Told {
    /// As it is once these are there.
    fn then(&self, there: Components) -> Self {
        if self.there == there {
            return self.clone();
        }
        let gone = self.there.iter().filter(|(id, _)| !there.contains_key(*id));
        let gone = gone.map(|(id, platform)| (id.clone(), platform.clone())).collect();
        Self { there, gone }
    }
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
        let file: PathBuf = folder.join(TOLD);
        let there = file.exists();
        if !home_assistant && there {
            if let Err(error) = bus.set_discovery("") {
                tracing::warn!(%error, "Home Assistant cannot be told to forget this site");
            }
            std::fs::remove_file(&file)?;
        }
        if home_assistant && !there {
            std::fs::write(&file, "")?;
        }
        let mut told = None;
        if home_assistant {
            // A file that says nothing is one of before, or damaged: then nothing is known to have gone.
            let last: Told = serde_json::from_slice(&std::fs::read(&file)?).unwrap_or_default();
            told = Some(Mutex::new(last));
        }
        Ok(Self { bus, edge, home_assistant: told, file, known: Mutex::default() })
    }

    /// Announces the house of a sheet; before its doors are taken into use, so that nothing is
    /// said of a door that nobody has described.
    pub(crate) fn announce(&self, sheet: &DaySheet) {
        let site = &sheet.site;
        let name = site.name.get(Language::Ja).to_owned();
        let doors: Vec<NodeOfDoor> = site.doors.iter().map(node).collect();
        if let Some(told) = &self.home_assistant {
            let payload = discovery(&self.edge, &name, &doors, &site.sensors, &sheet.devices);
            let gone = self.now_there(told, platforms(&payload));
            if let Err(error) = self.bus.set_discovery(&with_gone(payload, &gone)) {
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

    /// Keeps what Home Assistant is told of now, and answers what it is told to forget.
    fn now_there(&self, told: &Mutex<Told>, there: Components) -> Components {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = told.then(there);
        if now != *told {
            let kept = serde_json::to_vec(&now)
                .map_err(io::Error::from)
                .and_then(|text| replace_private(&self.file, &text));
            if let Err(error) = kept {
                tracing::warn!(%error, "what Home Assistant is told of could not be kept");
            }
            *told = now;
        }
        told.gone.clone()
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

fn platforms(payload: &str) -> Components {
    let payload: Value = serde_json::from_str(payload).unwrap_or_default();
    let components = payload.get("components").and_then(Value::as_object).into_iter().flatten();
    let platform = |component: &Value| Some(component.get("platform")?.as_str()?.to_owned());
    components.filter_map(|(id, component)| Some((id.clone(), platform(component)?))).collect()
}

/// The message, with the platform alone of what Home Assistant is to forget: so its documentation has it. Where there is
/// no room for that, what is there is told all the same.
fn with_gone(payload: String, gone: &Components) -> String {
    if gone.is_empty() {
        return payload;
    }
    let mut whole: Value = serde_json::from_str(&payload).unwrap_or_default();
    let components = whole.get_mut("components").and_then(Value::as_object_mut);
    let Some(components) = components else { return payload };
    components.extend(gone.iter().map(|(id, platform)| {
        let forget = json!({ "platform": platform });
        (id.clone(), forget)
    }));
    let whole = whole.to_string();
    if whole.len() > MAX_RETAINED_BYTES { payload } else { whole }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn components(ids: &[&str]) -> Components {
        ids.iter().map(|id| ((*id).to_owned(), "sensor".to_owned())).collect()
    }

    #[test]
    fn what_has_gone_stands_in_the_message_until_the_next_change() {
        let changes: [(&[&str], &[&str]); 5] = [
            (&["a", "b", "c"], &[]),
            (&["a"], &["b", "c"]),
            (&["a"], &["b", "c"]),
            (&["a", "b"], &[]),
            (&[], &["a", "b"]),
        ];
        let mut told = Told::default();
        for (there, gone) in changes {
            told = told.then(components(there));
            assert!(told.gone == components(gone), "{there:?}");
            let kept: Told = serde_json::from_slice(&serde_json::to_vec(&told).unwrap()).unwrap();
            assert!(kept == told, "{there:?}");
        }
    }

    #[test]
    fn what_has_gone_is_told_by_its_platform_alone_where_there_is_room() {
        let payload = json!({ "components": { "a": { "platform": "sensor", "name": "A" } } });
        let payload = payload.to_string();
        assert!(platforms(&payload) == components(&["a"]));
        assert_eq!(with_gone(payload.clone(), &Components::new()), payload);
        let told: Value =
            serde_json::from_str(&with_gone(payload.clone(), &components(&["b"]))).unwrap();
        assert_eq!(told["components"]["a"]["name"], "A");
        assert_eq!(told["components"]["b"], json!({ "platform": "sensor" }));
        let long = "b".repeat(MAX_RETAINED_BYTES);
        assert_eq!(with_gone(payload.clone(), &components(&[&long])), payload);
    }
}
