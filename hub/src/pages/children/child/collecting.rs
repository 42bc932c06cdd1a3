//! Who may collect a child and who may not: what its guardians decide of it.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::id::NurseryId;

use super::{Told, bad_entry, child_id, entry_id, from_years, page};
use crate::pages::fields::{Fields, Posted};
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
    let from_years = from_years(&web.atlas().await?.nurseries);
    let today = web.hub.now().with_timezone(&wish::zone(&*web.atlas().await?)).date_naive();
    let refused = async |bad| {
        page(&web, &caller, id, &fields, Told { collector: Some(bad), ..Told::default() }).await
    };
    let Some(born) = typed::date(fields.get("born")) else {
        return refused(Unchanged::Bad(model::care::file::BadEntry::Born)).await;
    };
    let until = fields.get("until");
    let until = match (until.is_empty(), typed::date(until)) {
        (true, _) => None,
        (false, Some(until)) => Some(until),
        (false, None) => return refused(Unchanged::Bad(model::care::file::BadEntry::Over)).await,
    };
    let typed = NewCollector {
        name: fields.get("name").to_owned(),
        relation: fields.get("relation").to_owned(),
        telephone: typed::plain(fields.get("telephone")),
        born,
        pin: fields.get("pin").to_owned(),
        until,
    };
    match care_file::name_collector(&web.hub, &caller, id, &typed, from_years, today).await? {
        Ok(()) => {
            Ok(Redirect::to(&format!("/children/{id}?done=collector#collecting")).into_response())
        }
        Err(bad) => refused(bad).await,
    }
}

/// Takes somebody off the list.
pub async fn remove(
    State(web): State<Web>,
    caller: Caller,
    Path((id, collector)): Path<(String, String)>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let (id, collector) = (child_id(&id)?, entry_id(&collector)?);
    // Whoever is not there any more is off the list already.
    care_file::remove_collector(&web.hub, &caller, id, collector).await?.ok();
    Ok(Redirect::to(&format!("/children/{id}?done=removed#collecting")).into_response())
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
    match care_file::bar(&web.hub, &caller, id, &new_bar(&fields)?).await? {
        Ok(()) => Ok(Redirect::to(&format!("/children/{id}?done=bar#collecting")).into_response()),
        Err(bad) => {
            page(&web, &caller, id, &fields, Told { bar: Some(bad), ..Told::default() }).await
        }
    }
}

/// Lifts a bar.
pub async fn lift(
    State(web): State<Web>,
    caller: Caller,
    Path((id, bar)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (id, bar) = (child_id(&id)?, entry_id(&bar)?);
    match care_file::lift(&web.hub, &caller, id, bar).await? {
        Ok(()) | Err(Unchanged::Bad(model::care::file::BadEntry::None)) => {
            Ok(Redirect::to(&format!("/children/{id}?done=lifted#collecting")).into_response())
        }
        Err(bad) => {
            page(&web, &caller, id, &fields, Told { bar: Some(bad), ..Told::default() }).await
        }
    }
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
    let to = if care_file::ask_interview(&web.hub, &caller, id, nursery).await? {
        format!("/children/{id}?done=asked#interviews")
    } else {
        format!("/children/{id}?consent=1")
    };
    Ok(Redirect::to(&to).into_response())
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
    Ok(Redirect::to(&format!("/children/{id}?done=back#interviews")).into_response())
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
pub(super) fn words(f: &crate::pages::frame::Frame, bad: Unchanged) -> &'static str {
    match bad {
        Unchanged::Bad(bad) => bad_entry(f, bad),
        Unchanged::Pin => f.say("暗証番号は4〜8けたの数字です", "A PIN has four to eight digits"),
    }
}
