//! The same booking again on other days: asked on one small page, answered day by day.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Datelike, Days, NaiveDate, Weekday};
use model::booking::{Booking, BookingStatus};
use model::centre::Centre;
use model::centre::SpaceKind;
use model::id::ChildId;
use model::permission::{Action, Target, may};
use model::series::{BadRule, MOST_DAYS, Rule};

use super::why_not;
use crate::pages::fields::{Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::like::Like;
use crate::pages::{html, search, words};
use crate::service::atlas::Atlas;
use crate::service::booking::{Booked, LONGEST_KEY, see, wish_of};
use crate::service::search::Instead;
use crate::service::series::{Came, Day, MOST_WAYS, Repeated, day_of, repeat_booking, way_for};
use crate::service::{Caller, Refused, secret};
use crate::typed;
use crate::web::Web;

/// So many weeks are proposed.
const WEEKS: u64 = 4;
const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Mon, "MO"),
    (Weekday::Tue, "TU"),
    (Weekday::Wed, "WE"),
    (Weekday::Thu, "TH"),
    (Weekday::Fri, "FR"),
    (Weekday::Sat, "SA"),
    (Weekday::Sun, "SU"),
];

#[derive(Template)]
#[template(path = "bookings/repeat.html")]
struct Page {
    f: Frame,
    id: String,
    now: String,
    centre: String,
    days: Vec<DayChoice>,
    until: String,
    earliest: String,
    each: bool,
    key: String,
    day_error: Option<&'static str>,
    until_error: Option<&'static str>,
    /// Why nothing was booked at all.
    problem: Option<(String, String)>,
}

struct DayChoice {
    value: &'static str,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "bookings/repeated.html")]
struct DayByDay {
    f: Frame,
    id: String,
    slug: String,
    centre: String,
    heading: String,
    lead: &'static str,
    made: bool,
    /// What is sent to book those days that are possible, where all were asked for.
    again: Option<Again>,
    rows: Vec<Row>,
    like: Vec<(&'static str, String)>,
    desks: u32,
}

struct Again {
    days: Vec<String>,
    until: String,
    key: String,
}

/// One day with what came of it.
struct Row {
    when: String,
    booking: Option<String>,
    /// There was room, and nothing was booked.
    could: bool,
    why: Option<String>,
    offer: Option<Offer>,
}

/// The nearest way out.
struct Offer {
    label: String,
    slots: Vec<String>,
    children: Vec<ChildId>,
    key: String,
}

/// Whether whoever asks can have more like this booking.
pub(super) fn can_repeat(caller: &Caller, booking: &Booking, centre: &Centre) -> bool {
    let own = caller.person.as_ref().is_some_and(|person| person.id == booking.person);
    let target = Target {
        municipality: Some(centre.municipality),
        centre: Some(centre.id),
        ..Target::of(booking.person)
    };
    own && may(&caller.actor, Action::BookDesk, &target)
        && booking.series.is_none()
        && matches!(booking.status, BookingStatus::Confirmed | BookingStatus::Asked)
        && wish_of(booking).slots.len() == 1
}

/// `/bookings/{id}/repeat`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (atlas, booking) = find(&web, &caller, &id).await?;
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    if !can_repeat(&caller, &booking, centre) {
        return Ok(to(&booking));
    }
    let form = Form { web: &web, atlas: &atlas, caller: &caller, booking: &booking };
    form.draw(None, None)
}

/// Books it, and says of each day what came of it.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (atlas, booking) = find(&web, &caller, &id).await?;
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    if !can_repeat(&caller, &booking, centre) {
        return Ok(to(&booking));
    }
    let form = Form { web: &web, atlas: &atlas, caller: &caller, booking: &booking };
    let Some(rule) = rule(&fields) else { return form.draw(Some(&fields), None) };
    let f = Frame::new(&caller, Part::Bookings);
    let each = fields.get("each") == "1";
    let key = Some(fields.get("key")).filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY);
    let key = key.map(str::to_owned);
    let rule = match rule {
        Ok(rule) => rule,
        Err(bad) => return form.draw(Some(&fields), Some(bad_rule(&f, bad))),
    };
    match repeat_booking(&web.hub, &atlas, &caller, &booking, rule, each, key).await? {
        Repeated::Days { made, days, .. } => {
            let told = Told { form: &form, centre, f, fields: &fields, each };
            told.page(made, days).await
        }
        Repeated::BadRule(bad) => form.draw(Some(&fields), Some(bad_rule(&f, bad))),
        Repeated::Not(not) => {
            let (_, title, lead) = why_not(&f, centre, &Booked::Not(not));
            form.draw(Some(&fields), Some((title.to_owned(), lead)))
        }
        Repeated::Before(before) => {
            Ok(Redirect::to(&format!("/bookings/{}/series", before.id)).into_response())
        }
        Repeated::KeyReused => {
            let (_, title, lead) = why_not(&f, centre, &Booked::KeyReused);
            form.draw(Some(&fields), Some((title.to_owned(), lead)))
        }
    }
}

async fn find(
    web: &Web,
    caller: &Caller,
    id: &str,
) -> Result<(std::sync::Arc<Atlas>, Booking), Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let booking = see(&web.hub, caller, id).await?;
    Ok((web.atlas().await?, booking))
}

fn to(booking: &Booking) -> Response {
    Redirect::to(&format!("/bookings/{}", booking.id)).into_response()
}

/// The rule that was asked for; none where the form does not say one.
fn rule(fields: &Fields) -> Option<Result<Rule, BadRule>> {
    let days = days(fields)?;
    let until = typed::date(fields.get("until"))?;
    let text = format!("FREQ=WEEKLY;BYDAY={};UNTIL={}", days.join(","), until.format("%Y%m%d"));
    Some(text.parse())
}

/// The days of the week that were ticked, in their order; none where there is none, or another word.
fn days(fields: &Fields) -> Option<Vec<&'static str>> {
    let ticked: Vec<&str> = fields.all("day").collect();
    let known = |day: &&str| WEEKDAYS.iter().any(|(_, name)| name == day);
    if ticked.is_empty() || !ticked.iter().all(known) {
        return None;
    }
    let names = WEEKDAYS.into_iter().map(|(_, name)| name);
    Some(names.filter(|name| ticked.contains(name)).collect())
}

fn bad_rule(f: &Frame, bad: BadRule) -> (String, String) {
    let lead = match bad {
        BadRule::TooMany if f.ja() => format!("一度に予約できるのは{MOST_DAYS}日までです。"),
        BadRule::TooMany => format!("One series holds at most {MOST_DAYS} days."),
        BadRule::NoDay => f
            .say("その日までに、選んだ曜日がありません。", "No such day lies before the last day.")
            .to_owned(),
        BadRule::Unreadable | BadRule::WithinTheDay | BadRule::Endless => {
            f.say("曜日と最後の日を選んでください。", "Choose days and a last day.").to_owned()
        }
    };
    (f.say("くり返しが決まりません", "That is no series").to_owned(), lead)
}

/// The form about one booking.
struct Form<'a> {
    web: &'a Web,
    atlas: &'a Atlas,
    caller: &'a Caller,
    booking: &'a Booking,
}

impl Form<'_> {
    fn draw(
        &self,
        typed: Option<&Fields>,
        problem: Option<(String, String)>,
    ) -> Result<Response, Refused> {
        let Self { web, atlas, caller, booking } = self;
        let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
        let f = Frame::new(caller, Part::Bookings);
        let wish = wish_of(booking);
        let slot = wish.slots.first().ok_or(Refused::NotFound)?;
        let day = day_of(slot, centre.time_zone);
        let ticked: Option<Vec<&str>> = typed.map(|fields| fields.all("day").collect());
        let choice = |(weekday, value): (Weekday, &'static str)| DayChoice {
            value,
            name: words::weekday(f.language(), weekday),
            chosen: match &ticked {
                Some(ticked) => ticked.contains(&value),
                None => weekday == day.weekday(),
            },
        };
        let proposed = day.checked_add_days(Days::new(7 * WEEKS)).unwrap_or(NaiveDate::MAX);
        let until = typed.map_or_else(|| proposed.to_string(), |it| it.get("until").to_owned());
        let day_error = typed.is_some_and(|fields| days(fields).is_none());
        let until_error = typed.is_some_and(|it| typed::date(it.get("until")).is_none());
        let wrong = problem.is_some() || day_error || until_error;
        let page = Page {
            id: booking.id.to_string(),
            now: words::day_and_hours(f.language(), slot, centre.time_zone),
            centre: f.get(&centre.name).to_owned(),
            days: WEEKDAYS.into_iter().map(choice).collect(),
            until,
            earliest: day.succ_opt().unwrap_or(day).to_string(),
            each: typed.is_some_and(|fields| fields.get("each") == "1"),
            key: secret::token(web.hub.random.as_ref())?,
            day_error: day_error.then(|| f.say("曜日を選んでください", "Choose a day of the week")),
            until_error: until_error.then(|| {
                f.say(
                    "日にちは 2026-11-24 のように入れてください",
                    "Give a date such as 2026-11-24",
                )
            }),
            problem,
            f,
        };
        let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        Ok(html(status, &page))
    }
}

/// What came of the days, to be told.
struct Told<'a> {
    form: &'a Form<'a>,
    centre: &'a Centre,
    f: Frame,
    fields: &'a Fields,
    each: bool,
}

impl Told<'_> {
    async fn page(self, made: bool, days: Vec<Day>) -> Result<Response, Refused> {
        let Form { web, booking, .. } = self.form;
        let wish = wish_of(booking);
        let key = secret::token(web.hub.random.as_ref())?;
        let booked = days.iter().filter(|day| matches!(day.came, Came::Booked(_))).count();
        let (all, mut ways) = (days.len(), 0);
        let mut rows = Vec::with_capacity(all);
        for (number, day) in days.into_iter().enumerate() {
            let mut row = self.row(&day, made);
            if row.why.is_some() && ways < MOST_WAYS {
                ways += 1;
                row.offer = self.way(&day, &format!("{key}.{number}")).await?;
            }
            rows.push(row);
        }
        let f = self.f;
        let heading = match (made, booked == all) {
            (true, true) if f.ja() => format!("{all}日分、全部とれました"),
            (true, true) => format!("All {all} days are booked"),
            (true, false) if f.ja() => format!("{all}日のうち{booked}日とれました"),
            (true, false) => format!("{booked} of {all} days are booked"),
            (false, _) => f.say("予約していません", "Nothing was booked").to_owned(),
        };
        let lead = match (made, booked == all) {
            (true, true) => f.say(
                "予約一覧で、1日ずつ変えたり取り消したりできます。",
                "Each can be changed or cancelled by itself under Bookings.",
            ),
            (true, false) => f.say(
                "とれなかった日は、理由と、あればいちばん近い空きを下に出しています。",
                "For the others, the reason stands below, with the nearest way out where there is one.",
            ),
            (false, _) => f.say(
                "全部の日がそろわないため、1日も予約していません。",
                "All days were asked for together, and some cannot be had.",
            ),
        };
        let again =
            (!made && !self.each && booked > 0 || rows.iter().any(|row| row.could)).then(|| {
                Again {
                    days: self.fields.all("day").map(str::to_owned).collect(),
                    until: self.fields.get("until").to_owned(),
                    key: format!("{key}.each"),
                }
            });
        let page = DayByDay {
            id: booking.id.to_string(),
            slug: self.centre.slug.to_string(),
            centre: f.get(&self.centre.name).to_owned(),
            heading,
            lead,
            made,
            again,
            rows,
            like: Like::of(&wish).fields(),
            desks: wish.desks,
            f,
        };
        let status = if made { StatusCode::CREATED } else { StatusCode::CONFLICT };
        Ok(html(status, &page))
    }

    fn row(&self, day: &Day, made: bool) -> Row {
        let f = &self.f;
        let no = match &day.came {
            Came::Booked(_) | Came::Unasked => None,
            Came::NoRoom(no_room) => Some(Booked::NoRoom(no_room.clone())),
            Came::Not(not) => Some(Booked::Not(not.clone())),
        };
        let why = no.map(|no| match why_not(f, self.centre, &no) {
            (_, title, _) if matches!(no, Booked::NoRoom(_)) => title.to_owned(),
            (_, title, lead) if lead.is_empty() => title.to_owned(),
            (_, _, lead) => lead,
        });
        Row {
            when: words::day_and_hours(f.language(), &day.slot, self.centre.time_zone),
            booking: match &day.came {
                Came::Booked(booking) if made => Some(booking.id.to_string()),
                _ => None,
            },
            could: !made && matches!(day.came, Came::Booked(_) | Came::Unasked),
            why,
            offer: None,
        }
    }

    async fn way(&self, day: &Day, key: &str) -> Result<Option<Offer>, Refused> {
        let Form { web, atlas, caller, booking } = self.form;
        let wish = wish_of(booking);
        let (f, zone) = (&self.f, self.centre.time_zone);
        // A form names no space: what it books is a desk.
        let picked = wish.pinned.and_then(|space| atlas.space(space));
        if picked.is_some_and(|space| space.kind != SpaceKind::Desk) {
            return Ok(None);
        }
        let instead = way_for(&web.hub, atlas, caller, &wish, day).await?;
        Ok(instead.map(|instead| {
            let (slots, children, label) = match instead {
                Instead::Shifted(slots) => {
                    let hours = slots.first().map(|slot| words::hours(f.language(), slot, zone));
                    let hours = hours.unwrap_or_default();
                    let label = if f.ja() {
                        format!("{hours}で予約する")
                    } else {
                        format!("Book {hours}")
                    };
                    (slots, wish.children.clone(), label)
                }
                Instead::DesksOnly(slots) => {
                    let label =
                        f.say("席だけ予約する（保育なし）", "Book the desk only, without care");
                    (slots, Vec::new(), label.to_owned())
                }
                Instead::AnotherDesk(slots) => {
                    let label = f.say("同じ時間の別の席を予約する", "Book another desk, same time");
                    (slots, wish.children.clone(), label.to_owned())
                }
            };
            let slots = slots.iter().map(search::slot_value).collect();
            Offer { label, slots, children, key: key.to_owned() }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_form_writes_makes_a_rule() {
        let fields = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Fields::from(pairs.iter().map(owned).collect::<Vec<_>>())
        };
        let until = ("until", "2026-12-24");
        let good = rule(&fields(&[("day", "TH"), ("day", "MO"), ("day", "TH"), until]));
        let text = good.and_then(Result::ok).map(|rule| rule.to_string());
        assert!(text.is_some_and(|text| text.contains("BYDAY=MO,TH;UNTIL=20261224")));
        for hostile in ["", "MO;COUNT=9999", "mo", "1MO", "月", "MO\r\nX"] {
            assert!(rule(&fields(&[("day", hostile), until])).is_none(), "{hostile}");
        }
        for hostile in ["", "soon", "2026-02-30", "20261224;COUNT=1", "-1"] {
            assert!(rule(&fields(&[("day", "MO"), ("until", hostile)])).is_none(), "{hostile}");
        }
    }
}
