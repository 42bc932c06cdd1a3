//! What the value of a foreign property means for what it measures.

use model::sensor::{Measure, Reading};
use wire::homie::Value;

const YES: [&str; 6] = ["open", "on", "active", "motion", "detected", "true"];
const NO: [&str; 7] = ["closed", "off", "inactive", "clear", "none", "idle", "false"];

/// The reading that a value gives; nothing where it is none of this measure, or none that a room
/// can have.
pub(super) fn reading(measure: Measure, value: &Value) -> Option<Reading> {
    match value {
        Value::Number(number) => measure.reading(*number),
        Value::Flag(flag) if measure.is_flag() => {
            Some(if *flag { Reading::YES } else { Reading::NO })
        }
        Value::Word(word) if measure.is_flag() => {
            if YES.contains(&word.as_str()) {
                Some(Reading::YES)
            } else {
                NO.contains(&word.as_str()).then_some(Reading::NO)
            }
        }
        Value::Flag(_) | Value::Word(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_the_measure_is_a_reading() {
        let word = |word: &str| Value::Word(word.to_owned());
        for (measure, value, wanted) in [
            (Measure::Co2, Value::Number(800.0), Some(8_000)),
            (Measure::Co2, Value::Number(-1.0), None),
            (Measure::Co2, Value::Flag(true), None),
            (Measure::Co2, word("800"), None),
            (Measure::Motion, Value::Flag(true), Some(10)),
            (Measure::Motion, word("detected"), Some(10)),
            (Measure::Motion, word("clear"), Some(0)),
            (Measure::Motion, word("perhaps"), None),
            (Measure::Contact, word("open"), Some(10)),
            (Measure::Contact, Value::Number(0.0), Some(0)),
            (Measure::Contact, Value::Number(7.0), None),
        ] {
            assert_eq!(reading(measure, &value), wanted.map(Reading), "{measure:?} {value:?}");
        }
    }
}
