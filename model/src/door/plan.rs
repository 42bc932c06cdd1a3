//! What is written down of a door, and what it means at a moment.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::state::Limits;
use crate::id::{BadSlug, DeviceId, NurseryId, Slug};
use crate::opening::{DayKind, local};

/// The most readers of one door.
pub const MOST_READERS: usize = 8;
/// The most stretches of one list.
pub const MOST_WINDOWS: usize = 50;
/// The levels that a card can have: an identifier, a shared key, a key of its own.
pub const LEVELS: std::ops::RangeInclusive<u8> = 1..=3;
/// Whoever comes in this long before a first-in stretch begins has come in for it.
pub const FIRST_IN_AHEAD: TimeDelta = TimeDelta::minutes(60);
/// Where two persons are asked for, the second comes within this time of the first.
pub const TWO_PERSONS_WITHIN: TimeDelta = TimeDelta::seconds(30);
/// Who came in and was not seen to go out is forgotten after this long, or with a new day.
pub const PASSBACK_FOR: TimeDelta = TimeDelta::hours(12);

/// What lies behind a door, in a word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Zone {
    /// `house`: where everybody may go who is let into the centre.
    #[default]
    House,
    /// `nursery`: its staff, and guardians of a child that is due or in care.
    Nursery,
    /// Any other word: the staff alone.
    Other(Slug),
}

impl Zone {
    /// The word itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::House => "house",
            Self::Nursery => "nursery",
            Self::Other(word) => word.as_str(),
        }
    }
}

impl FromStr for Zone {
    type Err = BadSlug;
    fn from_str(text: &str) -> Result<Self, BadSlug> {
        match text {
            "house" => Ok(Self::House),
            "nursery" => Ok(Self::Nursery),
            other => other.parse().map(Self::Other),
        }
    }
}

impl TryFrom<String> for Zone {
    type Error = BadSlug;
    fn try_from(text: String) -> Result<Self, BadSlug> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.as_str().to_owned()
    }
}

/// What a door is, beside its lock and its name. Everything may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DoorPlan {
    /// What its lock does without current; nothing where nobody has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wiring: Option<Wiring>,
    /// What lies behind it.
    pub zone: Zone,
    /// Whose nursery lies behind it, where a centre has more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nursery: Option<NurseryId>,
    /// Its readers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<DoorReader>,
    /// How long its leaf may stand open, in seconds.
    pub held_seconds: u32,
    /// How long its leaf may stand open once the lock is locked again, in seconds: the bolt is out and holds
    /// nothing.
    pub ajar_seconds: u32,
    /// Whether a button inside opens it, that the site hears of.
    pub exit_button: bool,
    /// Whether a handle or bar inside opens it without the site hearing of it. Nobody can tell then whether
    /// it was forced.
    pub free_handle: bool,
    /// When it stands unlocked for everybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unlocks: Vec<Unlocks>,
    /// When more than any card is asked of whoever comes in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub demands: Vec<Demand>,
    /// What is done about whoever comes in twice and has not gone out.
    pub passback: Passback,
    /// When it takes two who are entitled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub two_persons: Vec<Window>,
}

impl Default for DoorPlan {
    fn default() -> Self {
        Self {
            wiring: None,
            zone: Zone::default(),
            nursery: None,
            readers: Vec::new(),
            held_seconds: 30,
            ajar_seconds: 10,
            exit_button: false,
            free_handle: false,
            unlocks: Vec::new(),
            demands: Vec::new(),
            passback: Passback::Off,
            two_persons: Vec::new(),
        }
    }
}

/// What a lock does without current: a fact of its wiring that no program changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wiring {
    /// It opens. A power cut, or the fire panel that cuts its current, lets everybody out and in.
    FailSafe,
    /// It stays locked from outside. The way out has to be by a handle or bar, and firefighters need a key.
    FailSecure,
}

impl Wiring {
    /// Its word, in JSON and in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FailSafe => "fail_safe",
            Self::FailSecure => "fail_secure",
        }
    }
}

/// A reader at a door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorReader {
    /// The device.
    pub device: DeviceId,
    /// Where it is.
    pub side: Side,
}

/// A side of a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Whoever taps here wants to come in.
    Outside,
    /// Whoever taps here wants to go out.
    Inside,
}

/// What is done about whoever comes in twice and has not gone out between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passback {
    /// Nothing.
    #[default]
    Off,
    /// They are let in, and it is recorded.
    Soft,
    /// They are refused.
    Hard,
}

/// A stretch of some days of the week, by the centre's own clock. What goes on over midnight is two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// On which days. A holiday is no weekday.
    pub days: Vec<DayKind>,
    /// From so many minutes after midnight on.
    pub from: u32,
    /// Until so many minutes after midnight; 1440 is the end of the day.
    pub to: u32,
}

/// When a door stands unlocked for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlocks {
    /// When.
    #[serde(flatten)]
    pub when: Window,
    /// It waits until somebody who is entitled has come in.
    #[serde(default)]
    pub first_in: bool,
}

/// What more is asked of whoever comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// When.
    #[serde(flatten)]
    pub when: Window,
    /// The least level that the card must have, of [`LEVELS`].
    pub level: u8,
    /// Whether their PIN is asked for too.
    #[serde(default)]
    pub pin: bool,
}

/// What a door asks of whoever comes in at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The least level of the card; 0 where any will do.
    pub level: u8,
    /// Their PIN too.
    pub pin: bool,
    /// Two of them.
    pub two_persons: bool,
}

/// By which days and hours are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The zone of the centre's clock.
    pub zone: Tz,
    /// The holidays.
    pub holidays: BTreeSet<NaiveDate>,
}

impl Window {
    /// When the stretch that holds `now` began; nothing outside of it.
    #[must_use]
    pub fn began(&self, calendar: &Calendar, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let date = now.with_timezone(&calendar.zone).date_naive();
        if !self.days.contains(&calendar.kind_of(date)) {
            return None;
        }
        let (from, to) =
            (local(date, self.from, calendar.zone)?, local(date, self.to, calendar.zone)?);
        (from <= now && now < to).then_some(from)
    }

    /// Whether it is now.
    #[must_use]
    pub fn holds(&self, calendar: &Calendar, now: DateTime<Utc>) -> bool {
        self.began(calendar, now).is_some()
    }

    /// Whether it was at any time between two times of the same day.
    #[must_use]
    pub fn held_between(
        &self,
        calendar: &Calendar,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> bool {
        let date = to.with_timezone(&calendar.zone).date_naive();
        let at = |minutes| local(date, minutes, calendar.zone);
        self.days.contains(&calendar.kind_of(date))
            && at(self.from).is_some_and(|begins| begins <= to)
            && at(self.to).is_some_and(|ends| from < ends)
    }

    fn meets(&self, other: &Self) -> bool {
        let a_day = self.days.iter().any(|day| other.days.contains(day));
        a_day && self.from < other.to && other.from < self.to
    }

    fn is_sound(&self) -> bool {
        let (few, whole) = (self.days.len() <= 8, self.to <= 24 * 60);
        !self.days.is_empty() && few && self.from < self.to && whole
    }
}

impl Calendar {
    /// What kind of day it is.
    #[must_use]
    pub fn kind_of(&self, date: NaiveDate) -> DayKind {
        use chrono::Datelike as _;
        if self.holidays.contains(&date) {
            DayKind::Holiday
        } else {
            DayKind::Weekday(date.weekday())
        }
    }

    /// Whether two times are of the same day.
    #[must_use]
    pub fn same_day(&self, one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
        let day = |time: DateTime<Utc>| time.with_timezone(&self.zone).date_naive();
        day(one) == day(other)
    }
}

/// Why a door cannot be as somebody wants it. A number is the place in its list, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPlan {
    /// Too many readers.
    #[error("a door has at most {MOST_READERS} readers")]
    Readers,
    /// A reader stands there twice.
    #[error("readers {0}: {1} stands there twice")]
    ReaderTwice(usize, DeviceId),
    /// Too short or too long.
    #[error("held_seconds is from 5 to 3600")]
    Held,
    /// Too short or too long.
    #[error("ajar_seconds is from 3 to 600")]
    Ajar,
    /// A list is too long.
    #[error("{0} has at most {MOST_WINDOWS} entries")]
    TooMany(&'static str),
    /// A stretch is none.
    #[error(
        "{0} {1}: it names at least one day, and begins before it ends, at 24:00 at the latest"
    )]
    Window(&'static str, usize),
    /// No such level.
    #[error("demands {0}: level is 1, 2 or 3")]
    Level(usize),
    /// A demand that every card fulfils.
    #[error("demands {0}: it asks for nothing: a higher level than 1, or a PIN")]
    AsksNothing(usize),
    /// At a kiosk a card proves its level and a booking code its PIN, and nothing both.
    #[error(
        "demands {0}: a higher level and a PIN at the same hour need a reader outside, for no kiosk can ask for both: add one, or ask for one of the two"
    )]
    BothAtKiosk(usize),
    /// Nobody could ever be seen to go out.
    #[error("passback needs a reader outside and one inside")]
    PassbackOneWay,
    /// Nobody could tap.
    #[error("two_persons needs a reader outside")]
    NobodyTaps,
    /// A nursery behind the door of another zone.
    #[error("nursery goes with the zone 'nursery' alone")]
    NurseryElsewhere,
    /// Whoever is inside could not get out.
    #[error(
        "a way out is missing: a door that fails secure has an exit_button, a free_handle or a reader inside"
    )]
    NoWayOut,
}

impl DoorPlan {
    /// Whether a door can be run by it.
    ///
    /// # Errors
    /// The first [`BadPlan`] found.
    pub fn check(&self) -> Result<(), BadPlan> {
        if self.readers.len() > MOST_READERS {
            return Err(BadPlan::Readers);
        }
        for (at, reader) in self.readers.iter().enumerate() {
            if self.readers.iter().take(at).any(|other| other.device == reader.device) {
                return Err(BadPlan::ReaderTwice(at + 1, reader.device.clone()));
            }
        }
        if !(5..=3600).contains(&self.held_seconds) {
            return Err(BadPlan::Held);
        }
        if !(3..=600).contains(&self.ajar_seconds) {
            return Err(BadPlan::Ajar);
        }
        sound("unlocks", self.unlocks.iter().map(|one| &one.when))?;
        sound("demands", self.demands.iter().map(|one| &one.when))?;
        sound("two_persons", self.two_persons.iter())?;
        for (at, demand) in self.demands.iter().enumerate() {
            if !LEVELS.contains(&demand.level) {
                return Err(BadPlan::Level(at + 1));
            }
            if demand.level == 1 && !demand.pin {
                return Err(BadPlan::AsksNothing(at + 1));
            }
        }
        let has = |side| self.readers.iter().any(|reader| reader.side == side);
        let both = self.demands.iter().position(|one| self.asks_both_with(one));
        if let Some(at) = both.filter(|_| self.zone == Zone::House && !has(Side::Outside)) {
            return Err(BadPlan::BothAtKiosk(at + 1));
        }
        if self.passback != Passback::Off && !(has(Side::Outside) && has(Side::Inside)) {
            return Err(BadPlan::PassbackOneWay);
        }
        if !self.two_persons.is_empty() && !has(Side::Outside) {
            return Err(BadPlan::NobodyTaps);
        }
        if self.nursery.is_some() && self.zone != Zone::Nursery {
            return Err(BadPlan::NurseryElsewhere);
        }
        let way_out = self.exit_button || self.free_handle || has(Side::Inside);
        if self.wiring == Some(Wiring::FailSecure) && !way_out {
            return Err(BadPlan::NoWayOut);
        }
        Ok(())
    }

    /// Whether at any hour of a demand for a PIN a higher level is asked for too, by the same or another one.
    fn asks_both_with(&self, demand: &Demand) -> bool {
        let mut higher = self.demands.iter().filter(|other| other.level > 1);
        demand.pin && higher.any(|other| other.when.meets(&demand.when))
    }

    /// Whether it stands unlocked at the time `now`. `came_in` says whether somebody entitled has come in
    /// since an instant.
    #[must_use]
    pub fn stands_unlocked(
        &self,
        calendar: &Calendar,
        now: DateTime<Utc>,
        came_in: impl Fn(DateTime<Utc>) -> bool,
    ) -> bool {
        self.unlocks.iter().any(|one| {
            one.when.began(calendar, now).is_some_and(|began| {
                !one.first_in || came_in(began.checked_sub_signed(FIRST_IN_AHEAD).unwrap_or(began))
            })
        })
    }

    /// What it asks of whoever comes in at the time `now`: of all that holds then the most. Where the time
    /// is not known, everything that it ever asks.
    #[must_use]
    pub fn asks(&self, calendar: Option<&Calendar>, now: DateTime<Utc>) -> Asked {
        let holds = |window: &Window| calendar.is_none_or(|by| window.holds(by, now));
        let demands = || self.demands.iter().filter(|demand| holds(&demand.when));
        Asked {
            level: demands().map(|demand| demand.level).max().unwrap_or_default(),
            pin: demands().any(|demand| demand.pin),
            two_persons: self.two_persons.iter().any(holds),
        }
    }

    /// How long what may last.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            held: TimeDelta::seconds(self.held_seconds.into()),
            ajar: TimeDelta::seconds(self.ajar_seconds.into()),
            free_handle: self.free_handle,
        }
    }
}

fn sound<'w>(list: &'static str, windows: impl Iterator<Item = &'w Window>) -> Result<(), BadPlan> {
    for (at, window) in windows.enumerate() {
        if at >= MOST_WINDOWS {
            return Err(BadPlan::TooMany(list));
        }
        if !window.is_sound() {
            return Err(BadPlan::Window(list, at + 1));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
