//! What a search found: centres that can take all of it, and the others with the reason.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::centre::Centre;
use model::id::ChildId;
use model::interval::Interval;
use model::permission::Action;

use super::fields::Asked;
use super::frame::{Frame, Part};
use super::like::Like;
use super::wish::{self, Wanted, WishForm};
use super::{html, index, words};
use crate::service::atlas::Atlas;
use crate::service::search::{Found, Instead, Other, Reason, Taker, Why, search};
use crate::service::{Caller, Refused, children, secret};
use crate::web::Web;

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    f: Frame,
    form: WishForm,
    said: Said,
    title: String,
    more: Option<String>,
    takers: Vec<TakerView>,
    others: Vec<OtherView>,
    other_day: Option<(String, String)>,
    may_book: bool,
    signed_in: bool,
    desks: u32,
    /// What the buttons carry along.
    like: Vec<(&'static str, String)>,
}

/// The question in one line.
struct Said {
    when: String,
    near: Option<String>,
    desks: String,
    children: Option<String>,
    like: Option<String>,
}

struct TakerView {
    slug: String,
    name: String,
    place: String,
    badges: Vec<String>,
    note: Option<String>,
    offer: Offer,
}

struct OtherView {
    slug: String,
    name: String,
    place: String,
    good: Option<&'static str>,
    why: String,
    offer: Option<Offer>,
}

/// A booking that one button makes.
struct Offer {
    slots: Vec<String>,
    children: Vec<ChildId>,
    /// The schemes that care can go under, where there is a choice: names and titles.
    schemes: Vec<(String, String)>,
    key: String,
    label: String,
    hint: String,
}

/// `/search`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(fields): Asked,
) -> Result<Response, Refused> {
    if fields.all("date").next().is_none() && fields.all("from").next().is_none() {
        return Ok(Redirect::to("/").into_response());
    }
    let hub = &web.hub;
    let atlas = web.atlas().await?;
    let f = Frame::new(&caller, Part::Search);
    let own = children::list_if_any(hub, &caller).await?;
    let (form, wanted) = wish::read(&f, &fields, &atlas, &own, hub.now());
    let Some(wanted) = wanted else {
        return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &index::Page { f, form }));
    };
    let found = search(hub, &atlas, &caller, &wanted.query()).await?;
    let key = secret::token(hub.random.as_ref())?;
    let may_book = caller.may_own(Action::BookDesk);
    let page = Draw { f: &f, atlas: &atlas, wanted: &wanted, key: &key };
    let page = Page {
        said: page.said(&form),
        title: page.title(&found),
        more: page.more(&found),
        takers: found.takers.iter().filter_map(|taker| page.taker(taker)).collect(),
        others: found.others.iter().filter_map(|other| page.other(other)).collect(),
        other_day: page.other_day(&found),
        may_book,
        signed_in: caller.person.is_some(),
        desks: wanted.desks,
        like: page.like().fields(),
        form,
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

struct Draw<'a> {
    f: &'a Frame,
    atlas: &'a Atlas,
    wanted: &'a Wanted,
    key: &'a str,
}

impl Draw<'_> {
    fn said(&self, form: &WishForm) -> Said {
        let (f, wanted) = (self.f, self.wanted);
        let zone = wish::zone(self.atlas);
        let slots = wanted.query().when.slots(zone).unwrap_or_default();
        let names: Vec<&str> =
            form.kids.iter().filter(|kid| kid.chosen).map(|kid| kid.name.as_str()).collect();
        let children = if names.is_empty() {
            (wanted.count > 0).then(|| count(f, wanted.count, "人", " child", " children"))
        } else {
            Some(names.join(f.say("、", ", ")))
        };
        Said {
            when: words::stretches(f.language(), &slots, zone),
            near: wanted
                .near
                .and_then(|near| self.atlas.centre(near))
                .map(|centre| format!("{}{}", f.get(&centre.name), f.say("の近く", " and nearby"))),
            desks: match wanted.desks {
                0 => f.say("保育だけ", "Care only").to_owned(),
                desks => count(f, desks, "席", " desk", " desks"),
            },
            children,
            like: self.like().said(f),
        }
    }

    /// What the desks are to be like, as it would be booked.
    fn like(&self) -> Like {
        let wanted = self.wanted;
        Like { together: wanted.like.together && wanted.desks > 1, ..wanted.like }
    }

    fn title(&self, found: &Found) -> String {
        let (f, with_care) = (self.f, self.wanted.count > 0);
        match (found.takers_in_all, with_care) {
            (0, true) => f.say("全部そろうところはありません", "Nowhere has all of it").to_owned(),
            (0, false) => f.say("空いているところはありません", "Nowhere has room").to_owned(),
            (1, true) if !f.ja() => "1 centre has all of it".to_owned(),
            (1, false) if !f.ja() => "1 centre has room".to_owned(),
            (n, true) => format!("{n}{}", f.say("か所で全部そろいます", " centres have all of it")),
            (n, false) => format!("{n}{}", f.say("か所で空いています", " centres have room")),
        }
    }

    /// That there are more than are shown.
    fn more(&self, found: &Found) -> Option<String> {
        let more = found.takers_in_all.checked_sub(found.takers.len()).filter(|more| *more > 0)?;
        Some(if self.f.ja() {
            format!("ほかに{more}か所あります。近くのセンターを選ぶと、近い順に出ます。")
        } else {
            format!(
                "There are {more} more. Choose a centre to be near to, and the nearest come first."
            )
        })
    }

    fn taker(&self, taker: &Taker) -> Option<TakerView> {
        let f = self.f;
        let centre = self.atlas.centre(taker.centre)?;
        let mut badges = Vec::new();
        if self.wanted.desks > 0 {
            badges.push(if f.ja() {
                format!("席 空き{}", taker.free_desks)
            } else {
                count(
                    f,
                    u32::try_from(taker.free_desks).unwrap_or(u32::MAX),
                    "",
                    " desk free",
                    " desks free",
                )
            });
        }
        let zone = centre.time_zone;
        let nursery = self.atlas.nursery(centre.id).filter(|_| self.wanted.count > 0);
        if let (Some(_), Some(places)) = (nursery, taker.free_care) {
            badges.push(if f.ja() {
                format!("保育 空き{places}")
            } else {
                count(
                    f,
                    u32::try_from(places).unwrap_or(u32::MAX),
                    "",
                    " care place free",
                    " care places free",
                )
            });
        }
        for reason in &taker.reasons {
            badges.extend(match reason {
                Reason::Nearest => Some(f.say("いちばん近い", "The nearest").to_owned()),
                Reason::Wanted => Some(f.say("希望の設備あり", "All you would like").to_owned()),
                // Both are to be read on the card already.
                Reason::NurseryInside | Reason::MostFree => None,
            });
        }
        let note = nursery.map(|nursery| {
            let name = f.get(&nursery.name);
            let way = match (nursery.walking_minutes, f.ja()) {
                (0, true) => format!("{name}は同じ建物にあります"),
                (0, false) => format!("{name} is in the same building"),
                (minutes, true) => format!("{name}まで歩いて{minutes}分"),
                (minutes, false) => format!("{name} is {minutes} min on foot"),
            };
            match words::care_hours(f.language(), &taker.slots, taker.care.iter().copied(), zone) {
                Some(hours) if f.ja() => format!("{way}。送り迎えを入れて、保育は{hours}"),
                Some(hours) => format!("{way}. With drop-off and pick-up, care is {hours}"),
                None => way,
            }
        });
        Some(TakerView {
            slug: centre.slug.to_string(),
            name: f.get(&centre.name).to_owned(),
            place: place(f, centre, taker.distance_km),
            badges,
            note,
            offer: Offer {
                schemes: self.schemes(taker),
                ..self.offer(
                    centre,
                    &taker.slots,
                    &self.wanted.children,
                    f.say("予約する", "Book").to_owned(),
                    self.holds(),
                )
            },
        })
    }

    fn other(&self, other: &Other) -> Option<OtherView> {
        let f = self.f;
        let centre = self.atlas.centre(other.centre)?;
        let zone = centre.time_zone;
        let care_is_short = matches!(
            other.why,
            Why::NoNursery
                | Why::NoRoomForAge
                | Why::NurseryShut(..)
                | Why::NotUnder(..)
                | Why::NeedsInterview
                | Why::SiteSilent(_)
                | Why::Care(..)
                | Why::CareShort(_)
        );
        let offer = other.instead.as_ref().map(|instead| match instead {
            Instead::Shifted(slots) => {
                let hours = slots.first().map(|slot| words::hours(f.language(), slot, zone));
                let hours = hours.unwrap_or_default();
                let label = if f.ja() {
                    format!("{hours}で予約する")
                } else {
                    format!("Book {hours}")
                };
                let hint =
                    f.say("同じ日で、いちばん近い時間です", "The nearest time of the same day");
                self.offer(centre, slots, &self.wanted.children, label, hint.to_owned())
            }
            Instead::DesksOnly(slots) => {
                let label = f.say("席だけ予約する", "Book the desk only").to_owned();
                let hint =
                    f.say("同じ時間です。保育は入りません", "At the same time, without care");
                self.offer(centre, slots, &[], label, hint.to_owned())
            }
            Instead::AnotherDesk(slots) => {
                let label = f.say("別の席を予約する", "Book another desk").to_owned();
                let hint = f.say("同じ時間です", "At the same time").to_owned();
                self.offer(centre, slots, &self.wanted.children, label, hint)
            }
        });
        Some(OtherView {
            slug: centre.slug.to_string(),
            name: f.get(&centre.name).to_owned(),
            place: place(f, centre, other.distance_km),
            good: (care_is_short && self.wanted.desks > 0)
                .then(|| f.say("席は空いています", "It has a free desk")),
            why: self.why(&other.why, centre),
            offer,
        })
    }

    fn why(&self, why: &Why, centre: &Centre) -> String {
        let f = self.f;
        let many = self.wanted.days.len() > 1;
        let on = |slot: &Interval| {
            let date = slot.starts().with_timezone(&centre.time_zone).date_naive();
            if many { format!("{}: ", words::day(f.language(), date)) } else { String::new() }
        };
        match why {
            Why::Rule(bad) => words::bad_wish(f.language(), bad, centre),
            Why::Desks(slot, 0) if !self.wanted.like.required.is_empty() => format!(
                "{}{}",
                on(slot),
                f.say("条件に合う席の空きがありません", "No desk of that kind is free")
            ),
            Why::Desks(slot, 0) => {
                format!("{}{}", on(slot), f.say("席が全部うまっています", "All desks are taken"))
            }
            Why::Desks(slot, free) => {
                let of_a_kind = !self.wanted.like.required.is_empty();
                let text = match (f.ja(), of_a_kind, free) {
                    (true, true, _) => format!("条件に合う空きは{free}席だけです"),
                    (true, false, _) => format!("空きは{free}席だけです"),
                    (false, true, 1) => "Only 1 desk of that kind is free".to_owned(),
                    (false, true, _) => format!("Only {free} desks of that kind are free"),
                    (false, false, 1) => "Only 1 desk is free".to_owned(),
                    (false, false, _) => format!("Only {free} desks are free"),
                };
                format!("{}{text}", on(slot))
            }
            Why::Apart => {
                f.say("となり合った席がありません", "No desks are free side by side").to_owned()
            }
            Why::Closed(slot, reason) => {
                format!("{}{}", on(slot), f.get(reason))
            }
            Why::NoNursery => {
                f.say("このセンターには保育室がありません", "This centre has no nursery").to_owned()
            }
            Why::NoRoomForAge => f
                .say(
                    "この保育室では、その年齢のお子さまを預かれません",
                    "The nursery takes no child of that age",
                )
                .to_owned(),
            Why::CareShort(lacks) => words::lacks(f.language(), lacks, centre.time_zone),
            Why::NurseryShut(slot, open) => {
                words::nursery_open(f.language(), slot, open, centre.time_zone)
            }
            Why::NotUnder(when, why) => {
                words::not_under(f.language(), when, why.as_ref(), centre.time_zone)
            }
            Why::NeedsInterview => words::needs_interview(f.language()).to_owned(),
            Why::SiteSilent(_) => words::site_silent(f.language()).to_owned(),
            Why::Care(slot, 0) => {
                format!(
                    "{}{}",
                    on(slot),
                    f.say("保育の枠がうまっています", "All care places are taken")
                )
            }
            Why::Care(slot, free) if f.ja() => {
                format!("{}保育の空きは{free}人分だけです", on(slot))
            }
            Why::Care(slot, free) => format!("{}Only {free} care places are free", on(slot)),
        }
    }

    fn other_day(&self, found: &Found) -> Option<(String, String)> {
        let (day, centre) = found.other_day?;
        let f = self.f;
        let centre = self.atlas.centre(centre)?;
        let name = f.get(&centre.name);
        let day_words = words::day(f.language(), day);
        let text = if f.ja() {
            format!("いちばん近いのは {day_words}、{name}です。")
        } else {
            format!("The nearest is {day_words}, {name}.")
        };
        Some((text, self.wanted.href_on(&[day], self.atlas)))
    }

    /// What one booking will hold.
    fn holds(&self) -> String {
        let (f, desks, care) = (self.f, self.wanted.desks, self.wanted.count);
        let desk_words = count(f, desks, "席", " desk", " desks");
        let care_words = if f.ja() {
            format!("保育{care}人")
        } else {
            count(f, care, "", " child's care", " children's care")
        };
        match (desks, care) {
            (_, 0) if f.ja() => format!("{desk_words}をすぐに確定します"),
            (_, 0) => format!("Holds {desk_words} at once"),
            (0, _) if f.ja() => format!("{care_words}を確定します"),
            (0, _) => format!("Holds {care_words}"),
            (_, _) if f.ja() => format!("{desk_words}と{care_words}をまとめて確定します"),
            (_, _) => format!("Holds {desk_words} and {care_words} together"),
        }
    }

    /// What there is to choose from: schemes by name, and before them that none is named, where that will do.
    fn schemes(&self, taker: &Taker) -> Vec<(String, String)> {
        let f = self.f;
        let title = |name: &String| {
            let known = self.atlas.schemes.iter().find(|scheme| scheme.name == *name);
            known.map_or_else(|| name.clone(), |scheme| f.get(&scheme.title).to_owned())
        };
        let named = taker.schemes.iter().map(|name| (name.clone(), title(name)));
        let any = f.say("お子さまに合う制度", "The one that suits the child");
        match (taker.by_default, taker.schemes.len()) {
            (true, 0 | 1) => Vec::new(),
            (true, _) => [(String::new(), any.to_owned())].into_iter().chain(named).collect(),
            (false, _) => named.collect(),
        }
    }

    fn offer(
        &self,
        centre: &Centre,
        slots: &[Interval],
        children: &[ChildId],
        label: String,
        hint: String,
    ) -> Offer {
        Offer {
            slots: slots.iter().map(slot_value).collect(),
            children: children.to_vec(),
            schemes: Vec::new(),
            key: format!("{}.{}", self.key, centre.slug),
            label,
            hint,
        }
    }
}

/// A stretch as a hidden field carries it.
#[must_use]
pub fn slot_value(slot: &Interval) -> String {
    let text = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    format!("{}/{}", text(slot.starts()), text(slot.ends()))
}

/// What [`slot_value`] wrote.
#[must_use]
pub fn read_slot(text: &str) -> Option<Interval> {
    let (starts, ends) = text.split_once('/')?;
    Interval::new(starts.parse().ok()?, ends.parse().ok()?).ok()
}

fn count(f: &Frame, n: u32, ja: &str, one: &str, many: &str) -> String {
    let after = if f.ja() {
        ja
    } else if n == 1 {
        one
    } else {
        many
    };
    format!("{n}{after}")
}

fn place(f: &Frame, centre: &Centre, distance_km: Option<f64>) -> String {
    let address = f.get(&centre.address);
    match distance_km.filter(|km| *km >= 0.05) {
        Some(km) => format!("{}{}{address}", words::distance(km), f.say("・", ", ")),
        None => address.to_owned(),
    }
}
