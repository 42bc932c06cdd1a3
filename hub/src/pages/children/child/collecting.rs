//! Who may collect a child and who may not: what its guardians decide of it.

use axum::extract::{Path, State};
use axum::response::Response;
use model::care::file::BadEntry;
use model::id::NurseryId;

use super::{Told, answer, bad_entry, child_id, entry_id, from_years, or_gone, page};
use crate::pages::fields::{Fields, Posted};
use crate::pages::frame::Frame;
use crate::pages::wish;
use crate::service::care_file::{self, NewBar, NewCollector, Unchanged};
use crate::service::{Caller, Refused, children};
use crate::typed;
use crate::web::Web;

/// Names somebody who may collect it.
pub async fn name(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = child_id(&id)?;
    children::mine(&web.hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    let from_years = from_years(&atlas.nurseries);
    let today = web.hub.now().with_timezone(&wish::zone(&atlas)).date_naive();
    let born = typed::date(fields.get("born")).ok_or(Unchanged::Bad(BadEntry::Born));
    let until = match fields.get("until") {
        "" => Ok(None),
        until => typed::date(until).map(Some).ok_or(Unchanged::Bad(BadEntry::Over)),
    };
    let named = match born.and_then(|born| Ok((born, until?))) {
        Ok((born, until)) => {
            let typed = NewCollector {
                name: fields.get("name").to_owned(),
                relation: fields.get("relation").to_owned(),
                telephone: typed::plain(fields.get("telephone")),
                born,
                pin: fields.get("pin").to_owned(),
                until,
            };
            care_file::name_collector(&web.hub, &caller, id, &typed, from_years, today).await?
        }
        Err(bad) => Err(bad),
    };
    let named = named.map(|()| "done=collector#collecting").map_err(Told::collector);
    answer(&web, &caller, id, &fields, named).await
}

/// Takes somebody off the list.
pub async fn remove(
    State(web): State<Web>,
    caller: Caller,
    Path((id, collector)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (id, collector) = (child_id(&id)?, entry_id(&collector)?);
    let removed = or_gone(care_file::remove_collector(&web.hub, &caller, id, collector).await?);
    let removed = removed.map(|()| "done=removed#collecting").map_err(Told::collector);
    answer(&web, &caller, id, &fields, removed).await
}

/// Makes a code with which they say who they are by their own account, and shows it once.
pub async fn code(
    State(web): State<Web>,
    caller: Caller,
    Path((id, collector)): Path<(String, String)>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let (id, collector) = (child_id(&id)?, entry_id(&collector)?);
    let code = children::invite_collector(&web.hub, &caller, id, collector).await?;
    let told = Told { code: Some((collector, code)), ..Told::default() };
    page(&web, &caller, id, &Fields::default(), told).await
}

/// Bars somebody.
pub async fn bar(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = child_id(&id)?;
    let barred = care_file::bar(&web.hub, &caller, id, &new_bar(&fields)?).await?;
    let barred = barred.map(|()| "done=bar#barred").map_err(Told::bar);
    answer(&web, &caller, id, &fields, barred).await
}

/// Lifts a bar.
pub async fn lift(
    State(web): State<Web>,
    caller: Caller,
    Path((id, bar)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (id, bar) = (child_id(&id)?, entry_id(&bar)?);
    let lifted = or_gone(care_file::lift(&web.hub, &caller, id, bar).await?);
    let lifted = lifted.map(|()| "done=lifted#barred").map_err(Told::bar);
    answer(&web, &caller, id, &fields, lifted).await
}

/// Asks a nursery for the talk before the first day.
pub async fn interview(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = child_id(&id)?;
    children::mine(&web.hub, &caller, id).await?;
    let nursery = nursery(&fields)?;
    let asked = care_file::ask_interview(&web.hub, &caller, id, nursery).await?;
    let to = if asked { "done=asked#interviews" } else { "consent=1" };
    answer(&web, &caller, id, &fields, Ok(to)).await
}

/// Takes it back.
pub async fn take_back(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = child_id(&id)?;
    children::mine(&web.hub, &caller, id).await?;
    care_file::drop_interview(&web.hub, &caller, id, nursery(&fields)?).await?;
    answer(&web, &caller, id, &fields, Ok("done=back#interviews")).await
}

/// The nursery that a form names.
pub(super) fn nursery(fields: &Fields) -> Result<NurseryId, Refused> {
    let nursery = fields.get("nursery").parse();
    nursery.map_err(|_| Refused::Unreadable("the form names no nursery".to_owned()))
}

/// A bar as it was typed in.
pub(super) fn new_bar(fields: &Fields) -> Result<NewBar, Refused> {
    let account = Some(fields.get("account")).filter(|account| !account.is_empty());
    let account = account.map(str::parse).transpose();
    let account =
        account.map_err(|_| Refused::Unreadable("that is nobody's account".to_owned()))?;
    Ok(NewBar {
        name: fields.get("name").to_owned(),
        account,
        reason: fields.get("reason").to_owned(),
    })
}

/// What is wrong with an entry, in a person's words.
pub(super) fn words(f: &Frame, bad: Unchanged) -> &'static str {
    match bad {
        Unchanged::Bad(bad) => bad_entry(f, bad),
        Unchanged::Pin => f.say("暗証番号は4〜8けたの数字です", "A PIN has four to eight digits"),
    }
}
