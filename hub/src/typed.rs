//! What people type: digits of any width, times and dates in the ways they are written.

use chrono::{Datelike as _, NaiveDate};

/// `text` with full-width digits and signs made plain, without spaces around it.
#[must_use]
pub fn plain(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| match c {
            '０'..='９' => {
                char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c)
            }
            '：' => ':',
            '／' => '/',
            '－' | '−' | 'ー' | '‐' => '-',
            _ => c,
        })
        .collect()
}

/// A number.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    plain(text).parse().ok()
}

/// Minutes after midnight of `9:30`, `0930`, `９時半`, `9時30分`; 24:00 is the end of the day.
#[must_use]
pub fn minutes(text: &str) -> Option<u32> {
    let text = plain(text).replace("時半", "時30").replace('分', "");
    let (hours, minutes) = match text.split_once([':', '時']) {
        Some((hours, "")) => (hours, "0"),
        Some((hours, rest)) => (hours, rest.split_once(':').map_or(rest, |(minutes, _)| minutes)),
        None if text.len() > 2 && text.is_char_boundary(text.len() - 2) => {
            text.split_at(text.len() - 2)
        }
        None => (text.as_str(), "0"),
    };
    let whole = |text: &str| text.parse::<u32>().ok().filter(|_| text.len() <= 2);
    let (hours, minutes) = (whole(hours)?, whole(minutes)?);
    (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
}

/// A date from 1900 to 9999: `2026-11-24`, `2026/11/24`, `2026年11月24日`.
#[must_use]
pub fn date(text: &str) -> Option<NaiveDate> {
    let text = plain(text).replace(['年', '月', '/', '.'], "-").replace('日', "");
    NaiveDate::parse_from_str(&text, "%Y-%m-%d")
        .ok()
        .filter(|day| (1900..=9999).contains(&day.year()))
}

/// Tenths of a degree of `37.5`, `３７．５`, `37,5`, `37` or `37.5度`.
#[must_use]
pub fn tenths(text: &str) -> Option<u16> {
    let text = plain(text).replace(['．', ',', '，'], ".").replace(['度', '℃'], "");
    let (whole, tenths) = text.split_once('.').unwrap_or((&text, "0"));
    let digits = |text: &str, most: usize| {
        let fits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| fits)
    };
    Some(digits(whole, 2)? * 10 + digits(tenths, 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_read_as_people_write_them() {
        for text in ["37.5", " ３７．５ ", "37,5", "37.5度", "３７.５℃"] {
            assert_eq!(tenths(text), Some(375), "{text}");
        }
        assert_eq!(tenths("38"), Some(380));
        for text in ["", ".", "37.", ".5", "37.55", "375", "-7.5", "37.5.1", "+7", "三十七"] {
            assert_eq!(tenths(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for text in ["9:30", "09:30", "0930", "930", "９：３０", "9時30分", "９時半", "09:30:00"]
        {
            assert_eq!(minutes(text), Some(570), "{text}");
        }
        assert_eq!(minutes("9"), Some(540));
        assert_eq!(minutes("9時"), Some(540));
        assert_eq!(minutes("24:00"), Some(1440));
        for text in ["", "25:00", "9:60", "24:01", "abc", "-1", "99999999999", "九時", "9:3O"] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        let expected = NaiveDate::from_ymd_opt(2026, 11, 4);
        for text in ["2026-11-04", "2026/11/4", "２０２６年１１月４日", " 2026.11.4 "] {
            assert_eq!(date(text), expected, "{text}");
        }
        for text in ["", "2026-13-01", "tomorrow", "2026-02-30"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
