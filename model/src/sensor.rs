//! Sensors of a centre: which property of which foreign device measures what, and where.
//!
//! No sensor here is a camera or a microphone that could tell who somebody is: what is measured is
//! air, noise as one number, and whether anything moved.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, Slug, SpaceId};
use crate::language::LocalText;

/// The most sensors that a centre has.
pub const MOST_SENSORS: usize = 256;

/// A sensor as its site's sheet names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sensor {
    /// Where its value is read.
    #[serde(flatten)]
    pub id: SensorId,
    /// What it measures.
    pub measures: Measure,
    /// Where it hangs.
    pub place: SensorPlace,
    /// The house's own limit, for what no standard limits: noise, in tenths of a dB(A).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Reading>,
}

/// A property of a Homie 5 device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SensorId {
    /// The device.
    pub device: DeviceId,
    /// Its node.
    pub node: Slug,
    /// The node's property.
    pub property: Slug,
}

impl fmt::Display for SensorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.device, self.node, self.property)
    }
}

/// What a sensor measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Carbon dioxide in the air, in ppm.
    Co2,
    /// The air's temperature, in degrees Celsius.
    Temperature,
    /// Relative humidity, in percent.
    Humidity,
    /// Whether anything moves.
    Motion,
    /// The noise level, in dB(A).
    Noise,
    /// Whether something stands open.
    Contact,
}

/// Where a sensor hangs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub enum SensorPlace {
    /// In an area.
    Zone {
        /// As its spaces have it.
        zone: LocalText,
    },
    /// At a desk, in a booth or in a room.
    Space {
        /// Which.
        space: SpaceId,
    },
    /// At a door.
    Door {
        /// Which.
        door: DeviceId,
    },
}

/// Whether a sensor is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensorState {
    /// It says something, or its device is there and nothing has changed.
    Heard,
    /// Nothing for too long: what it said last is evidence of nothing.
    Silent,
    /// The site's sheet has it no more.
    Gone,
}

/// A value in tenths of its unit, such as 6125 for 612.5 ppm; 10 and 0 for yes and no.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Reading(pub i32);

impl Reading {
    /// Something moves, or stands open.
    pub const YES: Self = Self(10);
    /// Nothing does.
    pub const NO: Self = Self(0);

    /// A whole number of the unit.
    #[must_use]
    pub const fn whole(number: i32) -> Self {
        Self(number.saturating_mul(10))
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenth) = (self.0 / 10, (self.0 % 10).abs());
        let sign = if self.0 < 0 && whole == 0 { "-" } else { "" };
        if tenth == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{tenth}") }
    }
}

impl Measure {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Co2, Self::Temperature, Self::Humidity, Self::Motion, Self::Noise, Self::Contact];

    /// Whether it is yes or no, and not a number.
    #[must_use]
    pub fn is_flag(self) -> bool {
        matches!(self, Self::Motion | Self::Contact)
    }

    /// The least and the most that a room of people can have, in the unit. What is outside comes
    /// from a broken sensor: air in the open has some 420 ppm of CO2, and a wire that is loose
    /// often reads as 0 or as the largest number there is.
    #[must_use]
    pub fn bounds(self) -> (i32, i32) {
        match self {
            Self::Co2 => (200, 40_000),
            Self::Temperature => (-40, 85),
            Self::Humidity => (0, 100),
            Self::Noise => (0, 150),
            Self::Motion | Self::Contact => (0, 1),
        }
    }

    /// A number of this measure; nothing where no room can have it.
    #[must_use]
    pub fn reading(self, number: f64) -> Option<Reading> {
        let (least, most) = self.bounds();
        let fits = number.is_finite() && f64::from(least) <= number && number <= f64::from(most);
        if !fits {
            return None;
        }
        if self.is_flag() {
            return match number {
                0.0 => Some(Reading::NO),
                1.0 => Some(Reading::YES),
                _ => None,
            };
        }
        // Inside the bounds nothing is cut off but hundredths.
        Some(Reading((number * 10.0).round() as i32))
    }

    /// The unit, as people read it.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Co2 => "ppm",
            Self::Temperature => "°C",
            Self::Humidity => "%",
            Self::Noise => "dB",
            Self::Motion | Self::Contact => "",
        }
    }
}

/// Why a list of sensors cannot be a centre's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSensors {
    /// More than a centre has.
    #[error("a centre has at most {MOST_SENSORS} sensors")]
    TooMany,
    /// One property would feed two things.
    #[error("{0} stands twice on the list")]
    Twice(SensorId),
    /// Only noise has a limit of the house.
    #[error("{0} has a limit, but only noise is limited by the house")]
    Limit(SensorId),
    /// No room has such a limit.
    #[error("the limit of {0} is from 30 to 120 dB")]
    LimitBounds(SensorId),
}

/// Whether these can be the sensors of one centre.
///
/// # Errors
/// The first [`BadSensors`] found.
pub fn check(sensors: &[Sensor]) -> Result<(), BadSensors> {
    if sensors.len() > MOST_SENSORS {
        return Err(BadSensors::TooMany);
    }
    for (at, sensor) in sensors.iter().enumerate() {
        let id = || sensor.id.clone();
        if sensors[..at].iter().any(|other| other.id == sensor.id) {
            return Err(BadSensors::Twice(id()));
        }
        match sensor.limit {
            Some(_) if sensor.measures != Measure::Noise => return Err(BadSensors::Limit(id())),
            Some(limit) if !(Reading::whole(30)..=Reading::whole(120)).contains(&limit) => {
                return Err(BadSensors::LimitBounds(id()));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn sensor(device: &str, measures: Measure, limit: Option<i32>) -> Sensor {
        let part = |text: &str| text.parse::<Slug>().unwrap();
        Sensor {
            id: SensorId { device: part(device), node: part("air"), property: part("x") },
            measures,
            place: SensorPlace::Zone { zone: LocalText::new("窓側", "By the window") },
            limit: limit.map(Reading::whole),
        }
    }

    #[test]
    fn what_no_room_can_have_is_no_reading() {
        for (measure, number, reading) in [
            (Measure::Co2, 612.54, Some(6125)),
            (Measure::Co2, 0.0, None),
            (Measure::Co2, 65_535.0, None),
            (Measure::Temperature, -0.5, Some(-5)),
            (Measure::Temperature, 85.1, None),
            (Measure::Humidity, 100.0, Some(1000)),
            (Measure::Humidity, 100.1, None),
            (Measure::Motion, 1.0, Some(10)),
            (Measure::Motion, 0.5, None),
            (Measure::Contact, 2.0, None),
            (Measure::Noise, -1.0, None),
        ] {
            assert_eq!(measure.reading(number), reading.map(Reading), "{measure:?} {number}");
        }
        for measure in Measure::ALL {
            for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN] {
                assert_eq!(measure.reading(number), None, "{measure:?} {number}");
            }
        }
    }

    #[test]
    fn a_reading_shows_its_tenths_only_where_it_has_some() {
        let shown = |tenths| Reading(tenths).to_string();
        assert_eq!([shown(6125), shown(240), shown(-5), shown(0)], ["612.5", "24", "-0.5", "0"]);
        assert_eq!(shown(-125), "-12.5");
    }

    #[test]
    fn a_list_of_sensors_names_each_property_once_and_limits_noise_alone() {
        let noise = sensor("a", Measure::Noise, Some(55));
        assert_eq!(check(&[noise.clone(), sensor("b", Measure::Co2, None)]), Ok(()));
        assert_eq!(
            check(&[noise.clone(), noise.clone()]),
            Err(BadSensors::Twice(noise.id.clone()))
        );
        let limited = sensor("b", Measure::Co2, Some(55));
        assert_eq!(check(std::slice::from_ref(&limited)), Err(BadSensors::Limit(limited.id)));
        let deaf = sensor("b", Measure::Noise, Some(i32::MAX));
        assert_eq!(check(std::slice::from_ref(&deaf)), Err(BadSensors::LimitBounds(deaf.id)));
        let many: Vec<_> =
            (0..=MOST_SENSORS).map(|n| sensor(&format!("d{n}"), Measure::Co2, None)).collect();
        assert_eq!(check(&many), Err(BadSensors::TooMany));
    }

    #[test]
    fn a_sensor_reads_as_it_is_written() {
        let written = r#"{"device":"y-air-1","node":"air","property":"x","measures":"noise","place":{"at":"zone","zone":{"ja":"窓側","en":"By the window"}},"limit":550}"#;
        let read: Sensor = serde_json::from_str(written).unwrap();
        assert_eq!(read, sensor("y-air-1", Measure::Noise, Some(55)));
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }
}
