//! Who a device is: its key, made here and never sent anywhere, and the certificate
//! that the hub's authority gave it for a one-time code, renewed before it ends.

mod certificate;
mod dates;
mod enrol;
mod error;
mod folder;
mod pinned;
mod renew;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use model::id::{DeviceId, Slug};
use rustls::crypto::{CryptoProvider, ring as rustls_ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use certificate::{BadCertificate, LEEWAY, PeerCertificate, withdrawn_serials};
pub use error::IdentityError;
pub use folder::{replace_private, write_private};
pub use renew::{Keeper, Looked, keep_on_the_bus, wants_renewal, warns};

use self::dates::Dates;
use crate::topics::DeviceKind;

/// A device's key, certificate and authority, read from its data folder.
pub struct DeviceIdentity {
    meta: Meta,
    dir: PathBuf,
    folder: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    authority: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    certificate: PeerCertificate,
    region_card_key: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Meta {
    device: DeviceId,
    centre: Slug,
    kind: DeviceKind,
    /// Where it enrolled, and therefore renews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hub: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sheet_key: Option<String>,
}

const KEY: &str = "key.pem";
const CERTIFICATE: &str = "certificate.pem";
const AUTHORITY: &str = "authority.pem";
const META: &str = "meta.json";
const CARD_KEY: &str = "region-card-key";
const MOST_ANSWER_BYTES: usize = 64 * 1024;

impl DeviceIdentity {
    /// The identity kept under `dir`.
    ///
    /// # Errors
    /// [`IdentityError::NotEnrolled`] when there is none, [`IdentityError::Damaged`] when a
    /// file is missing, unreadable, or does not belong to the others.
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        let folder =
            folder::current(dir).ok_or_else(|| IdentityError::NotEnrolled(dir.to_owned()))?;
        let damaged =
            |file: &str, why: String| IdentityError::Damaged { path: folder.join(file), why };
        let read = |file: &str| {
            fs::read(folder.join(file)).map_err(|error| damaged(file, error.to_string()))
        };

        let meta: Meta = serde_json::from_slice(&read(META)?)
            .map_err(|error| damaged(META, error.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(&read(KEY)?)
            .map_err(|error| damaged(KEY, error.to_string()))?;
        let certificate = CertificateDer::from_pem_slice(&read(CERTIFICATE)?)
            .map_err(|error| damaged(CERTIFICATE, error.to_string()))?;
        let authority = CertificateDer::from_pem_slice(&read(AUTHORITY)?)
            .map_err(|error| damaged(AUTHORITY, error.to_string()))?;
        let peer = PeerCertificate::read(&certificate)
            .map_err(|error| damaged(CERTIFICATE, error.to_string()))?;
        if peer.device != meta.device {
            return Err(damaged(CERTIFICATE, format!("it is {}'s", peer.device)));
        }
        let chain = vec![certificate, authority.clone()];
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider())
            .map_err(|error| damaged(KEY, error.to_string()))?;
        let region_card_key = match fs::read(folder.join(CARD_KEY)) {
            Ok(text) => Some(
                BASE64
                    .decode(text.trim_ascii())
                    .map_err(|error| damaged(CARD_KEY, error.to_string()))?,
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(damaged(CARD_KEY, error.to_string())),
        };
        Ok(Self {
            dir: dir.to_owned(),
            certificate: peer,
            meta,
            chain,
            authority,
            key,
            region_card_key,
            folder,
        })
    }

    /// The device's id.
    #[must_use]
    pub fn device(&self) -> &DeviceId {
        &self.meta.device
    }

    /// The centre it belongs to.
    #[must_use]
    pub fn centre(&self) -> &Slug {
        &self.meta.centre
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> DeviceKind {
        self.meta.kind
    }

    /// When its certificate stops being good.
    #[must_use]
    pub fn expires(&self) -> DateTime<Utc> {
        self.certificate.not_after
    }

    /// What its certificate says.
    #[must_use]
    pub fn certificate(&self) -> &PeerCertificate {
        &self.certificate
    }

    /// The address of the hub that enrolled it; nothing where that was not kept yet.
    #[must_use]
    pub fn hub(&self) -> Option<&str> {
        self.meta.hub.as_deref()
    }

    /// The public key that the hub signs day sheets with, base64; an edge has it.
    #[must_use]
    pub fn sheet_key(&self) -> Option<&str> {
        self.meta.sheet_key.as_deref()
    }

    /// The region's card key, as an edge got it.
    #[must_use]
    pub fn region_card_key(&self) -> Option<&[u8]> {
        self.region_card_key.as_deref()
    }

    /// The certificate of the only authority the device trusts, in DER.
    #[must_use]
    pub fn authority(&self) -> &CertificateDer<'static> {
        &self.authority
    }

    /// The files that a separate broker needs.
    #[must_use]
    pub fn files(&self) -> IdentityFiles {
        IdentityFiles {
            key: self.folder.join(KEY),
            certificate: self.folder.join(CERTIFICATE),
            authority: self.folder.join(AUTHORITY),
        }
    }

    /// TLS settings of a client that shows this identity and trusts nobody but the authority.
    /// The server's name is checked; its certificate's beginning is not held against it, since a clock may be behind.
    ///
    /// # Errors
    /// When the library refuses the key.
    pub fn client_config(&self) -> Result<ClientConfig, IdentityError> {
        self.client_of(Dates::of(&self.certificate))
    }

    /// The same for the site bus, where a server's certificate is good for [`CERTIFICATE_GRACE`](model::device::CERTIFICATE_GRACE) after its end.
    ///
    /// # Errors
    /// When the library refuses the key.
    pub fn bus_client_config(&self) -> Result<ClientConfig, IdentityError> {
        self.client_of(Dates::of(&self.certificate).with_grace())
    }

    fn client_of(&self, dates: Dates) -> Result<ClientConfig, IdentityError> {
        Ok(ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(dates::servers(roots(&self.authority)?, dates)?)
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?)
    }

    /// TLS settings of the edge's bus, which lets in only holders of a certificate of the authority; one that has ended
    /// is good for [`CERTIFICATE_GRACE`](model::device::CERTIFICATE_GRACE) after.
    ///
    /// # Errors
    /// When the library refuses the key.
    pub fn server_config(&self) -> Result<ServerConfig, IdentityError> {
        let dates = Dates::of(&self.certificate).with_grace();
        Ok(ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(dates::clients(roots(&self.authority)?, dates, false)?)
            .with_single_cert(self.chain.clone(), self.key.clone_key())?)
    }

    /// A client for the hub's uplink. It has no limit on a whole answer, for event streams:
    /// set one for each other request.
    ///
    /// # Errors
    /// When the library refuses the key.
    pub fn http_client(&self) -> Result<reqwest::Client, IdentityError> {
        http_client(self.client_config()?)
    }
}

impl std::fmt::Debug for DeviceIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceIdentity")
            .field("meta", &self.meta)
            .field("expires", &self.expires())
            .finish_non_exhaustive()
    }
}

/// Where an identity lies on disk, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The private key.
    pub key: PathBuf,
    /// The device's certificate.
    pub certificate: PathBuf,
    /// The authority's certificate.
    pub authority: PathBuf,
}

/// Whom the hub's port for sites lets in: holders of a certificate of this authority, which is good for
/// [`CERTIFICATE_GRACE`](model::device::CERTIFICATE_GRACE) after its end (to be renewed; the hub looks what is asked), and whoever has none, to enrol.
///
/// # Errors
/// When the library refuses the authority.
pub fn hub_clients(
    authority: &CertificateDer<'static>,
) -> Result<Arc<dyn ClientCertVerifier>, IdentityError> {
    dates::clients(roots(authority)?, Dates::by_the_clock().with_grace(), true)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls_ring::default_provider())
}

fn roots(authority: &CertificateDer<'static>) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone())?;
    Ok(roots)
}

fn http_client(tls: ClientConfig) -> Result<reqwest::Client, IdentityError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| IdentityError::Crypto(innermost(&error)))
}

fn hub_address(hub_url: &str) -> Result<reqwest::Url, IdentityError> {
    reqwest::Url::parse(hub_url)
        .ok()
        .filter(|hub| hub.scheme() == "https" && hub.host_str().is_some())
        .ok_or_else(|| IdentityError::Address(hub_url.to_owned()))
}

fn request_for(key_pem: &str) -> Result<String, IdentityError> {
    let crypto = |error: rcgen::Error| IdentityError::Crypto(error.to_string());
    let key = rcgen::KeyPair::from_pem(key_pem).map_err(crypto)?;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.serialize_request(&key).and_then(|request| request.pem()).map_err(crypto)
}

/// What the hub answers, or its words where it said no.
async fn ask_hub<T: DeserializeOwned>(
    request: reqwest::RequestBuilder,
    unreachable: impl Fn(reqwest::Error) -> IdentityError,
) -> Result<T, IdentityError> {
    let mut response = request.send().await.map_err(&unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(&unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_ANSWER_BYTES {
            return Err(IdentityError::Answer("it is too long".into()));
        }
    }
    if response.status().is_success() {
        serde_json::from_slice(&body).map_err(|error| IdentityError::Answer(error.to_string()))
    } else {
        Err(IdentityError::Refused { status: response.status().as_u16(), why: words_of(&body) })
    }
}

/// What a problem document says, or the beginning of whatever else came.
fn words_of(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: Option<String>,
        title: Option<String>,
    }
    serde_json::from_slice::<Problem>(body)
        .ok()
        .and_then(|problem| problem.detail.or(problem.title))
        .unwrap_or_else(|| String::from_utf8_lossy(body).chars().take(200).collect())
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Whether a certificate that the hub gave is this device's, for this key, from its authority.
fn check_certificate(
    pem: &str,
    device: &DeviceId,
    key_pem: &str,
    authority: &CertificateDer<'static>,
    now: DateTime<Utc>,
) -> Result<PeerCertificate, IdentityError> {
    let bad = |why: &str| IdentityError::Answer(why.to_owned());
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| bad("its certificate is none"))?;
    let peer = PeerCertificate::read(&certificate)
        .map_err(|error| IdentityError::Answer(error.to_string()))?;
    if peer.device != *device {
        return Err(bad("its certificate is for another device"));
    }
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority)?), provider())
        .build()
        .map_err(|error| IdentityError::Crypto(error.to_string()))?
        .verify_client_cert(
            &certificate,
            &[],
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        )
        .map_err(|error| {
            IdentityError::Answer(format!("its certificate does not hold: {error}"))
        })?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
        .map_err(|error| IdentityError::Crypto(error.to_string()))?;
    CertifiedKey::from_der(vec![certificate], key, &provider())
        .map_err(|_| bad("its certificate is for another key"))?;
    Ok(peer)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn an_empty_folder_is_said_in_one_sentence() {
        let dir = std::env::temp_dir().join(format!("kyoten-none-{}", uuid::Uuid::new_v4()));
        let error = DeviceIdentity::load(&dir).unwrap_err();
        assert!(error.to_string().starts_with("this device is not enrolled"), "{error}");
    }

    #[test]
    fn only_an_https_address_is_a_hub() {
        for bad in ["", "hub", "http://hub:8443", "https://", "ftp://hub"] {
            assert!(matches!(hub_address(bad), Err(IdentityError::Address(_))), "{bad}");
        }
        assert_eq!(hub_address("https://hub.example:8443").unwrap().port(), Some(8443));
    }

    #[test]
    fn a_request_carries_no_names() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let pem = request_for(&key.serialize_pem()).unwrap();
        let request = rcgen::CertificateSigningRequestParams::from_pem(&pem).unwrap();
        assert!(request.params.subject_alt_names.is_empty());
        assert_eq!(request.params.distinguished_name.iter().count(), 0);
    }

    #[test]
    fn a_refusal_is_quoted() {
        assert_eq!(
            words_of(br#"{"title":"Gone","detail":"the code was used"}"#),
            "the code was used"
        );
        assert_eq!(words_of(b"plain words"), "plain words");
    }
}
