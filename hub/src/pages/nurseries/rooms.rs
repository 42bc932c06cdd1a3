//! What a nursery's children are admitted by: rule sets, the figure, rooms.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::care::admission::{Admits, Room};
use model::care::rule_set::RuleSet;
use model::care::staffing::{BadStaffing, CareRoom, MOST_ROOMS, MainHours, Staffing};
use model::centre::Nursery;
use model::id::RoomId;
use model::language::LocalText;
use model::permission::Action;

use super::nursery_id;
use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::{Caller, Refused, nursery, nursery_day};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "nurseries/rooms.html")]
struct Page {
    f: Frame,
    id: String,
    name: String,
    rule_sets: Vec<(String, String, bool)>,
    admits: Vec<(&'static str, &'static str, bool)>,
    integrated: bool,
    main_from: String,
    main_until: String,
    rooms: Vec<Row>,
    done: bool,
    bad: Option<&'static str>,
}

/// A room as it is typed.
#[derive(Default)]
struct Row {
    id: String,
    ja: String,
    en: String,
    m2: String,
    from: String,
    below: String,
}

const FIGURES: [(Admits, &str); 3] =
    [(Admits::Live, "live"), (Admits::Plan, "plan"), (Admits::Both, "both")];

/// `/nurseries/{id}/rooms`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let atlas = web.atlas().await?;
    let (_, here) = nursery_day::find(&atlas, &caller, nursery_id(&id)?, Action::ManageNursery)?;
    let typed = here.staffing.as_ref().map(written).unwrap_or_default();
    let done = !asked.get("done").is_empty();
    Ok(page(&caller, here, &atlas.rule_sets, &typed, done, None))
}

/// Decides them, from now on.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let atlas = web.atlas().await?;
    let (centre, here) =
        nursery_day::find(&atlas, &caller, nursery_id(&id)?, Action::ManageNursery)?;
    let refused = |bad| Ok(page(&caller, here, &atlas.rule_sets, &fields, false, Some(bad)));
    let new_id = || web.hub.new_id().map(RoomId);
    let staffing = match read(&fields, here.staffing.as_ref(), &atlas.rule_sets, new_id)? {
        Ok(staffing) => staffing,
        Err(bad) => return refused(bad),
    };
    let today = web.hub.now().with_timezone(&centre.time_zone).date_naive();
    if staffing.rules_on(&atlas.rule_sets, today, centre.municipality).is_none() {
        return refused(Bad::NotToday);
    }
    nursery::set_staffing(&web.hub, Some(&caller), centre, here, &staffing).await?;
    Ok(Redirect::to(&format!("/nurseries/{}/rooms?done=1", here.id)).into_response())
}

/// Why what was typed is not taken.
#[derive(Clone, Copy)]
enum Bad {
    Staffing(BadStaffing),
    MainHours,
    Floor,
    Ages,
    NotToday,
}

fn read<E>(
    fields: &Fields,
    before: Option<&Staffing>,
    known: &[RuleSet],
    mut new_id: impl FnMut() -> Result<RoomId, E>,
) -> Result<Result<Staffing, Bad>, E> {
    let named = fields.all("rules").map(str::to_owned);
    let rule_sets: Vec<String> =
        named.filter(|name| known.iter().any(|set| set.name == *name)).collect();
    let figure = FIGURES.iter().find(|(_, name)| *name == fields.get("admits"));
    let main = (fields.get("main-from"), fields.get("main-until"));
    let main_hours = match main {
        ("", "") => None,
        (from, until) => match typed::minutes(from).zip(typed::minutes(until)) {
            Some((from, until)) => Some(MainHours { from, until }),
            None => return Ok(Err(Bad::MainHours)),
        },
    };
    let mut rooms = Vec::new();
    for n in 1..=MOST_ROOMS + 1 {
        let field = |what: &str| fields.get(&format!("{what}-{n}")).trim();
        let (ja, en) = (field("ja"), field("en"));
        if ja.is_empty() && en.is_empty() && field("m2").is_empty() {
            continue;
        }
        let Some(hundredths_m2) = hundredths(field("m2")) else { return Ok(Err(Bad::Floor)) };
        let from = typed::number(field("from"));
        let below = match field("below") {
            "" => Some(None),
            below => typed::number(below).map(Some),
        };
        let Some((from_years, below_years)) = from.zip(below) else { return Ok(Err(Bad::Ages)) };
        // A room keeps its id: the children in it stay there.
        let kept = before.into_iter().flat_map(|old| &old.rooms);
        let kept = kept.map(|room| room.id).find(|id| id.to_string() == field("id"));
        let id = match kept {
            Some(id) => id,
            None => new_id()?,
        };
        let room = Room { hundredths_m2, from_years, below_years };
        // One name will do where the other is left out.
        let (ja, en) =
            if ja.is_empty() { (en, en) } else { (ja, if en.is_empty() { ja } else { en }) };
        rooms.push(CareRoom { id, name: LocalText::new(ja, en), room });
    }
    let staffing = Staffing {
        rule_sets,
        admits: figure.map(|(admits, _)| *admits).unwrap_or_default(),
        integrated: !fields.get("integrated").is_empty(),
        main_hours,
        rooms,
    };
    Ok(staffing.check().map(|()| staffing).map_err(Bad::Staffing))
}

/// Hundredths of a square metre of `33`, `33.5`, `33.12`.
fn hundredths(text: &str) -> Option<u32> {
    let text = typed::plain(text);
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 5 || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let part = format!("{part:0<2}");
    Some(whole.parse::<u32>().ok()? * 100 + part.parse::<u32>().ok()?)
}

/// What a form shows of it.
fn written(staffing: &Staffing) -> Fields {
    let text = str::to_owned;
    let mut pairs: Vec<(String, String)> =
        staffing.rule_sets.iter().map(|name| (text("rules"), name.clone())).collect();
    let figure = FIGURES.iter().find(|(admits, _)| *admits == staffing.admits);
    pairs.extend(figure.map(|(_, name)| (text("admits"), text(name))));
    if staffing.integrated {
        pairs.push((text("integrated"), text("1")));
    }
    if let Some(MainHours { from, until }) = staffing.main_hours {
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        pairs.push((text("main-from"), clock(from)));
        pairs.push((text("main-until"), clock(until)));
    }
    for (n, room) in (1..).zip(&staffing.rooms) {
        let mut put = |what: &str, value: String| pairs.push((format!("{what}-{n}"), value));
        put("id", room.id.to_string());
        put("ja", room.name.ja.clone());
        put("en", room.name.en.clone());
        let Room { hundredths_m2, from_years, below_years } = room.room;
        put("m2", format!("{}.{:02}", hundredths_m2 / 100, hundredths_m2 % 100));
        put("from", from_years.to_string());
        put("below", below_years.map(|below| below.to_string()).unwrap_or_default());
    }
    pairs.into()
}

fn page(
    caller: &Caller,
    here: &Nursery,
    known: &[RuleSet],
    typed: &Fields,
    done: bool,
    bad: Option<Bad>,
) -> Response {
    let f = Frame::new(caller, Part::Nursery);
    let chosen: Vec<&str> = typed.all("rules").collect();
    let figure = Some(typed.get("admits")).filter(|name| !name.is_empty()).unwrap_or("live");
    let mut rooms: Vec<Row> = (1..=MOST_ROOMS + 1)
        .map(|n| {
            let field = |what: &str| typed.get(&format!("{what}-{n}")).to_owned();
            Row {
                id: field("id"),
                ja: field("ja"),
                en: field("en"),
                m2: field("m2"),
                from: field("from"),
                below: field("below"),
            }
        })
        .filter(|row| !(row.ja.is_empty() && row.en.is_empty() && row.m2.is_empty()))
        .collect();
    rooms.push(Row::default());
    let page = Page {
        id: here.id.to_string(),
        name: f.get(&here.name).to_owned(),
        rule_sets: known
            .iter()
            .map(|set| {
                let on = chosen.contains(&set.name.as_str());
                (set.name.clone(), f.get(&set.title).to_owned(), on)
            })
            .collect(),
        admits: [
            (
                "live",
                f.say(
                    "その時々に必要な人数（安全側）",
                    "staff that must be there at every moment (safe)",
                ),
            ),
            ("plan", f.say("配置計画の人数", "staff to roster")),
            ("both", f.say("両方", "both")),
        ]
        .into_iter()
        .map(|(name, words)| (name, words, name == figure))
        .collect(),
        integrated: !typed.get("integrated").is_empty(),
        main_from: typed.get("main-from").to_owned(),
        main_until: typed.get("main-until").to_owned(),
        rooms,
        done,
        bad: bad.map(|bad| words(&f, bad)),
        f,
    };
    let status = if bad.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

fn words(f: &Frame, bad: Bad) -> &'static str {
    let (ja, en) = match bad {
        Bad::Staffing(BadStaffing::NoRules) => {
            ("基準を1つ以上えらんでください", "Choose at least one rule set")
        }
        Bad::Staffing(BadStaffing::Rooms) => ("部屋は1〜20室です", "There are from 1 to 20 rooms"),
        Bad::Staffing(BadStaffing::MainHours) | Bad::MainHours => (
            "主な開所時間は、同じ日の 7:30 から 18:30 のように入れてください",
            "Main hours end after they begin, on the same day, as 7:30 to 18:30",
        ),
        Bad::Staffing(BadStaffing::Room) => (
            "部屋の広さは0より大きく、年齢の上は下より大きくしてください",
            "A room has a floor, and its ages end after they begin",
        ),
        Bad::Floor => (
            "広さは 33.5 のように、平方メートルで入れてください",
            "Give a floor in square metres, such as 33.5",
        ),
        Bad::Ages => (
            "年齢は数字で入れてください（上がなければ空のまま）",
            "Give ages in years; leave the last one empty where there is none",
        ),
        Bad::NotToday => (
            "えらんだ基準は、今日はまだ（もう）使えません",
            "None of these rule sets holds here today",
        ),
    };
    f.say(ja, en)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::convert::Infallible;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_floor_is_read_as_people_write_it() {
        for (text, want) in [
            ("33", Some(3_300)),
            ("33.5", Some(3_350)),
            ("３３.12", Some(3_312)),
            ("0", Some(0)),
            ("33.125", None),
            ("", None),
            (".5", None),
            ("-3", None),
            ("3e4", None),
            ("999999", None),
        ] {
            assert_eq!(hundredths(text), want, "{text}");
        }
    }

    #[test]
    fn what_a_form_shows_is_read_as_it_was() {
        let room = |number: u128, below_years| CareRoom {
            id: RoomId(Uuid::from_u128(number)),
            name: LocalText::new(format!("部屋{number}"), format!("Room {number}")),
            room: Room { hundredths_m2: 3_305, from_years: 0, below_years },
        };
        let staffing = Staffing {
            rule_sets: vec!["ours".to_owned()],
            admits: Admits::Both,
            integrated: true,
            main_hours: Some(MainHours { from: 450, until: 1_110 }),
            rooms: vec![room(1, Some(3)), room(2, None)],
        };
        let rules = RuleSet { name: "ours".to_owned(), ..shipped() };
        let no_id = || Ok::<_, Infallible>(RoomId(Uuid::from_u128(99)));
        let Ok(again) =
            read(&written(&staffing), Some(&staffing), std::slice::from_ref(&rules), no_id);
        assert!(again.is_ok_and(|again| again == staffing));
    }

    fn shipped() -> RuleSet {
        crate::care::rule_sets::shipped().unwrap().remove(0)
    }
}
