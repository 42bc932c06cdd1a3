//! The topics of a site's bus, and who may publish and read which.
//!
//! Both brokers take their rules from [`rights`]: the embedded one asks [`may`],
//! Mosquitto reads [`mosquitto_acl`].

use std::fmt;
use std::str::FromStr;

use model::id::{DeviceId, Slug};

pub use model::day_sheet::DeviceKind;

use crate::homie::SET;

/// A topic of the site bus, without wildcards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `homie/5/<device>/<path>`: retained state in the Homie 5 convention.
    State {
        /// Whose state.
        device: DeviceId,
        /// One or more levels, such as `$state` or `lock/state`.
        path: String,
    },
    /// `kyoten-site/v1/<device>/request`: the device asks the edge.
    Request(DeviceId),
    /// `kyoten-site/v1/<device>/response`: the edge answers it.
    Response(DeviceId),
    /// `kyoten-site/v1/<device>/command`: the edge tells it what to do.
    Command(DeviceId),
    /// `homeassistant/device/<device>/config`: retained, how Home Assistant shows the device.
    Discovery(DeviceId),
}

/// Why a text is no topic of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no topic of the site bus")]
pub struct BadTopic(String);

const HOMIE: &str = "homie/5/";
const SITE: &str = "kyoten-site/v1/";
const DISCOVERY: &str = "homeassistant/device/";

/// The last level of the topic that says whether a device is there.
pub const LIFECYCLE: &str = "$state";
/// What a device says there while it tells what it is: it is neither there nor gone.
pub const JOINING: &str = "init";
/// The last levels of the topic where a terminal tells its state, a word of [`TerminalState`].
///
/// [`TerminalState`]: model::terminal::TerminalState
pub const TERMINAL_STATE: &str = "terminal/state";
/// What the edge subscribes to for everybody's requests.
pub const EVERY_REQUEST: &str = "kyoten-site/v1/+/request";
/// What Home Assistant subscribes to for what is to be shown.
pub const EVERY_DISCOVERY: &str = "homeassistant/#";
/// Where Home Assistant says that it is there, with its will.
pub const HOME_ASSISTANT_STATUS: &str = "homeassistant/status";
/// What the edge subscribes to for everybody's state.
pub const EVERY_STATE: &str = "homie/5/#";

impl Topic {
    /// `homie/5/<device>/$state`.
    #[must_use]
    pub fn lifecycle(device: &DeviceId) -> Self {
        Self::State { device: device.clone(), path: LIFECYCLE.to_owned() }
    }

    /// `homie/5/<device>/<path>`.
    ///
    /// # Errors
    /// When a level of `path` is empty, holds a wildcard or a control character.
    pub fn state(device: &DeviceId, path: &str) -> Result<Self, BadTopic> {
        if state_path(path) {
            Ok(Self::State { device: device.clone(), path: path.to_owned() })
        } else {
            Err(BadTopic(format!("{HOMIE}{device}/{path}")))
        }
    }

    /// `homie/5/<device>/<node>/<property>/set`: the edge sets a property of a foreign device.
    #[must_use]
    pub fn set(device: &DeviceId, node: &Slug, property: &Slug) -> Self {
        Self::State { device: device.clone(), path: format!("{node}/{property}/{SET}") }
    }

    /// The device the topic belongs to.
    #[must_use]
    pub fn device(&self) -> &DeviceId {
        match self {
            Self::State { device, .. }
            | Self::Request(device)
            | Self::Response(device)
            | Self::Command(device)
            | Self::Discovery(device) => device,
        }
    }
}

fn state_path(path: &str) -> bool {
    path.len() <= 256
        && path.split('/').all(|level| {
            !level.is_empty() && !level.chars().any(|c| "+#".contains(c) || c.is_control())
        })
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State { device, path } => write!(f, "{HOMIE}{device}/{path}"),
            Self::Request(device) => write!(f, "{SITE}{device}/request"),
            Self::Response(device) => write!(f, "{SITE}{device}/response"),
            Self::Command(device) => write!(f, "{SITE}{device}/command"),
            Self::Discovery(device) => write!(f, "{DISCOVERY}{device}/config"),
        }
    }
}

impl FromStr for Topic {
    type Err = BadTopic;
    fn from_str(text: &str) -> Result<Self, BadTopic> {
        let device_and_rest = |prefix| -> Option<(Slug, &str)> {
            let (device, rest) = text.strip_prefix(prefix)?.split_once('/')?;
            Some((device.parse().ok()?, rest))
        };
        let topic = if let Some((device, path)) = device_and_rest(HOMIE) {
            state_path(path).then(|| Self::State { device, path: path.to_owned() })
        } else if let Some((device, rest)) = device_and_rest(DISCOVERY) {
            (rest == "config").then_some(Self::Discovery(device))
        } else {
            device_and_rest(SITE).and_then(|(device, last)| match last {
                "request" => Some(Self::Request(device)),
                "response" => Some(Self::Response(device)),
                "command" => Some(Self::Command(device)),
                _ => None,
            })
        };
        topic.ok_or_else(|| BadTopic(text.to_owned()))
    }
}

/// What a right is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Sending a message, or leaving a will.
    Publish,
    /// Receiving messages.
    Subscribe,
}

/// Leave to do something with every topic that a filter covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// What may be done.
    pub access: Access,
    /// Where, in MQTT's filter form.
    pub filter: String,
}

/// Everything `device` may do on the bus of the site that `edge` runs.
///
/// An edge's certificate is good on its own site only: at another it has no rights. A foreign device
/// hears only what sets its own properties, and nobody but the edge may set them.
#[must_use]
pub fn rights(device: &DeviceId, kind: DeviceKind, edge: &DeviceId) -> Vec<Right> {
    let right = |access, filter: String| Right { access, filter };
    match kind {
        DeviceKind::Edge if device == edge => [Access::Publish, Access::Subscribe]
            .into_iter()
            .flat_map(|access| [HOMIE, SITE].map(|tree| right(access, format!("{tree}#"))))
            .chain([right(Access::Publish, Topic::Discovery(edge.clone()).to_string())])
            .collect(),
        DeviceKind::Edge => Vec::new(),
        DeviceKind::Kiosk | DeviceKind::Seat | DeviceKind::Staff => vec![
            right(Access::Publish, format!("{HOMIE}{device}/#")),
            right(Access::Publish, Topic::Request(device.clone()).to_string()),
            right(Access::Subscribe, Topic::Response(device.clone()).to_string()),
            right(Access::Subscribe, Topic::Command(device.clone()).to_string()),
            right(Access::Subscribe, Topic::lifecycle(edge).to_string()),
        ],
        DeviceKind::Thing => vec![
            right(Access::Publish, format!("{HOMIE}{device}/#")),
            right(Access::Subscribe, every_set(device)),
        ],
        // Its own state only because whoever joins says it; nothing of anybody else's.
        DeviceKind::Viewer => vec![
            right(Access::Publish, Topic::lifecycle(device).to_string()),
            right(Access::Publish, HOME_ASSISTANT_STATUS.to_owned()),
            right(Access::Subscribe, EVERY_STATE.to_owned()),
            right(Access::Subscribe, EVERY_DISCOVERY.to_owned()),
        ],
    }
}

/// What a foreign device subscribes to for what sets its properties.
#[must_use]
pub fn every_set(device: &DeviceId) -> String {
    format!("{HOMIE}{device}/+/+/{SET}")
}

/// Whether `device` may publish to the topic, or subscribe to the filter, `topic`.
#[must_use]
pub fn may(
    device: &DeviceId,
    kind: DeviceKind,
    edge: &DeviceId,
    access: Access,
    topic: &str,
) -> bool {
    rights(device, kind, edge)
        .iter()
        .any(|right| right.access == access && covers(&right.filter, topic))
}

/// Whether every topic that `wanted` (a topic or a filter) matches is matched by `granted` too.
fn covers(granted: &str, wanted: &str) -> bool {
    let mut wanted = wanted.split('/');
    for level in granted.split('/') {
        match (level, wanted.next()) {
            ("#", _) => return true,
            ("+", Some(other)) if other != "#" => {}
            (same, Some(other)) if same == other => {}
            _ => return false,
        }
    }
    wanted.next().is_none()
}

/// Mosquitto's `acl_file` for the site: the same rights, with the device id as user name.
#[must_use]
pub fn mosquitto_acl<'a>(
    edge: &DeviceId,
    devices: impl IntoIterator<Item = (&'a DeviceId, DeviceKind)>,
) -> String {
    let mut text = String::from("# Written by kyoten-edge from the site's list of devices.\n");
    for (device, kind) in devices {
        text.push_str(&format!("\nuser {device}\n"));
        for Right { access, filter } in rights(device, kind, edge) {
            let word = match access {
                Access::Publish => "write",
                Access::Subscribe => "read",
            };
            text.push_str(&format!("topic {word} {filter}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn id(text: &str) -> DeviceId {
        text.parse().unwrap()
    }

    #[test]
    fn a_topic_reads_as_it_is_written() {
        let kiosk = id("yokohama-kiosk-1");
        for topic in [
            Topic::lifecycle(&kiosk),
            Topic::state(&kiosk, "lock/state").unwrap(),
            Topic::Request(kiosk.clone()),
            Topic::Response(kiosk.clone()),
            Topic::Command(kiosk.clone()),
            Topic::Discovery(kiosk.clone()),
            Topic::set(&kiosk, &id("lock"), &id("state")),
        ] {
            assert_eq!(topic.to_string().parse::<Topic>().unwrap(), topic);
        }
    }

    #[test]
    fn what_is_no_topic_of_ours_is_refused() {
        for bad in [
            "",
            "homie/5",
            "homie/5/a",
            "homie/5/a/",
            "homie/5/A/$state",
            "homie/5/a//b",
            "homie/5/a/#",
            "homie/5/a/+/b",
            "homie/4/a/$state",
            "kyoten-site/v1/a",
            "kyoten-site/v1/+/request",
            "kyoten-site/v1/a/request/x",
            "kyoten-site/v2/a/request",
            "kyoten-site/v1/a/REQUEST",
            "/kyoten-site/v1/a/request",
            "$share/g/kyoten-site/v1/a/request",
            "homeassistant/device/a/state",
            "homeassistant/device/a/b/config",
            "homeassistant/sensor/a/config",
        ] {
            assert!(bad.parse::<Topic>().is_err(), "{bad}");
        }
        assert!(Topic::state(&id("a"), "b/#").is_err());
    }

    #[test]
    fn a_device_has_its_own_topics_and_no_others() {
        let (seat, other, edge) = (id("y-seat-01"), id("y-seat-02"), id("y-edge"));
        let may = |access, topic: &str| may(&seat, DeviceKind::Seat, &edge, access, topic);
        for yes in [
            "homie/5/y-seat-01/$state",
            "homie/5/y-seat-01/a/b",
            "kyoten-site/v1/y-seat-01/request",
        ] {
            assert!(may(Access::Publish, yes), "{yes}");
        }
        for yes in [
            Topic::Response(seat.clone()).to_string(),
            Topic::Command(seat.clone()).to_string(),
            Topic::lifecycle(&edge).to_string(),
        ] {
            assert!(may(Access::Subscribe, &yes), "{yes}");
            assert!(!may(Access::Publish, &yes), "{yes}");
        }
        for no in [
            Topic::Request(other.clone()).to_string(),
            Topic::Response(other.clone()).to_string(),
            Topic::Command(other.clone()).to_string(),
            Topic::lifecycle(&other).to_string(),
            "homie/5/y-seat-011/$state".to_owned(),
            "kyoten-site/v1/+/command".to_owned(),
            "kyoten-site/v1/#".to_owned(),
            "homie/5/#".to_owned(),
            "homie/5/+/$state".to_owned(),
            "#".to_owned(),
            "+/+/+/+".to_owned(),
            "$share/g/kyoten-site/v1/y-seat-01/command".to_owned(),
            "$SYS/#".to_owned(),
            String::new(),
        ] {
            assert!(!may(Access::Publish, &no), "{no}");
            assert!(!may(Access::Subscribe, &no), "{no}");
        }
    }

    #[test]
    fn a_foreign_device_says_its_own_and_hears_what_sets_it() {
        let (thing, edge) = (id("y-air-1"), id("y-edge"));
        let may = |access, topic: &str| may(&thing, DeviceKind::Thing, &edge, access, topic);
        for yes in ["homie/5/y-air-1/$state", "homie/5/y-air-1/air/co2"] {
            assert!(may(Access::Publish, yes), "{yes}");
            assert!(!may(Access::Subscribe, yes), "{yes}");
        }
        for yes in ["homie/5/y-air-1/+/+/set", "homie/5/y-air-1/lock/lock/set"] {
            assert!(may(Access::Subscribe, yes), "{yes}");
        }
        for no in [
            "homie/5/y-air-2/air/co2",
            "homie/5/y-air-2/lock/lock/set",
            "homie/5/y-edge/$state",
            "homie/5/+/+/+/set",
            "homie/5/y-air-1/#",
            "homie/5/#",
            "kyoten-site/v1/y-air-1/request",
            "kyoten-site/v1/y-air-1/command",
            "homeassistant/device/y-air-1/config",
            "homeassistant/#",
            "#",
        ] {
            assert!(!may(Access::Subscribe, no), "{no}");
            let own_tree = no == "homie/5/y-air-1/#";
            assert!(own_tree || !may(Access::Publish, no), "{no}");
        }
    }

    #[test]
    fn who_looks_on_sees_what_stands_and_moves_nothing() {
        let (viewer, edge) = (id("y-house"), id("y-edge"));
        let may = |access, topic: &str| may(&viewer, DeviceKind::Viewer, &edge, access, topic);
        for yes in ["homie/5/#", "homie/5/y-door/lock", "homeassistant/device/y-edge/config"] {
            assert!(may(Access::Subscribe, yes), "{yes}");
            assert!(!may(Access::Publish, yes), "{yes}");
        }
        for never in ["homie/5/y-lock-1/front/lock/set", "kyoten-site/v1/y-house/request"] {
            assert!(!may(Access::Publish, never), "{never}");
        }
        for never in ["kyoten-site/#", "kyoten-site/v1/y-house/command", "#"] {
            assert!(!may(Access::Subscribe, never), "{never}");
        }
    }

    #[test]
    fn only_the_edge_tells_home_assistant_and_only_of_itself() {
        let (edge, kiosk) = (id("y-edge"), id("y-kiosk-1"));
        let ours = Topic::Discovery(edge.clone()).to_string();
        assert!(may(&edge, DeviceKind::Edge, &edge, Access::Publish, &ours));
        assert!(!may(&edge, DeviceKind::Edge, &edge, Access::Subscribe, &ours));
        for no in
            ["homeassistant/device/y-kiosk-1/config", "homeassistant/#", "homeassistant/status"]
        {
            assert!(!may(&edge, DeviceKind::Edge, &edge, Access::Publish, no), "{no}");
        }
        for kind in [DeviceKind::Kiosk, DeviceKind::Seat, DeviceKind::Staff, DeviceKind::Thing] {
            for topic in [ours.as_str(), "homeassistant/device/y-kiosk-1/config"] {
                assert!(!may(&kiosk, kind, &edge, Access::Publish, topic), "{kind} {topic}");
            }
        }
    }

    #[test]
    fn the_edge_has_the_site_and_a_foreign_edge_nothing() {
        let (edge, foreign) = (id("y-edge"), id("t-edge"));
        for topic in [EVERY_REQUEST, EVERY_STATE, "kyoten-site/v1/y-seat-01/command"] {
            for access in [Access::Publish, Access::Subscribe] {
                assert!(may(&edge, DeviceKind::Edge, &edge, access, topic), "{topic}");
                assert!(!may(&foreign, DeviceKind::Edge, &edge, access, topic), "{topic}");
            }
        }
        assert!(!may(&edge, DeviceKind::Edge, &edge, Access::Subscribe, "#"));
        assert!(!may(&edge, DeviceKind::Edge, &edge, Access::Subscribe, "$SYS/#"));
    }

    #[test]
    fn mosquitto_gets_the_same_table() {
        let (edge, kiosk) = (id("y-edge"), id("y-kiosk-1"));
        let acl = mosquitto_acl(&edge, [(&edge, DeviceKind::Edge), (&kiosk, DeviceKind::Kiosk)]);
        assert!(acl.contains("user y-edge\ntopic write homie/5/#\n"), "{acl}");
        assert!(acl.contains("user y-kiosk-1\ntopic write homie/5/y-kiosk-1/#\n"), "{acl}");
        assert!(acl.contains("topic read kyoten-site/v1/y-kiosk-1/command\n"), "{acl}");
        assert!(!acl.contains("readwrite"), "{acl}");
    }

    #[test]
    fn a_filter_covers_only_what_it_wholly_contains() {
        assert!(covers("a/#", "a"));
        assert!(covers("a/#", "a/b/c"));
        assert!(covers("a/+/c", "a/+/c"));
        assert!(covers("a/+/c", "a/b/c"));
        assert!(!covers("a/+", "a/#"));
        assert!(!covers("a/b", "a/+"));
        assert!(!covers("a/b", "a/b/c"));
        assert!(!covers("a/b/c", "a/b"));
    }
}
