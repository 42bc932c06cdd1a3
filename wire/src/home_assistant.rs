//! How Home Assistant is told of a site: one retained discovery message for the edge.
//!
//! The form is the device discovery of <https://www.home-assistant.io/integrations/mqtt/>: `device`
//! and `origin` at the root, and a component for everything that is shown. The values stay where
//! Homie has them. There is no `lock` entity and no command topic anywhere: what opens a door here
//! is signed, expires in seconds and is decided by the sheet in force, which a switch on somebody's
//! dashboard is not. Home Assistant looks on.

use model::day_sheet::SiteDevice;
use model::door::DoorState;
use model::id::DeviceId;
use model::sensor::{Measure, Sensor};
use serde_json::{Map, Value, json};

use crate::bus::MAX_RETAINED_BYTES;
use crate::homie::{CONTACT, LOCK, NodeOfDoor, STATE, door_path, of_program};
use crate::topics::{TERMINAL_STATE, Topic};

/// The payload for [`Topic::Discovery`] of `edge`: its doors, the sensors of its sheet, and which of our other
/// programs are there. Where that is more than one message holds, the programs are left out.
#[must_use]
pub fn discovery(
    edge: &DeviceId,
    name: &str,
    doors: &[NodeOfDoor],
    sensors: &[Sensor],
    devices: &[SiteDevice],
) -> String {
    let whole = payload(edge, name, doors, sensors, devices);
    if whole.len() > MAX_RETAINED_BYTES && !devices.is_empty() {
        return payload(edge, name, doors, sensors, &[]);
    }
    whole
}

fn payload(
    edge: &DeviceId,
    name: &str,
    doors: &[NodeOfDoor],
    sensors: &[Sensor],
    devices: &[SiteDevice],
) -> String {
    let mut components = Map::new();
    for door in doors {
        for (property, component) in of_door(edge, door) {
            components.insert(format!("{}_{property}", door.door), component);
        }
    }
    for sensor in sensors {
        let id = &sensor.id;
        let key = format!("{}_{}_{}", id.device, id.node, id.property);
        components.insert(key.clone(), of_sensor(edge, sensor, &key));
    }
    for device in devices.iter().filter(|device| !device.revoked) {
        components.extend(of_device(edge, device));
    }
    json!({
        "device": {
            "identifiers": [edge],
            "name": name,
            "manufacturer": "Kyoten",
            "model": "kyoten-edge",
            "sw_version": env!("CARGO_PKG_VERSION"),
        },
        "origin": { "name": "kyoten-edge", "sw_version": env!("CARGO_PKG_VERSION") },
        "availability": [there(edge)],
        "components": components,
        "qos": 1,
    })
    .to_string()
}

fn of_door(edge: &DeviceId, door: &NodeOfDoor) -> [(&'static str, Value); 3] {
    let topic = |property| homie(edge, &door_path(&door.door, property));
    let unique = |property| format!("{edge}_{}_{property}", door.door);
    let states: Vec<&str> = DoorState::ALL.map(DoorState::as_str).to_vec();
    [
        // On means unlocked, as the class has it. A lock that does not follow is neither.
        (
            LOCK,
            json!({
                "platform": "binary_sensor",
                "unique_id": unique(LOCK),
                "name": format!("{} 錠", door.name),
                "device_class": "lock",
                "state_topic": topic(LOCK),
                "payload_on": "unlocked",
                "payload_off": "locked",
                "value_template": "{{ 'None' if value == 'fault' else value }}",
            }),
        ),
        (
            CONTACT,
            json!({
                "platform": "binary_sensor",
                "unique_id": unique(CONTACT),
                "name": format!("{} 扉", door.name),
                "device_class": "door",
                "state_topic": topic(CONTACT),
                "payload_on": "open",
                "payload_off": "closed",
            }),
        ),
        (
            STATE,
            json!({
                "platform": "sensor",
                "unique_id": unique(STATE),
                "name": format!("{} 状態", door.name),
                "device_class": "enum",
                "options": states,
                "state_topic": topic(STATE),
            }),
        ),
    ]
}

fn of_sensor(edge: &DeviceId, sensor: &Sensor, key: &str) -> Value {
    let id = &sensor.id;
    let (class, unit) = match sensor.measures {
        Measure::Co2 => ("carbon_dioxide", Some("ppm")),
        Measure::Temperature => ("temperature", Some("°C")),
        Measure::Humidity => ("humidity", Some("%")),
        Measure::Noise => ("sound_pressure", Some("dBA")),
        Measure::Motion => ("motion", None),
        Measure::Contact => ("opening", None),
    };
    let mut component = Map::from_iter([
        ("unique_id".to_owned(), json!(format!("{edge}_{key}"))),
        ("name".to_owned(), json!(id.to_string())),
        ("device_class".to_owned(), json!(class)),
        (
            "state_topic".to_owned(),
            json!(homie(&id.device, &format!("{}/{}", id.node, id.property))),
        ),
        // The sensor itself has to be there too, not only the site.
        ("availability".to_owned(), json!([there(edge), there(&id.device)])),
        ("availability_mode".to_owned(), json!("all")),
    ]);
    let more = match unit {
        Some(unit) => vec![
            ("platform", json!("sensor")),
            ("unit_of_measurement", json!(unit)),
            ("state_class", json!("measurement")),
        ],
        None => vec![
            ("platform", json!("binary_sensor")),
            // Foreign devices write a yes as they like.
            (
                "value_template",
                json!(
                    "{{ 'ON' if value in ['open', 'on', 'active', 'motion', 'detected', 'true'] else 'OFF' }}"
                ),
            ),
        ],
    };
    component.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Value::Object(component)
}

/// A kiosk, a staff screen or a seat, with the state of its terminal; nothing for an edge, which this is the message
/// of, and for a foreign device.
fn of_device(edge: &DeviceId, SiteDevice { device, kind, .. }: &SiteDevice) -> Map<String, Value> {
    let Some(described) = of_program(*kind) else { return Map::new() };
    let name = format!("{} {device}", described.name.unwrap_or_default());
    let key = format!("{device}_connected");
    let connected = json!({
        "platform": "binary_sensor",
        "unique_id": format!("{edge}_{key}"),
        "name": format!("{name} 接続"),
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": Topic::lifecycle(device).to_string(),
        "value_template": "{{ 'ON' if value == 'ready' else 'OFF' }}",
    });
    let mut components = Map::from_iter([(key, connected)]);
    let terminal = TERMINAL_STATE.split_once('/').and_then(|(node, property)| {
        described.nodes.get(&node.parse().ok()?)?.properties.get(&property.parse().ok()?)
    });
    if let Some(words) = terminal.and_then(|state| state.format.as_deref()) {
        let key = format!("{device}_terminal");
        let state = json!({
            "platform": "sensor",
            "unique_id": format!("{edge}_{key}"),
            "name": format!("{name} 状態"),
            "device_class": "enum",
            "options": words.split(',').collect::<Vec<_>>(),
            "state_topic": homie(device, TERMINAL_STATE),
            // What a terminal said last says nothing once it is gone.
            "availability": [there(device)],
        });
        components.insert(key, state);
    }
    components
}

/// Available while the device's `$state` is `ready`.
fn there(device: &DeviceId) -> Value {
    json!({
        "topic": Topic::lifecycle(device).to_string(),
        "value_template": "{{ 'online' if value == 'ready' else 'offline' }}",
    })
}

fn homie(device: &DeviceId, path: &str) -> String {
    Topic::State { device: device.clone(), path: path.to_owned() }.to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::day_sheet::DeviceKind;
    use model::language::LocalText;
    use model::sensor::{SensorId, SensorPlace};

    use super::*;

    /// The rules of Home Assistant's documentation, as a schema of our own.
    fn schema() -> jsonschema::Validator {
        let schema: Value =
            serde_json::from_str(include_str!("home_assistant/device_discovery.schema.json"))
                .unwrap();
        jsonschema::validator_for(&schema).unwrap()
    }

    fn device(device: &str, kind: DeviceKind) -> SiteDevice {
        SiteDevice { device: device.parse().unwrap(), kind, certificates: None, revoked: false }
    }

    fn devices() -> Vec<SiteDevice> {
        let mut devices = vec![
            device("y-edge", DeviceKind::Edge),
            device("y-kiosk-1", DeviceKind::Kiosk),
            device("y-staff-1", DeviceKind::Staff),
            device("y-seat-01", DeviceKind::Seat),
            device("y-lock-1", DeviceKind::Thing),
            device("y-house", DeviceKind::Viewer),
        ];
        let revoked = true;
        devices.push(SiteDevice { revoked, ..device("y-stolen", DeviceKind::Seat) });
        devices
    }

    fn payload() -> Value {
        let doors = [("y-door", "入口"), ("y-back", "\"裏\" \\ \u{1}")]
            .map(|(door, name)| NodeOfDoor { door: door.parse().unwrap(), name: name.to_owned() });
        let sensors: Vec<Sensor> = Measure::ALL
            .into_iter()
            .enumerate()
            .map(|(at, measures)| Sensor {
                id: SensorId {
                    device: "y-air-1".parse().unwrap(),
                    node: "air".parse().unwrap(),
                    property: format!("p{at}").parse().unwrap(),
                },
                measures,
                place: SensorPlace::Zone { zone: LocalText::new("窓側", "By the window") },
                limit: None,
            })
            .collect();
        let text = discovery(&"y-edge".parse().unwrap(), "横浜", &doors, &sensors, &devices());
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_home_assistant_is_told_fits_its_documented_schema() {
        let (schema, payload) = (schema(), payload());
        let found: Vec<String> = schema
            .iter_errors(&payload)
            .map(|error| format!("{error} at {}", error.instance_path))
            .collect();
        assert!(found.is_empty(), "{found:#?}");
        assert_eq!(payload["components"].as_object().unwrap().len(), 2 * 3 + 6 + 4);
        let empty = discovery(&"y-edge".parse().unwrap(), "横浜", &[], &[], &[]);
        assert!(schema.is_valid(&serde_json::from_str(&empty).unwrap()));
    }

    #[test]
    fn our_programs_say_that_they_are_there_and_a_seat_how_its_terminal_is() {
        let payload = payload();
        let components = payload["components"].as_object().unwrap();
        for device in ["y-kiosk-1", "y-staff-1", "y-seat-01"] {
            let connected = &components[&format!("{device}_connected")];
            assert_eq!(connected["device_class"], "connectivity");
            assert_eq!(connected["state_topic"], format!("homie/5/{device}/$state"));
        }
        let terminal = &components["y-seat-01_terminal"];
        assert_eq!(terminal["state_topic"], "homie/5/y-seat-01/terminal/state");
        assert_eq!(terminal["options"], json!(["lost", "idle", "assigned", "wiped", "broken"]));
        assert_eq!(terminal["availability"][0]["topic"], "homie/5/y-seat-01/$state");
        for none in ["y-kiosk-1_terminal", "y-staff-1_terminal", "y-edge_connected"] {
            assert!(!components.contains_key(none), "{none}");
        }
        let text = payload.to_string();
        for none in ["y-stolen", "y-lock-1_connected", "y-house_connected"] {
            assert!(!text.contains(none), "{none}");
        }
    }

    #[test]
    fn of_more_programs_than_a_message_holds_the_doors_are_told() {
        let seats: Vec<SiteDevice> =
            (0..400).map(|n| device(&format!("y-seat-{n}"), DeviceKind::Seat)).collect();
        let doors = [NodeOfDoor { door: "y-door".parse().unwrap(), name: "入口".to_owned() }];
        let told = |seats| discovery(&"y-edge".parse().unwrap(), "横浜", &doors, &[], seats);
        let count = |text: &str| {
            assert!(text.len() <= MAX_RETAINED_BYTES, "{}", text.len());
            let payload: Value = serde_json::from_str(text).unwrap();
            payload["components"].as_object().unwrap().len()
        };
        assert_eq!(count(&told(&seats)), 3);
        assert_eq!(count(&told(&seats[..75])), 3 + 2 * 75);
    }

    #[test]
    fn nothing_that_home_assistant_is_told_can_move_anything() {
        let text = payload().to_string();
        for never in ["command_topic", "\"lock.\"", "/set", "payload_lock", "payload_unlock"] {
            assert!(!text.contains(never), "{never}");
        }
        for component in payload()["components"].as_object().unwrap().values() {
            let platform = component["platform"].as_str().unwrap();
            assert!(["sensor", "binary_sensor"].contains(&platform), "{platform}");
        }
    }

    #[test]
    fn every_unique_id_stands_once() {
        let payload = payload();
        let components = payload["components"].as_object().unwrap();
        let ids: std::collections::BTreeSet<&str> =
            components.values().map(|one| one["unique_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), components.len());
    }

    #[test]
    fn the_schema_finds_what_the_documentation_forbids() {
        let schema = schema();
        let with = |change: &dyn Fn(&mut Value)| {
            let mut payload = payload();
            change(&mut payload);
            schema.is_valid(&payload)
        };
        assert!(with(&|_| {}));
        let door = "y-door_lock";
        assert!(!with(&|p| drop(p.as_object_mut().unwrap().remove("origin"))), "no origin");
        assert!(!with(&|p| drop(p.as_object_mut().unwrap().remove("device"))), "no device");
        assert!(!with(&|p| p["device"]["identifiers"] = json!([])), "no identifier");
        assert!(!with(&|p| p["components"][door]["platform"] = json!("door")), "no platform");
        assert!(!with(&|p| p["components"][door]["device_class"] = json!("bolt")), "no class");
        assert!(!with(&|p| p["components"][door]["state_topic"] = json!("a/#")), "a wildcard");
        assert!(!with(&|p| p["components"][door]["stat_t"] = json!("a")), "an abbreviation");
        assert!(!with(&|p| p["components"][door]["command_topic"] = json!("a/b")), "a command");
        assert!(!with(&|p| p["qos"] = json!(3)), "no such quality of service");
        assert!(
            !with(&|p| {
                let component = p["components"][door].as_object_mut().unwrap();
                component.remove("unique_id");
            }),
            "no unique id"
        );
        let co2 = "y-air-1_air_p0";
        assert!(!with(&|p| p["components"][co2]["unit_of_measurement"] = json!("°C")), "a unit");
        assert!(!with(&|p| p["components"][co2]["options"] = json!(["a"])), "options of a number");
        assert!(!with(&|p| p["components"][co2]["availability_topic"] = json!("a")), "two ways");
    }
}
