//! How one nursery is staffed: which rules it is under, and its rooms.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::admission::{Admits, Room};
use super::rule_set::RuleSet;
use crate::id::{MunicipalityId, RoomId};
use crate::language::LocalText;

/// The most rooms of one nursery.
pub const MOST_ROOMS: usize = 20;

/// What a nursery's children are admitted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staffing {
    /// The rule sets it is under, by name: on a day that of them counts which began last.
    pub rule_sets: Vec<String>,
    /// The figure that admits.
    pub admits: Admits,
    /// Whether it is part of a larger nursery, whose staff is at hand.
    pub integrated: bool,
    /// Its main hours, on every day; all hours are where none are said.
    #[serde(default)]
    pub main_hours: Option<MainHours>,
    /// Its rooms, the one to fill first in front.
    pub rooms: Vec<CareRoom>,
}

/// The hours that a nursery calls its main ones, by its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MainHours {
    /// In minutes after midnight.
    pub from: u32,
    /// In minutes after midnight of the same day.
    pub until: u32,
}

/// A room of a nursery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CareRoom {
    /// Its id.
    pub id: RoomId,
    /// Its name on screen.
    pub name: LocalText,
    /// What it can hold.
    pub room: Room,
}

/// Why a nursery cannot be staffed as somebody wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStaffing {
    /// It is under no rules.
    #[error("a nursery is under at least one rule set")]
    NoRules,
    /// No room, or too many, or one twice.
    #[error("a nursery has from 1 to {MOST_ROOMS} rooms, each with an id of its own")]
    Rooms,
    /// They are none.
    #[error("the main hours end after they begin, on the same day")]
    MainHours,
    /// A room that no child could be in.
    #[error("a room has a floor, and its ages end after they begin")]
    Room,
}

impl Staffing {
    /// Whether a nursery can be run by it.
    ///
    /// # Errors
    /// The first [`BadStaffing`] found.
    pub fn check(&self) -> Result<(), BadStaffing> {
        if self.rule_sets.is_empty() {
            return Err(BadStaffing::NoRules);
        }
        if self.main_hours.is_some_and(|main| main.from >= main.until || main.until > 24 * 60) {
            return Err(BadStaffing::MainHours);
        }
        let twice = (1..self.rooms.len())
            .any(|at| self.rooms[..at].iter().any(|other| other.id == self.rooms[at].id));
        if !(1..=MOST_ROOMS).contains(&self.rooms.len()) || twice {
            return Err(BadStaffing::Rooms);
        }
        let bad = |room: &Room| {
            room.hundredths_m2 == 0
                || room.below_years.is_some_and(|below| below <= room.from_years)
        };
        if self.rooms.iter().any(|one| bad(&one.room)) {
            return Err(BadStaffing::Room);
        }
        Ok(())
    }

    /// The rules that count on the day `on` in `municipality`, if there are any.
    #[must_use]
    pub fn rules_on<'a>(
        &self,
        sets: &'a [RuleSet],
        on: NaiveDate,
        municipality: MunicipalityId,
    ) -> Option<&'a RuleSet> {
        let ours = sets.iter().filter(|set| self.rule_sets.contains(&set.name));
        ours.filter(|set| set.holds(on, municipality)).max_by_key(|set| set.from_day)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use uuid::Uuid;

    use super::super::rule_set::tests::licensed;
    use super::*;

    fn room(number: u128) -> CareRoom {
        CareRoom {
            id: RoomId(Uuid::from_u128(number)),
            name: LocalText::new("ひよこ", "Chicks"),
            room: Room { hundredths_m2: 2_000, from_years: 0, below_years: Some(3) },
        }
    }

    fn staffing(rule_sets: &[&str], rooms: Vec<CareRoom>) -> Staffing {
        let rule_sets = rule_sets.iter().map(|name| (*name).to_owned()).collect();
        Staffing { rule_sets, admits: Admits::Live, integrated: false, main_hours: None, rooms }
    }

    #[test]
    fn a_nursery_that_cannot_be_run_is_refused() {
        let bad = |staffing: Staffing| staffing.check().err();
        assert_eq!(bad(staffing(&["licensed"], vec![room(1), room(2)])), None);
        assert_eq!(bad(staffing(&[], vec![room(1)])), Some(BadStaffing::NoRules));
        assert_eq!(bad(staffing(&["licensed"], vec![])), Some(BadStaffing::Rooms));
        assert_eq!(bad(staffing(&["licensed"], vec![room(1), room(1)])), Some(BadStaffing::Rooms));
        for (from, until) in [(600, 600), (0, 1_441)] {
            let main_hours = Some(MainHours { from, until });
            let odd = Staffing { main_hours, ..staffing(&["licensed"], vec![room(1)]) };
            assert_eq!(bad(odd), Some(BadStaffing::MainHours));
        }
        let many = (0..=20).map(room).collect();
        assert_eq!(bad(staffing(&["licensed"], many)), Some(BadStaffing::Rooms));
        for (hundredths_m2, from_years, below_years) in [(0, 0, None), (100, 3, Some(3))] {
            let room =
                CareRoom { room: Room { hundredths_m2, from_years, below_years }, ..room(1) };
            assert_eq!(bad(staffing(&["licensed"], vec![room])), Some(BadStaffing::Room));
        }
    }

    #[test]
    fn the_rules_that_began_last_count() {
        let town = MunicipalityId(Uuid::nil());
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let set = |name: &str, from: &str| RuleSet {
            name: name.to_owned(),
            from_day: day(from),
            ..licensed()
        };
        let sets =
            [set("old", "1998-04-01"), set("new", "2024-04-01"), set("another", "2025-04-01")];
        let ours = staffing(&["new", "old"], vec![room(1)]);
        for (on, want) in [
            ("1998-03-31", None),
            ("1998-04-01", Some("old")),
            ("2024-03-31", Some("old")),
            ("2024-04-01", Some("new")),
            ("2026-04-01", Some("new")),
        ] {
            let found = ours.rules_on(&sets, day(on), town);
            assert_eq!(found.map(|set| set.name.as_str()), want, "{on}");
        }
    }
}
