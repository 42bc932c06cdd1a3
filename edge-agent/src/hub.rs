//! The hub as a site sees it. The site begins every conversation.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::OrderId;
use reqwest::header::DATE;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use wire::cards::{self, CardKeys, CardOffered, OfferCard, Offers, Rekeyed, RekeyedCard};
use wire::edge_config::{self, SignedEdgeConfig};
use wire::event::{Batch, Gap, SiteSnapshot, Taken, Told};
use wire::identity::DeviceIdentity;
use wire::order::{self, OrderAnswered};
use wire::sealing::SectionKeyAnswer;
use wire::sheet::{KEY_PATH, SheetAck, SignedManifest};

use crate::sse::Decoder;

/// The longest single answer, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);
/// Somebody waits in the lobby, for no longer than [`wire::bus::ANSWER_WITHIN`].
const AT_KIOSK: Duration = Duration::from_secs(3);
/// A stream this long without a word, keep-alives included, is dead.
const SILENCE: Duration = Duration::from_secs(45);

/// Everything that a site says to its hub and asks of it.
#[async_trait]
pub trait Hub: Send + Sync {
    /// The hub's own time as its last answer to something told said it, where it did.
    fn time(&self) -> Option<DateTime<Utc>>;

    /// The newest signed sheet, if there is one.
    ///
    /// # Errors
    /// When the hub cannot be reached or does not answer as it should.
    async fn sheet(&self) -> Result<Option<SignedManifest>, HubError>;

    /// The bytes of a section by its hash.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn section(&self, sha256: &str) -> Result<Vec<u8>, HubError>;

    /// The key that this site's sealed sections open with.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn section_key(&self) -> Result<SectionKeyAnswer, HubError>;

    /// The authority's list of this site's certificates that were withdrawn, in PEM.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn revocations(&self) -> Result<String, HubError>;

    /// Says which sheet is in force.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn acknowledge(&self, ack: &SheetAck) -> Result<(), HubError>;

    /// The settings that the hub has for this edge, if it has any.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn edge_config(&self) -> Result<Option<SignedEdgeConfig>, HubError> {
        Ok(None)
    }

    /// Tells events; the answer comes after the hub's commit.
    ///
    /// # Errors
    /// As for [`Hub::sheet`]. The hub may have committed the batch all the same.
    async fn tell(&self, batch: &Batch) -> Result<Result<Taken, Gap>, HubError>;

    /// Puts the site's state in the place of the hub's mirror.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn put_snapshot(&self, snapshot: &SiteSnapshot) -> Result<(), HubError>;

    /// The region's card keys in use.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn card_keys(&self) -> Result<CardKeys, HubError>;

    /// Offers a card that wants to be somebody's.
    ///
    /// # Errors
    /// As for [`Hub::sheet`]; a refusal's kind says why.
    async fn offer_card(&self, offer: &OfferCard) -> Result<CardOffered, HubError>;

    /// How the site's offers stand.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn offers(&self) -> Result<Offers, HubError>;

    /// Tells of cards that were read under the newest key.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn rekeyed(&self, cards: &[RekeyedCard]) -> Result<(), HubError>;

    /// Tells what became of an order.
    ///
    /// # Errors
    /// As for [`Hub::sheet`].
    async fn answer_order(&self, order: OrderId, answer: OrderAnswered) -> Result<(), HubError>;

    /// Passes on what the hub tells, until the line breaks.
    ///
    /// # Errors
    /// Always, in the end: the reason why it no longer listens.
    async fn listen(&self, told: mpsc::Sender<Told>) -> Result<(), HubError>;
}

/// Why the hub did not do what was asked. All of it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// No line.
    #[error("the hub cannot be reached: {0}")]
    Away(String),
    /// It said no.
    #[error("the hub answered {status}: {why}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The `type` of its problem, where it gave one.
        kind: String,
        /// The beginning of its words.
        why: String,
    },
    /// Its answer has another form.
    #[error("the hub's answer cannot be read: {0}")]
    Unreadable(String),
}

impl From<reqwest::Error> for HubError {
    fn from(error: reqwest::Error) -> Self {
        let mut inner: &dyn std::error::Error = &error;
        while let Some(source) = inner.source() {
            inner = source;
        }
        Self::Away(inner.to_string())
    }
}

/// The hub over HTTPS, each side known by its certificate.
#[derive(Clone, Debug)]
pub struct HttpHub {
    client: Arc<RwLock<Client>>,
    base: Url,
    /// What the last answer said.
    time: Arc<Mutex<Option<DateTime<Utc>>>>,
}

/// An address that is none of a hub's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("'{0}' is no https address of a hub")]
pub struct BadAddress(String);

impl HttpHub {
    /// The hub at `address`, such as `https://hub.example:8443`.
    ///
    /// # Errors
    /// When the address or the identity cannot be used.
    pub fn new(address: &str, identity: &DeviceIdentity) -> Result<Self, crate::SiteError> {
        let base = Url::parse(address)
            .ok()
            .filter(|url| url.scheme() == "https" && url.host_str().is_some())
            .ok_or_else(|| BadAddress(address.to_owned()))?;
        let client = Arc::new(RwLock::new(identity.http_client()?));
        Ok(Self { client, base, time: Arc::default() })
    }

    /// Calls with another identity from the next request on.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn use_identity(&self, identity: &DeviceIdentity) -> Result<(), crate::SiteError> {
        let client = identity.http_client()?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        Ok(())
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn url(&self, path: &str) -> Result<Url, HubError> {
        self.base.join(path).map_err(|error| HubError::Away(error.to_string()))
    }

    async fn send<T: Serialize + Sync>(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &T,
    ) -> Result<Response, HubError> {
        let request = self.client().request(method, self.url(path)?).json(body).timeout(PATIENCE);
        let answer = request.send().await?;
        *self.time.lock().unwrap_or_else(PoisonError::into_inner) = time_of(&answer);
        Ok(answer)
    }
}

#[async_trait]
impl Hub for HttpHub {
    fn time(&self) -> Option<DateTime<Utc>> {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sheet(&self) -> Result<Option<SignedManifest>, HubError> {
        let answer =
            self.client().get(self.url("/uplink/v1/sheet")?).timeout(PATIENCE).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(good(answer).await?).await.map(Some)
    }

    async fn section(&self, sha256: &str) -> Result<Vec<u8>, HubError> {
        let url = self.url(&format!("/uplink/v1/sheet/sections/{sha256}"))?;
        bytes(good(self.client().get(url).timeout(PATIENCE).send().await?).await?).await
    }

    async fn section_key(&self) -> Result<SectionKeyAnswer, HubError> {
        let url = self.url(KEY_PATH)?;
        read(good(self.client().get(url).timeout(PATIENCE).send().await?).await?).await
    }

    async fn revocations(&self) -> Result<String, HubError> {
        let url = self.url("/uplink/v1/revocations")?;
        let list =
            bytes(good(self.client().get(url).timeout(PATIENCE).send().await?).await?).await?;
        String::from_utf8(list).map_err(|error| HubError::Unreadable(error.to_string()))
    }

    async fn acknowledge(&self, ack: &SheetAck) -> Result<(), HubError> {
        good(self.send(reqwest::Method::POST, "/uplink/v1/sheet/ack", ack).await?).await?;
        Ok(())
    }

    async fn edge_config(&self) -> Result<Option<SignedEdgeConfig>, HubError> {
        let answer =
            self.client().get(self.url(edge_config::PATH)?).timeout(PATIENCE).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(good(answer).await?).await.map(Some)
    }

    async fn tell(&self, batch: &Batch) -> Result<Result<Taken, Gap>, HubError> {
        let answer = self.send(reqwest::Method::POST, "/uplink/v1/events", batch).await?;
        if answer.status() == StatusCode::CONFLICT {
            return read(answer).await.map(Err);
        }
        read(good(answer).await?).await.map(Ok)
    }

    async fn put_snapshot(&self, snapshot: &SiteSnapshot) -> Result<(), HubError> {
        good(self.send(reqwest::Method::PUT, "/uplink/v1/snapshot", snapshot).await?).await?;
        Ok(())
    }

    async fn card_keys(&self) -> Result<CardKeys, HubError> {
        let request = self.client().get(self.url(cards::KEYS_PATH)?).timeout(PATIENCE);
        read(good(request.send().await?).await?).await
    }

    async fn offer_card(&self, offer: &OfferCard) -> Result<CardOffered, HubError> {
        let request =
            self.client().post(self.url(cards::OFFERS_PATH)?).json(offer).timeout(AT_KIOSK);
        read(good(request.send().await?).await?).await
    }

    async fn offers(&self) -> Result<Offers, HubError> {
        let request = self.client().get(self.url(cards::OFFERS_PATH)?).timeout(AT_KIOSK);
        read(good(request.send().await?).await?).await
    }

    async fn rekeyed(&self, cards: &[RekeyedCard]) -> Result<(), HubError> {
        let body = Rekeyed { cards: cards.to_vec() };
        good(self.send(reqwest::Method::POST, cards::REKEYED_PATH, &body).await?).await?;
        Ok(())
    }

    async fn answer_order(&self, order: OrderId, answer: OrderAnswered) -> Result<(), HubError> {
        good(self.send(reqwest::Method::POST, &order::answer_path(order), &answer).await?).await?;
        Ok(())
    }

    async fn listen(&self, told: mpsc::Sender<Told>) -> Result<(), HubError> {
        let request = self.client().get(self.url("/uplink/v1/stream")?).send();
        let silent = |_| HubError::Away("the event stream fell silent".to_owned());
        let answer = tokio::time::timeout(PATIENCE, request).await.map_err(silent)??;
        let mut answer = good(answer).await?;
        let mut decoder = Decoder::default();
        loop {
            let next = tokio::time::timeout(SILENCE, answer.chunk()).await.map_err(silent)??;
            let chunk = next.ok_or_else(|| HubError::Away("the event stream ended".to_owned()))?;
            for event in decoder.take(&chunk) {
                if event.name != "told" {
                    continue;
                }
                match serde_json::from_str(&event.data) {
                    Ok(word) => {
                        if told.send(word).await.is_err() {
                            return Ok(());
                        }
                    }
                    // A later hub may tell what this program does not know yet.
                    Err(error) => tracing::warn!(%error, "the hub told something unknown"),
                }
            }
        }
    }
}

fn time_of(answer: &Response) -> Option<DateTime<Utc>> {
    let date = answer.headers().get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(date).ok().map(|date| date.to_utc())
}

async fn good(answer: Response) -> Result<Response, HubError> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status().as_u16();
    let body = bytes(answer).await.unwrap_or_default();
    let why = String::from_utf8_lossy(&body).chars().take(300).collect();
    let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let kind = problem.as_ref().and_then(|problem| problem.get("type")?.as_str());
    Err(HubError::Refused { status, kind: kind.unwrap_or_default().to_owned(), why })
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, HubError> {
    let body = bytes(answer).await?;
    serde_json::from_slice(&body).map_err(|error| HubError::Unreadable(error.to_string()))
}

async fn bytes(mut answer: Response) -> Result<Vec<u8>, HubError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(HubError::Unreadable("it is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
