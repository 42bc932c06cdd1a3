#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use model::language::LocalText;
use model::sensor::{Measure, Reading, SensorPlace};

use super::*;

const AIR: &str = "y-air-1";

fn id(property: &str) -> SensorId {
    let part = |text: &str| text.parse::<Slug>().unwrap();
    SensorId { device: part(AIR), node: part("air"), property: part(property) }
}

fn sensor(property: &str, measures: Measure) -> Sensor {
    let place = SensorPlace::Zone { zone: LocalText::new("窓側", "By the window") };
    Sensor { id: id(property), measures, place, limit: None }
}

fn change(path: &str, value: &str, retained: bool) -> StateChange {
    let device = AIR.parse().unwrap();
    StateChange { device, path: path.to_owned(), value: value.to_owned(), retained }
}

const DESCRIBED: &str = r#"{"homie":"5.0","version":1,"nodes":{"air":{"properties":{
    "co2":{"datatype":"float","unit":"ppm"},"motion":{"datatype":"boolean"}}}}}"#;

fn state() -> State {
    let sensors = vec![sensor("co2", Measure::Co2), sensor("motion", Measure::Motion)];
    let mut state = State { sensors, ..State::default() };
    state.heard(&change(DESCRIPTION, DESCRIBED, true), Duration::ZERO);
    state.heard(&change(LIFECYCLE, READY, true), Duration::ZERO);
    state
}

fn says(state: &mut State, path: &str, value: &str) -> Option<Fact> {
    state.heard(&change(path, value, false), Duration::ZERO).0
}

#[test]
fn a_value_that_fits_is_told_to_the_centre() {
    let mut state = state();
    let told = says(&mut state, "air/co2", "812.4");
    assert_eq!(told, Some(Fact::Sensed { sensor: id("co2"), reading: Reading(8_124) }));
    let told = says(&mut state, "air/motion", "true");
    assert_eq!(told, Some(Fact::Sensed { sensor: id("motion"), reading: Reading::YES }));
}

#[test]
fn garbage_is_dropped_and_said_once() {
    let mut state = state();
    let long = "9".repeat(100_000);
    for garbage in
        ["", "NaN", "inf", "-inf", "1e999", "0", "-5", "65535", "abc", "\u{0}", "１２", &long]
    {
        assert_eq!(says(&mut state, "air/co2", garbage), None, "{garbage:.20}");
    }
    for path in [
        "air/co2/set",
        "air/co2/$target",
        "air",
        "air/CO2",
        "other/co2",
        "$log/warn",
        "$state/x",
        "//",
        "air//co2",
    ] {
        assert_eq!(says(&mut state, path, "812"), None, "{path}");
    }
    let thing = &state.things[&AIR.parse::<DeviceId>().unwrap()];
    assert_eq!(thing.said.len(), 1);
    assert!(thing.values.len() <= 2, "only what is wanted is kept");
    assert!(says(&mut state, "air/co2", "900").is_some(), "and what fits is heard again");
}

#[test]
fn a_flood_is_dropped_and_said_once_and_then_heard_again() {
    let mut state = state();
    let told = (0..10_000).filter(|_| says(&mut state, "air/co2", "700").is_some()).count();
    assert!(told < 100, "{told}");
    let thing = &state.things[&AIR.parse::<DeviceId>().unwrap()];
    assert!(thing.said.contains(&Trouble::TooMuch));
    let later = state.heard(&change("air/co2", "700", false), Duration::from_secs(60)).0;
    assert!(later.is_some());
    // That the device went away is heard in any flood.
    says(&mut state, LIFECYCLE, "lost");
    assert!(!state.things[&AIR.parse::<DeviceId>().unwrap()].ready);
}

#[test]
fn what_the_broker_kept_from_before_is_no_word_of_now() {
    let mut state = state();
    let (told, _) = state.heard(&change("air/co2", "1500", true), Duration::ZERO);
    assert_eq!(told, None);
    let raw = |state: &State| {
        let thing = &state.things[&AIR.parse::<DeviceId>().unwrap()];
        thing.values.get(&(id("co2").node, id("co2").property)).cloned()
    };
    assert_eq!(raw(&state).unwrap().turn, 0);
    assert!(says(&mut state, "air/co2", "1500").is_some());
    assert_eq!(raw(&state).unwrap().turn, 1);
    says(&mut state, LIFECYCLE, "lost");
    assert_eq!(raw(&state), None, "what it said before it was lost is forgotten");
}

#[test]
fn a_device_without_a_good_description_is_not_heard() {
    let mut state = state();
    for bad in ["{}", "null", "\u{0}", r#"{"homie":"4.0","version":1}"#, ""] {
        says(&mut state, DESCRIPTION, bad);
        assert_eq!(says(&mut state, "air/co2", "700"), None, "{bad}");
    }
    says(&mut state, DESCRIPTION, DESCRIBED);
    assert!(says(&mut state, "air/co2", "700").is_some());
    let other = r#"{"homie":"5.0","version":2,"nodes":{"air":{"properties":{
        "co2":{"datatype":"float","format":"0:600"}}}}}"#;
    says(&mut state, DESCRIPTION, other);
    assert_eq!(says(&mut state, "air/co2", "700"), None, "its own format binds it");
}
