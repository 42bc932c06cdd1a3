//! The sensors of a centre: said by whoever runs the hub, known to its site with the next sheet.

use model::audit::{AuditAction, AuditActor};
use model::centre::Centre;
use model::day_sheet::DeviceKind;
use model::id::{DeviceId, SpaceId};
use model::language::LocalText;
use model::sensor::{BadSensors, Sensor, SensorPlace, check};
use serde::Deserialize;

use crate::hub::Hub;
use crate::service::Refused;
use crate::service::audit::{Entry, record_as};

/// Why sensors are not a centre's.
#[derive(Debug, thiserror::Error)]
pub enum NoSensors {
    /// They are written otherwise.
    #[error(transparent)]
    Form(Box<toml::de::Error>),
    /// They cannot stand together.
    #[error(transparent)]
    List(#[from] BadSensors),
    /// No foreign device of the centre has this id.
    #[error("{0} is no foreign device (thing) of this centre: add it first")]
    NoThing(DeviceId),
    /// No space of the centre stands in such an area.
    #[error("no space of this centre stands in the area '{}'", .0.ja)]
    NoZone(LocalText),
    /// The centre has no such space.
    #[error("this centre has no space {0}")]
    NoSpace(SpaceId),
    /// The centre has no such door.
    #[error("this centre has no door {0}")]
    NoDoor(DeviceId),
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    sensor: Vec<Sensor>,
}

/// Reads sensors from a TOML file of `[[sensor]]`.
///
/// # Errors
/// [`NoSensors`] when it is no such file, or they cannot stand together.
pub fn read(text: &str) -> Result<Vec<Sensor>, NoSensors> {
    let file: File = toml::from_str(text).map_err(|error| NoSensors::Form(Box::new(error)))?;
    check(&file.sensor)?;
    Ok(file.sensor)
}

/// Gives a centre these sensors in the place of those it had, for whoever runs the hub's own
/// program.
///
/// # Errors
/// [`Refused`] when the store fails; the inner [`NoSensors`] when they are not this centre's.
pub async fn set(
    hub: &Hub,
    centre: &Centre,
    sensors: &[Sensor],
) -> Result<Result<(), NoSensors>, Refused> {
    if let Err(error) = check(sensors) {
        return Ok(Err(error.into()));
    }
    let devices = hub.store.devices_of(centre.id).await?;
    let doors = hub.store.doors(centre.id).await?;
    let mut spaces = hub.store.spaces().await?;
    spaces.retain(|space| space.centre == centre.id);
    for sensor in sensors {
        let thing = devices
            .iter()
            .any(|known| known.device == sensor.id.device && known.kind == DeviceKind::Thing);
        if !thing {
            return Ok(Err(NoSensors::NoThing(sensor.id.device.clone())));
        }
        let missing = match &sensor.place {
            SensorPlace::Zone { zone } => {
                let none = spaces.iter().all(|space| space.zone != *zone);
                none.then(|| NoSensors::NoZone(zone.clone()))
            }
            SensorPlace::Space { space } => {
                let none = spaces.iter().all(|known| known.id != *space);
                none.then_some(NoSensors::NoSpace(*space))
            }
            SensorPlace::Door { door } => {
                let none = doors.iter().all(|known| known.device != *door);
                none.then(|| NoSensors::NoDoor(door.clone()))
            }
        };
        if let Some(missing) = missing {
            return Ok(Err(missing));
        }
    }
    hub.store.set_sensors(centre.id, sensors).await?;
    hub.live.plan_changed(centre.id);
    let entry = Entry::new(AuditAction::SensorsSet)
        .at(centre.id)
        .note("sensors", sensors.len().to_string());
    record_as(hub, AuditActor::Hub, entry).await?;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    const GOOD: &str = r#"
[[sensor]]
device = "yokohama-air-1"
node = "air"
property = "noise"
measures = "noise"
place = { at = "zone", zone = { ja = "窓側", en = "By the window" } }
limit = 550
"#;

    #[test]
    fn a_file_of_sensors_is_read_or_named_as_wrong() {
        let sensors = read(GOOD).unwrap();
        assert_eq!(sensors[0].id.to_string(), "yokohama-air-1/air/noise");
        assert!(read("").unwrap().is_empty());
        for bad in [
            "sensor = 1",
            "[[sensors]]",
            "[[sensor]]\ndevice = 'A'",
            &GOOD.replace("measures = \"noise\"", "measures = \"souls\""),
            &GOOD.replace("at = \"zone\"", "at = \"moon\""),
            &GOOD.replace("air-1", "air 1"),
        ] {
            assert!(matches!(read(bad), Err(NoSensors::Form(_))), "{bad}");
        }
        let twice = format!("{GOOD}{GOOD}");
        assert!(matches!(read(&twice), Err(NoSensors::List(BadSensors::Twice(_)))));
        let quiet = GOOD.replace("550", "55");
        assert!(matches!(read(&quiet), Err(NoSensors::List(BadSensors::LimitBounds(_)))));
    }
}
