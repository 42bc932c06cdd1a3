//! The port for people and their programs: pages, API and files behind one set of safeguards.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use model::permission::Action::*;

use crate::hub::Hub;
use crate::problem::Problem;
use crate::routes::{About, Routes};
use crate::service::Refused;
use crate::web::{Web, WebSettings, assets, greet, security, timely};
use crate::{api, pages, scim};

/// No form and no order is longer, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// Everything that is served to people and their programs: pages at `/`, the API at `/api`, files
/// at `/assets`. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that
/// failed sign-ins are counted by address too.
pub fn router(hub: Hub, settings: WebSettings) -> Router {
    let web = Web::new(hub, settings);
    routes(&web).split().1.with_state(web)
}

/// The same, with the list of what it serves.
#[must_use]
pub fn routes(web: &Web) -> Routes<Web> {
    let greeted = middleware::from_fn_with_state(web.clone(), greet::greet);
    let pages = pages::routes().under(|pages| {
        pages
            .fallback(pages::errors::not_found)
            .layer(greeted.clone())
            .layer(middleware::from_fn(pages::errors::dress))
    });
    let (api, _) = api::routes();
    let api = api.under(|api| {
        api.fallback(async || Problem::not_found("See /api/openapi.json for what there is."))
            .layer(middleware::from_fn(api::guard::token))
            .layer(greeted.clone())
            .layer(middleware::from_fn(api::guard::dress))
    });
    let scim = scim::routes().under(|scim| {
        scim.fallback(async || Refused::NotFound)
            .layer(middleware::from_fn(api::guard::token))
            .layer(greeted)
            .layer(middleware::from_fn(scim::dress))
    });
    let files = Routes::default().get("/assets/{name}", UseTheDoor, About::Nothing, assets::get);
    api.below("/api").and(scim.below("/scim/v2")).and(pages).and(files).under(|all| {
        all.layer(DefaultBodyLimit::max(LONGEST_BODY))
            .layer(middleware::from_fn(timely::whole))
            .layer(middleware::from_fn_with_state(web.clone(), security::headers))
    })
}
