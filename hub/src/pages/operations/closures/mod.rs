//! When a centre or one of its spaces is closed.

pub mod closure;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use model::centre::Centre;
use model::closure::{Closure, ClosureKind, LONGEST_REASON};
use model::id::SpaceId;
use model::interval::Interval;
use model::language::LocalText;
use model::opening;

use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::atlas::Atlas;
use crate::service::closures::{self, Closed, Closing};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/closures.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    rows: Vec<Row>,
    spaces: Vec<(String, String, bool)>,
    typed: Typed,
    longest: usize,
    done: Option<&'static str>,
    /// Which field, and what is wrong with it.
    wrong: Option<(Wrong, &'static str)>,
}

impl Page {
    fn wrong_at(&self, field: Wrong) -> Option<&'static str> {
        self.wrong.as_ref().filter(|(at, _)| *at == field).map(|(_, text)| *text)
    }
}

/// The field that is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Space,
    Time,
    Reason,
}

/// The form as it was sent.
struct Typed {
    from_day: String,
    from: String,
    until_day: String,
    until: String,
    reason_ja: String,
    reason_en: String,
    no_new: bool,
}

/// A closure.
pub(super) struct Row {
    id: String,
    what: String,
    when: String,
    reason: String,
    closed: bool,
    now: bool,
    met: usize,
}

/// `/operations/{slug}/closures`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let (atlas, centre) = super::find(&web, &caller, &slug).await?;
    let f = Frame::new(&caller, Part::Operations);
    let done = match asked.get("done") {
        "reopened" => Some(f.say(
            "休館を取り消しました。まだ送っていないお知らせは送られません。",
            "The closure is taken back. Mails that had not gone out yet will not.",
        )),
        _ => None,
    };
    page(&web, &atlas, &caller, &centre, f, &asked, done, None).await
}

/// Closes, and leads on to what that meets.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (atlas, centre) = super::find(&web, &caller, &slug).await?;
    closures::allowed(&caller, centre.id)?;
    let f = Frame::new(&caller, Part::Operations);
    let at_time = |text| (Wrong::Time, text);
    let wrong = match read(&fields, centre.time_zone) {
        Err(wrong) => match wrong {
            Wrong::Space => (wrong, f.say("場所を選んでください", "Say what is closed")),
            _ => at_time(f.say(
                "日にちと時刻を入れ、終わりを始まりより後にしてください",
                "Give days and times, the end after the start",
            )),
        },
        Ok(closing) => {
            match closures::close(&web.hub, &atlas, &caller, centre.id, closing).await? {
                Closed::Done(closure, _) => {
                    let to =
                        format!("/operations/{}/closures/{}?done=made", centre.slug, closure.id);
                    return Ok(Redirect::to(&to).into_response());
                }
                Closed::NoSpace => {
                    (Wrong::Space, f.say("その席はありません", "There is no such space"))
                }
                Closed::NoReason => (
                    Wrong::Reason,
                    f.say(
                        "理由を、日本語と英語で、それぞれ200文字までの1行で入れてください",
                        "Say why in Japanese and English, a line of at most 200 characters each",
                    ),
                ),
                Closed::BadTime => at_time(f.say(
                    "終わりはこれから先で、長さは1年までです",
                    "It ends in the future, and is at most a year long",
                )),
            }
        }
    };
    page(&web, &atlas, &caller, &centre, f, &fields, None, Some(wrong)).await
}

fn read(fields: &Fields, zone: Tz) -> Result<Closing, Wrong> {
    let space = match fields.get("space") {
        "" => None,
        id => Some(id.parse::<SpaceId>().map_err(|_| Wrong::Space)?),
    };
    let at = |day: &str, time: &str| {
        opening::local(typed::date(fields.get(day))?, typed::minutes(fields.get(time))?, zone)
    };
    let when = at("from_day", "from").zip(at("until_day", "until"));
    let when = when.and_then(|(from, until)| Interval::new(from, until).ok());
    let no_new = fields.get("kind") == "no_new";
    Ok(Closing {
        space,
        kind: if no_new { ClosureKind::NoNew } else { ClosureKind::Closed },
        when: when.ok_or(Wrong::Time)?,
        reason: LocalText {
            ja: fields.get("reason_ja").to_owned(),
            en: fields.get("reason_en").to_owned(),
        },
    })
}

#[expect(clippy::too_many_arguments, reason = "a page is put together here alone")]
async fn page(
    web: &Web,
    atlas: &Atlas,
    caller: &Caller,
    centre: &Centre,
    f: Frame,
    typed: &Fields,
    done: Option<&'static str>,
    wrong: Option<(Wrong, &'static str)>,
) -> Result<Response, Refused> {
    let all = closures::list(&web.hub, caller, centre.id).await?;
    let rows = all.iter().map(|(closure, met)| row(web, atlas, &f, centre, closure, met.len()));
    let now = web.hub.now();
    let today = now.with_timezone(&centre.time_zone).date_naive();
    let day = |name: &str| or(typed.get(name), &usual_day(today).to_string());
    let chosen = typed.get("space");
    let spaces = atlas.spaces.iter().filter(|space| space.centre == centre.id).map(|space| {
        let id = space.id.to_string();
        let name = format!("{}（{}）", space.label, f.get(&space.zone));
        let name = if f.ja() { name } else { format!("{} ({})", space.label, f.get(&space.zone)) };
        let is_chosen = id == chosen;
        (id, name, is_chosen)
    });
    let page = Page {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        rows: rows.collect(),
        spaces: spaces.collect(),
        typed: Typed {
            from_day: day("from_day"),
            from: or(typed.get("from"), "09:00"),
            until_day: day("until_day"),
            until: or(typed.get("until"), "18:00"),
            reason_ja: typed.get("reason_ja").to_owned(),
            reason_en: typed.get("reason_en").to_owned(),
            no_new: typed.get("kind") == "no_new",
        },
        longest: LONGEST_REASON,
        done,
        wrong,
        f,
    };
    let status =
        if page.wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}

fn or(typed: &str, usual: &str) -> String {
    if typed.is_empty() { usual.to_owned() } else { typed.to_owned() }
}

/// What is closed is mostly not closed today.
fn usual_day(today: NaiveDate) -> NaiveDate {
    today.checked_add_days(Days::new(7)).unwrap_or(today)
}

/// How a closure is shown.
pub(super) fn row(
    web: &Web,
    atlas: &Atlas,
    f: &Frame,
    centre: &Centre,
    closure: &Closure,
    met: usize,
) -> Row {
    let space = closure.space.and_then(|space| atlas.space(space));
    Row {
        id: closure.id.to_string(),
        what: space.map_or_else(
            || f.say("センター全体", "The whole centre").to_owned(),
            |space| space.label.clone(),
        ),
        when: words::from_to(f.language(), &closure.when, centre.time_zone),
        reason: f.get(&closure.reason).to_owned(),
        closed: closure.kind == ClosureKind::Closed,
        now: closure.when.contains(web.hub.now()),
        met,
    }
}
