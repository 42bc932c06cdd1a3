//! Who works at a nursery, and a table that takes the place of some days' shifts.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::Days;
use model::care::rule_set::RuleSet;
use model::id::{NurseryId, ShiftId};
use model::interval::Interval;
use model::permission::{self, Action};
use store::{Roster, RosterPut, Rostered};

use super::{Short, Works, nursery_id};
use crate::care::shift_table;
use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::nursery_day::{self, Failing};
use crate::service::{Caller, Refused, nursery};
use crate::web::Web;

/// So many days are shown.
const SHOWN: Days = Days::new(28);

#[derive(Template)]
#[template(path = "nurseries/shifts.html")]
struct Page {
    f: Frame,
    id: String,
    name: String,
    days: Vec<(String, Vec<Works>)>,
    staffed: bool,
    /// The names of the kinds that the rules know, for who writes the table.
    kinds: Vec<String>,
    table: String,
    bad: Option<String>,
    tried: Option<Tried>,
    done: bool,
    sees_day: bool,
    manages: bool,
}

struct Tried {
    shifts: usize,
    stands: bool,
    failing: Vec<Fails>,
}

struct Fails {
    booking: Option<String>,
    who: String,
    when: String,
    short: Vec<Short>,
}

/// `/nurseries/{id}/shifts`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let said = Said { done: !asked.get("done").is_empty(), ..Said::default() };
    page(&web, &caller, nursery_id(&id)?, said).await
}

/// Tries a table, or puts it in the place of the shifts of its days.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = nursery_id(&id)?;
    let atlas = web.atlas().await?;
    let (centre, here) = nursery_day::find(&atlas, &caller, id, Action::ManageShifts)?;
    let f = Frame::new(&caller, Part::Nursery);
    let table = fields.get("table").to_owned();
    let refused = async |bad: String| {
        let said = Said { bad: Some(bad), table: table.clone(), ..Said::default() };
        page(&web, &caller, id, said).await
    };
    let Some(staffing) = &here.staffing else {
        return refused(words::not_staffed(f.language()).to_owned()).await;
    };
    let ours = |set: &&RuleSet| staffing.rule_sets.contains(&set.name);
    let rules: Vec<&RuleSet> = atlas.rule_sets.iter().filter(ours).collect();
    let rows = match shift_table::read(table.as_bytes(), centre.time_zone, &rules) {
        Ok(rows) => rows,
        Err(bad) => return refused(words::bad_shifts(f.language(), &bad)).await,
    };
    let days = rows.iter().map(|row| row.day).collect();
    let mut shifts = Vec::with_capacity(rows.len());
    for row in rows {
        let id = ShiftId(web.hub.new_id()?);
        shifts.push(Rostered { id, caregiver: row.caregiver, shift: row.shift });
    }
    let only_try = fields.get("put").is_empty();
    let count = shifts.len();
    let at = web.hub.now();
    let roster = Roster { centre: centre.clone(), nursery: id, days, shifts, at, only_try };
    let zone = centre.time_zone;
    match nursery::put_roster(&web.hub, Some(&caller), &roster).await? {
        RosterPut::Overlaps { caregiver, when } => {
            let when = words::day_and_hours(f.language(), &when, zone);
            let words = if f.ja() {
                format!("{caregiver}さんには、表にない日の別のシフトがあります：{when}")
            } else {
                format!(
                    "{caregiver} has another shift of a day that the table does not replace: {when}"
                )
            };
            refused(words).await
        }
        RosterPut::Done(failing) if failing.is_empty() && !only_try => {
            Ok(Redirect::to(&format!("/nurseries/{id}/shifts?done=1")).into_response())
        }
        RosterPut::Done(failing) => {
            let failing = nursery_day::failing(&web.hub, &atlas, &caller, &roster, failing).await?;
            let tried = Some((count, !only_try, failing));
            let table = if only_try { table } else { String::new() };
            page(&web, &caller, id, Said { tried, table, ..Said::default() }).await
        }
    }
}

/// What a page tells beside the shifts.
#[derive(Default)]
struct Said {
    bad: Option<String>,
    tried: Option<(usize, bool, Vec<Failing>)>,
    table: String,
    done: bool,
}

async fn page(web: &Web, caller: &Caller, id: NurseryId, said: Said) -> Result<Response, Refused> {
    let atlas = web.atlas().await?;
    let (centre, here) = nursery_day::find(&atlas, caller, id, Action::ManageShifts)?;
    let (f, zone) = (Frame::new(caller, Part::Nursery), centre.time_zone);
    let now = web.hub.now();
    let until = now.checked_add_days(SHOWN).unwrap_or(now);
    let shifts = match Interval::new(now, until) {
        Ok(window) => web.hub.store.shifts(id, &window).await?,
        Err(_) => Vec::new(),
    };
    let mut days: Vec<(String, Vec<Works>)> = Vec::new();
    for one in &shifts {
        let day = one.shift.when.starts().with_timezone(&zone).date_naive();
        let day = words::day(f.language(), day);
        let row = Works::of(&f, one, zone);
        match days.last_mut() {
            Some((last, rows)) if *last == day => rows.push(row),
            _ => days.push((day, vec![row])),
        }
    }
    let staffing = here.staffing.as_ref();
    let ours = |set: &&RuleSet| staffing.is_some_and(|one| one.rule_sets.contains(&set.name));
    let kinds = atlas.rule_sets.iter().filter(ours).flat_map(|set| &set.kinds);
    let mut kinds: Vec<String> = kinds.map(|kind| kind.kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    // Who runs the day of a centre can open a booking; who works in the nursery knows the children.
    let may = |action| permission::may(&caller.actor, action, &nursery::target(centre, id));
    let opens = may(Action::SeeBooking);
    let tried = said.tried.map(|(shifts, stands, failing)| Tried {
        shifts,
        stands,
        failing: failing
            .iter()
            .map(|one| Fails {
                booking: opens.then(|| one.booking.to_string()),
                who: one.names.join(f.say("、", ", ")),
                when: words::stretches(f.language(), &one.when, zone),
                short: Short::all(&f, &one.short, zone),
            })
            .collect(),
    });
    let status = match (&said.bad, &tried) {
        (Some(_), _) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let page = Page {
        id: id.to_string(),
        name: f.get(&here.name).to_owned(),
        days,
        staffed: staffing.is_some(),
        kinds,
        table: said.table,
        bad: said.bad,
        tried,
        done: said.done,
        sees_day: may(Action::SeeNurseryDay),
        manages: may(Action::ManageNursery),
        f,
    };
    Ok(html(status, &page))
}
