//! Asking the site, over its bus.

use async_trait::async_trait;
use wire::bus::SiteBus;
use wire::request::{Answer, Request};

/// Why there is no answer, in one sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent(pub String);

/// Whoever answers a kiosk's requests.
#[async_trait]
pub trait Site: Send + Sync {
    /// The site's answer.
    ///
    /// # Errors
    /// [`Silent`] when there was none in time, or none that can be read.
    async fn ask(&self, request: &Request) -> Result<Answer, Silent>;
}

#[async_trait]
impl Site for SiteBus {
    async fn ask(&self, request: &Request) -> Result<Answer, Silent> {
        let payload = serde_json::to_vec(request).map_err(|e| Silent(e.to_string()))?;
        let answer = self.request(payload).await.map_err(|e| Silent(e.to_string()))?;
        serde_json::from_slice(&answer)
            .map_err(|e| Silent(format!("the site's answer cannot be read: {e}")))
    }
}
