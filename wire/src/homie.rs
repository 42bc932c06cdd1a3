//! What devices say of themselves, in the Homie 5 convention (<https://homieiot.github.io>).
//!
//! A device is described once, in its `$description`: nodes, their properties, what a property's
//! value may be. The values are retained topics of their own; `$state` says whether the device is
//! there. Commands that move something of ours travel apart from Homie; a foreign lock takes the one that Homie
//! knows (`set`), which a broker lets through from the edge alone.

mod own;
mod value;

use std::collections::BTreeMap;

use model::id::Slug;
use serde::{Deserialize, Serialize};

pub use own::{
    CONTACT, LOCK, NodeOfDoor, PROGRAM, STATE, VERSION, door_path, of_edge, of_program,
    program_version,
};
pub use value::{BadValue, Value};

/// The last level of the topic that describes a device.
pub const DESCRIPTION: &str = "$description";
/// The last level of the topic of a property's commands.
pub const SET: &str = "set";
/// The convention that descriptions are written by.
pub const CONVENTION: &str = "5.0";
/// The longest description that is read, in bytes.
pub const LONGEST_DESCRIPTION: usize = 32 * 1024;
/// The most nodes of a device, and the most properties of a node, that are read.
pub const MOST_PARTS: usize = 64;

/// A device's `$description`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The convention, `5.x`.
    pub homie: String,
    /// Rises whenever anything in the description changes.
    pub version: i64,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What sort of device it is.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its parts, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<Slug, Node>,
}

/// A part of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What sort of part it is.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What can be read of it, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<Slug, Property>,
}

/// Something about a part that has a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How its value is written.
    pub datatype: Datatype,
    /// Which values there are, in the form that the datatype asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Whether it takes commands on its `set` topic.
    #[serde(default)]
    pub settable: bool,
    /// Whether its value stays on the broker.
    #[serde(default = "yes")]
    pub retained: bool,
    /// The unit of its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

fn yes() -> bool {
    true
}

/// How a property's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datatype {
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// Any text.
    String,
    /// One of the words of the format.
    Enum,
    /// A colour.
    Color,
    /// A time.
    Datetime,
    /// A stretch of time.
    Duration,
    /// A JSON object or array.
    Json,
}

/// Why a description is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDescription {
    /// It is too long to be read.
    #[error("a description of {0} bytes is too long")]
    TooLong(usize),
    /// It has another form.
    #[error("the description cannot be read: {0}")]
    Form(String),
    /// It follows another convention.
    #[error("the description follows Homie {0}, not 5")]
    Convention(String),
    /// It has more parts than anything on a site has.
    #[error("the description has too many parts")]
    TooMany,
}

impl Description {
    /// Reads a description that somebody else has written.
    ///
    /// # Errors
    /// [`BadDescription`] says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, BadDescription> {
        if text.len() > LONGEST_DESCRIPTION {
            return Err(BadDescription::TooLong(text.len()));
        }
        let read: Self =
            serde_json::from_str(text).map_err(|error| BadDescription::Form(error.to_string()))?;
        if !read.homie.starts_with("5.") {
            return Err(BadDescription::Convention(read.homie.chars().take(16).collect()));
        }
        let crowded = |node: &Node| node.properties.len() > MOST_PARTS;
        if read.nodes.len() > MOST_PARTS || read.nodes.values().any(crowded) {
            return Err(BadDescription::TooMany);
        }
        Ok(read)
    }

    /// The text for the `$description` topic.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Cannot fail: no map has keys other than text. A failure would read as no description.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A property of it.
    #[must_use]
    pub fn property(&self, node: &Slug, property: &Slug) -> Option<&Property> {
        self.nodes.get(node)?.properties.get(property)
    }
}

impl Property {
    /// A retained property that takes no commands.
    #[must_use]
    pub fn told(name: &str, datatype: Datatype, format: Option<String>) -> Self {
        Self {
            name: Some(name.to_owned()),
            datatype,
            format,
            settable: false,
            retained: true,
            unit: None,
        }
    }

    /// The same with a unit.
    #[must_use]
    pub fn in_unit(self, unit: &str) -> Self {
        Self { unit: Some(unit.to_owned()), ..self }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn a_description_reads_as_it_is_written() {
        let thing = r#"{"homie":"5.0","version":7,"name":"Air","children":[],"extensions":["x"],
            "nodes":{"air":{"name":"Air","properties":{
                "co2":{"datatype":"float","format":"0:5000","unit":"ppm"},
                "lock":{"datatype":"enum","format":"locked,unlocked","settable":true}}}}}"#;
        let read = Description::read(thing).unwrap();
        let (air, co2, lock) =
            ("air".parse().unwrap(), "co2".parse().unwrap(), "lock".parse().unwrap());
        assert!(read.property(&air, &co2).unwrap().retained);
        assert!(!read.property(&air, &co2).unwrap().settable);
        assert!(read.property(&air, &lock).unwrap().settable);
        assert_eq!(Description::read(&read.to_json()).unwrap(), read);
    }

    #[test]
    fn what_is_no_description_is_refused_with_a_reason() {
        let form = |text: &str| matches!(Description::read(text), Err(BadDescription::Form(_)));
        for garbage in [
            "",
            "null",
            "[]",
            "{}",
            "\u{0}",
            r#"{"homie":"5.0"}"#,
            r#"{"homie":"5.0","version":"1"}"#,
            r#"{"homie":"5.0","version":1e999}"#,
            r#"{"homie":"5.0","version":1,"nodes":{"A/B":{}}}"#,
            r#"{"homie":"5.0","version":1,"nodes":{"a":{"properties":{"b":{}}}}}"#,
            r#"{"homie":"5.0","version":1,"nodes":{"a":{"properties":{"b":{"datatype":"soul"}}}}}"#,
        ] {
            assert!(form(garbage), "{garbage}");
        }
        assert!(form(&"[".repeat(10_000)));
        assert_eq!(
            Description::read(r#"{"homie":"4.0","version":1}"#),
            Err(BadDescription::Convention("4.0".to_owned()))
        );
        let long = " ".repeat(LONGEST_DESCRIPTION + 1);
        assert_eq!(Description::read(&long), Err(BadDescription::TooLong(long.len())));
        let nodes: Vec<String> = (0..=MOST_PARTS).map(|n| format!(r#""n{n}":{{}}"#)).collect();
        let many = format!(r#"{{"homie":"5.0","version":1,"nodes":{{{}}}}}"#, nodes.join(","));
        assert_eq!(Description::read(&many), Err(BadDescription::TooMany));
    }
}
