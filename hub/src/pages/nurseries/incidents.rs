//! The incidents of a nursery that are reported, and that they were.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use chrono_tz::Tz;
use model::permission::Action;
use store::Report;

use super::nursery_id;
use crate::pages::fields::Posted;
use crate::pages::frame::Frame;
use crate::pages::words;
use crate::service::diary::{self, Due, Incident};
use crate::service::{Caller, Refused, nursery_day};
use crate::web::Web;

/// An incident, as the page tells it.
pub(super) struct Shown {
    pub(super) place: u64,
    pub(super) child: String,
    pub(super) name: String,
    pub(super) when: String,
    pub(super) text: String,
    pub(super) reports: Vec<ReportShown>,
}

pub(super) struct ReportShown {
    pub(super) word: &'static str,
    pub(super) name: &'static str,
    pub(super) words: String,
    pub(super) overdue: bool,
    /// Whether it can be noted now that it went out.
    pub(super) open: bool,
}

impl Shown {
    pub(super) fn of(f: &Frame, one: &Incident, today: NaiveDate, zone: Tz) -> Self {
        let after_first = one.first.done.is_some();
        let unread = || {
            f.say(
                "内容を開けません。重大な事故かどうか、当日の職員に確かめてください。",
                "It cannot be opened. Ask the staff of that day whether it is serious.",
            )
        };
        Self {
            place: one.place,
            child: one.child.to_string(),
            name: one.name.clone().unwrap_or_else(|| f.say("消去済み", "erased").to_owned()),
            when: words::day_and_clock(f.language(), one.at, zone),
            text: one.text.clone().unwrap_or_else(|| unread().to_owned()),
            reports: vec![
                ReportShown::of(f, "first", &one.first, true, (today, zone)),
                ReportShown::of(f, "second", &one.second, after_first, (today, zone)),
            ],
        }
    }
}

impl ReportShown {
    fn of(
        f: &Frame,
        word: &'static str,
        due: &Due,
        is_next: bool,
        (today, zone): (NaiveDate, Tz),
    ) -> Self {
        let day = |date| words::day(f.language(), date);
        let words = match due.done {
            Some(at) => {
                let on = day(at.with_timezone(&zone).date_naive());
                if f.ja() { format!("{on}に報告済み") } else { format!("reported on {on}") }
            }
            None => {
                let by = day(due.by);
                if f.ja() { format!("{by}まで") } else { format!("due by {by}") }
            }
        };
        let overdue = due.is_overdue(today);
        let name = match word {
            "first" => f.say("第1報", "First report"),
            _ => f.say("第2報", "Second report"),
        };
        Self { word, name, words, overdue, open: is_next && due.done.is_none() }
    }
}

/// Notes that an incident was reported on.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = nursery_id(&id)?;
    let atlas = web.atlas().await?;
    let there = nursery_day::find(&atlas, &caller, id, Action::KeepCareFiles)?;
    let unreadable = |what: &str| Refused::Unreadable(format!("{what} cannot be read"));
    let place: u64 = fields.get("incident").parse().map_err(|_| unreadable("incident"))?;
    let which = match fields.get("report") {
        "first" => Report::First,
        "second" => Report::Second,
        _ => return Err(unreadable("report")),
    };
    // Whoever presses twice has reported once.
    diary::report(&web.hub, there, &caller, place, which).await?;
    Ok(Redirect::to(&format!("/nurseries/{id}#incidents")).into_response())
}
