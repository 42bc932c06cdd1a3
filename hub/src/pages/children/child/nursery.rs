//! What a nursery notes of a child: interviews, documents, and bars by order of a court.

use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::care::file::BadEntry;
use model::id::{ChildId, NurseryId};
use model::opening::local;

use super::collecting::new_bar;
use super::{Told, answer, child_id, entry_id, or_gone};
use crate::pages::fields::{Fields, Posted};
use crate::pages::wish;
use crate::service::care_file::{self, Unchanged};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

/// Gives an interview its time, or notes that it was held on that day.
pub async fn interview(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (id, nursery) = asked(&web, &caller, &id, &fields).await?;
    let zone = wish::zone(&*web.atlas().await?);
    let held = !fields.get("held").is_empty();
    let today = web.hub.now().with_timezone(&zone).date_naive();
    let done = if held {
        let on = match fields.get("day") {
            "" => Some(today),
            day => typed::date(day).filter(|day| *day <= today),
        };
        match on {
            Some(on) => {
                care_file::hold_interview(&web.hub, &caller, id, nursery, on).await?;
                Ok("held")
            }
            None => Err(Unchanged::Bad(BadEntry::Time)),
        }
    } else {
        match when(&fields, zone) {
            Some(on) => {
                let fixed = care_file::fix_interview(&web.hub, &caller, id, nursery, on).await?;
                fixed.map(|()| "fixed")
            }
            None => Err(Unchanged::Bad(BadEntry::Time)),
        }
    };
    let done = done.map(|done| leads(nursery, done, "interviews")).map_err(Told::interview);
    answer(&web, &caller, id, &fields, done).await
}

/// Notes that a document was shown today.
pub async fn document(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (id, nursery) = asked(&web, &caller, &id, &fields).await?;
    let zone = wish::zone(&*web.atlas().await?);
    let today = web.hub.now().with_timezone(&zone).date_naive();
    let until = fields.get("until");
    let seen = match (until.is_empty(), typed::date(until)) {
        (false, None) => Err(Unchanged::Bad(BadEntry::Over)),
        (_, until) => {
            let code = fields.get("code");
            care_file::see_document(&web.hub, &caller, id, nursery, code, until, today).await?
        }
    };
    let seen = seen.map(|()| leads(nursery, "document", "documents")).map_err(Told::document);
    answer(&web, &caller, id, &fields, seen).await
}

/// Bars somebody, a guardian too.
pub async fn bar(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (id, nursery) = asked(&web, &caller, &id, &fields).await?;
    let bar = new_bar(&fields)?;
    let barred = care_file::bar_for_nursery(&web.hub, &caller, id, nursery, &bar).await?;
    let barred = barred.map(|()| leads(nursery, "bar", "barred")).map_err(Told::bar);
    answer(&web, &caller, id, &fields, barred).await
}

/// Lifts a bar that the nursery has put.
pub async fn lift(
    State(web): State<Web>,
    caller: Caller,
    Path((id, bar)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (id, nursery) = asked(&web, &caller, &id, &fields).await?;
    let bar = entry_id(&bar)?;
    let lifted = care_file::lift_for_nursery(&web.hub, &caller, id, nursery, bar).await?;
    let lifted = or_gone(lifted).map(|()| leads(nursery, "lifted", "barred")).map_err(Told::bar);
    answer(&web, &caller, id, &fields, lifted).await
}

/// The child and the nursery that a form is about, for those who keep its file there.
async fn asked(
    web: &Web,
    caller: &Caller,
    id: &str,
    fields: &Fields,
) -> Result<(ChildId, NurseryId), Refused> {
    let id = child_id(id)?;
    // Whose child it is comes first: what is not theirs is not there.
    let nursery = fields.get("nursery").parse().map_err(|_| Refused::NotFound)?;
    care_file::for_nursery(&web.hub, caller, id, nursery).await?;
    Ok((id, nursery))
}

fn leads(nursery: NurseryId, done: &str, part: &str) -> String {
    format!("nursery={nursery}&done={done}#{part}")
}

fn when(fields: &Fields, zone: Tz) -> Option<DateTime<Utc>> {
    let minutes = typed::minutes(fields.get("time"))?;
    local(typed::date(fields.get("day"))?, minutes, zone)
}
