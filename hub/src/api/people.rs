//! People and their roles, for those who manage them.

#![expect(unused_qualifications, reason = "utoipa writes the path of the parameters out in full")]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use model::id::PersonId;
use model::people::{Given, Grant, Person as Known, Term};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Answer, Asked, Body, Id};
use crate::problem::Problem;
use crate::service::{Caller, roles};
use crate::web::Web;

/// Who is looked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    /// A part of a name or an e-mail address.
    #[serde(default)]
    q: String,
}

/// Somebody with their roles.
#[derive(Serialize, ToSchema)]
pub struct Person {
    id: Uuid,
    email: String,
    name: String,
    roles: Vec<Role>,
}

/// A role and how long it is held.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// `worker`, `parent`, `resident`, `employer_admin`, `operator`, `nursery_staff`,
    /// `municipal_admin` or `system_admin`.
    #[schema(example = "worker")]
    role: String,
    /// Of a worker (none for a sole trader) or an employer's admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    employer: Option<Uuid>,
    /// Of an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    centre: Option<Uuid>,
    /// Of nursery staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nursery: Option<Uuid>,
    /// Of a resident or a municipal admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    municipality: Option<Uuid>,
    /// Not before.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Not from this instant on.
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    /// So many months from the first use; 1 to 120.
    #[serde(default)]
    months_of_use: Option<u32>,
    /// When it was first used; the hub notes it, and ignores it here.
    #[serde(default)]
    first_used: Option<DateTime<Utc>>,
}

/// The roles that somebody is to have, all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    roles: Vec<Role>,
}

/// The people whose name or address holds a text; at most 50.
#[utoipa::path(
    get, path = "/v1/people", tag = "people", params(Sought),
    responses(
        (status = 200, body = Vec<Person>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn find(
    State(web): State<Web>,
    caller: Caller,
    asked: Answer<Asked<Sought>>,
) -> Answer<Json<Vec<Person>>> {
    // Who may ask comes before what is asked.
    roles::find(&web.hub, &caller, "").await?;
    let Asked(Sought { q }) = asked?;
    let found = roles::find(&web.hub, &caller, &q).await?;
    Ok(Json(found.into_iter().map(view).collect()))
}

/// Replaces somebody's roles.
#[utoipa::path(
    put, path = "/v1/people/{id}/roles", tag = "people", request_body = Roles,
    params(
        ("id" = Uuid, Path, description = "The person."),
        ("X-CSRF-Token" = String, Header, description = "The session's token.")
    ),
    responses(
        (status = 200, body = Person),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "A role names what is not there, or its term makes no sense."),
    )
)]
pub async fn set(
    State(web): State<Web>,
    caller: Caller,
    id: Answer<Id<PersonId>>,
    body: Answer<Body<Roles>>,
) -> Answer<Json<Person>> {
    roles::find(&web.hub, &caller, "").await?;
    let Id(id) = id?;
    roles::person(&web.hub, &caller, id).await?;
    let Body(Roles { roles: wanted }) = body?;
    let given: Option<Vec<Given>> = wanted.into_iter().map(given).collect();
    let given = given.ok_or_else(|| unfit("A role does not have the bounds that it needs."))?;
    match roles::set(&web.hub, &caller, id, given).await? {
        Ok(person) => Ok(Json(view(person))),
        Err(bad) => Err(unfit(&bad.to_string()).into()),
    }
}

fn unfit(detail: &str) -> Problem {
    let title = "The roles cannot be so";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit-roles", title, detail)
}

fn view(person: Known) -> Person {
    Person {
        id: person.id.0,
        email: person.email,
        name: person.name,
        roles: person.grants.iter().map(role).collect(),
    }
}

fn role(Given { grant, term }: &Given) -> Role {
    let mut role = Role {
        role: String::new(),
        employer: None,
        centre: None,
        nursery: None,
        municipality: None,
        from: term.from,
        until: term.until,
        months_of_use: term.months_of_use,
        first_used: term.first_used,
    };
    let word = match *grant {
        Grant::Worker { employer } => {
            role.employer = employer.map(|id| id.0);
            "worker"
        }
        Grant::Parent => "parent",
        Grant::Resident { municipality } => {
            role.municipality = Some(municipality.0);
            "resident"
        }
        Grant::EmployerAdmin { employer } => {
            role.employer = Some(employer.0);
            "employer_admin"
        }
        Grant::Operator { centre } => {
            role.centre = Some(centre.0);
            "operator"
        }
        Grant::NurseryStaff { nursery } => {
            role.nursery = Some(nursery.0);
            "nursery_staff"
        }
        Grant::MunicipalAdmin { municipality } => {
            role.municipality = Some(municipality.0);
            "municipal_admin"
        }
        Grant::SystemAdmin => "system_admin",
    };
    role.role = word.to_owned();
    role
}

/// A role that has exactly the bounds it needs.
fn given(role: Role) -> Option<Given> {
    use model::id::{CentreId, EmployerId, MunicipalityId, NurseryId};
    let bounds = (role.employer, role.centre, role.nursery, role.municipality);
    let grant = match (role.role.as_str(), bounds) {
        ("worker", (employer, None, None, None)) => {
            Grant::Worker { employer: employer.map(EmployerId) }
        }
        ("parent", (None, None, None, None)) => Grant::Parent,
        ("resident", (None, None, None, Some(id))) => {
            Grant::Resident { municipality: MunicipalityId(id) }
        }
        ("employer_admin", (Some(id), None, None, None)) => {
            Grant::EmployerAdmin { employer: EmployerId(id) }
        }
        ("operator", (None, Some(id), None, None)) => Grant::Operator { centre: CentreId(id) },
        ("nursery_staff", (None, None, Some(id), None)) => {
            Grant::NurseryStaff { nursery: NurseryId(id) }
        }
        ("municipal_admin", (None, None, None, Some(id))) => {
            Grant::MunicipalAdmin { municipality: MunicipalityId(id) }
        }
        ("system_admin", (None, None, None, None)) => Grant::SystemAdmin,
        _ => return None,
    };
    let Role { from, until, months_of_use, .. } = role;
    // The databases keep years of four digits.
    let sane = |time: Option<DateTime<Utc>>| {
        use chrono::Datelike as _;
        time.is_none_or(|time| (1900..=9999).contains(&time.year()))
    };
    let term = Term { from, until, months_of_use, first_used: None };
    (sane(from) && sane(until)).then_some(Given { grant, term })
}
