//! The day sheet (当日表): what a site may know and do on its own.

mod care;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::booking::BookingCode;
use crate::card::CardLevel;
use crate::centre::{CentreSettings, Door, Space};
use crate::id::{BookingId, CentreId, CredentialId, DeviceId, PersonId, Slug, SpaceId};
use crate::interval::Interval;
use crate::language::{Language, LocalText};
use crate::lease::LeasedSpace;
use crate::sensor::Sensor;

pub use care::{
    SheetCare, SheetCareClaim, SheetChild, SheetGuardian, SheetNursery, SheetShift, SheetStaff,
};

/// A sheet is made anew at the latest when a period of this length ends.
pub const PERIOD: TimeDelta = TimeDelta::hours(6);
/// Every booking that begins within so long of a sheet's making stands on it; so long it can serve, too, for a site whose
/// sheet is in force and knows nobody would turn everybody away.
pub const LISTED_AHEAD: TimeDelta = TimeDelta::days(4);
/// What lies further ahead stands on no sheet.
pub const REACH: TimeDelta = TimeDelta::hours(4 * 24 + 6);

/// Everything a site runs on until the next sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySheet {
    /// Rises with every change; an older sheet never replaces a newer one.
    pub version: u64,
    /// When it was made, after the plan had been read: what was booked since is not on it.
    pub made_at: DateTime<Utc>,
    /// No new check-ins from this instant on.
    pub not_after: DateTime<Utc>,
    /// The house.
    pub site: Site,
    /// The devices that may speak on the site bus.
    pub devices: Vec<SiteDevice>,
    /// Whose card opens what.
    pub credentials: Vec<SheetCredential>,
    /// People on the sheet.
    pub people: Vec<SheetPerson>,
    /// The coming days' bookings.
    pub bookings: Vec<SheetBooking>,
    /// Its nurseries and their children; nothing where it has none, or cannot read of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub care: Option<SheetCare>,
    /// Lost and blocked cards of people who are not on the sheet: refused as such, not as unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<CredentialDigest>,
    /// What the site may give to whoever comes without a booking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lease: Vec<LeasedSpace>,
}

/// The most stopped cards of others on a sheet; those stopped last are on it.
pub const MOST_STOPPED: u32 = 5_000;

/// The house, as its edge runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The centre.
    pub centre: CentreId,
    /// Its name in topics.
    pub slug: Slug,
    /// Its name on screen.
    pub name: LocalText,
    /// The house rules.
    pub settings: CentreSettings,
    /// Desks, booths and rooms.
    pub spaces: Vec<Space>,
    /// Doors; a check-in in the lobby unlocks those of the house.
    pub doors: Vec<Door>,
    /// The zone of its clock, by which doors stand open and ask for more; sheets from before doors had
    /// plans say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Tz>,
    /// The holidays among the sheet's days.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<NaiveDate>,
    /// Which property of which foreign device measures what, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<Sensor>,
}

/// A device of the site and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteDevice {
    /// Its id, which is its certificate's common name.
    pub device: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// The certificates that it may show beside those made after this sheet; any where a sheet from
    /// before there were lists says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Vec<CertificateDigest>>,
    /// Locked out, whatever it shows.
    #[serde(default)]
    pub revoked: bool,
}

/// What a device is, and therefore what it may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Runs the site.
    Edge,
    /// The lobby screen with its reader.
    Kiosk,
    /// The terminal at a desk.
    Seat,
    /// The screen of a nursery's staff, with its reader.
    Staff,
    /// A foreign Homie 5 device: a sensor, a lock.
    Thing,
    /// A program for homes and buildings, such as Home Assistant or openHAB: it looks on.
    Viewer,
}

impl DeviceKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Edge, Self::Kiosk, Self::Seat, Self::Staff, Self::Thing, Self::Viewer];

    /// The name in files, databases and on the line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Kiosk => "kiosk",
            Self::Seat => "seat",
            Self::Staff => "staff",
            Self::Thing => "thing",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind of device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no kind of device: edge, kiosk, seat, staff, thing and viewer are")]
pub struct UnknownKind(String);

impl FromStr for DeviceKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// A credential on the sheet. What stands here is `HMAC(sheet salt, R)`, never an identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetCredential {
    /// The digest that a tap is looked up by. A card that moves to a newer card key stands here
    /// once for each.
    pub digest: CredentialDigest,
    /// The generation of the region's card key behind the digest.
    #[serde(default = "first_generation")]
    pub generation: u32,
    /// Its id, for records.
    pub credential: CredentialId,
    /// Whose it is.
    pub person: PersonId,
    /// A blocked credential is known and refused.
    pub blocked: bool,
    /// Refused from then on.
    #[serde(default)]
    pub valid_until: Option<DateTime<Utc>>,
    /// What a tap that is looked up by this digest has proved.
    #[serde(default, skip_serializing_if = "CardLevel::can_be_copied")]
    pub level: CardLevel,
    /// The highest level that the credential was ever registered or seen at. It is refused below.
    #[serde(default, skip_serializing_if = "CardLevel::can_be_copied")]
    pub least: CardLevel,
}

/// Sheets from before the card key had generations are of the first.
fn first_generation() -> u32 {
    1
}

/// 32 bytes that stand for a credential; hexadecimal in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CredentialDigest(pub [u8; 32]);

/// SHA-256 of a device's certificate; hexadecimal in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertificateDigest(pub [u8; 32]);

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 hexadecimal digits")]
pub struct BadDigest;

fn from_hex(text: &str) -> Result<[u8; 32], BadDigest> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(BadDigest);
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| BadDigest)?;
    }
    Ok(bytes)
}

fn to_hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl TryFrom<String> for CredentialDigest {
    type Error = BadDigest;
    fn try_from(text: String) -> Result<Self, BadDigest> {
        from_hex(&text).map(Self)
    }
}

impl From<CredentialDigest> for String {
    fn from(digest: CredentialDigest) -> Self {
        to_hex(&digest.0)
    }
}

impl TryFrom<String> for CertificateDigest {
    type Error = BadDigest;
    fn try_from(text: String) -> Result<Self, BadDigest> {
        from_hex(&text).map(Self)
    }
}

impl From<CertificateDigest> for String {
    fn from(digest: CertificateDigest) -> Self {
        to_hex(&digest.0)
    }
}

impl fmt::Debug for CredentialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialDigest(..)")
    }
}

/// A person on the sheet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetPerson {
    /// Their id.
    pub id: PersonId,
    /// The language they are answered in.
    pub language: Language,
    /// Argon2id of their PIN (PHC string), for the day they forget the card.
    pub pin: Option<String>,
}

impl fmt::Debug for SheetPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SheetPerson").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A booking on the sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetBooking {
    /// Its id.
    pub id: BookingId,
    /// Whose it is.
    pub person: PersonId,
    /// What they type without a card.
    pub code: BookingCode,
    /// The spaces it holds, by start.
    pub desks: Vec<SheetDesk>,
    /// How many children are in care with it: a number, not a name.
    pub children: u32,
    /// Of these hours, what was given free because nobody came: a late guest is told so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<Released>,
}

/// A stretch of a booking that was given free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Released {
    /// Which.
    pub when: Interval,
    /// When it was given free.
    pub at: DateTime<Utc>,
}

/// One space of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetDesk {
    /// The space.
    pub space: SpaceId,
    /// When.
    pub when: Interval,
}
