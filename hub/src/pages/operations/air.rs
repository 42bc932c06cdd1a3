//! The air, noise and movement of a centre's places, and desks that look empty, in words.

use chrono_tz::Tz;
use model::air::AirWarning;
use model::sensor::{Measure, Reading, SensorPlace};
use twin::{AirView, Hint, ReadingView, View};

use super::doors;
use crate::pages::frame::Frame;
use crate::pages::words;

/// A place with sensors, as it is shown.
#[derive(PartialEq, Eq)]
pub(super) struct PlaceShown {
    pub name: String,
    pub warnings: Vec<&'static str>,
    pub readings: Vec<ReadingShown>,
}

/// A sensor's last word.
#[derive(PartialEq, Eq)]
pub(super) struct ReadingShown {
    pub what: &'static str,
    pub value: String,
    pub at: Option<String>,
    pub silent: bool,
}

/// The places of a view that have sensors.
pub(super) fn places(f: &Frame, view: &View, zone: Tz) -> Vec<PlaceShown> {
    let shown = |air: &AirView| PlaceShown {
        name: place_name(f, view, &air.place),
        warnings: air.warnings.iter().map(|(what, _)| warning_words(f, *what)).collect(),
        readings: air.readings.iter().map(|one| reading(f, one, zone)).collect(),
    };
    view.air.iter().map(shown).collect()
}

/// Where a sensor hangs.
pub(super) fn place_name(f: &Frame, view: &View, place: &SensorPlace) -> String {
    match place {
        SensorPlace::Zone { zone } => f.get(zone).to_owned(),
        SensorPlace::Space { space } => {
            let known = view.space(space);
            let label = known.map_or("?", |known| known.label.as_str());
            format!("{}{label}", f.say("席 ", "desk "))
        }
        SensorPlace::Door { door } => doors::name(f, view, door),
    }
}

fn reading(f: &Frame, one: &ReadingView, zone: Tz) -> ReadingShown {
    let value = match one.value {
        None => f.say("まだ値がありません", "no value yet").to_owned(),
        Some(value) => value_words(f, one.measures, value),
    };
    ReadingShown {
        what: measure_words(f, one.measures),
        value,
        at: one.at.map(|at| words::clock(at, zone)),
        silent: one.silent,
    }
}

/// A value with its unit.
pub(super) fn value_words(f: &Frame, measure: Measure, value: Reading) -> String {
    match measure {
        // That something moved is told, and that nothing does is not.
        Measure::Motion => f.say("最後に動きあり", "last seen").to_owned(),
        Measure::Contact if value == Reading::YES => f.say("開", "open").to_owned(),
        Measure::Contact => f.say("閉", "closed").to_owned(),
        other => format!("{value} {}", other.unit()),
    }
}

/// What is measured.
pub(super) fn measure_words(f: &Frame, measure: Measure) -> &'static str {
    match measure {
        Measure::Co2 => f.say("二酸化炭素", "CO2"),
        Measure::Temperature => f.say("室温", "Temperature"),
        Measure::Humidity => f.say("湿度", "Humidity"),
        Measure::Motion => f.say("人の動き", "Movement"),
        Measure::Noise => f.say("騒音", "Noise"),
        Measure::Contact => f.say("開閉", "Contact"),
    }
}

/// What is not as it should be, and what to do.
pub(super) fn warning_words(f: &Frame, what: AirWarning) -> &'static str {
    match what {
        AirWarning::StaleAir => f.say(
            "二酸化炭素が1,000ppmを超えています。換気してください",
            "CO2 above 1,000 ppm: open a window",
        ),
        AirWarning::TooCold => f.say("室温が18℃を下回っています", "Below 18 °C"),
        AirWarning::TooHot => f.say("室温が28℃を超えています", "Above 28 °C"),
        AirWarning::TooDry => f.say("湿度が40%を下回っています", "Humidity below 40 %"),
        AirWarning::TooHumid => f.say("湿度が70%を超えています", "Humidity above 70 %"),
        AirWarning::TooLoud => f.say(
            "10分以上、館のきまりより騒がしくなっています",
            "Louder than the house rule for ten minutes",
        ),
    }
}

/// A desk at which nobody was seen for long. Nothing is given free for it.
pub(super) fn hint_words(f: &Frame, hint: &Hint, zone: Tz) -> String {
    let (desk, since) = (&hint.label, words::clock(hint.since, zone));
    match (f.ja(), hint.checked_in) {
        (true, true) => format!("席 {desk}：利用中ですが、{since}から人の動きがありません"),
        (true, false) => format!("席 {desk}：予約がありますが、{since}から人の動きがありません"),
        (false, true) => format!("Desk {desk}: in use, but nobody seen since {since}"),
        (false, false) => format!("Desk {desk}: reserved, but nobody seen since {since}"),
    }
}
