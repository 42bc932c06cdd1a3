//! Times, dates and counts as each language writes them.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use model::booking::BadWish;
use model::care::duty::BadShift;
use model::care::intake::{Lack, Lacking};
use model::care::rule_set::kind_name;
use model::care::scheme::{Ahead, Cap, CapMeasure, CapOf, NotUnder, OverCap, Scheme};
use model::centre::{BadSettings, Centre, HouseRule};
use model::feature::Feature;
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::quota::{Measure, Over};

use crate::care::shift_table::BadShifts;

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

/// `11月24日（火） 9:00`, `Tue 24 Nov 9:00`.
#[must_use]
pub fn day_and_clock(language: Language, time: DateTime<Utc>, zone: Tz) -> String {
    let date = time.with_timezone(&zone).date_naive();
    format!("{} {}", day(language, date), clock(time, zone))
}

/// `9:00:07` of today, and `11月24日（火） 9:00:07` of any other day.
#[must_use]
pub fn moment(language: Language, time: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let [on, today] = [time, now].map(|time| time.with_timezone(&zone).date_naive());
    let clock = clock_seconds(time, zone);
    if on == today { clock } else { format!("{} {clock}", day(language, on)) }
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

/// Begin and end of a stretch that may go over days: `11月24日（火） 9:00〜11月26日（木） 12:00`.
#[must_use]
pub fn from_to(language: Language, when: &Interval, zone: Tz) -> String {
    let (start, end) = (when.starts().with_timezone(&zone), when.ends().with_timezone(&zone));
    let next = start.date_naive().succ_opt();
    let to_midnight = end.hour() == 0 && end.minute() == 0 && next == Some(end.date_naive());
    if start.date_naive() == end.date_naive() || to_midnight {
        return day_and_hours(language, when, zone);
    }
    let at = |time| day_and_clock(language, time, zone);
    let dash = match language {
        Language::Ja => "〜",
        Language::En => " – ",
    };
    format!("{}{dash}{}", at(when.starts()), at(when.ends()))
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

/// When care is, where it is not as long as what it goes with.
#[must_use]
pub fn care_hours(
    language: Language,
    slots: &[Interval],
    care: impl IntoIterator<Item = Interval>,
    zone: Tz,
) -> Option<String> {
    let mut care: Vec<Interval> = care.into_iter().collect();
    care.sort();
    care.dedup();
    let same = care.iter().all(|when| slots.contains(when));
    (!same).then(|| stretches(language, &care, zone))
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

/// What a nursery has too little of and what would help, the first three stretches:
/// `12月1日（火） 10:00〜12:00 保育者があと1人必要、有資格者があと1人必要`.
#[must_use]
pub fn lacks(language: Language, lacks: &[Lack], zone: Tz) -> String {
    const MOST_TOLD: usize = 3;
    let ja = language == Language::Ja;
    // By the number to roster and by that which must be there: to people it is one thing.
    let mut told: Vec<(Interval, Vec<String>)> = Vec::new();
    for lack in lacks {
        let what = lacking(language, &lack.what, lack.have, lack.need);
        match told.iter_mut().find(|(when, _)| *when == lack.when) {
            Some((_, known)) if known.contains(&what) => {}
            Some((_, known)) => known.push(what),
            None => told.push((lack.when, vec![what])),
        }
    }
    let more = told.len().saturating_sub(MOST_TOLD);
    let stretch = |(when, what): (Interval, Vec<String>)| {
        let when = day_and_hours(language, &when, zone);
        if ja {
            format!("{when} {}", what.join("、"))
        } else {
            format!("{when}: {}", what.join(", "))
        }
    };
    let mut told: Vec<String> = told.into_iter().take(MOST_TOLD).map(stretch).collect();
    if more > 0 {
        told.push(if ja { format!("ほか{more}件") } else { format!("and {more} more times") });
    }
    told.join(if ja { "／" } else { "; " })
}

/// The same of one, without its time.
#[must_use]
pub fn lacking(language: Language, what: &Lacking, have: u32, need: u32) -> String {
    let ja = language == Language::Ja;
    let more = need.saturating_sub(have);
    match (what, ja) {
        (Lacking::Rules, true) => "保育の規則がまだ決まっていません".to_owned(),
        (Lacking::Rules, false) => "no childcare rules are set yet".to_owned(),
        (Lacking::PlanStaff | Lacking::LiveStaff, true) => format!("保育者があと{more}人必要"),
        (Lacking::PlanStaff | Lacking::LiveStaff, false) => {
            format!("{more} more {} needed", caregivers(more))
        }
        (Lacking::Qualified, true) => format!("有資格者があと{more}人必要"),
        (Lacking::Qualified, false) => format!("{more} more qualified {} needed", caregivers(more)),
        (Lacking::Kind(kind), true) => format!("{}があと{more}人必要", kind_name(language, kind)),
        (Lacking::Kind(kind), false) => {
            format!("{more} more needed: {}", kind_name(language, kind))
        }
        (Lacking::Floor(room), true) => format!("{}の広さが足りません", room.ja),
        (Lacking::Floor(room), false) => format!("too little floor in {}", room.en),
        (Lacking::Group(room), true) => format!("{}は{}人まで", room.ja, have),
        (Lacking::Group(room), false) => format!("{} takes {}", room.en, have),
        (Lacking::Places, true) => format!("定員は{}人", have),
        (Lacking::Places, false) => format!("{} places in all", have),
    }
}

/// When a nursery is open on the days of care that it is shut for.
#[must_use]
pub fn nursery_open(language: Language, slot: &Interval, open: &[Interval], zone: Tz) -> String {
    let ja = language == Language::Ja;
    let day = day(language, slot.starts().with_timezone(&zone).date_naive());
    let hours: Vec<String> = open.iter().map(|open| hours(language, open, zone)).collect();
    match (hours.is_empty(), ja) {
        (true, true) => format!("{day}は、保育室がお休みです"),
        (true, false) => format!("The nursery is closed on {day}"),
        (false, true) => format!("{day}の保育室は{}です", hours.join("、")),
        (false, false) => format!("On {day} the nursery is open {}", hours.join(" and ")),
    }
}

/// Why no scheme of a nursery takes a child's care then:
/// `12月17日（木） 9:45〜13:15 一時預かり（江戸川区）：1回3時間までです`.
#[must_use]
pub fn not_under(
    language: Language,
    when: &Interval,
    why: Option<&(LocalText, NotUnder)>,
    zone: Tz,
) -> String {
    let (when, why) = (day_and_hours(language, when, zone), not_allowed(language, why));
    if language == Language::Ja { format!("{when} {why}") } else { format!("{when}: {why}") }
}

/// That a nursery goes by its places alone.
#[must_use]
pub fn not_staffed(language: Language) -> &'static str {
    match language {
        Language::Ja => "この保育室は人数だけで受け付けています。先に部屋と基準を登録してください",
        Language::En => {
            "The nursery goes by its places alone: it has to be told its rooms and rules first"
        }
    }
}

/// Why a table of shifts is not taken; row and column are named.
#[must_use]
pub fn bad_shifts(language: Language, bad: &BadShifts) -> String {
    if language == Language::En {
        return bad.to_string();
    }
    match bad {
        BadShifts::Table(row) => {
            format!(
                "{}行目の列の数が見出しと合わないか、文字が読めません（CSV UTF-8で保存してください）",
                row.line
            )
        }
        BadShifts::Column(name) => format!(
            "「{name}」の列がないか、知らない列か、2つあります。列は 日付・氏名・資格・開始・終了 で、休憩も入れられます"
        ),
        BadShifts::Cell { line, column, text, wanted } => {
            format!("{line}行目の「{column}」に入れられない内容です：「{text}」（{wanted}）")
        }
        BadShifts::Shift { line, why } => {
            let why = match why {
                BadShift::Long => "シフトは24時間までです",
                BadShift::BreakOutside => "休憩はシフトの時間の中に入れてください",
                BadShift::BreaksOverlap => "休憩が重なっています",
            };
            format!("{line}行目：{why}")
        }
        BadShifts::Empty => "表にシフトがありません".to_owned(),
        BadShifts::Overlap { line, caregiver, other } => {
            format!("{line}行目：{caregiver}さんの時間が{other}行目と重なっています")
        }
    }
}

/// That nothing is heard from a centre's site.
#[must_use]
pub fn site_silent(language: Language) -> &'static str {
    match language {
        Language::Ja => {
            "センターと連絡が取れないため、今日の保育は予約できません。明日からの保育か、ほかのセンターをおえらびください"
        }
        Language::En => {
            "The centre cannot be reached just now, so care for today cannot be booked: choose another centre, or tomorrow"
        }
    }
}

/// That a nursery talks with the guardians first.
#[must_use]
pub fn needs_interview(language: Language) -> &'static str {
    match language {
        Language::Ja => "はじめて預ける前に、保育室との面談があります",
        Language::En => "The nursery talks with you before the first day",
    }
}

/// When an interview is, where it is fixed for a later time: `面談は12月3日（木） 10:00です`.
#[must_use]
pub fn interview_fixed(language: Language, fixed: Option<DateTime<Utc>>, zone: Tz) -> String {
    let Some(fixed) = fixed else {
        return match language {
            Language::Ja => "お子さんのページで面談を申し込んでください。".to_owned(),
            Language::En => "Ask for an interview on your child's page.".to_owned(),
        };
    };
    let at = day_and_clock(language, fixed, zone);
    match language {
        Language::Ja => format!("面談は{at}です。それより後の時間を予約してください。"),
        Language::En => format!("Your interview is on {at}: book a time after it."),
    }
}

/// The same without the time: `こども誰でも通園制度：12月は、あと2時間30分です`.
#[must_use]
pub fn not_allowed(language: Language, why: Option<&(LocalText, NotUnder)>) -> String {
    let ja = language == Language::Ja;
    let Some((scheme, not)) = why else {
        return if ja {
            "この保育室では、その制度は使えません".to_owned()
        } else {
            "The nursery does not offer that scheme".to_owned()
        };
    };
    let what = match (not, ja) {
        (NotUnder::NeedsDesk, true) => "席といっしょの予約だけです".to_owned(),
        (NotUnder::NeedsDesk, false) => "only together with a desk".to_owned(),
        (NotUnder::TooYoung(months), true) => format!("生後{months}か月からです"),
        (NotUnder::TooYoung(months), false) => format!("from {months} months of age on"),
        (NotUnder::TooOld(years), true) => format!("{years}歳になる前までです"),
        (NotUnder::TooOld(years), false) => format!("for children below {years}"),
        (NotUnder::TooLong(most), true) => {
            format!("1回{}までです", length(language, (*most).into()))
        }
        (NotUnder::TooLong(most), false) => {
            format!("at most {} a visit", length(language, (*most).into()))
        }
        (NotUnder::NotYet(from), true) => format!("{}から予約できます", day(language, *from)),
        (NotUnder::NotYet(from), false) => {
            format!("can be booked from {} on", day(language, *from))
        }
        (NotUnder::Over(over), _) => over_cap(language, over),
    };
    if ja { format!("{}：{what}", scheme.ja) } else { format!("{}: {what}", scheme.en) }
}

fn over_cap(language: Language, over: &OverCap) -> String {
    let ja = language == Language::Ja;
    let month = month(language, over.month);
    let amount = |number| capped(language, &over.cap, number);
    let (most, left) = (amount(over.cap.most), amount(over.left));
    match (over.cap.whose, ja) {
        (CapOf::Child, true) => {
            format!("お子さま1人につき月{most}までで、{month}の残りは{left}です")
        }
        (CapOf::Child, false) => {
            format!("{most} a month for each child, and {left} left in {month}")
        }
        (CapOf::Household, true) => format!("1世帯につき月{most}までで、{month}の残りは{left}です"),
        (CapOf::Household, false) => {
            format!("{most} a month for a household, and {left} left in {month}")
        }
    }
}

/// What a scheme grants: for whom, how long a visit, how much a month, from when on it is booked.
#[must_use]
pub fn grants(language: Language, scheme: &Scheme) -> Vec<String> {
    let ja = language == Language::Ja;
    let mut grants = Vec::new();
    match (scheme.from_months, scheme.below_years, ja) {
        (0, None, _) => {}
        (0, Some(below), true) => grants.push(format!("{below}歳になる前まで")),
        (0, Some(below), false) => grants.push(format!("children below {below}")),
        (from, None, true) => grants.push(format!("生後{from}か月から")),
        (from, None, false) => grants.push(format!("from {from} months of age")),
        (from, Some(below), true) => {
            grants.push(format!("生後{from}か月から{below}歳になる前まで"))
        }
        (from, Some(below), false) => {
            grants.push(format!("from {from} months of age until below {below}"));
        }
    }
    grants.extend(scheme.longest_minutes.map(|most| {
        let most = length(language, most.into());
        if ja { format!("1回{most}まで") } else { format!("at most {most} a visit") }
    }));
    grants.extend(scheme.caps.iter().map(|cap| {
        let most = capped(language, cap, cap.most);
        match (cap.whose, ja) {
            (CapOf::Child, true) => format!("お子さま1人につき月{most}まで"),
            (CapOf::Child, false) => format!("{most} a month for each child"),
            (CapOf::Household, true) => format!("1世帯につき月{most}まで"),
            (CapOf::Household, false) => format!("{most} a month for a household"),
        }
    }));
    grants.extend(scheme.ahead.map(|ahead| match (ahead, ja) {
        (Ahead::Days(days), true) => format!("予約は{days}日前から"),
        (Ahead::Days(days), false) => format!("booked from {days} days before on"),
        (Ahead::Months(months), true) => format!("予約は{months}か月前の同じ日から"),
        (Ahead::Months(months), false) => format!("booked from {months} months before on"),
    }));
    if scheme.needs_desk {
        grants.push(if ja { "席の予約といっしょのとき" } else { "only with a desk" }.to_owned());
    }
    grants
}

/// So much of what a cap counts.
fn capped(language: Language, cap: &Cap, number: u32) -> String {
    let ja = language == Language::Ja;
    match (cap.measure, ja) {
        (CapMeasure::Minutes, _) => length(language, number.into()),
        (CapMeasure::HalfDays, true) => format!("{}日", halves(number)),
        (CapMeasure::HalfDays, false) if number == 2 => "1 day".to_owned(),
        (CapMeasure::HalfDays, false) => format!("{} days", halves(number)),
        (CapMeasure::Visits, true) => format!("{number}回"),
        (CapMeasure::Visits, false) if number == 1 => "1 visit".to_owned(),
        (CapMeasure::Visits, false) => format!("{number} visits"),
    }
}

/// Half days as days: `13.5`.
fn halves(number: u32) -> String {
    if number.is_multiple_of(2) { (number / 2).to_string() } else { format!("{}.5", number / 2) }
}

fn caregivers(count: u32) -> &'static str {
    if count == 1 { "caregiver" } else { "caregivers" }
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

/// What a quota holds back: `月に60時間まで`, `at most 60 h a month`.
#[must_use]
pub fn most(language: Language, measure: Measure, most: u32) -> String {
    match (language, measure) {
        (Language::Ja, Measure::MinutesAMonth) => {
            format!("月に{}まで", length(language, most.into()))
        }
        (Language::Ja, Measure::DaysAWeek) => format!("週に{most}日まで"),
        (Language::Ja, Measure::AtOnce) => format!("同時に{most}席まで"),
        (Language::En, Measure::MinutesAMonth) => {
            format!("at most {} a month", length(language, most.into()))
        }
        (Language::En, Measure::DaysAWeek) => format!("at most {most} days a week"),
        (Language::En, Measure::AtOnce) => format!("at most {most} desks at once"),
    }
}

/// What a house rule is called.
#[must_use]
pub fn house_rule(language: Language, rule: HouseRule) -> &'static str {
    let (ja, en) = match rule {
        HouseRule::GrainMinutes => ("予約のきざみ", "Times go by"),
        HouseRule::ShortestMinutes => ("いちばん短い予約", "Shortest stretch"),
        HouseRule::LongestMinutes => ("いちばん長い予約", "Longest stretch"),
        HouseRule::HorizonDays => ("何日先まで予約できるか", "Booked ahead by at most"),
        HouseRule::BufferMinutes => ("次の人までの間", "Between two guests of a desk"),
        HouseRule::EarlyMinutes => {
            ("入館できるのは開始の何分前から", "Check-in opens before the start")
        }
        HouseRule::NoShowMinutes => ("来ない席を開放するまで", "Desk given free after the start"),
        HouseRule::CancelMinutes => ("変更・取り消しの締め切り", "Changes end before the start"),
        HouseRule::HoldMinutes => ("確定を待つ時間", "A hold waits"),
        HouseRule::OfferMinutes => ("キャンセル待ちの人に取っておく時間", "Kept for who waits"),
        HouseRule::ApprovalMinutes => ("承認を待つ時間", "An approval is waited for"),
        HouseRule::WalkInDesks => ("飛び込み用に取っておく席", "Desks kept for walk-ins"),
        HouseRule::WalkInHours => ("何時間先まで取っておくか", "Kept ahead by"),
    };
    match language {
        Language::Ja => ja,
        Language::En => en,
    }
}

/// Why house rules cannot be so.
#[must_use]
pub fn bad_settings(language: Language, bad: BadSettings) -> String {
    let name = house_rule(language, bad.rule());
    match (language, bad) {
        (Language::Ja, BadSettings::Grain) => format!("「{name}」は5分、10分、15分のどれかです"),
        (Language::En, BadSettings::Grain) => format!("“{name}” is 5, 10 or 15 minutes"),
        (Language::Ja, BadSettings::Bounds(rule)) => {
            let (least, most) = rule.bounds();
            format!("「{name}」は{least}から{most}までの数で入れてください")
        }
        (Language::En, BadSettings::Bounds(rule)) => {
            let (least, most) = rule.bounds();
            format!("“{name}” is a number from {least} to {most}")
        }
        (Language::Ja, BadSettings::ShortestIsLonger) => {
            format!("「{name}」が、いちばん長い予約を超えています")
        }
        (Language::En, BadSettings::ShortestIsLonger) => {
            format!("“{name}” is more than the longest stretch")
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
        let at = |language| day_and_clock(language, day.starts(), Tokyo);
        assert_eq!(
            [Language::Ja, Language::En].map(at),
            ["11月24日（火） 9:00", "Tue 24 Nov 9:00"]
        );
        let late = when("2026-11-24T12:00:00Z", "2026-11-24T15:00:00Z");
        assert_eq!(hours(Language::Ja, &late, Tokyo), "21:00〜24:00");
        assert_eq!(from_to(Language::Ja, &late, Tokyo), "11月24日（火） 21:00〜24:00");
        let long = when("2026-11-24T00:00:00Z", "2026-11-26T03:00:00Z");
        assert_eq!(
            from_to(Language::Ja, &long, Tokyo),
            "11月24日（火） 9:00〜11月26日（木） 12:00"
        );
        assert_eq!(from_to(Language::En, &long, Tokyo), "Tue 24 Nov 9:00 – Thu 26 Nov 12:00");
        let next = when("2026-11-25T00:00:00Z", "2026-11-25T07:30:00Z");
        assert_eq!(
            stretches(Language::Ja, &[day, next], Tokyo),
            "11月24日（火）、11月25日（水） 9:00〜16:30"
        );
        assert_eq!(length(Language::Ja, 150), "2時間30分");
    }
}
