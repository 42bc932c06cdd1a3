//! SCIM 2.0 (RFC 7643, RFC 7644) under `/scim/v2`: an employer's directory tells of joiners and
//! leavers. Its token is the employer's, with the scope of members.

mod answer;
mod filter;
mod resource;
mod users;

use axum::http::Method;
use axum::routing;
use model::permission::Action::{ManageMembers, UseTheDoor};

pub use answer::dress;

use crate::routes::{About, Routes};
use crate::web::Web;

/// Every address under `/scim/v2`.
#[must_use]
pub fn routes() -> Routes<Web> {
    let one = "/Users/{id}";
    Routes::default()
        .get("/ServiceProviderConfig", UseTheDoor, About::Nothing, resource::config)
        .get("/ResourceTypes", UseTheDoor, About::Nothing, resource::types)
        .get("/ResourceTypes/User", UseTheDoor, About::Nothing, resource::user_type)
        .get("/Schemas", UseTheDoor, About::Nothing, resource::schemas)
        .get(resource::SCHEMA_PATH, UseTheDoor, About::Nothing, resource::schema)
        .get("/Users", ManageMembers, About::OwnEmployer, users::list)
        .post("/Users", ManageMembers, About::OwnEmployer, users::add)
        .get(one, ManageMembers, About::Member, users::get)
        .serve(Method::PUT, one, ManageMembers, About::Member, routing::put(users::put))
        .serve(Method::PATCH, one, ManageMembers, About::Member, routing::patch(users::patch))
        .serve(Method::DELETE, one, ManageMembers, About::Member, routing::delete(users::delete))
}
