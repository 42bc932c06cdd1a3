//! A property's value, read by its datatype and format.

use super::{Datatype, Property};

/// The longest value that is read, in bytes.
const LONGEST: usize = 256;

/// A value that fits its property.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of an integer or a float; always finite.
    Number(f64),
    /// Of a boolean.
    Flag(bool),
    /// Of an enum, or of what else is text.
    Word(String),
}

/// Why a value does not fit its property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// It is longer than any value of ours.
    #[error("the value is too long")]
    TooLong,
    /// It is not written as the datatype asks.
    #[error("the value is not written as its datatype asks")]
    Form,
    /// It is none of those that the format allows.
    #[error("the value is none that the format allows")]
    Format,
}

impl Property {
    /// Reads a value of this property.
    ///
    /// # Errors
    /// [`BadValue`]: what does not fit is nothing that was said.
    pub fn value(&self, text: &str) -> Result<Value, BadValue> {
        if text.len() > LONGEST {
            return Err(BadValue::TooLong);
        }
        match self.datatype {
            Datatype::Integer => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(BadValue::Form);
                }
                let number: i64 = text.parse().map_err(|_| BadValue::Form)?;
                // Sensors stay far below where a whole number stops fitting.
                self.in_range(number as f64)
            }
            Datatype::Float => {
                // Rust reads "inf", "NaN" and "+1" too; the convention does not.
                let written = |byte: u8| byte.is_ascii_digit() || b"-.eE".contains(&byte);
                if !text.bytes().all(written) {
                    return Err(BadValue::Form);
                }
                let number: f64 = text.parse().map_err(|_| BadValue::Form)?;
                if !number.is_finite() {
                    return Err(BadValue::Form);
                }
                self.in_range(number)
            }
            Datatype::Boolean => match text {
                "true" => Ok(Value::Flag(true)),
                "false" => Ok(Value::Flag(false)),
                _ => Err(BadValue::Form),
            },
            Datatype::Enum => {
                if self.words().any(|word| word == text) {
                    Ok(Value::Word(text.to_owned()))
                } else {
                    Err(BadValue::Format)
                }
            }
            Datatype::String
            | Datatype::Color
            | Datatype::Datetime
            | Datatype::Duration
            | Datatype::Json => Ok(Value::Word(text.to_owned())),
        }
    }

    /// The words of an enum's format.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.format.as_deref().unwrap_or_default().split(',').filter(|word| !word.is_empty())
    }

    /// The format is `[least]:[most][:step]`; an end that is left out is open.
    fn in_range(&self, number: f64) -> Result<Value, BadValue> {
        let mut ends = self.format.as_deref().unwrap_or_default().split(':');
        let mut end = || match ends.next() {
            None | Some("") => Ok(None),
            Some(text) => text.parse::<f64>().map(Some).map_err(|_| BadValue::Format),
        };
        let (least, most) = (end()?, end()?);
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            return Err(BadValue::Format);
        }
        Ok(Value::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(datatype: Datatype, format: &str) -> Property {
        let format = (!format.is_empty()).then(|| format.to_owned());
        Property::told("x", datatype, format)
    }

    #[test]
    fn values_are_read_by_datatype_and_format() {
        let float = property(Datatype::Float, "0:5000");
        assert_eq!(float.value("612.5"), Ok(Value::Number(612.5)));
        assert_eq!(float.value("1e3"), Ok(Value::Number(1000.0)));
        assert_eq!(property(Datatype::Float, ":10").value("-3"), Ok(Value::Number(-3.0)));
        assert_eq!(property(Datatype::Float, "2:").value("9"), Ok(Value::Number(9.0)));
        assert_eq!(property(Datatype::Integer, "").value("-12"), Ok(Value::Number(-12.0)));
        assert_eq!(property(Datatype::Boolean, "").value("true"), Ok(Value::Flag(true)));
        let words = property(Datatype::Enum, "locked,unlocked");
        assert_eq!(words.value("locked"), Ok(Value::Word("locked".to_owned())));
    }

    #[test]
    fn what_does_not_fit_is_nothing_that_was_said() {
        let float = property(Datatype::Float, "0:5000");
        for garbage in [
            "", "-", "NaN", "nan", "inf", "-inf", "infinity", "1e999", "+1", " 1", "1 ", "1,5",
            "0x10", "１", "\u{0}", "--1", "1.2.3", "e",
        ] {
            assert_eq!(float.value(garbage), Err(BadValue::Form), "{garbage:?}");
        }
        assert_eq!(float.value("5000.1"), Err(BadValue::Format));
        assert_eq!(float.value("-0.1"), Err(BadValue::Format));
        assert_eq!(float.value(&"1".repeat(257)), Err(BadValue::TooLong));
        for garbage in ["", "-", "1.0", "+1", "99999999999999999999", "1e3", "²"] {
            assert_eq!(
                property(Datatype::Integer, "").value(garbage),
                Err(BadValue::Form),
                "{garbage:?}"
            );
        }
        for garbage in ["", "TRUE", "1", "yes", "true "] {
            assert_eq!(
                property(Datatype::Boolean, "").value(garbage),
                Err(BadValue::Form),
                "{garbage:?}"
            );
        }
        for garbage in ["", "Locked", "locked,unlocked", " locked"] {
            let words = property(Datatype::Enum, "locked,unlocked");
            assert_eq!(words.value(garbage), Err(BadValue::Format), "{garbage:?}");
        }
        assert_eq!(property(Datatype::Float, "a:b").value("1"), Err(BadValue::Format));
    }
}
