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

use std::sync::Arc;

use limits::{LimitSettings, Limits};
use proxies::Proxies;

use crate::hub::Hub;
use crate::service::atlas::Atlas;
use crate::service::throttle::Throttle;

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
}

impl Web {
    /// The state of a web port that has just been opened.
    #[must_use]
    pub fn new(hub: Hub, settings: WebSettings) -> Self {
        let limits = Arc::new(Limits::new(settings.limits));
        Self { hub, settings, throttle: Arc::default(), limits }
    }

    /// The places of the region.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn atlas(&self) -> store::Result<Arc<Atlas>> {
        self.hub.atlas().await
    }
}
