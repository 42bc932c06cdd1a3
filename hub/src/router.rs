//! The port for people and their programs: pages, API and files behind one set of safeguards.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;

use crate::hub::Hub;
use crate::web::{Web, WebSettings, assets, greet, security};
use crate::{api, pages};

/// No form and no order is longer, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// Everything that is served to people and their programs: pages at `/`, the API at `/api`, files
/// at `/assets`. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that
/// failed sign-ins are counted by address too.
pub fn router(hub: Hub, settings: WebSettings) -> Router {
    let web = Web::new(hub, settings);
    let greeted = middleware::from_fn_with_state(web.clone(), greet::greet);
    let pages =
        pages::router().layer(greeted.clone()).layer(middleware::from_fn(pages::errors::dress));
    let api = api::router()
        .layer(middleware::from_fn(api::guard::token))
        .layer(greeted)
        .layer(middleware::from_fn(api::guard::dress));
    Router::new()
        .nest("/api", api)
        .merge(pages)
        .route("/assets/{name}", get(assets::get))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn(security::headers))
        .with_state(web)
}
