//! The port for people and their programs: pages, API and files behind one set of safeguards.

pub mod assets;
pub mod cookies;
pub mod greet;
pub mod refusal;
pub mod security;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use chrono::{DateTime, TimeDelta, Utc};

use crate::hub::Hub;
use crate::service::atlas::Atlas;
use crate::service::throttle::Throttle;
use crate::{api, pages};

/// No form and no order is longer, in bytes.
pub const LONGEST_BODY: usize = 64 * 1024;
/// How old the places may be that a page is made from.
const ATLAS_AGE: TimeDelta = TimeDelta::seconds(5);

/// What the operator of the hub decides about its web port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebSettings {
    /// Cookies only travel over HTTPS; off where a browser speaks plain HTTP to a loopback port.
    pub secure_cookies: bool,
}

/// What the handlers of pages and API share.
#[derive(Clone)]
pub struct Web {
    /// The hub.
    pub hub: Hub,
    /// Settings.
    pub settings: WebSettings,
    /// Failed sign-ins.
    pub throttle: Arc<Throttle>,
    atlas: Arc<Mutex<Option<Dated>>>,
}

/// The places, and when they were read.
type Dated = (DateTime<Utc>, Arc<Atlas>);

impl Web {
    /// The places of the region, at most a few seconds old.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn atlas(&self) -> store::Result<Arc<Atlas>> {
        let now = self.hub.now();
        let kept = self.atlas.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, atlas)) = kept
            && now < at + ATLAS_AGE
        {
            return Ok(atlas);
        }
        let atlas = Arc::new(Atlas::load(self.hub.store.as_ref()).await?);
        *self.atlas.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, atlas.clone()));
        Ok(atlas)
    }
}

/// Everything that is served to people and their programs: pages at `/`, the API at `/api`, files
/// at `/assets`. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that
/// failed sign-ins are counted by address too.
pub fn router(hub: Hub, settings: WebSettings) -> Router {
    let web = Web { hub, settings, throttle: Arc::default(), atlas: Arc::default() };
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
