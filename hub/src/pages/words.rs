//! Times, dates and counts as each language writes them.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use model::booking::BadWish;
use model::centre::Centre;
use model::feature::Feature;
use model::interval::Interval;
use model::language::Language;
use model::quota::{Measure, Over};

/// `11月24日（火）`, `Tue 24 Nov`.
#[must_use]
pub fn day(language: Language, date: NaiveDate) -> String {
    let weekday = weekday(language, date.weekday());
    match language {
        Language::Ja => format!("{}月{}日（{weekday}）", date.month(), date.day()),
        Language::En => format!("{weekday} {} {}", date.day(), date.format("%b")),
    }
}

/// `火`, `Tue`.
#[must_use]
pub fn weekday(language: Language, weekday: Weekday) -> &'static str {
    let names = match language {
        Language::Ja => ["月", "火", "水", "木", "金", "土", "日"],
        Language::En => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    };
    names[weekday.num_days_from_monday() as usize]
}

/// `2026年11月`, `Nov 2026`.
#[must_use]
pub fn month(language: Language, date: NaiveDate) -> String {
    match language {
        Language::Ja => format!("{}年{}月", date.year(), date.month()),
        Language::En => date.format("%b %Y").to_string(),
    }
}

/// `2023年5月10日`, `10 May 2023`.
#[must_use]
pub fn full_date(language: Language, date: NaiveDate) -> String {
    match language {
        Language::Ja => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        Language::En => date.format("%-d %b %Y").to_string(),
    }
}

/// `9:00`.
#[must_use]
pub fn clock(time: DateTime<Utc>, zone: Tz) -> String {
    let local = time.with_timezone(&zone);
    format!("{}:{:02}", local.hour(), local.minute())
}

/// `9:00:07`.
#[must_use]
pub fn clock_seconds(time: DateTime<Utc>, zone: Tz) -> String {
    let local = time.with_timezone(&zone);
    format!("{}:{:02}:{:02}", local.hour(), local.minute(), local.second())
}

/// `9:00〜16:30`, `9:00–16:30`; an end at midnight is 24:00.
#[must_use]
pub fn hours(language: Language, when: &Interval, zone: Tz) -> String {
    let (start, end) = (when.starts().with_timezone(&zone), when.ends().with_timezone(&zone));
    let same_day = start.date_naive() == end.date_naive();
    let ends = if !same_day && end.hour() == 0 && end.minute() == 0 {
        "24:00".to_owned()
    } else {
        clock(when.ends(), zone)
    };
    let dash = match language {
        Language::Ja => "〜",
        Language::En => "–",
    };
    format!("{}{dash}{ends}", clock(when.starts(), zone))
}

/// Day and hours of a stretch.
#[must_use]
pub fn day_and_hours(language: Language, when: &Interval, zone: Tz) -> String {
    let date = when.starts().with_timezone(&zone).date_naive();
    format!("{} {}", day(language, date), hours(language, when, zone))
}

/// Several stretches, shortened to the days where all have the same hours.
#[must_use]
pub fn stretches(language: Language, slots: &[Interval], zone: Tz) -> String {
    let Some(first) = slots.first() else { return String::new() };
    let same = slots.iter().all(|slot| hours(language, slot, zone) == hours(language, first, zone));
    let date = |slot: &Interval| slot.starts().with_timezone(&zone).date_naive();
    let comma = match language {
        Language::Ja => "、",
        Language::En => ", ",
    };
    if same {
        let days: Vec<String> = slots.iter().map(|slot| day(language, date(slot))).collect();
        format!("{} {}", days.join(comma), hours(language, first, zone))
    } else {
        let all: Vec<String> =
            slots.iter().map(|slot| day_and_hours(language, slot, zone)).collect();
        all.join(comma)
    }
}

/// `45分`, `2時間`, `2時間30分`.
#[must_use]
pub fn length(language: Language, minutes: i64) -> String {
    let (hours, rest) = (minutes / 60, minutes % 60);
    match (language, hours, rest) {
        (Language::Ja, 0, _) => format!("{rest}分"),
        (Language::Ja, _, 0) => format!("{hours}時間"),
        (Language::Ja, ..) => format!("{hours}時間{rest}分"),
        (Language::En, 0, _) => format!("{rest} min"),
        (Language::En, _, 0) => format!("{hours} h"),
        (Language::En, ..) => format!("{hours} h {rest} min"),
    }
}

/// How far away.
#[must_use]
pub fn distance(km: f64) -> String {
    if km < 10.0 { format!("{km:.1} km") } else { format!("{km:.0} km") }
}

/// What a desk may have.
#[must_use]
pub fn feature(language: Language, feature: Feature) -> &'static str {
    let (ja, en) = match feature {
        Feature::Monitor => ("外部モニター", "External monitor"),
        Feature::Standing => ("昇降デスク", "Standing desk"),
        Feature::Wheelchair => ("車いす対応", "Wheelchair access"),
        Feature::Quiet => ("静かな席", "Quiet area"),
        Feature::NearNursery => ("保育室の近く", "Near the nursery"),
        Feature::ThinClient => ("シンクライアント端末", "Thin client"),
    };
    match language {
        Language::Ja => ja,
        Language::En => en,
    }
}

/// Which quota a wish goes over, and how much of it is left.
#[must_use]
pub fn over(language: Language, over: &Over) -> String {
    let (most, left) = (over.quota.most, over.left);
    match (language, over.quota.measure) {
        (Language::Ja, Measure::MinutesAMonth) => format!(
            "{}月は{}までです。あと{}使えます",
            over.on.month(),
            length(language, most.into()),
            length(language, left.into())
        ),
        (Language::Ja, Measure::DaysAWeek) => {
            format!("{}からの週は{most}日までです。あと{left}日使えます", day(language, over.on))
        }
        (Language::Ja, Measure::AtOnce) => {
            format!("同時に予約できるのは{most}席までです。あと{left}席使えます")
        }
        (Language::En, Measure::MinutesAMonth) => format!(
            "At most {} in {}; {} are left",
            length(language, most.into()),
            over.on.format("%B"),
            length(language, left.into())
        ),
        (Language::En, Measure::DaysAWeek) => format!(
            "At most {most} days in the week of {}; {left} are left",
            day(language, over.on)
        ),
        (Language::En, Measure::AtOnce) => {
            format!("At most {most} desks at the same time; {left} are left")
        }
    }
}

/// Why a wish goes against the rules of the house, and what would not.
#[must_use]
pub fn bad_wish(language: Language, bad: &BadWish, centre: &Centre) -> String {
    let ja = language == Language::Ja;
    match bad {
        BadWish::Nothing if ja => {
            "席か保育をひとつ以上選び、終わりを始まりより後にしてください".into()
        }
        BadWish::Nothing => "Ask for at least one desk or child, ending after it begins".into(),
        BadWish::TooMuch if ja => "一度に予約できるのは31日・10席・10人までです".into(),
        BadWish::TooMuch => "One booking holds at most 31 days, 10 desks and 10 children".into(),
        BadWish::PinnedMany if ja => "席を指定できるのは1席のときだけです".into(),
        BadWish::PinnedMany => "A particular desk can only be picked for one desk".into(),
        BadWish::Twice if ja => "同じ時間か同じ子どもが2回入っています".into(),
        BadWish::Twice => "The same time or child stands in it twice".into(),
        BadWish::OffGrain { minutes } if ja => format!("時間は{minutes}分きざみで選んでください"),
        BadWish::OffGrain { minutes } => format!("Times go by {minutes} minutes here"),
        BadWish::Past if ja => "もう始まっている時間です".into(),
        BadWish::Past => "That time has already begun".into(),
        BadWish::TooFarAhead { last_day } if ja => {
            format!("予約できるのは{}までです", day(language, *last_day))
        }
        BadWish::TooFarAhead { last_day } => {
            format!("Bookings are taken up to {}", day(language, *last_day))
        }
        BadWish::TooLong { minutes } if ja => {
            format!("続けて使えるのは{}までです", length(language, (*minutes).into()))
        }
        BadWish::TooLong { minutes } => {
            format!("One stretch is at most {}", length(language, (*minutes).into()))
        }
        BadWish::TooShort { minutes } if ja => {
            format!("ひと続きは{}からです", length(language, (*minutes).into()))
        }
        BadWish::TooShort { minutes } => {
            format!("One stretch is at least {}", length(language, (*minutes).into()))
        }
        BadWish::NotOpen { day: date, open } => {
            let hours: Vec<String> =
                open.iter().map(|open| hours(language, open, centre.time_zone)).collect();
            match (ja, hours.is_empty()) {
                (true, true) => format!("{}は休みです", day(language, *date)),
                (true, false) => {
                    format!("{}に開いているのは{}です", day(language, *date), hours.join("、"))
                }
                (false, true) => format!("Closed on {}", day(language, *date)),
                (false, false) => format!("Open {} on {}", hours.join(", "), day(language, *date)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;

    use super::*;

    #[test]
    fn a_stretch_reads_as_people_say_it() {
        let when = |from: &str, to: &str| {
            Interval::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
        };
        let day = when("2026-11-24T00:00:00Z", "2026-11-24T07:30:00Z");
        assert_eq!(day_and_hours(Language::Ja, &day, Tokyo), "11月24日（火） 9:00〜16:30");
        assert_eq!(day_and_hours(Language::En, &day, Tokyo), "Tue 24 Nov 9:00–16:30");
        let late = when("2026-11-24T12:00:00Z", "2026-11-24T15:00:00Z");
        assert_eq!(hours(Language::Ja, &late, Tokyo), "21:00〜24:00");
        let next = when("2026-11-25T00:00:00Z", "2026-11-25T07:30:00Z");
        assert_eq!(
            stretches(Language::Ja, &[day, next], Tokyo),
            "11月24日（火）、11月25日（水） 9:00〜16:30"
        );
        assert_eq!(length(Language::Ja, 150), "2時間30分");
    }
}
