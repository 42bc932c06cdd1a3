//! A sensor that exists only here, on a real site bus with an identity of its own: what a demo
//! shows of air comes over the same line as a real device's words. A lock is played by [`lock`].

pub mod lock;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use model::id::Slug;
use tokio::time::{Instant, MissedTickBehavior, interval};
use wire::bus::{BusError, BusInbox, SiteBus};
use wire::homie::{CONVENTION, Datatype, Description, Node, Property};

/// How often a value is said.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// From one number to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Course {
    first: f64,
    last: f64,
}

/// A text that is no course.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no course: it is written first:last, such as 650:1150")]
pub struct NoCourse(String);

impl FromStr for Course {
    type Err = NoCourse;
    fn from_str(text: &str) -> Result<Self, NoCourse> {
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        text.split_once(':')
            .and_then(|(first, last)| Some(Self { first: number(first)?, last: number(last)? }))
            .ok_or_else(|| NoCourse(text.to_owned()))
    }
}

impl Course {
    /// Where it is after `passed` of `way`, to one decimal.
    #[must_use]
    pub fn at(self, passed: Duration, way: Duration) -> f64 {
        let part = if way.is_zero() { 1.0 } else { passed.as_secs_f64() / way.as_secs_f64() };
        let value = self.first + (self.last - self.first) * part.min(1.0);
        (value * 10.0).round() / 10.0
    }
}

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Played {
    /// CO2, in ppm.
    pub co2: Course,
    /// Degrees Celsius.
    pub temperature: Course,
    /// Relative humidity, in percent.
    pub humidity: Course,
    /// dB(A).
    pub noise: Course,
    /// How long the way from first to last takes.
    pub way: Duration,
}

/// How the played sensor describes itself: a node `air` with `co2`, `temperature`, `humidity`,
/// `noise` and `motion`.
#[must_use]
pub fn description() -> Description {
    let number = |name: &str, range: &str, unit: &str| {
        Property::told(name, Datatype::Float, Some(range.to_owned())).in_unit(unit)
    };
    let properties = [
        ("co2", number("CO2", "0:10000", "ppm")),
        ("temperature", number("温度", "-40:85", "°C")),
        ("humidity", number("湿度", "0:100", "%")),
        ("noise", number("騒音", "0:150", "dBA")),
        ("motion", Property::told("動き", Datatype::Boolean, None)),
    ];
    let by_id = |(id, property): (&str, Property)| Some((id.parse::<Slug>().ok()?, property));
    let air = Node {
        name: Some("空気".to_owned()),
        kind: Some("air".to_owned()),
        properties: properties.into_iter().filter_map(by_id).collect(),
    };
    Description {
        homie: CONVENTION.to_owned(),
        version: 1,
        name: Some("模擬の空気センサー".to_owned()),
        kind: Some("sensor".to_owned()),
        nodes: "air".parse().ok().map(|id| (id, air)).into_iter().collect::<BTreeMap<_, _>>(),
    }
}

/// Plays until the future is dropped. Nobody can set anything here: what the inbox brings is
/// thrown away.
///
/// # Errors
/// When the bus does not take what is said.
pub async fn play(bus: &SiteBus, mut inbox: BusInbox, played: Played) -> Result<(), BusError> {
    bus.announce(&description())?;
    let begun = Instant::now();
    let mut say = interval(SAY_EVERY);
    say.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = say.tick() => {
                let passed = begun.elapsed();
                for (property, course) in [
                    ("co2", played.co2),
                    ("temperature", played.temperature),
                    ("humidity", played.humidity),
                    ("noise", played.noise),
                ] {
                    let value = course.at(passed, played.way);
                    bus.set_state(&format!("air/{property}"), &value.to_string())?;
                }
                // Somebody walks by, half of the time.
                let moves = (passed.as_secs() / 30).is_multiple_of(2);
                bus.set_state("air/motion", if moves { "true" } else { "false" })?;
            }
            Some(_) = inbox.states.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn a_course_goes_from_first_to_last_and_stays() {
        let co2: Course = "650:1150".parse().unwrap();
        let at = |seconds| co2.at(Duration::from_secs(seconds), Duration::from_secs(300));
        assert_eq!([at(0), at(150), at(300), at(9_999)], [650.0, 900.0, 1150.0, 1150.0]);
        assert_eq!(co2.at(Duration::ZERO, Duration::ZERO), 1150.0);
        let fall: Course = "28:-2".parse().unwrap();
        assert_eq!(fall.at(Duration::from_secs(1), Duration::from_secs(3)), 18.0);
    }

    #[test]
    fn what_is_no_course_is_refused() {
        for bad in ["", ":", "1", "1:", "a:b", "1:2:3", "NaN:1", "1:inf"] {
            assert!(bad.parse::<Course>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_played_value_fits_its_own_description() {
        let description = description();
        let air = &description.nodes[&"air".parse().unwrap()];
        assert_eq!(air.properties.len(), 5);
        for (property, value) in [("co2", 1150.0), ("temperature", -0.5), ("humidity", 100.0)] {
            let value: f64 = value;
            let property = &air.properties[&property.parse().unwrap()];
            assert!(property.value(&value.to_string()).is_ok());
        }
    }
}
