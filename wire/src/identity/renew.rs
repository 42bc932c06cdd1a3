//! The next certificate before this one ends: a new key, made here, certified by the hub for
//! whoever shows the present certificate.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::clock::Clock;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use reqwest::Url;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{
    AUTHORITY, CARD_KEY, CERTIFICATE, DeviceIdentity, IdentityError, KEY, META, ask_hub,
    check_certificate, folder, hub_address, innermost, request_for,
};
use crate::bus::SiteBus;
use crate::renew::{DEVICE_PATH, DeviceState, PATH, RenewAnswer, RenewRequest};

/// From so long before its end a certificate that could not be renewed is warned of.
const WARN: TimeDelta = TimeDelta::days(7);
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether there is something to do, and how soon after a failure.
const LOOK: Duration = Duration::from_secs(10 * 60);
const AGAIN: Duration = Duration::from_secs(60);

/// Whether a certificate is due for renewal: a third of its life is left.
#[must_use]
pub fn wants_renewal(made: DateTime<Utc>, ends: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now >= ends - (ends - made) / 3
}

/// Whether somebody should hear that it was not renewed.
#[must_use]
pub fn warns(ends: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now >= ends - WARN
}

impl DeviceIdentity {
    /// The next identity, from the hub at `hub_url`, kept in this one's place; the hub has already
    /// seen it when this returns, or will with its next request.
    ///
    /// # Errors
    /// Every way this can fail is an [`IdentityError`] of its own; this identity stays then, on
    /// disk and at the hub.
    pub async fn renew(&self, hub_url: &str, clock: &dyn Clock) -> Result<Self, IdentityError> {
        let hub = hub_address(hub_url)?;
        let key_pem = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .map_err(|error| IdentityError::Crypto(error.to_string()))?
            .serialize_pem();
        let request = RenewRequest { csr_pem: request_for(&key_pem)? };
        let sent = self.http_client()?.post(address(&hub, hub_url, PATH)?).json(&request);
        let answer: RenewAnswer = ask(sent, hub_url).await?;
        check_certificate(
            &answer.certificate_pem,
            self.device(),
            &key_pem,
            &self.authority,
            clock.now(),
        )?;
        self.keep_next(&key_pem, &answer.certificate_pem)?;
        let next = Self::load(&self.dir)?;
        // The first use ends the certificate before; where the hub cannot be reached just now, time
        // does, and nobody has to wait for that.
        if let Err(error) = next.check_in(hub_url).await {
            tracing::info!(%error, "the hub has not seen the new certificate yet");
        }
        Ok(next)
    }

    /// Says at the hub that this device is there, and hears how it stands.
    ///
    /// # Errors
    /// As for [`DeviceIdentity::renew`].
    pub async fn check_in(&self, hub_url: &str) -> Result<DeviceState, IdentityError> {
        let hub = hub_address(hub_url)?;
        ask(self.http_client()?.get(address(&hub, hub_url, DEVICE_PATH)?), hub_url).await
    }

    fn keep_next(&self, key_pem: &str, certificate_pem: &str) -> Result<(), IdentityError> {
        let mut files = vec![
            (KEY, key_pem.to_owned()),
            (CERTIFICATE, certificate_pem.to_owned()),
            (AUTHORITY, self.read(AUTHORITY)?),
            (META, self.read(META)?),
        ];
        if self.region_card_key.is_some() {
            files.push((CARD_KEY, self.read(CARD_KEY)?));
        }
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        folder::keep(&self.dir, &files)
    }

    fn read(&self, file: &str) -> Result<String, IdentityError> {
        let path = self.folder.join(file);
        std::fs::read_to_string(&path)
            .map_err(|error| IdentityError::Damaged { path, why: error.to_string() })
    }
}

fn address(hub: &Url, hub_url: &str, path: &str) -> Result<Url, IdentityError> {
    hub.join(path).map_err(|_| IdentityError::Address(hub_url.to_owned()))
}

async fn ask<T: serde::de::DeserializeOwned>(
    request: reqwest::RequestBuilder,
    hub_url: &str,
) -> Result<T, IdentityError> {
    let hub = hub_url.to_owned();
    ask_hub(request.timeout(PATIENCE), |error| IdentityError::Unreachable {
        hub: hub.clone(),
        why: innermost(&error),
    })
    .await
}

/// Keeps a device's identity good while its program runs. Whoever uses the identity follows
/// [`Keeper::follow`] and takes up the next one without a restart.
pub struct Keeper {
    hub_url: String,
    clock: Arc<dyn Clock>,
    identity: watch::Sender<Arc<DeviceIdentity>>,
}

/// Keeps the identity of a device that needs it for the site bus alone, and has `bus` take up the
/// next one. Never ends; without a hub's address it only says so.
pub async fn keep_on_the_bus(
    identity: DeviceIdentity,
    hub_url: Option<&str>,
    bus: SiteBus,
    clock: Arc<dyn Clock>,
) {
    let ends = identity.expires();
    let Some(keeper) = Keeper::new(Arc::new(identity), hub_url, clock) else {
        tracing::warn!(%ends, "no hub to renew the certificate at: set KYOTEN_HUB_URL");
        return std::future::pending().await;
    };
    let mut identities = keeper.follow();
    let follow = async {
        while identities.changed().await.is_ok() {
            let next = identities.borrow_and_update().clone();
            match next.bus_client_config() {
                Ok(tls) => bus.use_tls(Arc::new(tls)),
                Err(error) => tracing::error!(%error, "the new certificate cannot be used"),
            }
        }
    };
    tokio::join!(keeper.run(), follow);
}

/// What a look at the identity led to.
#[derive(Debug)]
pub enum Looked {
    /// It is good for long.
    Good,
    /// There is a newer one.
    Renewed,
    /// It was due and could not be renewed.
    Failed(IdentityError),
}

impl Keeper {
    /// Keeps `identity` good at the hub at `hub_url`, or else at the one that enrolled it; nothing
    /// where neither is known.
    #[must_use]
    pub fn new(
        identity: Arc<DeviceIdentity>,
        hub_url: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Option<Self> {
        let hub_url = hub_url.or(identity.hub())?.to_owned();
        Some(Self { hub_url, clock, identity: watch::Sender::new(identity) })
    }

    /// The identity, now and from now on.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Arc<DeviceIdentity>> {
        self.identity.subscribe()
    }

    /// Renews what is due, once.
    pub async fn look(&self) -> Looked {
        let identity = self.identity.borrow().clone();
        let now = self.clock.now();
        let own = identity.certificate();
        if !wants_renewal(own.made_at, own.not_after, now) {
            return Looked::Good;
        }
        match identity.renew(&self.hub_url, &*self.clock).await {
            Ok(next) => {
                tracing::info!(until = %next.expires(), "the certificate was renewed");
                self.identity.send_replace(Arc::new(next));
                Looked::Renewed
            }
            Err(error) => {
                if warns(own.not_after, now) {
                    tracing::warn!(%error, until = %own.not_after, "the certificate ends soon and could not be renewed; it is tried again");
                } else {
                    tracing::info!(%error, "the certificate could not be renewed yet; it is tried again");
                }
                Looked::Failed(error)
            }
        }
    }

    /// Looks again and again, and tells the hub that the device is there.
    pub async fn run(self) {
        loop {
            let identity = self.identity.borrow().clone();
            if let Err(error) = identity.check_in(&self.hub_url).await {
                tracing::debug!(%error, "the hub does not hear that this device is there");
            }
            let wait = if let Looked::Failed(_) = self.look().await { AGAIN } else { LOOK };
            sleep(wait).await;
        }
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("hub_url", &self.hub_url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let made = DateTime::UNIX_EPOCH;
        let ends = made + TimeDelta::days(90);
        let cases = [(0, false, false), (59, false, false), (60, true, false), (82, true, false)];
        for (day, wants, warned) in cases.into_iter().chain([(83, true, true), (91, true, true)]) {
            let now = made + TimeDelta::days(day);
            assert_eq!(wants_renewal(made, ends, now), wants, "day {day}");
            assert_eq!(warns(ends, now), warned, "day {day}");
        }
    }
}
