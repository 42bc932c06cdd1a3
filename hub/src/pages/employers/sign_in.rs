//! How an employer's people sign in with their own accounts.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::id::EmployerId;
use model::organisation::{MemberRole, RoleRule};
use model::permission::Action;

use super::named;
use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::organisation::{self, BadWish, Wish};
use crate::service::{Caller, Refused, members};
use crate::web::Web;

/// So many rules more than there are can be written at once.
const EMPTY_RULES: usize = 2;

#[derive(Template)]
#[template(path = "employers/sign-in.html")]
struct Page {
    f: Frame,
    id: EmployerId,
    name: String,
    is_set: bool,
    domains: String,
    back: String,
    issuer: String,
    client_id: String,
    email_claim: String,
    rules: Vec<RuleShown>,
    checks_second: bool,
    done: bool,
    wrong: Option<&'static str>,
}

struct RuleShown {
    number: usize,
    claim: String,
    value: String,
    admin: bool,
}

/// `/employers/{id}/sign-in`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    page(&web, &caller, named(&id)?, None, !asked.get("done").is_empty()).await
}

/// Keeps the settings.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    let wish = wish(&fields);
    match organisation::keep(&web.hub, &caller, id, wish.clone()).await? {
        Ok(()) => Ok(Redirect::to(&format!("/employers/{id}/sign-in?done=1")).into_response()),
        Err(bad) => page(&web, &caller, id, Some((wish, bad)), false).await,
    }
}

/// Goes without.
pub async fn drop(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    organisation::forget(&web.hub, &caller, id).await?;
    Ok(Redirect::to(&format!("/employers/{id}/sign-in?done=1")).into_response())
}

fn wish(fields: &Fields) -> Wish {
    let rule = |number: usize| {
        let part = |name: &str| fields.get(&format!("{name}-{number}")).trim().to_owned();
        let (claim, value) = (part("claim"), part("value"));
        let role = match part("role").as_str() {
            "employer_admin" => MemberRole::EmployerAdmin,
            _ => MemberRole::Worker,
        };
        (!claim.is_empty() || !value.is_empty()).then_some(RoleRule { claim, value, role })
    };
    Wish {
        issuer: fields.get("issuer").trim().to_owned(),
        client_id: fields.get("client_id").trim().to_owned(),
        secret: fields.get("secret").to_owned(),
        email_claim: fields.get("email_claim").trim().to_owned(),
        rules: (0..organisation::MOST_RULES).filter_map(rule).collect(),
        checks_second: fields.get("checks_second") == "yes",
    }
}

async fn page(
    web: &Web,
    caller: &Caller,
    id: EmployerId,
    typed: Option<(Wish, BadWish)>,
    done: bool,
) -> Result<Response, Refused> {
    let employer = members::employer(&web.hub, caller, Action::ManageMembers, id).await?;
    let set_up = organisation::set_up(&web.hub, caller, id).await?;
    let f = Frame::new(caller, Part::Employer);
    let is_set = set_up.settings.is_some();
    let (wish, bad) = match (typed, set_up.settings) {
        (Some((wish, bad)), _) => (wish, Some(bad)),
        (None, Some(kept)) => {
            let wish = Wish {
                issuer: kept.issuer,
                client_id: kept.client_id,
                secret: String::new(),
                email_claim: kept.email_claim,
                rules: kept.rules,
                checks_second: kept.checks_second,
            };
            (wish, None)
        }
        (None, None) => {
            let nothing = String::new;
            let wish = Wish {
                issuer: nothing(),
                client_id: nothing(),
                secret: nothing(),
                email_claim: "email".to_owned(),
                rules: Vec::new(),
                checks_second: false,
            };
            (wish, None)
        }
    };
    let empty = (0..EMPTY_RULES).map(|_| RoleRule {
        claim: String::new(),
        value: String::new(),
        role: MemberRole::Worker,
    });
    let rules = wish.rules.into_iter().chain(empty).take(organisation::MOST_RULES).enumerate();
    let page = Page {
        id,
        name: f.get(&employer.name).to_owned(),
        is_set,
        domains: set_up.domains.join(f.say("、", ", ")),
        back: organisation::way_back(&web.hub),
        issuer: wish.issuer,
        client_id: wish.client_id,
        email_claim: wish.email_claim,
        rules: rules
            .map(|(number, rule)| RuleShown {
                number,
                claim: rule.claim,
                value: rule.value,
                admin: rule.role == MemberRole::EmployerAdmin,
            })
            .collect(),
        checks_second: wish.checks_second,
        done,
        wrong: bad.map(|bad| said(&f, bad)),
        f,
    };
    let status = if bad.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}

fn said(f: &Frame, bad: BadWish) -> &'static str {
    match bad {
        BadWish::Issuer => f.say(
            "発行者のアドレスは https:// で始めてください",
            "The issuer's address begins with https://",
        ),
        BadWish::NoProvider => f.say(
            "そのアドレスでは応答がありません。発行者を確かめてください",
            "Nothing answers as a provider at that address; please check it",
        ),
        BadWish::Client => f.say("クライアントIDを入れてください", "Give the client id"),
        BadWish::Secret => f.say(
            "クライアントシークレットを入れてください",
            "Give the client secret; another issuer needs another",
        ),
        BadWish::Claim => {
            f.say("メールアドレスの項目名を入れてください", "Name the claim that holds the address")
        }
        BadWish::Rules => f.say(
            "役割の決まりは、項目名と値の両方を入れてください",
            "A rule needs both a claim and a value",
        ),
    }
}
