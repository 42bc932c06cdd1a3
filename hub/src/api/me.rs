//! The signed-in person.

use axum::Json;
use axum::extract::State;
use model::language::Language;
use model::people::Grant;
use model::permission::{Action, Target};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Answer;
use crate::problem::Problem;
use crate::service::{Caller, allow, children};
use crate::web::Web;

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct Me {
    id: Uuid,
    email: String,
    name: String,
    #[schema(value_type = String, example = "ja")]
    language: Language,
    /// What they may do now: `role`, and where it counts.
    #[schema(value_type = Vec<Object>)]
    grants: Vec<Grant>,
    /// Their children, for bookings with care.
    children: Vec<Child>,
    /// To be sent in the header X-CSRF-Token with every change.
    csrf_token: String,
}

/// A child of the signed-in person.
#[derive(Serialize, ToSchema)]
pub struct Child {
    id: Uuid,
    name: String,
    born: chrono::NaiveDate,
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/v1/me", tag = "session",
    responses(
        (status = 200, body = Me),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(State(web): State<Web>, caller: Caller) -> Answer<Json<Me>> {
    let person = caller.signed_in()?;
    allow(&caller, Action::KeepAccount, &Target::of(person.id))?;
    let children = children::list_if_any(&web.hub, &caller).await?.into_iter().map(|child| Child {
        id: child.id.0,
        name: child.particulars.name,
        born: child.particulars.born,
    });
    Ok(Json(Me {
        id: person.id.0,
        email: person.email.clone(),
        name: person.name.clone(),
        language: person.language,
        grants: caller.grants().to_vec(),
        children: children.collect(),
        csrf_token: caller.csrf.clone(),
    }))
}
