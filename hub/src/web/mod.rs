//! What pages and API share: state, sessions and their cookies, safeguards, files.

pub mod agent;
pub mod assets;
pub mod cookies;
pub mod greet;
pub mod limits;
pub mod proxies;
pub mod refusal;
pub mod security;
pub mod timely;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use limits::{LimitSettings, Limits};
use proxies::Proxies;

use crate::hub::Hub;
use crate::service::atlas::Atlas;
use crate::service::throttle::Throttle;

/// How old the places may be that a page is made from.
const ATLAS_AGE: TimeDelta = TimeDelta::seconds(5);

/// What the operator of the hub decides about its web port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSettings {
    /// Cookies only travel over HTTPS; off where a browser speaks plain HTTP to a loopback port.
    pub secure_cookies: bool,
    /// The proxies that say whom they speak for.
    pub proxies: Proxies,
    /// How much may be asked in a minute.
    pub limits: LimitSettings,
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
    /// What was asked in the last minute.
    pub limits: Arc<Limits>,
    atlas: Arc<Mutex<Option<Dated>>>,
}

/// The places, and when they were read.
type Dated = (DateTime<Utc>, Arc<Atlas>);

impl Web {
    /// The state of a web port that has just been opened.
    #[must_use]
    pub fn new(hub: Hub, settings: WebSettings) -> Self {
        let limits = Arc::new(Limits::new(settings.limits));
        Self { hub, settings, throttle: Arc::default(), limits, atlas: Arc::default() }
    }

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
        let atlas = Arc::new(Atlas::load(self.hub.store.as_ref(), now).await?);
        *self.atlas.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, atlas.clone()));
        Ok(atlas)
    }

    /// The places as they are after a change that this request has made. Other hubs see it when
    /// theirs are a few seconds old.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn atlas_anew(&self) -> store::Result<Arc<Atlas>> {
        *self.atlas.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.atlas().await
    }
}
