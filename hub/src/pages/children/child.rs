//! One child: what its guardians keep of it, what they agreed to, and what its nursery sees.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::child::{BadHealth, Contact, Health, MOST_CONTACTS};
use model::consent::Purpose;
use model::id::ChildId;

use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, wish, words};
use crate::service::children::{self, Changed};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "children/child.html")]
struct Page {
    f: Frame,
    id: String,
    name: String,
    born: String,
    age: u32,
    own: bool,
    health: Health,
    agreed: bool,
    consents: Vec<Given>,
    done: Option<&'static str>,
    wants_care: bool,
    text_error: bool,
    contact_error: bool,
}

struct Given {
    purpose: &'static str,
    title: &'static str,
    words: &'static str,
    since: Option<String>,
}

/// `/children/{id}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    page(&web, &caller, child_id(&id)?, &asked, None, None).await
}

/// Changes what is kept of its health.
pub async fn health(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = child_id(&id)?;
    let typed = typed(&fields);
    match children::set_health(&web.hub, &caller, id, typed.clone()).await? {
        Changed::Done => Ok(Redirect::to(&format!("/children/{id}?done=health")).into_response()),
        Changed::NoConsent => Ok(Redirect::to(&format!("/children/{id}")).into_response()),
        Changed::Bad(bad) => page(&web, &caller, id, &fields, Some(typed), Some(bad)).await,
    }
}

/// Agrees to a purpose, or takes that back.
pub async fn consent(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = child_id(&id)?;
    let purpose = match fields.get("purpose") {
        "care" => Purpose::Care,
        "health" => Purpose::Health,
        // Whose child it is comes first: what is not theirs is not there.
        _ => {
            children::see(&web.hub, &caller, id).await?;
            return Err(Refused::Unreadable("no such purpose".to_owned()));
        }
    };
    if fields.get("agree") == "no" {
        children::withdraw(&web.hub, &caller, id, purpose).await?;
    } else {
        children::consent(&web.hub, &caller, id, purpose).await?;
    }
    Ok(Redirect::to(&format!("/children/{id}?done=consent")).into_response())
}

fn child_id(text: &str) -> Result<ChildId, Refused> {
    text.parse().map_err(|_| Refused::NotFound)
}

fn typed(fields: &Fields) -> Health {
    let contact = |n: usize| Contact {
        name: fields.get(&format!("contact-name-{n}")).to_owned(),
        relation: fields.get(&format!("contact-relation-{n}")).to_owned(),
        telephone: crate::typed::plain(fields.get(&format!("contact-telephone-{n}"))),
    };
    Health {
        allergies: fields.get("allergies").to_owned(),
        notes: fields.get("notes").to_owned(),
        contacts: (1..=MOST_CONTACTS).map(contact).collect(),
        doctor: fields.get("doctor").to_owned(),
    }
}

async fn page(
    web: &Web,
    caller: &Caller,
    id: ChildId,
    asked: &Fields,
    typed: Option<Health>,
    bad: Option<BadHealth>,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let file = children::see(&web.hub, caller, id).await?;
    let f = Frame::new(caller, Part::Children);
    let zone = wish::zone(&*web.atlas().await?);
    let today = web.hub.now().with_timezone(&zone).date_naive();
    let since = |purpose| {
        let given = file.consents.iter().rev().find(|consent| consent.purpose == purpose)?;
        let day = given.given_at.with_timezone(&zone).date_naive();
        given.withdrawn_at.is_none().then(|| words::full_date(f.language(), day))
    };
    let consents: Vec<Given> = Purpose::ALL
        .into_iter()
        .map(|purpose| Given {
            purpose: if purpose == Purpose::Care { "care" } else { "health" },
            title: match purpose {
                Purpose::Care => f.say("保育の利用", "Childcare"),
                Purpose::Health => f.say("健康と連絡先の保存", "Keeping health and contacts"),
            },
            words: f.say(purpose.wording().ja, purpose.wording().en),
            since: since(purpose),
        })
        .collect();
    let mut health = typed.unwrap_or(file.health);
    if file.own {
        // A row to write in for the next contact, and at least two.
        let rows = (health.contacts.len() + 1).clamp(2, MOST_CONTACTS);
        health.contacts.resize(rows.max(health.contacts.len()), Contact::default());
    }
    let page = Page {
        id: id.to_string(),
        name: file.child.particulars.name.clone(),
        born: words::full_date(f.language(), file.child.particulars.born),
        age: today.years_since(file.child.particulars.born).unwrap_or_default(),
        own: file.own,
        agreed: consents.iter().any(|given| given.purpose == "health" && given.since.is_some()),
        wants_care: !asked.get("care").is_empty()
            && consents.iter().any(|given| given.purpose == "care" && given.since.is_none()),
        health,
        consents,
        done: match asked.get("done") {
            "health" => Some(f.say("保存しました", "Saved")),
            "consent" => Some(f.say("同意の内容を変えました", "Your consent has been changed")),
            _ => None,
        },
        text_error: bad == Some(BadHealth::Text),
        contact_error: bad == Some(BadHealth::Contact),
        f,
    };
    let status = if bad.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}
