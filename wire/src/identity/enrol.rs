//! Enrolment: a new key, a one-time code, and the hub's answer to both.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use model::clock::Clock;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::pinned::PinnedAuthority;
use super::{
    AUTHORITY, CARD_KEY, CERTIFICATE, DeviceIdentity, IdentityError, KEY, META, Meta, ask_hub,
    check_certificate, folder, http_client, hub_address, innermost, provider, request_for,
};
use crate::enrol::{self, EnrolAnswer, EnrolRequest, Fingerprint16, OneTimeCode, fingerprint16};

impl DeviceIdentity {
    /// Enrols the device at `hub_url` (such as `https://hub.example:8443`) with a one-time
    /// `code` and keeps the identity under `dir`, in place of an earlier one.
    ///
    /// The hub is trusted only when its certificate chain ends at the authority that the code
    /// names and its certificate is for the host in `hub_url`. The key is kept between
    /// attempts, so that the hub can answer the same device twice when an answer got lost.
    ///
    /// # Errors
    /// Every way this can fail is an [`IdentityError`] of its own; the old identity stays then.
    pub async fn enrol(
        hub_url: &str,
        code: &str,
        dir: &Path,
        clock: &dyn Clock,
    ) -> Result<Self, IdentityError> {
        let code: OneTimeCode = code.parse()?;
        let hub = hub_address(hub_url)?;
        let key_pem = folder::pending_key(dir)?;
        let request = EnrolRequest { code: code.reveal(), csr_pem: request_for(&key_pem)? };
        let answer = ask(&hub, hub_url, code.authority(), &request).await?;
        check(&answer, &key_pem, code.authority(), clock.now())?;
        keep(dir, &key_pem, &answer, hub_url)?;
        Self::load(dir)
    }
}

async fn ask(
    hub: &reqwest::Url,
    hub_url: &str,
    authority: Fingerprint16,
    request: &EnrolRequest,
) -> Result<EnrolAnswer, IdentityError> {
    let verifier = Arc::new(PinnedAuthority::new(authority));
    let tls = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    let url = hub.join(enrol::PATH).map_err(|_| IdentityError::Address(hub_url.to_owned()))?;
    let sent = http_client(tls)?.post(url).timeout(Duration::from_secs(30)).json(request);
    ask_hub(sent, |error| {
        if verifier.met_another() {
            IdentityError::WrongAuthority(hub_url.to_owned())
        } else {
            IdentityError::Unreachable { hub: hub_url.to_owned(), why: innermost(&error) }
        }
    })
    .await
}

fn check(
    answer: &EnrolAnswer,
    key_pem: &str,
    pinned: Fingerprint16,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    let bad = |why: &str| IdentityError::Answer(why.to_owned());
    let authority = CertificateDer::from_pem_slice(answer.authority_pem.as_bytes())
        .map_err(|_| bad("its authority is no certificate"))?;
    if fingerprint16(&authority) != pinned {
        return Err(bad("its authority is not the one the code names"));
    }
    if let Some(card_key) = &answer.region_card_key {
        BASE64.decode(card_key).map_err(|_| bad("its card key is no base64"))?;
    }
    check_certificate(&answer.certificate_pem, &answer.device, key_pem, &authority, now)?;
    Ok(())
}

fn keep(
    dir: &Path,
    key_pem: &str,
    answer: &EnrolAnswer,
    hub_url: &str,
) -> Result<(), IdentityError> {
    let meta = Meta {
        device: answer.device.clone(),
        centre: answer.centre.clone(),
        kind: answer.kind,
        hub: Some(hub_url.to_owned()),
        sheet_key: answer.sheet_key.clone(),
    };
    let meta = serde_json::to_string_pretty(&meta)
        .map_err(|error| IdentityError::Answer(error.to_string()))?;
    let mut files = vec![
        (KEY, key_pem),
        (CERTIFICATE, &answer.certificate_pem),
        (AUTHORITY, &answer.authority_pem),
        (META, &meta),
    ];
    files.extend(answer.region_card_key.as_deref().map(|key| (CARD_KEY, key)));
    folder::keep(dir, &files)?;
    folder::forget_pending_key(dir)
}
