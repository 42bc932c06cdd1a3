//! How our own devices describe themselves.

use std::collections::BTreeMap;

use model::day_sheet::DeviceKind;
use model::door::DoorState;
use model::id::{DeviceId, Slug};

use super::{CONVENTION, Datatype, Description, Node, Property};
use crate::topics::TERMINAL_STATE;

/// Rises with every change of what is written below.
const LAYOUT: i64 = 1;

/// The node in which every program of ours names itself.
pub const PROGRAM: &str = "program";
/// Its property: the program's version.
pub const VERSION: &str = "version";
/// A door's property: where its lock is.
pub const LOCK: &str = "lock";
/// A door's property: where its leaf is.
pub const CONTACT: &str = "contact";
/// A door's property: what it is in, a word of `model::door::DoorState`.
pub const STATE: &str = "state";

/// A door as the edge describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOfDoor {
    /// The door's device, which is the node's id.
    pub door: DeviceId,
    /// Its name for people.
    pub name: String,
}

/// The path of a door's property under its edge.
#[must_use]
pub fn door_path(door: &DeviceId, property: &str) -> String {
    format!("{door}/{property}")
}

/// The path and value with which a program of ours names its version.
#[must_use]
pub fn program_version() -> (String, &'static str) {
    (format!("{PROGRAM}/{VERSION}"), env!("CARGO_PKG_VERSION"))
}

/// The edge, with its doors. `sheet` is the version of the sheet that lists them: a newer list has
/// a higher version, as the convention asks.
#[must_use]
pub fn of_edge(name: &str, doors: &[NodeOfDoor], sheet: u64) -> Description {
    let words = |words: &[&str]| Some(words.join(","));
    let states: Vec<&str> = DoorState::ALL.map(DoorState::as_str).to_vec();
    let mut nodes = vec![program()];
    for NodeOfDoor { door, name } in doors {
        let properties = [
            (LOCK, Property::told("錠", Datatype::Enum, words(&["locked", "unlocked", "fault"]))),
            (CONTACT, Property::told("扉", Datatype::Enum, words(&["closed", "open"]))),
            (STATE, Property::told("状態", Datatype::Enum, words(&states))),
        ];
        nodes.push((door.as_str(), node(name, "door", properties)));
    }
    let newer = i64::try_from(sheet).unwrap_or(i64::MAX / 1_000);
    Description {
        version: newer.saturating_mul(1_000).saturating_add(LAYOUT),
        ..described(name, "edge", nodes)
    }
}

/// A program that has no doors; nothing for an edge, which has, and for a foreign device, which
/// describes itself.
#[must_use]
pub fn of_program(kind: DeviceKind) -> Option<Description> {
    let mut nodes = vec![program()];
    let name = match kind {
        DeviceKind::Edge | DeviceKind::Thing | DeviceKind::Viewer => return None,
        DeviceKind::Kiosk => "受付の画面",
        DeviceKind::Staff => "保育室の画面",
        DeviceKind::Seat => {
            let (id, property) = TERMINAL_STATE.split_once('/')?;
            let states = Some("lost,idle,assigned,wiped,broken".to_owned());
            let state = Property::told("状態", Datatype::Enum, states);
            nodes.push((id, node("端末", "terminal", [(property, state)])));
            "席の端末"
        }
    };
    Some(described(name, kind.as_str(), nodes))
}

fn described(name: &str, kind: &str, nodes: Vec<(&str, Node)>) -> Description {
    Description {
        homie: CONVENTION.to_owned(),
        version: LAYOUT,
        name: Some(name.to_owned()),
        kind: Some(kind.to_owned()),
        nodes: by_id(nodes),
    }
}

fn program() -> (&'static str, Node) {
    let version = Property::told("版", Datatype::String, None);
    (PROGRAM, node("プログラム", "program", [(VERSION, version)]))
}

fn node<'a>(
    name: &str,
    kind: &str,
    properties: impl IntoIterator<Item = (&'a str, Property)>,
) -> Node {
    Node { name: Some(name.to_owned()), kind: Some(kind.to_owned()), properties: by_id(properties) }
}

/// Every id here is a door's or one of our own constants, which are slugs: a test reads them back.
fn by_id<'a, T>(parts: impl IntoIterator<Item = (&'a str, T)>) -> BTreeMap<Slug, T> {
    parts.into_iter().filter_map(|(id, part)| Some((id.parse().ok()?, part))).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use homie5::device_description::HomieDeviceDescription;
    use model::terminal::TerminalState;

    use super::*;

    fn door(id: &str) -> NodeOfDoor {
        NodeOfDoor { door: id.parse().unwrap(), name: "入口".to_owned() }
    }

    /// The convention's own reader finds nothing to complain of.
    fn read_by_another(description: &Description) -> HomieDeviceDescription {
        let (read, issues) =
            HomieDeviceDescription::from_json_lenient(&description.to_json()).unwrap();
        assert!(issues.is_empty(), "{issues:?}");
        assert_eq!(read.nodes.len(), description.nodes.len());
        for node in read.nodes.values() {
            for property in node.properties.values() {
                property.validate_strict().unwrap();
            }
        }
        read
    }

    #[test]
    fn an_independent_reader_takes_every_description_of_ours() {
        for kind in DeviceKind::ALL {
            if let Some(description) = of_program(kind) {
                read_by_another(&description);
            }
        }
        let edge = read_by_another(&of_edge("横浜", &[door("y-door"), door("y-back")], 3));
        assert_eq!(edge.nodes.len(), 3);
        assert_eq!(edge.version, 3_001);
    }

    #[test]
    fn a_newer_sheet_has_a_higher_version_however_many_there_are() {
        let version = |sheet| of_edge("x", &[], sheet).version;
        assert!(version(1) < version(2));
        assert!(version(u64::MAX) > version(2));
    }

    #[test]
    fn a_seat_is_described_with_every_state_of_a_terminal() {
        let seat = of_program(DeviceKind::Seat).unwrap();
        let property =
            seat.property(&"terminal".parse().unwrap(), &"state".parse().unwrap()).unwrap();
        for state in [
            TerminalState::Lost,
            TerminalState::Idle,
            TerminalState::Assigned,
            TerminalState::Wiped,
            TerminalState::Broken,
        ] {
            assert!(property.value(state.as_str()).is_ok(), "{state:?}");
        }
    }
}
