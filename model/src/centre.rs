//! Centres, their spaces, nurseries and doors.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::feature::Features;
use crate::id::{CentreId, DeviceId, MunicipalityId, NurseryId, Slug, SpaceId};
use crate::language::LocalText;
use crate::opening::OpeningRules;

/// One building with spaces, doors and maybe a nursery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Centre {
    /// Its id.
    pub id: CentreId,
    /// Its name in addresses and topics.
    pub slug: Slug,
    /// Its name on screen.
    pub name: LocalText,
    /// Who funds it.
    pub municipality: MunicipalityId,
    /// Telework centre or satellite office.
    pub kind: CentreKind,
    /// Where it stands, for people.
    pub address: LocalText,
    /// Degrees north and east (WGS 84).
    pub position: (f64, f64),
    /// What a reader should know of the data: which counts are assumed, and from where the rest is.
    pub source_note: LocalText,
    /// The zone its days and opening hours are told in.
    pub time_zone: Tz,
    /// The house rules in force.
    pub settings: CentreSettings,
    /// When it is open.
    pub opening: OpeningRules,
}

/// What sort of place a centre is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CentreKind {
    /// テレワークセンター, shared by everybody.
    TeleworkCentre,
    /// サテライトオフィス of a public body.
    SatelliteOffice,
    /// A centre in the country, with long stays.
    RuralCentre,
}

/// House rules of a centre: data, never code. A sheet from before a rule was there has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CentreSettings {
    /// Bookings begin and end on multiples of this many minutes: 5, 10 or 15.
    pub grain_minutes: u32,
    /// A desk is released this many minutes after the start when nobody came.
    pub no_show_minutes: u32,
    /// Check-in opens this many minutes before the start.
    pub early_minutes: u32,
    /// Bookings are taken this many days ahead.
    pub horizon_days: u32,
    /// The longest single stretch, in minutes.
    pub longest_minutes: u32,
    /// The shortest single stretch, in minutes.
    pub shortest_minutes: u32,
    /// Between two claims of one space, in minutes.
    pub buffer_minutes: u32,
    /// Guests change and cancel by themselves until so many minutes before the start.
    pub cancel_minutes: u32,
    /// How long a hold waits for its confirmation, in minutes.
    pub hold_minutes: u32,
    /// How long what came free is kept for whoever waited for it, in minutes.
    pub offer_minutes: u32,
    /// Which bookings an operator approves.
    pub approval: Approval,
    /// How long an approval is waited for, in minutes.
    pub approval_minutes: u32,
}

/// Which bookings at a centre an operator approves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// None.
    #[default]
    None,
    /// Those of rooms.
    Rooms,
    /// All.
    All,
}

impl Default for CentreSettings {
    fn default() -> Self {
        Self {
            grain_minutes: 15,
            no_show_minutes: 30,
            early_minutes: 15,
            horizon_days: 60,
            longest_minutes: 12 * 60,
            shortest_minutes: 15,
            buffer_minutes: 0,
            cancel_minutes: 0,
            hold_minutes: 10,
            offer_minutes: 60,
            approval: Approval::None,
            approval_minutes: 24 * 60,
        }
    }
}

/// What a worker reserves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Its id.
    pub id: SpaceId,
    /// Its centre.
    pub centre: CentreId,
    /// Desk, booth or room.
    pub kind: SpaceKind,
    /// What stands on its sign, and what the kiosk says: `A-01`.
    pub label: String,
    /// The area it stands in.
    pub zone: LocalText,
    /// The thin-client terminal on it, if any.
    pub terminal: Option<DeviceId>,
    /// What it offers.
    #[serde(default)]
    pub features: Features,
    /// Spaces of one row whose labels follow each other are neighbours.
    #[serde(default)]
    pub row: u32,
}

/// What sort of space it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceKind {
    /// 席
    Desk,
    /// ブース
    Booth,
    /// 会議室
    Room,
}

/// A nursery tied to a centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nursery {
    /// Its id.
    pub id: NurseryId,
    /// The centre it belongs to.
    pub centre: CentreId,
    /// Its name on screen.
    pub name: LocalText,
    /// How many children at once, whatever their ages (staffing rules come later).
    pub places: u32,
    /// Minutes on foot from the centre's door; 0 is the same building.
    pub walking_minutes: u32,
}

/// A door of a centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// The device that moves its lock.
    pub device: DeviceId,
    /// Its name on screen.
    pub name: LocalText,
    /// How long it stays unlocked after a tap, in seconds.
    pub unlock_seconds: u32,
}

/// A day that a country keeps as a holiday.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// The day, in the country's own calendar day.
    pub date: NaiveDate,
    /// Its name.
    pub name: LocalText,
    /// Where the date was taken from.
    pub source: String,
}
