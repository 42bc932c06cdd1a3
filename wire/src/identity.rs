//! Who a device is: its key, made here and never sent anywhere, and the certificate
//! that the hub's authority gave it for a one-time code.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use model::clock::Clock;
use model::id::{DeviceId, Slug};
use ring::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring as rustls_ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use serde::{Deserialize, Serialize};

use crate::enrol::{
    self, BadCode, EnrolAnswer, EnrolRequest, Fingerprint16, OneTimeCode, fingerprint16,
};
use crate::topics::DeviceKind;

/// A device's key, certificate and authority, read from its data folder.
pub struct DeviceIdentity {
    meta: Meta,
    folder: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    authority: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    expires: DateTime<Utc>,
    region_card_key: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Meta {
    device: DeviceId,
    centre: Slug,
    kind: DeviceKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sheet_key: Option<String>,
}

/// Why there is no identity to work with. Each reads as one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The folder holds none.
    #[error(
        "this device is not enrolled: {0} holds no identity; enrol it with a one-time code from the hub"
    )]
    NotEnrolled(PathBuf),
    /// A file of it cannot be used.
    #[error(
        "the device's identity is damaged ({path}: {why}); enrol it again with a new one-time code"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The folder cannot be written.
    #[error("cannot keep the device's identity in {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The code is no code.
    #[error(transparent)]
    Code(#[from] BadCode),
    /// The hub's address is no `https` address.
    #[error("'{0}' is no https address of a hub")]
    Address(String),
    /// Somebody else than the hub that made the code answered.
    #[error(
        "the server at {0} is not the hub that made this one-time code: its authority is another"
    )]
    WrongAuthority(String),
    /// The hub cannot be reached, or speaks with a certificate that does not hold.
    #[error("cannot reach the hub at {hub}: {why}")]
    Unreachable {
        /// Its address.
        hub: String,
        /// The innermost reason.
        why: String,
    },
    /// The hub said no.
    #[error("the hub refused the enrolment ({status}): {why}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The hub's words.
        why: String,
    },
    /// The hub's answer does not fit the device's key or the code.
    #[error("the hub's answer is unusable: {0}")]
    Answer(String),
    /// The cryptography library refused.
    #[error("cannot make the device's key or TLS settings: {0}")]
    Crypto(String),
}

impl From<rustls::Error> for IdentityError {
    fn from(error: rustls::Error) -> Self {
        Self::Crypto(error.to_string())
    }
}

const CURRENT: &str = "identity";
const PREVIOUS: &str = "identity.old";
const COMING: &str = "identity.new";
const PENDING_KEY: &str = "pending-key.pem";
const KEY: &str = "key.pem";
const CERTIFICATE: &str = "certificate.pem";
const AUTHORITY: &str = "authority.pem";
const META: &str = "meta.json";
const CARD_KEY: &str = "region-card-key";
const MOST_ANSWER_BYTES: usize = 64 * 1024;

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
        let url = enrol_url(hub_url)?;
        let key_pem = pending_key(dir)?;
        let request = EnrolRequest { code: code.reveal(), csr_pem: request_for(&key_pem)? };
        let answer = ask(url, hub_url, code.authority(), &request).await?;
        check(&answer, &key_pem, code.authority(), clock.now())?;
        keep(dir, &key_pem, &answer)?;
        Self::load(dir)
    }

    /// The identity kept under `dir`.
    ///
    /// # Errors
    /// [`IdentityError::NotEnrolled`] when there is none, [`IdentityError::Damaged`] when a
    /// file is missing, unreadable, or does not belong to the others.
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        let folder = [CURRENT, PREVIOUS]
            .map(|name| dir.join(name))
            .into_iter()
            .find(|folder| folder.is_dir())
            .ok_or_else(|| IdentityError::NotEnrolled(dir.to_owned()))?;
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
        Ok(Self { expires: peer.not_after, meta, chain, authority, key, region_card_key, folder })
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
        self.expires
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
    /// The server's name is checked.
    ///
    /// # Errors
    /// When the library refuses the key.
    pub fn client_config(&self) -> Result<ClientConfig, IdentityError> {
        Ok(ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(&self.authority)?)
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?)
    }

    /// TLS settings of a server, such as the edge's bus, that lets in only holders of a
    /// certificate of the authority.
    ///
    /// # Errors
    /// When the library refuses the key.
    pub fn server_config(&self) -> Result<ServerConfig, IdentityError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots(&self.authority)?),
            provider(),
        )
        .build()
        .map_err(|error| IdentityError::Crypto(error.to_string()))?;
        Ok(ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
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
            .field("expires", &self.expires)
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

/// What a verified certificate of the other side says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Its common name.
    pub device: DeviceId,
    /// The SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// When it stops being good.
    pub not_after: DateTime<Utc>,
}

/// Why a certificate names no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// It is no X.509 certificate.
    #[error("it is no certificate")]
    Form,
    /// It has not exactly one common name that can be a device's id.
    #[error("its common name is no device's id")]
    Name,
}

impl PeerCertificate {
    /// Reads a certificate. Whether it is to be trusted, the TLS handshake has decided.
    ///
    /// # Errors
    /// When it is none, or its common name is no device's id.
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Self, BadCertificate> {
        let (_, parsed) =
            x509_parser::parse_x509_certificate(certificate).map_err(|_| BadCertificate::Form)?;
        let mut names = parsed.subject().iter_common_name();
        let (Some(name), None) = (names.next(), names.next()) else {
            return Err(BadCertificate::Name);
        };
        let device =
            name.as_str().ok().and_then(|name| name.parse().ok()).ok_or(BadCertificate::Name)?;
        let not_after = DateTime::from_timestamp(parsed.validity().not_after.timestamp(), 0)
            .ok_or(BadCertificate::Form)?;
        Ok(Self { device, fingerprint: sha256(certificate), not_after })
    }
}

/// Writes a file that only its owner can read, on disk before this returns.
///
/// # Errors
/// What the system answers.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    sum
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

fn enrol_url(hub_url: &str) -> Result<reqwest::Url, IdentityError> {
    let address = || IdentityError::Address(hub_url.to_owned());
    let hub = reqwest::Url::parse(hub_url).map_err(|_| address())?;
    if hub.scheme() != "https" || hub.host_str().is_none() {
        return Err(address());
    }
    hub.join(enrol::PATH).map_err(|_| address())
}

/// The key of an enrolment that has not been answered yet, or a new one.
fn pending_key(dir: &Path) -> Result<String, IdentityError> {
    let path = dir.join(PENDING_KEY);
    if let Ok(pem) = fs::read_to_string(&path)
        && rcgen::KeyPair::from_pem(&pem).is_ok()
    {
        return Ok(pem);
    }
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
        .map_err(|error| IdentityError::Crypto(error.to_string()))?;
    let pem = key.serialize_pem();
    fs::create_dir_all(dir)
        .and_then(|()| write_private(&path, pem.as_bytes()))
        .map_err(|source| IdentityError::Write { path, source })?;
    Ok(pem)
}

fn request_for(key_pem: &str) -> Result<String, IdentityError> {
    let crypto = |error: rcgen::Error| IdentityError::Crypto(error.to_string());
    let key = rcgen::KeyPair::from_pem(key_pem).map_err(crypto)?;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.serialize_request(&key).and_then(|request| request.pem()).map_err(crypto)
}

async fn ask(
    url: reqwest::Url,
    hub: &str,
    authority: Fingerprint16,
    request: &EnrolRequest,
) -> Result<EnrolAnswer, IdentityError> {
    let verifier = Arc::new(PinnedAuthority::new(authority));
    let tls = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    let unreachable = |error: reqwest::Error| {
        if verifier.met_another.load(Ordering::Relaxed) {
            IdentityError::WrongAuthority(hub.to_owned())
        } else {
            IdentityError::Unreachable { hub: hub.to_owned(), why: innermost(&error) }
        }
    };
    let mut response = http_client(tls)?
        .post(url)
        .timeout(Duration::from_secs(30))
        .json(request)
        .send()
        .await
        .map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
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
    let certificate = CertificateDer::from_pem_slice(answer.certificate_pem.as_bytes())
        .map_err(|_| bad("its certificate is none"))?;
    let peer = PeerCertificate::read(&certificate)
        .map_err(|error| IdentityError::Answer(error.to_string()))?;
    if peer.device != answer.device {
        return Err(bad("its certificate is for another device"));
    }
    if let Some(card_key) = &answer.region_card_key {
        BASE64.decode(card_key).map_err(|_| bad("its card key is no base64"))?;
    }
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&authority)?), provider())
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
    Ok(())
}

/// Writes the whole identity beside the old one, then swaps them.
fn keep(dir: &Path, key_pem: &str, answer: &EnrolAnswer) -> Result<(), IdentityError> {
    let [current, previous, coming] = [CURRENT, PREVIOUS, COMING].map(|name| dir.join(name));
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| IdentityError::Write { path, source }
    };
    let meta = Meta {
        device: answer.device.clone(),
        centre: answer.centre.clone(),
        kind: answer.kind,
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

    remove_folder(&coming).map_err(at(&coming))?;
    fs::create_dir_all(&coming).map_err(at(&coming))?;
    for (name, text) in files {
        let path = coming.join(name);
        write_private(&path, text.as_bytes()).map_err(at(&path))?;
    }
    sync_folder(&coming).map_err(at(&coming))?;
    if current.is_dir() {
        remove_folder(&previous).map_err(at(&previous))?;
        fs::rename(&current, &previous).map_err(at(&previous))?;
    }
    fs::rename(&coming, &current).map_err(at(&current))?;
    sync_folder(dir).map_err(at(dir))?;
    remove_folder(&previous).map_err(at(&previous))?;
    let pending = dir.join(PENDING_KEY);
    fs::remove_file(&pending).map_err(at(&pending))
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Trusts a server only when its chain ends at the pinned authority and its certificate
/// is good for the name that was called.
#[derive(Debug)]
struct PinnedAuthority {
    pinned: Fingerprint16,
    algorithms: WebPkiSupportedAlgorithms,
    met_another: AtomicBool,
}

impl PinnedAuthority {
    fn new(pinned: Fingerprint16) -> Self {
        Self {
            pinned,
            algorithms: provider().signature_verification_algorithms,
            met_another: AtomicBool::new(false),
        }
    }
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) =
            intermediates.iter().find(|certificate| fingerprint16(certificate) == self.pinned)
        else {
            self.met_another.store(true, Ordering::Relaxed);
            return Err(rustls::CertificateError::UnknownIssuer.into());
        };
        WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots(&authority.clone().into_owned())?),
            provider(),
        )
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?
        .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
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
            assert!(matches!(enrol_url(bad), Err(IdentityError::Address(_))), "{bad}");
        }
        let url = enrol_url("https://hub.example:8443").unwrap();
        assert_eq!(url.as_str(), "https://hub.example:8443/uplink/v1/enrol");
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
