//! The convention as another reads it: the `homie5` crate, which knows nothing of our types.

use std::collections::{BTreeMap, BTreeSet};

use homie5::device_description::HomieDeviceDescription;
use homie5::{Homie5Message, HomieDeviceStatus, HomieValue, parse_mqtt_message};
use rumqttc::v5::mqttbytes::v5::Publish;

/// A device as it was read.
#[derive(Default)]
pub struct Read {
    pub status: Option<HomieDeviceStatus>,
    pub description: Option<HomieDeviceDescription>,
    pub values: BTreeMap<(String, String), String>,
}

/// Reads it all with the convention's own reader; answers what it finds wrong.
pub fn read(kept: &[Publish]) -> (BTreeMap<String, Read>, Vec<String>) {
    let mut devices: BTreeMap<String, Read> = BTreeMap::new();
    let mut findings = Vec::new();
    for publish in kept {
        let topic = std::str::from_utf8(&publish.topic).unwrap();
        if !publish.retain {
            findings.push(format!("{topic} is not retained"));
        }
        match parse_mqtt_message(topic, &publish.payload) {
            Ok(Homie5Message::DeviceState { device, state }) => {
                devices.entry(device.device_id().to_string()).or_default().status = Some(state);
            }
            Ok(Homie5Message::DeviceDescription { device, description, issues }) => {
                if !issues.is_empty() {
                    findings.push(format!("{topic}: {issues:?}"));
                }
                let known = devices.entry(device.device_id().to_string()).or_default();
                known.description = Some(description);
            }
            Ok(Homie5Message::PropertyValue { property, value }) => {
                let known = devices.entry(property.device_id().to_string()).or_default();
                let path = (property.node_id().to_string(), property.prop_id().to_string());
                known.values.insert(path, value);
            }
            Ok(other) => findings.push(format!("{topic}: nothing of ours is {other:?}")),
            Err(error) => findings.push(format!("{topic}: {error:?}")),
        }
    }
    for (device, known) in &devices {
        let Some(description) = &known.description else {
            findings.push(format!("{device} has no description"));
            continue;
        };
        if description.version <= 0 || !description.homie.starts_with("5.") {
            findings.push(format!("{device}: {} {}", description.homie, description.version));
        }
        let mut described = BTreeSet::new();
        for (node, parts) in &description.nodes {
            for (property, form) in &parts.properties {
                let path = (node.to_string(), property.to_string());
                if let Err(error) = form.validate_strict() {
                    findings.push(format!("{device}/{path:?}: {error}"));
                }
                match known.values.get(&path).map(|value| HomieValue::parse(value, form)) {
                    None => findings.push(format!("{device}/{path:?} has no value")),
                    Some(Err(error)) => findings.push(format!("{device}/{path:?}: {error:?}")),
                    Some(Ok(_)) if !form.retained => {
                        findings.push(format!("{device}/{path:?} is kept and not described so"));
                    }
                    Some(Ok(_)) => {}
                }
                described.insert(path);
            }
        }
        for path in known.values.keys().filter(|path| !described.contains(*path)) {
            findings.push(format!("{device}/{path:?} is not described"));
        }
    }
    (devices, findings)
}
