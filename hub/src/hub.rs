//! What every part of the hub is handed: the store, the clock, chance, and the keys.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use model::clock::Clock;
use ring::rand::SecureRandom;
use store::Store;
use uuid::Uuid;
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::Url;

use crate::authority::Authority;
use crate::keys::Keys;
use crate::live::Live;
use crate::notices::post::PostOffice;
use crate::service::atlas::{Atlas, Shelf};
use crate::service::audit::witness::Witness;
use crate::service::breach_list::BreachList;
use crate::vacancies::Vacancies;

/// The hub, shared by its pages, its API, its uplink and its jobs.
#[derive(Clone)]
pub struct Hub {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub random: Arc<dyn SecureRandom + Send + Sync>,
    /// The secrets that are not in the database.
    pub keys: Arc<Keys>,
    /// Sees the heads of the audit chain.
    pub witness: Arc<Witness>,
    /// Signs devices' certificates.
    pub authority: Arc<Authority>,
    /// The address that people's browsers show.
    pub public_url: Url,
    /// Asks for passkeys, and checks them.
    pub passkeys: Arc<Webauthn>,
    /// Passwords that were stolen somewhere.
    pub breach_list: Option<Arc<BreachList>>,
    /// Sends mails.
    pub post: Arc<PostOffice>,
    /// The mirrors of the living centres, and who watches them.
    pub live: Arc<Live>,
    /// The places, as they were read last.
    pub shelf: Arc<Shelf>,
    /// What is taken on the coming days.
    pub vacancies: Arc<Vacancies>,
}

impl Hub {
    /// The time, in whole microseconds.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The places of the region.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn atlas(&self) -> store::Result<Arc<Atlas>> {
        self.shelf.atlas(self.store.as_ref(), self.now()).await
    }

    /// A new id that sorts by its time (UUID version 7).
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new_id(&self) -> Result<Uuid, ring::error::Unspecified> {
        let mut chance = [0; 10];
        self.random.fill(&mut chance)?;
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap_or_default();
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid())
    }

    /// So many random bytes.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn random_bytes<const N: usize>(&self) -> Result<[u8; N], ring::error::Unspecified> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes)?;
        Ok(bytes)
    }
}
