//! Air, noise and who was seen: warnings that begin and end once, silence that is no evidence.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[expect(dead_code, reason = "the small centre is made for other tests too")]
mod common;

use chrono::TimeDelta;
use common::{at, booking, id, minute, person, sheet, space, visit};
use model::air::AirWarning;
use model::day_sheet::DaySheet;
use model::language::LocalText;
use model::sensor::{Measure, Reading, Sensor, SensorId, SensorPlace, SensorState};
use model::site_event::{Happening, SiteEvent};
use twin::{Fact, Twin};

fn by_the_window() -> SensorPlace {
    SensorPlace::Zone { zone: LocalText::new("窓側", "By the window") }
}

fn at_desk(number: u128) -> SensorPlace {
    SensorPlace::Space { space: space(number) }
}

fn sensor(device: &str, property: &str, measures: Measure, place: SensorPlace) -> Sensor {
    let id = SensorId { device: id(device), node: id("air"), property: id(property) };
    Sensor { id, measures, place, limit: None }
}

fn with(mut sheet: DaySheet, sensors: Vec<Sensor>) -> DaySheet {
    sheet.site.sensors = sensors;
    sheet
}

/// A site and its mirror, which hears of it by events alone.
struct House {
    site: Twin,
    mirror: Twin,
    events: Vec<SiteEvent>,
}

impl House {
    fn new(sheet: DaySheet) -> Self {
        let mut house = Self { site: Twin::new(), mirror: Twin::new(), events: Vec::new() };
        house.mirror.load_sheet(&sheet);
        house.decide(0, Fact::Started);
        house.decide(0, Fact::Sheet(Box::new(sheet)));
        house.events.clear();
        house
    }

    fn decide(&mut self, seconds: i64, fact: Fact) -> Vec<Happening> {
        let decision = self.site.decide(at(seconds), fact);
        for event in &decision.outcomes {
            // As it travels.
            let told = serde_json::to_string(event).unwrap();
            self.mirror.apply(&serde_json::from_str(&told).unwrap());
        }
        assert_eq!(self.mirror.snapshot(), self.site.snapshot());
        assert_eq!(self.mirror.state_hash(), self.site.state_hash());
        self.events.extend(decision.outcomes.iter().cloned());
        decision.outcomes.into_iter().map(|event| event.what).collect()
    }

    fn says(&mut self, seconds: i64, sensor: &Sensor, tenths: i32) -> Vec<Happening> {
        let sensed = Fact::Sensed { sensor: sensor.id.clone(), reading: Reading(tenths) };
        self.decide(seconds, sensed)
    }

    fn ticks(&mut self, seconds: i64) -> Vec<Happening> {
        self.decide(seconds, Fact::Tick)
    }
}

fn warned(happened: &[Happening]) -> Vec<(AirWarning, bool)> {
    let air = happened.iter().filter_map(|what| match what {
        Happening::Air { what, began, .. } => Some((*what, *began)),
        _ => None,
    });
    air.collect()
}

fn stands(happened: &[Happening]) -> Vec<SensorState> {
    let sensors = happened.iter().filter_map(|what| match what {
        Happening::Sensor { now, .. } => Some(*now),
        _ => None,
    });
    sensors.collect()
}

fn measured(happened: &[Happening]) -> Vec<i32> {
    let told = happened.iter().filter_map(|what| match what {
        Happening::Measured { value, .. } => Some(value.0),
        _ => None,
    });
    told.collect()
}

#[test]
fn air_that_wavers_around_its_limit_is_one_warning() {
    let co2 = sensor("air-1", "co2", Measure::Co2, by_the_window());
    let mut house = House::new(with(sheet(1, 0, vec![]), vec![co2.clone()]));
    assert!(warned(&house.says(1, &co2, 9_990)).is_empty());
    assert_eq!(warned(&house.says(2, &co2, 10_010)), [(AirWarning::StaleAir, true)]);
    for (second, tenths) in (3..).zip([9_990, 10_020, 9_500, 10_900, 9_010]) {
        assert!(warned(&house.says(second, &co2, tenths)).is_empty(), "{tenths}");
    }
    let view = house.mirror.view(minute(1));
    assert_eq!(view.air[0].warnings, [(AirWarning::StaleAir, at(2).now)]);
    assert_eq!(warned(&house.says(20, &co2, 9_000)), [(AirWarning::StaleAir, false)]);
    assert!(house.site.snapshot().air.is_empty());
}

#[test]
fn a_place_is_calm_once_all_its_sensors_are() {
    let one = sensor("air-1", "co2", Measure::Co2, by_the_window());
    let two = sensor("air-2", "co2", Measure::Co2, by_the_window());
    let far = sensor("air-3", "co2", Measure::Co2, at_desk(1));
    let sensors = vec![one.clone(), two.clone(), far.clone()];
    let mut house = House::new(with(sheet(1, 0, vec![]), sensors));
    assert_eq!(warned(&house.says(1, &one, 12_000)).len(), 1);
    assert!(warned(&house.says(2, &two, 12_000)).is_empty(), "one place, one warning");
    assert_eq!(warned(&house.says(3, &far, 12_000)).len(), 1, "another place, another warning");
    assert!(warned(&house.says(4, &one, 6_000)).is_empty());
    assert_eq!(warned(&house.says(5, &two, 6_000)), [(AirWarning::StaleAir, false)]);
    assert_eq!(house.site.snapshot().air.len(), 1);
}

#[test]
fn noise_has_to_last_ten_minutes_and_the_house_says_how_much_it_bears() {
    let mut noise = sensor("air-1", "noise", Measure::Noise, by_the_window());
    noise.limit = Some(Reading::whole(60));
    let mut house = House::new(with(sheet(1, 0, vec![]), vec![noise.clone()]));
    assert!(warned(&house.says(0, &noise, 590)).is_empty());
    for minutes in 1..=10 {
        assert!(warned(&house.says(minutes * 60, &noise, 650)).is_empty(), "{minutes}");
    }
    // A quiet moment begins it anew.
    assert!(warned(&house.says(645, &noise, 600)).is_empty());
    for minutes in 11..=20 {
        assert!(warned(&house.says(minutes * 60, &noise, 650)).is_empty(), "{minutes}");
    }
    assert_eq!(warned(&house.says(21 * 60, &noise, 650)), [(AirWarning::TooLoud, true)]);
    assert!(warned(&house.says(22 * 60, &noise, 580)).is_empty());
    assert_eq!(warned(&house.says(23 * 60, &noise, 570)), [(AirWarning::TooLoud, false)]);
}

#[test]
fn a_number_is_told_at_most_every_five_minutes() {
    let co2 = sensor("air-1", "co2", Measure::Co2, by_the_window());
    let mut house = House::new(with(sheet(1, 0, vec![]), vec![co2.clone()]));
    for second in 0..3_600 {
        house.says(second, &co2, 6_000 + i32::try_from(second).unwrap());
    }
    let told: Vec<_> = house
        .events
        .iter()
        .filter(|event| matches!(event.what, Happening::Measured { .. }))
        .map(|event| event.at)
        .collect();
    assert_eq!(told.len(), 12);
    assert!(told.windows(2).all(|pair| pair[1] - pair[0] >= TimeDelta::minutes(5)));
    assert!(
        house
            .site
            .snapshot()
            .recent
            .iter()
            .all(|event| { !matches!(event.what, Happening::Measured { .. }) })
    );
    // The site itself knows the newest.
    let newest = |twin: &Twin| twin.view(minute(60)).air[0].readings[0].value;
    assert_eq!(newest(&house.site), Some(Reading(9_599)));
    assert_eq!(newest(&house.mirror), Some(Reading(9_300)));
}

#[test]
fn a_silent_sensor_is_said_once_and_its_last_word_counts_no_more() {
    let co2 = sensor("air-1", "co2", Measure::Co2, by_the_window());
    let mut house = House::new(with(sheet(1, 0, vec![]), vec![co2.clone()]));
    assert_eq!(stands(&house.says(10, &co2, 12_000)), [SensorState::Heard]);
    assert!(stands(&house.ticks(10 + 14 * 60)).is_empty());
    assert_eq!(stands(&house.ticks(10 + 15 * 60)), [SensorState::Silent]);
    assert!(stands(&house.ticks(10 + 40 * 60)).is_empty());
    // That nobody says so does not make the air better.
    assert_eq!(house.site.snapshot().air.len(), 1);
    assert!(house.site.view(minute(41)).air[0].readings[0].silent);
    let back = house.says(50 * 60, &co2, 6_000);
    assert_eq!((stands(&back), warned(&back).len()), (vec![SensorState::Heard], 1));
    assert_eq!(measured(&back), [6_000]);
}

#[test]
fn a_sensor_that_was_never_heard_is_silent_too() {
    let motion = sensor("air-1", "motion", Measure::Motion, at_desk(1));
    let mut house = House::new(with(sheet(1, 0, vec![]), vec![motion.clone()]));
    assert!(stands(&house.ticks(1)).is_empty());
    assert_eq!(stands(&house.ticks(16 * 60)), [SensorState::Silent]);
    // Its device is there: that nothing moves needs no word.
    let there = Fact::ThingThere { device: id("air-1") };
    assert_eq!(stands(&house.decide(17 * 60, there)), [SensorState::Heard]);
}

#[test]
fn a_device_that_is_there_does_not_speak_for_a_number_that_stays_away() {
    let co2 = sensor("air-1", "co2", Measure::Co2, by_the_window());
    let mut house = House::new(with(sheet(1, 0, vec![]), vec![co2]));
    house.ticks(1);
    for minutes in 1..=15 {
        house.decide(minutes * 60, Fact::ThingThere { device: id("air-1") });
    }
    assert_eq!(stands(&house.ticks(16 * 60)), [SensorState::Silent]);
}

#[test]
fn what_the_sheet_has_no_more_is_forgotten_and_its_warnings_end() {
    let co2 = sensor("air-1", "co2", Measure::Co2, by_the_window());
    let mut house = House::new(with(sheet(1, 0, vec![]), vec![co2.clone()]));
    house.says(1, &co2, 12_000);
    let bare = sheet(1, 0, vec![]);
    house.mirror.load_sheet(&bare);
    house.decide(2, Fact::Sheet(Box::new(bare)));
    let happened = house.ticks(3);
    assert_eq!(stands(&happened), [SensorState::Gone]);
    assert_eq!(warned(&happened), [(AirWarning::StaleAir, false)]);
    let snapshot = house.site.snapshot();
    assert!(snapshot.sensors.is_empty() && snapshot.air.is_empty());
    assert!(house.says(4, &co2, 12_000).is_empty(), "it is nobody's any more");
}

#[test]
fn what_no_room_can_have_changes_nothing() {
    let co2 = sensor("air-1", "co2", Measure::Co2, by_the_window());
    let mut house = House::new(with(sheet(1, 0, vec![]), vec![co2.clone()]));
    for tenths in [i32::MIN, -1, 0, 1_999, 400_001, i32::MAX] {
        assert!(house.says(1, &co2, tenths).is_empty(), "{tenths}");
    }
    let other = sensor("air-9", "co2", Measure::Co2, by_the_window());
    assert!(house.says(2, &other, 6_000).is_empty());
}

/// Person 1 sits at desk 1 from minute 1 on, with a motion sensor at it.
fn seated() -> (House, Sensor) {
    let motion = sensor("eye-1", "motion", Measure::Motion, at_desk(1));
    let plan = sheet(1, 1, vec![booking(1, 1, &[(1, 0, 240)])]);
    let mut house = House::new(with(plan, vec![motion.clone()]));
    house.decide(
        60,
        Fact::Tap { reader: id("kiosk"), card: common::plain_card(1), visit: visit(1) },
    );
    assert_eq!(house.site.snapshot().visits[0].person, person(1));
    (house, motion)
}

/// The device is there every minute of these.
fn there(house: &mut House, minutes: std::ops::Range<i64>) {
    for minute in minutes {
        house.decide(minute * 60, Fact::ThingThere { device: id("eye-1") });
        house.ticks(minute * 60 + 1);
    }
}

#[test]
fn a_desk_where_nobody_was_seen_for_forty_minutes_is_a_hint_and_stays_theirs() {
    let (mut house, motion) = seated();
    there(&mut house, 1..10);
    house.says(10 * 60, &motion, 10);
    there(&mut house, 10..55);
    for twin in [&house.site, &house.mirror] {
        assert!(twin.view(minute(49)).hints.is_empty());
        let hints = twin.view(minute(50)).hints;
        assert_eq!(hints.len(), 1);
        assert_eq!((hints[0].space, hints[0].checked_in), (space(1), true));
        assert_eq!(hints[0].since, minute(10));
    }
    there(&mut house, 55..150);
    assert_eq!(house.site.snapshot().visits.len(), 1, "nothing is given free for a hint");
    house.says(150 * 60, &motion, 10);
    assert!(house.site.view(minute(151)).hints.is_empty());
}

#[test]
fn silence_is_no_evidence() {
    let (mut house, _) = seated();
    there(&mut house, 1..10);
    for minutes in 10..90 {
        house.ticks(minutes * 60);
    }
    assert!(house.site.view(minute(90)).hints.is_empty(), "the eye is shut");
    // It opens again: what it did not see before does not count.
    there(&mut house, 90..125);
    assert!(house.site.view(minute(125)).hints.is_empty());
    there(&mut house, 125..132);
    assert_eq!(house.site.view(minute(131)).hints.len(), 1);
}

#[test]
fn a_site_that_was_away_saw_nobody_and_says_nothing() {
    let (mut house, _) = seated();
    there(&mut house, 1..60);
    assert_eq!(house.site.view(minute(60)).hints.len(), 1);
    house.decide(60 * 60, Fact::Started);
    there(&mut house, 61..90);
    assert!(house.site.view(minute(90)).hints.is_empty());
    assert!(house.mirror.view(minute(90)).hints.is_empty());
}

#[test]
fn a_desk_without_an_eye_of_its_own_is_seen_by_its_area() {
    let motion = sensor("eye-1", "motion", Measure::Motion, by_the_window());
    let plan = sheet(2, 1, vec![booking(1, 1, &[(1, 0, 240)])]);
    let mut house = House::new(with(plan, vec![motion.clone()]));
    house.decide(
        60,
        Fact::Tap { reader: id("kiosk"), card: common::plain_card(1), visit: visit(1) },
    );
    there(&mut house, 1..60);
    let hints = house.site.view(minute(60)).hints;
    assert_eq!(hints.iter().map(|hint| hint.space).collect::<Vec<_>>(), [space(1)]);
    house.says(60 * 60, &motion, 10);
    assert!(house.site.view(minute(99)).hints.is_empty(), "somebody is in the area");
}

#[test]
fn a_snapshot_without_sensors_is_written_as_before() {
    let house = House::new(sheet(1, 1, vec![]));
    let written = serde_json::to_string(&house.site.snapshot()).unwrap();
    assert!(!written.contains("sensors") && !written.contains("\"air\""), "{written}");
}

#[test]
fn what_was_told_under_a_clock_that_was_ahead_holds_nothing_back() {
    let air = sensor("thing-1", "co2", Measure::Co2, by_the_window());
    let mut house = House::new(with(sheet(1, 1, Vec::new()), vec![air.clone()]));
    let told = |happened: &[Happening]| {
        happened.iter().any(|what| matches!(what, Happening::Measured { .. }))
    };
    let (sensor, measures, place) = (air.id.clone(), air.measures, air.place.clone());
    let what = Happening::Measured { sensor, measures, place, value: Reading(6_000) };
    let ahead = SiteEvent { at: minute(24 * 60), what };
    house.site.apply(&ahead);
    house.mirror.apply(&ahead);
    assert!(told(&house.says(60, &air, 6_100)));
    assert!(!told(&house.says(70, &air, 6_200)), "and then it is told now and then again");
}
