//! A device's standing: what its region still takes from it.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::id::DeviceId;

/// So long after its end a device's certificate is still good on the site bus, and at the hub for its renewal: while a
/// site is on its own nobody can renew one.
pub const CERTIFICATE_GRACE: TimeDelta = TimeDelta::days(14);

/// Something at a site that fails without anybody who stands there seeing why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// A reader at a door.
    Reader(DeviceId),
    /// The line on which the fire panel releases the doors.
    FirePanel,
}

/// Why it cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It does not answer: unplugged, without current, its wire broken.
    Silent,
    /// It has another key than the site, or none yet.
    WrongKey,
    /// It, or somebody on its line, speaks in a way that is not secure.
    NotSecure,
    /// Its case is open, or it was taken off the wall.
    Tampered,
}

/// Why a device was locked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedFor {
    /// It is gone, and with it its key.
    Lost,
    /// It is to be mended elsewhere.
    Broken,
    /// It is no longer wanted.
    Retired,
}

impl RevokedFor {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Lost, Self::Broken, Self::Retired];

    /// The name in forms, databases and on the line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Broken => "broken",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for RevokedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device is revoked as lost, broken or retired")]
pub struct BadReason;

impl FromStr for RevokedFor {
    type Err = BadReason;
    fn from_str(text: &str) -> Result<Self, BadReason> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(BadReason)
    }
}
