//! What is typed at the screens: temperatures, and digits of any width.

use model::care::day::TEMPERATURES;

/// The longest temperature that a field takes, in characters.
pub const LONGEST_TEMPERATURE: usize = 8;

/// The longest PIN, in digits.
pub const LONGEST_PIN: usize = 8;

/// A temperature in tenths of a degree Celsius, as thermometers show it and people type it: `36.5`, `365`, `36`,
/// `３６．５`, `36,5℃`; nothing where it is no child's.
#[must_use]
pub fn temperature(text: &str) -> Option<u16> {
    let text = plain(text);
    let text = text.trim_end_matches(['度', '℃', 'C', 'c', '°', ' ']);
    let whole = |text: &str| -> Option<u16> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let tenths = match text.split_once('.') {
        Some((degrees, tenths)) if tenths.len() == 1 => {
            whole(degrees)?.checked_mul(10)?.checked_add(whole(tenths)?)?
        }
        Some((degrees, "")) => whole(degrees)?.checked_mul(10)?,
        Some(_) => return None,
        None if text.len() == 3 => whole(text)?,
        None => whole(text)?.checked_mul(10)?,
    };
    TEMPERATURES.contains(&tenths).then_some(tenths)
}

/// The digits of a PIN, of any width; anything else is left out.
#[must_use]
pub fn digits(text: &str) -> String {
    plain(text).chars().filter(char::is_ascii_digit).take(LONGEST_PIN).collect()
}

fn plain(text: &str) -> String {
    let one = |c: char| match c {
        '０'..='９' => {
            char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c)
        }
        '．' | '。' | '，' | '、' | ',' | '・' => '.',
        _ => c,
    };
    text.trim().chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperatures_are_read_as_they_are_written() {
        for text in ["36.5", "365", "３６．５", " 36,5 ", "36.5℃", "３６.５度", "36.5 °C"]
        {
            assert_eq!(temperature(text), Some(365), "{text}");
        }
        assert_eq!(temperature("37"), Some(370));
        assert_eq!(temperature("37."), Some(370));
        assert_eq!(temperature("34.0"), Some(340));
        assert_eq!(temperature("42"), Some(420));
    }

    #[test]
    fn what_is_no_child_s_temperature_is_none() {
        for text in [
            "",
            ".",
            "25",
            "42.1",
            "33.9",
            "abc",
            "36.55",
            "3.65",
            "-36.5",
            "+36.5",
            "36.-5",
            "99999999",
            "36.5.1",
            "三十七",
            "36\u{0}",
            "1e2",
            "٣٦",
        ] {
            assert_eq!(temperature(text), None, "{text}");
        }
    }

    #[test]
    fn a_pin_keeps_its_digits() {
        assert_eq!(digits("２4-6８ x"), "2468");
        assert_eq!(digits("123456789"), "12345678");
    }
}
