//! The form that asks for desks and care: as it is shown, and as it was typed.

use chrono::{DateTime, NaiveDate, Timelike as _, Utc};
use chrono_tz::Tz;
use model::care::age;
use model::child::Child;
use model::id::{CentreId, ChildId};
use model::interval::Interval;

use super::fields::Fields;
use super::frame::{Frame, encode};
use super::like::{FeatureChoice, Like};
use crate::service::atlas::Atlas;
use crate::service::search::{Near, Query, When};
use crate::typed;

/// How many more days the form has room for.
const MORE_DAYS: usize = 4;
/// The most desks the form offers.
const MOST_DESKS: u32 = 6;
/// The most children a stranger can ask about.
const MOST_CHILDREN: u32 = 4;

/// One choice of a list.
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub name: String,
    /// Whether it is taken now.
    pub chosen: bool,
}

/// A child that can be taken along.
pub struct Kid {
    /// Its id.
    pub id: ChildId,
    /// Its name.
    pub name: String,
    /// Its age in years on the first day.
    pub age: u32,
    /// Whether it is taken along.
    pub chosen: bool,
}

/// The form as it is shown.
pub struct WishForm {
    /// The first day, as typed or proposed.
    pub date: String,
    /// The other days.
    pub more: Vec<String>,
    /// Whether any other day is filled in.
    pub has_more: bool,
    /// The start.
    pub from: String,
    /// The end.
    pub to: String,
    /// The centres to be near to.
    pub near: Vec<Choice>,
    /// How many desks.
    pub desks: Vec<Choice>,
    /// The caller's own children.
    pub kids: Vec<Kid>,
    /// For strangers: how many children.
    pub count: Vec<Choice>,
    /// What the desks may be asked to have.
    pub features: Vec<FeatureChoice>,
    /// Whether several desks are to stand side by side.
    pub together: bool,
    /// Whether anything of that is chosen.
    pub has_features: bool,
    /// The earliest day.
    pub today: String,
    /// What is wrong with the days.
    pub date_error: Option<&'static str>,
    /// What is wrong with the times.
    pub time_error: Option<&'static str>,
}

/// What was asked for, once it can be read.
pub struct Wanted {
    /// The days.
    pub days: Vec<NaiveDate>,
    /// The start, minutes after midnight.
    pub from: u32,
    /// The end, minutes after midnight.
    pub to: u32,
    /// The centre to be near to.
    pub near: Option<CentreId>,
    /// Desks.
    pub desks: u32,
    /// What they are to be like.
    pub like: Like,
    /// The caller's children.
    pub children: Vec<ChildId>,
    /// How many children: the caller's, or a stranger's number.
    pub count: u32,
}

impl Wanted {
    /// As search takes it.
    #[must_use]
    pub fn query(&self) -> Query {
        Query {
            desks: self.desks,
            children: self.count,
            kids: self.children.clone(),
            required: self.like.required,
            wanted: self.like.wanted,
            together: self.like.together,
            near: self.near.map(Near::Centre),
            ..Query::at(When::Days { days: self.days.clone(), from: self.from, to: self.to })
        }
    }

    /// The address of the same search on other days.
    #[must_use]
    pub fn href_on(&self, days: &[NaiveDate], atlas: &Atlas) -> String {
        let near = self.near.and_then(|near| atlas.centre(near)).map(|centre| centre.slug.as_str());
        href(days, (self.from, self.to), (self.desks, self.like), &self.children, self.count, near)
    }
}

/// The address of a search for these stretches.
#[must_use]
pub fn href_of(
    slots: &[Interval],
    zone: Tz,
    desks: u32,
    like: Like,
    children: &[ChildId],
) -> String {
    let Some(first) = slots.first() else { return "/".to_owned() };
    let days: Vec<NaiveDate> =
        slots.iter().map(|slot| slot.starts().with_timezone(&zone).date_naive()).collect();
    let minute = |time: DateTime<Utc>| minute_of_day(time, zone);
    let times = (minute(first.starts()), minute(first.ends()));
    href(&days, times, (desks, like), children, 0, None)
}

fn href(
    days: &[NaiveDate],
    (from, to): (u32, u32),
    (desks, like): (u32, Like),
    children: &[ChildId],
    count: u32,
    near: Option<&str>,
) -> String {
    let mut pairs: Vec<String> = days.iter().map(|day| format!("date={day}")).collect();
    pairs.push(format!("from={}", encode(&input_time(from))));
    pairs.push(format!("to={}", encode(&input_time(to))));
    pairs.push(format!("desks={desks}"));
    pairs.extend(near.map(|near| format!("near={near}")));
    pairs.extend(like.fields().iter().map(|(name, value)| format!("{name}={value}")));
    pairs.extend(children.iter().map(|child| format!("child={child}")));
    if children.is_empty() && count > 0 {
        pairs.push(format!("children={count}"));
    }
    format!("/search?{}", pairs.join("&"))
}

/// The zone that days are told in where no centre is chosen: the region's.
#[must_use]
pub fn zone(atlas: &Atlas) -> Tz {
    atlas.centres.first().map_or(chrono_tz::Asia::Tokyo, |centre| centre.time_zone)
}

/// Reads the form, and makes it ready to be shown again as it was typed.
#[must_use]
pub fn read(
    f: &Frame,
    fields: &Fields,
    atlas: &Atlas,
    children: &[Child],
    now: DateTime<Utc>,
) -> (WishForm, Option<Wanted>) {
    let today = now.with_timezone(&zone(atlas)).date_naive();
    let typed_days: Vec<&str> = fields.all("date").take(1 + MORE_DAYS).collect();
    let mut days: Vec<NaiveDate> = typed_days.iter().filter_map(|text| typed::date(text)).collect();
    let date_error = if days.len() < typed_days.len() || days.is_empty() {
        Some(f.say("日にちは 2026-11-24 のように入れてください", "Give a date such as 2026-11-24"))
    } else if days.iter().any(|day| *day < today) {
        Some(f.say("過ぎた日は選べません", "That day has passed"))
    } else {
        None
    };
    days.sort();
    days.dedup();
    let from = typed::minutes(fields.get("from"));
    let to = typed::minutes(fields.get("to")).map(|to| if to == 0 { 24 * 60 } else { to });
    let time_error = match (from, to) {
        (Some(from), Some(to)) if from < to => None,
        (Some(_), Some(_)) => Some(f.say(
            "「まで」は「から」より後の時刻にしてください",
            "The end must be later than the start",
        )),
        _ => Some(f.say("時刻は 9:00 のように入れてください", "Give times such as 9:00")),
    };
    let count = typed::number(fields.get("children")).unwrap_or_default().min(MOST_CHILDREN);
    let picked: Vec<&str> = fields.all("child").collect();
    let chosen = |place: usize, child: &Child| {
        let by_id = picked.iter().any(|id| id.parse() == Ok(child.id));
        // Somebody who asked for two children before signing in is not asked again.
        by_id || (picked.is_empty() && usize::try_from(count).is_ok_and(|count| place < count))
    };
    let kids: Vec<Kid> = children
        .iter()
        .enumerate()
        .map(|(place, child)| Kid {
            id: child.id,
            name: child.particulars.name.clone(),
            age: age::years(child.particulars.born, *days.first().unwrap_or(&today)),
            chosen: chosen(place, child),
        })
        .collect();
    let own: Vec<ChildId> = kids.iter().filter(|kid| kid.chosen).map(|kid| kid.id).collect();
    let near = atlas.named(fields.get("near"));
    // An address that somebody has mistyped still finds desks.
    let like = Like::read(fields).unwrap_or_default();
    let least = u32::from(own.is_empty() && count == 0);
    let desks = typed::number(fields.get("desks")).unwrap_or(1).clamp(least, MOST_DESKS);
    let mut more: Vec<String> = typed_days.iter().skip(1).map(|text| (*text).to_owned()).collect();
    let has_more = !more.is_empty();
    more.resize(MORE_DAYS, String::new());
    let form = WishForm {
        date: match typed_days.first() {
            Some(text) => {
                typed::date(text).map_or_else(|| (*text).to_owned(), |day| day.to_string())
            }
            None => String::new(),
        },
        more,
        has_more,
        from: from.map_or_else(|| fields.get("from").to_owned(), input_time),
        to: to.map_or_else(|| fields.get("to").to_owned(), input_time),
        near: atlas
            .centres
            .iter()
            .map(|centre| Choice {
                value: centre.slug.to_string(),
                name: f.get(&centre.name).to_owned(),
                chosen: near.is_some_and(|near| near.id == centre.id),
            })
            .collect(),
        desks: numbers(u32::from(kids.is_empty()), MOST_DESKS, desks, |n| match n {
            0 => f.say("席はいらない（保育だけ）", "No desk, care only").to_owned(),
            1 => f.say("1席", "1 desk").to_owned(),
            n => format!("{n}{}", f.say("席", " desks")),
        }),
        count: numbers(0, MOST_CHILDREN, count, |n| match n {
            0 => f.say("預けない", "No children").to_owned(),
            1 => f.say("1人", "1 child").to_owned(),
            n => format!("{n}{}", f.say("人", " children")),
        }),
        features: like.choices(f),
        together: like.together,
        has_features: !like.is_empty(),
        kids,
        today: today.to_string(),
        date_error,
        time_error,
    };
    let (None, None, Some(from), Some(to)) = (date_error, time_error, from, to) else {
        return (form, None);
    };
    let own_count = u32::try_from(own.len()).unwrap_or(u32::MAX);
    let count = if f.name.is_none() { count } else { own_count };
    let near = near.map(|near| near.id);
    (form, Some(Wanted { days, from, to, near, desks, like, children: own, count }))
}

/// The fields of a proposed stretch, as if they had been typed.
#[must_use]
pub fn proposed(slot: &Interval, zone: Tz, near: Option<&str>) -> Fields {
    let day = slot.starts().with_timezone(&zone).date_naive();
    let ends_later = slot.ends().with_timezone(&zone).date_naive() > day;
    let to = if ends_later { 24 * 60 } else { minute_of_day(slot.ends(), zone) };
    let mut pairs = vec![
        ("date".to_owned(), day.to_string()),
        ("from".to_owned(), input_time(minute_of_day(slot.starts(), zone))),
        ("to".to_owned(), input_time(to)),
    ];
    pairs.extend(near.map(|near| ("near".to_owned(), near.to_owned())));
    pairs.into()
}

fn numbers(least: u32, most: u32, now: u32, name: impl Fn(u32) -> String) -> Vec<Choice> {
    (least..=most)
        .map(|n| Choice { value: n.to_string(), name: name(n), chosen: n == now })
        .collect()
}

fn minute_of_day(time: DateTime<Utc>, zone: Tz) -> u32 {
    let local = time.with_timezone(&zone);
    local.hour() * 60 + local.minute()
}

/// As a browser's time field takes it; the end of the day is 00:00 there.
fn input_time(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}
