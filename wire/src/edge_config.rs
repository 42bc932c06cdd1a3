//! Settings that the hub sends an edge: only such as it can try and take back by itself. Who the edge is and where its
//! hub is are never among them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::id::{CentreId, DeviceId};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::sheet::SheetKey;

/// Where an edge asks for its settings; 404 where the hub has none for it.
pub const PATH: &str = "/uplink/v1/config";

/// Every other door.
const ANY: &str = "*";
/// What a site's file can be given to take, in megabytes.
const ROOM: std::ops::RangeInclusive<u32> = 16..=1_000_000;

/// The settings. What is left out stays as the edge's own file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeSettings {
    /// Door device id to driver, as in the edge's own settings; `*` stands for every other door.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doors: Option<BTreeMap<String, String>>,
    /// How much room the site's file may take, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbox_mb: Option<u32>,
}

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// A key of `doors` names no door.
    #[error("doors.{0}: a door is named by its device id, or '*' for every other")]
    Door(String),
    /// A driver is said with nothing.
    #[error("doors.{0}: the driver is missing")]
    Driver(String),
    /// There is too little or too much room.
    #[error("outbox_mb: it is {least} to {most} megabytes", least = ROOM.start(), most = ROOM.end())]
    Room,
    /// Nothing is set.
    #[error("the file sets nothing")]
    Nothing,
}

impl EdgeSettings {
    /// Whether they can be sent. Whether an edge can work by them, only that edge can find out.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), BadSettings> {
        if *self == Self::default() {
            return Err(BadSettings::Nothing);
        }
        for (door, driver) in self.doors.iter().flatten() {
            if door != ANY && door.parse::<DeviceId>().is_err() {
                return Err(BadSettings::Door(door.clone()));
            }
            if driver.is_empty() {
                return Err(BadSettings::Driver(door.clone()));
            }
        }
        match self.outbox_mb {
            Some(room) if !ROOM.contains(&room) => Err(BadSettings::Room),
            _ => Ok(()),
        }
    }
}

/// The settings of one version, for one centre's edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeConfig {
    /// Whose edge.
    pub centre: CentreId,
    /// Rises with each that is sent to the centre.
    pub version: u64,
    /// The settings.
    pub settings: EdgeSettings,
}

/// The same, signed by the hub's sheet key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEdgeConfig {
    /// An [`EdgeConfig`] as JSON: the very bytes that were signed.
    pub config: String,
    /// Ed25519, base64.
    pub signature: String,
}

/// Why settings are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeConfigRefused {
    /// No key that the edge trusts has signed them.
    #[error("no key that this edge trusts has signed the settings")]
    Signature,
    /// They have another form.
    #[error("the settings have a form that this edge does not know")]
    Form,
    /// They are for another centre.
    #[error("the settings are for another centre")]
    OtherCentre,
}

/// Signs settings.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn sign(config: &EdgeConfig, key: &SheetKey) -> Result<SignedEdgeConfig, serde_json::Error> {
    let config = serde_json::to_string(config)?;
    let signature = BASE64.encode(key.sign(signed(&config).as_bytes()));
    Ok(SignedEdgeConfig { config, signature })
}

/// Settings that one of `keys` (public, base64) has signed, for this centre.
///
/// # Errors
/// Why they are not taken.
pub fn check(
    given: &SignedEdgeConfig,
    keys: &[String],
    centre: CentreId,
) -> Result<EdgeConfig, EdgeConfigRefused> {
    let signature = BASE64.decode(&given.signature).map_err(|_| EdgeConfigRefused::Signature)?;
    let bytes = signed(&given.config);
    let vouched = keys.iter().filter_map(|key| BASE64.decode(key).ok()).any(|key| {
        UnparsedPublicKey::new(&ED25519, key).verify(bytes.as_bytes(), &signature).is_ok()
    });
    if !vouched {
        return Err(EdgeConfigRefused::Signature);
    }
    let config: EdgeConfig =
        serde_json::from_str(&given.config).map_err(|_| EdgeConfigRefused::Form)?;
    config.settings.check().map_err(|_| EdgeConfigRefused::Form)?;
    if config.centre == centre { Ok(config) } else { Err(EdgeConfigRefused::OtherCentre) }
}

/// Nothing else that the key signs begins like this.
fn signed(config: &str) -> String {
    format!("kyoten: settings of an edge {config}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use ring::rand::SystemRandom;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_the_hubs_settings_for_this_centre_are_taken() {
        let key = || {
            let document = SheetKey::generate(&SystemRandom::new()).unwrap();
            SheetKey::from_pkcs8(&document).unwrap()
        };
        let (ours, theirs) = (key(), key());
        let centre = CentreId(Uuid::from_u128(1));
        let settings = EdgeSettings { outbox_mb: Some(64), ..EdgeSettings::default() };
        let config = EdgeConfig { centre, version: 3, settings };
        let good = sign(&config, &ours).unwrap();
        let keys = [ours.public()];
        assert_eq!(check(&good, &keys, centre), Ok(config));
        assert_eq!(
            check(&good, &[theirs.public(), "?".to_owned()], centre),
            Err(EdgeConfigRefused::Signature)
        );
        let changed = SignedEdgeConfig { config: good.config.replace("64", "65"), ..good.clone() };
        assert_eq!(check(&changed, &keys, centre), Err(EdgeConfigRefused::Signature));
        let other = CentreId(Uuid::from_u128(2));
        assert_eq!(check(&good, &keys, other), Err(EdgeConfigRefused::OtherCentre));
        let text = r#"{"centre":"00000000-0000-0000-0000-000000000001","version":4,"settings":{"hub_url":"x"}}"#;
        let signature = BASE64.encode(ours.sign(signed(text).as_bytes()));
        let foreign = SignedEdgeConfig { config: text.to_owned(), signature };
        assert_eq!(check(&foreign, &keys, centre), Err(EdgeConfigRefused::Form));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        let doors = |door: &str, driver: &str| EdgeSettings {
            doors: Some(BTreeMap::from([(door.to_owned(), driver.to_owned())])),
            outbox_mb: None,
        };
        assert_eq!(doors("*", "sim").check(), Ok(()));
        for (settings, key) in [
            (doors("A door", "sim"), "doors.A door"),
            (doors("y-door", ""), "doors.y-door"),
            (EdgeSettings { outbox_mb: Some(3), ..EdgeSettings::default() }, "outbox_mb"),
            (EdgeSettings::default(), "nothing"),
        ] {
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
