//! People and their roles, for the hub's admin.

pub mod employers;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Asia::Tokyo;
use model::id::PersonId;
use model::language::LocalText;
use model::opening;
use model::people::{Given, Grant, Person, Term};

use super::fields::{Asked, Fields, Posted};
use super::frame::{Frame, Part};
use super::{html, words};
use crate::service::roles::{self, BadRoles};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "people.html")]
struct Page {
    f: Frame,
    q: String,
    found: Vec<Found>,
}

struct Found {
    id: String,
    name: String,
    email: String,
    roles: String,
}

#[derive(Template)]
#[template(path = "people/person.html")]
struct One {
    f: Frame,
    id: PersonId,
    name: String,
    email: String,
    roles: Vec<RoleShown>,
    choices: Vec<Choice>,
    done: bool,
    wrong: Option<&'static str>,
}

struct RoleShown {
    number: usize,
    value: String,
    name: String,
    term: Vec<String>,
    ended: bool,
}

struct Choice {
    value: String,
    name: String,
}

/// `/people`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let q = asked.get("q").to_owned();
    let found = roles::find(&web.hub, &caller, &q).await?;
    let f = Frame::new(&caller, Part::People);
    let places = Places::load(&web).await?;
    let now = web.hub.now();
    let shown = |person: Person| Found {
        id: person.id.to_string(),
        roles: person
            .grants_at(now)
            .map(|grant| places.name(&f, &grant))
            .collect::<Vec<_>>()
            .join(f.say("、", ", ")),
        name: person.name,
        email: person.email,
    };
    let found = found.into_iter().map(shown).collect();
    Ok(html(StatusCode::OK, &Page { q, found, f }))
}

/// `/people/{id}`
pub async fn one(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    page(&web, &caller, named(&caller, &web, &id).await?, !asked.get("done").is_empty(), None).await
}

/// Gives a role.
pub async fn give(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let person = named(&caller, &web, &id).await?;
    let places = Places::load(&web).await?;
    let chosen = places.all().into_iter().find(|grant| value(grant) == fields.get("role"));
    let (Some(grant), Some(term)) = (chosen, term(&fields)) else {
        return page(&web, &caller, person, false, Some(BadRoles::Term)).await;
    };
    let mut roles = person.grants.clone();
    roles.push(Given { grant, term });
    set(&web, &caller, person, roles).await
}

/// Takes one, by its place in the list and what it was when the page was made.
pub async fn take(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let person = named(&caller, &web, &id).await?;
    let number =
        typed::number(fields.get("number")).and_then(|number| usize::try_from(number).ok());
    let mut roles = person.grants.clone();
    match number.filter(|number| *number < roles.len()) {
        Some(number) if value(&roles[number].grant) == fields.get("role") => {
            roles.remove(number);
            set(&web, &caller, person, roles).await
        }
        // Somebody else has changed the list meanwhile: it is shown as it is.
        _ => page(&web, &caller, person, false, None).await,
    }
}

async fn set(
    web: &Web,
    caller: &Caller,
    person: Person,
    roles: Vec<Given>,
) -> Result<Response, Refused> {
    let id = person.id;
    match roles::set(&web.hub, caller, id, roles).await? {
        Ok(_) => Ok(Redirect::to(&format!("/people/{id}?done=1")).into_response()),
        Err(bad) => page(web, caller, person, false, Some(bad)).await,
    }
}

async fn named(caller: &Caller, web: &Web, id: &str) -> Result<Person, Refused> {
    roles::find(&web.hub, caller, "").await?;
    roles::person(&web.hub, caller, id.parse().map_err(|_| Refused::NotFound)?).await
}

/// From the beginning of a day to the end of another, in Japan.
fn term(fields: &Fields) -> Option<Term> {
    let day = |name: &str| match fields.get(name) {
        "" => Some(None),
        text => typed::date(text).map(Some),
    };
    let midnight = |day: NaiveDate| opening::local(day, 0, Tokyo);
    let from = match day("from")? {
        None => None,
        Some(day) => Some(midnight(day)?),
    };
    let until = match day("until")? {
        None => None,
        Some(day) => Some(midnight(day.succ_opt()?)?),
    };
    let months_of_use = match fields.get("months") {
        "" => None,
        text => Some(typed::number(text)?),
    };
    Some(Term { from, until, months_of_use, first_used: None })
}

async fn page(
    web: &Web,
    caller: &Caller,
    person: Person,
    done: bool,
    bad: Option<BadRoles>,
) -> Result<Response, Refused> {
    let f = Frame::new(caller, Part::People);
    let places = Places::load(web).await?;
    let now = web.hub.now();
    let shown = |(number, given): (usize, &Given)| RoleShown {
        number,
        value: value(&given.grant),
        name: places.name(&f, &given.grant),
        term: term_words(&f, &given.term),
        ended: given.term.ends().is_some_and(|end| end <= now),
    };
    let choice = |grant: Grant| Choice { value: value(&grant), name: places.name(&f, &grant) };
    let page = One {
        id: person.id,
        roles: person.grants.iter().enumerate().map(shown).collect(),
        choices: places.all().into_iter().map(choice).collect(),
        name: person.name,
        email: person.email,
        done,
        wrong: bad.map(|bad| match bad {
            BadRoles::Bound => {
                f.say("その相手先はありません", "There is no such place or employer")
            }
            BadRoles::Term => f.say(
                "役割と期間を確かめてください（月数は1〜120）",
                "Please check the role and its term (1 to 120 months)",
            ),
            BadRoles::Many => f.say("役割が多すぎます", "That is too many roles"),
            BadRoles::OwnKey => f.say(
                "自分の管理者の役割は外せません",
                "You cannot take the system admin's role from yourself",
            ),
        }),
        f,
    };
    let status = if bad.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}

fn term_words(f: &Frame, term: &Term) -> Vec<String> {
    let day = |time: DateTime<Utc>| {
        words::full_date(f.language(), time.with_timezone(&Tokyo).date_naive())
    };
    let last = |time: DateTime<Utc>| day(time - chrono::TimeDelta::microseconds(1));
    let from = term.from.map(|from| {
        if f.ja() { format!("{}から", day(from)) } else { format!("from {}", day(from)) }
    });
    let until = term.until.map(|until| {
        if f.ja() { format!("{}まで", last(until)) } else { format!("until {}", last(until)) }
    });
    let months = term.months_of_use.map(|months| {
        if f.ja() {
            format!("はじめて使ってから{months}か月")
        } else {
            format!("{months} months from the first use")
        }
    });
    let used = term.first_used.map(|used| {
        if f.ja() {
            format!("{}に使いはじめ", day(used))
        } else {
            format!("first used {}", day(used))
        }
    });
    from.into_iter().chain(until).chain(months).chain(used).collect()
}

/// A role as a form names it.
fn value(grant: &Grant) -> String {
    match grant {
        Grant::Worker { employer: Some(id) } => format!("worker {id}"),
        Grant::Worker { employer: None } => "worker".to_owned(),
        Grant::Parent => "parent".to_owned(),
        Grant::Resident { municipality } => format!("resident {municipality}"),
        Grant::EmployerAdmin { employer } => format!("employer_admin {employer}"),
        Grant::Operator { centre } => format!("operator {centre}"),
        Grant::NurseryStaff { nursery } => format!("nursery_staff {nursery}"),
        Grant::MunicipalAdmin { municipality } => format!("municipal_admin {municipality}"),
        Grant::SystemAdmin => "system_admin".to_owned(),
    }
}

/// What roles are bounded to, by name.
struct Places {
    atlas: std::sync::Arc<crate::service::atlas::Atlas>,
    employers: Vec<store::Employer>,
}

impl Places {
    async fn load(web: &Web) -> Result<Self, Refused> {
        Ok(Self { atlas: web.atlas().await?, employers: web.hub.store.employers().await? })
    }

    /// Every role that can be given.
    fn all(&self) -> Vec<Grant> {
        let employers = || self.employers.iter().map(|employer| employer.id);
        let towns = || self.atlas.municipalities.iter().map(|(id, _)| *id);
        [Grant::Worker { employer: None }, Grant::Parent, Grant::SystemAdmin]
            .into_iter()
            .chain(employers().map(|id| Grant::Worker { employer: Some(id) }))
            .chain(employers().map(|employer| Grant::EmployerAdmin { employer }))
            .chain(self.atlas.centres.iter().map(|centre| Grant::Operator { centre: centre.id }))
            .chain(
                self.atlas
                    .nurseries
                    .iter()
                    .map(|nursery| Grant::NurseryStaff { nursery: nursery.id }),
            )
            .chain(towns().map(|municipality| Grant::Resident { municipality }))
            .chain(towns().map(|municipality| Grant::MunicipalAdmin { municipality }))
            .collect()
    }

    fn name(&self, f: &Frame, grant: &Grant) -> String {
        let employer = |id| self.employers.iter().find(|known| known.id == id).map(|it| &it.name);
        let centre = |id| self.atlas.centre(id).map(|centre| &centre.name);
        let nursery = |id| self.atlas.nurseries.iter().find(|known| known.id == id);
        let town = |id| self.atlas.municipality(id);
        let at = |ja, en, place: Option<&LocalText>| {
            let place = place.map(|name| f.get(name)).unwrap_or("?");
            let role = f.say(ja, en);
            if f.ja() { format!("{role}（{place}）") } else { format!("{role} ({place})") }
        };
        match *grant {
            Grant::Worker { employer: Some(id) } => at("利用者", "worker", employer(id)),
            Grant::Worker { employer: None } => {
                f.say("利用者（個人事業主）", "worker (sole trader)").to_owned()
            }
            Grant::Parent => f.say("保護者", "parent").to_owned(),
            Grant::Resident { municipality } => at("住民", "resident", town(municipality)),
            Grant::EmployerAdmin { employer: id } => {
                at("企業の管理者", "employer's admin", employer(id))
            }
            Grant::Operator { centre: id } => at("センターの運営", "operator", centre(id)),
            Grant::NurseryStaff { nursery: id } => {
                at("保育者", "nursery staff", nursery(id).and_then(|known| centre(known.centre)))
            }
            Grant::MunicipalAdmin { municipality } => {
                at("市区町村の担当", "municipal admin", town(municipality))
            }
            Grant::SystemAdmin => f.say("広域の管理者", "system admin").to_owned(),
        }
    }
}
