//! Centres, their spaces, nurseries and doors.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::care::staffing::Staffing;
use crate::care::terms::Terms;
use crate::feature::Features;
use crate::id::{CentreId, DeviceId, MunicipalityId, NurseryId, Slug, SpaceId};
use crate::language::LocalText;
use crate::opening::OpeningRules;

pub use crate::door::Door;

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
    /// Counts up with every change of them, from 1.
    pub settings_version: u32,
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
    /// So many desks are kept for walk-ins; none where it is 0.
    pub walk_in_desks: u32,
    /// They are kept so many hours ahead.
    pub walk_in_hours: u32,
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

impl Approval {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::None, Self::Rooms, Self::All];

    /// Its word, in JSON and in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Rooms => "rooms",
            Self::All => "all",
        }
    }
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
            walk_in_desks: 0,
            walk_in_hours: 72,
        }
    }
}

/// A house rule that is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HouseRule {
    /// [`CentreSettings::grain_minutes`]
    GrainMinutes,
    /// [`CentreSettings::shortest_minutes`]
    ShortestMinutes,
    /// [`CentreSettings::longest_minutes`]
    LongestMinutes,
    /// [`CentreSettings::horizon_days`]
    HorizonDays,
    /// [`CentreSettings::buffer_minutes`]
    BufferMinutes,
    /// [`CentreSettings::early_minutes`]
    EarlyMinutes,
    /// [`CentreSettings::no_show_minutes`]
    NoShowMinutes,
    /// [`CentreSettings::cancel_minutes`]
    CancelMinutes,
    /// [`CentreSettings::hold_minutes`]
    HoldMinutes,
    /// [`CentreSettings::offer_minutes`]
    OfferMinutes,
    /// [`CentreSettings::approval_minutes`]
    ApprovalMinutes,
    /// [`CentreSettings::walk_in_desks`]
    WalkInDesks,
    /// [`CentreSettings::walk_in_hours`]
    WalkInHours,
}

impl HouseRule {
    /// Every one, in the order in which people read them.
    pub const ALL: [Self; 13] = [
        Self::GrainMinutes,
        Self::ShortestMinutes,
        Self::LongestMinutes,
        Self::HorizonDays,
        Self::BufferMinutes,
        Self::EarlyMinutes,
        Self::NoShowMinutes,
        Self::CancelMinutes,
        Self::HoldMinutes,
        Self::OfferMinutes,
        Self::ApprovalMinutes,
        Self::WalkInDesks,
        Self::WalkInHours,
    ];

    /// The name of its field, in JSON and in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GrainMinutes => "grain_minutes",
            Self::ShortestMinutes => "shortest_minutes",
            Self::LongestMinutes => "longest_minutes",
            Self::HorizonDays => "horizon_days",
            Self::BufferMinutes => "buffer_minutes",
            Self::EarlyMinutes => "early_minutes",
            Self::NoShowMinutes => "no_show_minutes",
            Self::CancelMinutes => "cancel_minutes",
            Self::HoldMinutes => "hold_minutes",
            Self::OfferMinutes => "offer_minutes",
            Self::ApprovalMinutes => "approval_minutes",
            Self::WalkInDesks => "walk_in_desks",
            Self::WalkInHours => "walk_in_hours",
        }
    }

    /// The least and the most that it may be.
    #[must_use]
    pub fn bounds(self) -> (u32, u32) {
        const DAY: u32 = 24 * 60;
        match self {
            Self::GrainMinutes => (5, 15),
            // No claim is longer than a week: every search for overlaps relies on it.
            Self::ShortestMinutes | Self::LongestMinutes => (5, 7 * DAY),
            Self::HorizonDays => (0, 730),
            Self::BufferMinutes | Self::EarlyMinutes => (0, 240),
            // Before a guest could have come, nobody has not come.
            // A guest whose desk was given free gets another from a full five minutes on, and has some to come.
            Self::NoShowMinutes => (10, DAY),
            Self::CancelMinutes => (0, 30 * DAY),
            Self::HoldMinutes => (1, DAY),
            Self::OfferMinutes => (1, 7 * DAY),
            Self::ApprovalMinutes => (1, 30 * DAY),
            Self::WalkInDesks => (0, 50),
            // No sheet says more of the days to come.
            Self::WalkInHours => (1, 72),
        }
    }

    fn of(self, settings: &mut CentreSettings) -> &mut u32 {
        match self {
            Self::GrainMinutes => &mut settings.grain_minutes,
            Self::ShortestMinutes => &mut settings.shortest_minutes,
            Self::LongestMinutes => &mut settings.longest_minutes,
            Self::HorizonDays => &mut settings.horizon_days,
            Self::BufferMinutes => &mut settings.buffer_minutes,
            Self::EarlyMinutes => &mut settings.early_minutes,
            Self::NoShowMinutes => &mut settings.no_show_minutes,
            Self::CancelMinutes => &mut settings.cancel_minutes,
            Self::HoldMinutes => &mut settings.hold_minutes,
            Self::OfferMinutes => &mut settings.offer_minutes,
            Self::ApprovalMinutes => &mut settings.approval_minutes,
            Self::WalkInDesks => &mut settings.walk_in_desks,
            Self::WalkInHours => &mut settings.walk_in_hours,
        }
    }
}

/// The grains that there are, in minutes.
pub const GRAINS: [u32; 3] = [5, 10, 15];

/// Why house rules cannot be as somebody wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// No such grain.
    #[error("grain_minutes is 5, 10 or 15")]
    Grain,
    /// Too small or too large.
    #[error("{} is from {} to {}", .0.as_str(), .0.bounds().0, .0.bounds().1)]
    Bounds(HouseRule),
    /// Nothing could be booked at all.
    #[error("shortest_minutes is not more than longest_minutes")]
    ShortestIsLonger,
}

impl BadSettings {
    /// The rule to look at.
    #[must_use]
    pub fn rule(self) -> HouseRule {
        match self {
            Self::Grain => HouseRule::GrainMinutes,
            Self::Bounds(rule) => rule,
            Self::ShortestIsLonger => HouseRule::ShortestMinutes,
        }
    }
}

impl CentreSettings {
    /// How much `rule` is.
    #[must_use]
    pub fn get(&self, rule: HouseRule) -> u32 {
        *rule.of(&mut self.clone())
    }

    /// The same with another number for `rule`.
    #[must_use]
    pub fn with(mut self, rule: HouseRule, number: u32) -> Self {
        *rule.of(&mut self) = number;
        self
    }

    /// Whether a centre can be run by them.
    ///
    /// # Errors
    /// The first [`BadSettings`] found.
    pub fn check(&self) -> Result<(), BadSettings> {
        if !GRAINS.contains(&self.grain_minutes) {
            return Err(BadSettings::Grain);
        }
        let outside = |rule: &HouseRule| {
            let (least, most) = rule.bounds();
            !(least..=most).contains(&self.get(*rule))
        };
        if let Some(rule) = HouseRule::ALL.into_iter().find(outside) {
            return Err(BadSettings::Bounds(rule));
        }
        if self.shortest_minutes > self.longest_minutes {
            return Err(BadSettings::ShortestIsLonger);
        }
        Ok(())
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
    /// How many children at once, whatever their ages.
    pub places: u32,
    /// Minutes on foot from the centre's door; 0 is the same building.
    pub walking_minutes: u32,
    /// What its children are admitted by besides; without it places alone count.
    #[serde(default)]
    pub staffing: Option<Staffing>,
    /// Its hours, its hand-over times, the schemes it offers.
    #[serde(default)]
    pub terms: Terms,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn house_rules_have_bounds() {
        let usual = CentreSettings::default();
        assert_eq!(usual.check(), Ok(()));
        for rule in HouseRule::ALL {
            let (least, most) = rule.bounds();
            let apart = |number| {
                // The longest and the shortest are not to stand in each other's way here.
                let wide = CentreSettings { shortest_minutes: 5, ..usual.clone() };
                let wide = if rule == HouseRule::ShortestMinutes {
                    wide.with(HouseRule::LongestMinutes, rule.bounds().1)
                } else {
                    wide
                };
                wide.with(rule, number).check()
            };
            assert_eq!(apart(least), Ok(()), "{rule:?}");
            assert_eq!(apart(most), Ok(()), "{rule:?}");
            let wrong = match rule {
                HouseRule::GrainMinutes => BadSettings::Grain,
                rule => BadSettings::Bounds(rule),
            };
            for number in [least.checked_sub(1), Some(most + 1), Some(u32::MAX)] {
                let Some(number) = number else { continue };
                assert_eq!(apart(number), Err(wrong), "{rule:?} {number}");
                assert_eq!(wrong.rule(), rule);
            }
        }
    }

    #[test]
    fn a_rule_is_named_as_its_field_is() {
        let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(CentreSettings::default())
        else {
            unreachable!("settings are an object")
        };
        let names: Vec<&str> = HouseRule::ALL.iter().map(|rule| rule.as_str()).collect();
        assert!(names.iter().all(|name| fields[*name].is_u64()), "{fields:?}");
        let numbers = fields.values().filter(|value| value.is_u64()).count();
        assert_eq!(numbers, names.len(), "a number without a rule: {fields:?}");
        for rule in HouseRule::ALL {
            let said = serde_json::to_value(rule).ok();
            assert_eq!(said, Some(serde_json::Value::from(rule.as_str())));
            let set = CentreSettings::default().with(rule, 77);
            assert_eq!(set.get(rule), 77);
            let changed = HouseRule::ALL.iter().filter(|one| set.get(**one) == 77).count();
            assert_eq!(changed, 1, "{rule:?}");
        }
    }

    #[test]
    fn what_goes_against_itself_is_told() {
        let usual = CentreSettings::default();
        for (grain, want) in [
            (0, Err(BadSettings::Grain)),
            (5, Ok(())),
            (7, Err(BadSettings::Grain)),
            (10, Ok(())),
            (15, Ok(())),
            (20, Err(BadSettings::Grain)),
        ] {
            assert_eq!(usual.clone().with(HouseRule::GrainMinutes, grain).check(), want);
        }
        let upside_down = CentreSettings { shortest_minutes: 60, longest_minutes: 45, ..usual };
        assert_eq!(upside_down.check(), Err(BadSettings::ShortestIsLonger));
        let bad = BadSettings::Bounds(HouseRule::HorizonDays);
        assert_eq!(bad.to_string(), "horizon_days is from 0 to 730");
    }
}
