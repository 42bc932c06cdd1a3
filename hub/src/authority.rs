//! The region's own certificate authority: it signs the hub's and the devices' certificates,
//! and nobody else's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::clock::Clock;
use model::id::DeviceId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams,
    CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevocationReason,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use ring::rand::SecureRandom;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use store::WithdrawnCertificate;
use wire::enrol::{Fingerprint16, fingerprint16};
use wire::identity::{LEEWAY, hub_clients, write_private};
use wire::topics::DeviceKind;

/// The authority, with its key in memory.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn SecureRandom + Send + Sync>,
}

/// A server's certificate chain, leaf first and authority last, and its key.
#[derive(Debug)]
pub struct ServerIdentity {
    /// The chain.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
}

/// Why the authority cannot be opened or does not sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its files cannot be read or written.
    #[error("cannot use the authority's file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Its files hold something else. They are never overwritten: every device trusts them.
    #[error("the authority's file {path} is damaged ({why}); restore it from the backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The request is none, or not signed by the key it names.
    #[error("the certificate request is malformed or not signed by its own key")]
    Request,
    /// The request names another key than ECDSA P-256.
    #[error("the certificate request's key is not ECDSA P-256")]
    KeyType,
    /// A name is neither a host's nor an address.
    #[error("'{0}' is neither a host name nor an address")]
    Name(String),
    /// The cryptography library refused.
    #[error("cannot sign: {0}")]
    Crypto(String),
}

const KEY: &str = "authority-key.pem";
const CERTIFICATE: &str = "authority.pem";
/// How long a device's certificate is good.
pub const DEVICE_VALIDITY: TimeDelta = TimeDelta::days(90);
const SERVER_VALIDITY: TimeDelta = TimeDelta::days(397);
const AUTHORITY_VALIDITY: TimeDelta = TimeDelta::days(20 * 365);
/// A revocation list lasts this long: a site that is cut off must not lock its own devices out.
const LIST_VALIDITY: TimeDelta = TimeDelta::days(3650);

impl Authority {
    /// Opens the authority in `dir`; the first time it is made there.
    ///
    /// # Errors
    /// When the files cannot be read or written, or are damaged.
    pub fn open_or_create(
        dir: &Path,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Result<Self, AuthorityError> {
        let path = dir.join(CERTIFICATE);
        let pem = match fs::read_to_string(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(dir, &*clock, &*rng)?,
            Err(source) => return Err(AuthorityError::File { path, source }),
        };
        let damaged =
            |path: &Path, why: String| AuthorityError::Damaged { path: path.to_owned(), why };
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| damaged(&path, error.to_string()))?;
        let key_path = dir.join(KEY);
        let key_pem = fs::read_to_string(&key_path)
            .map_err(|source| AuthorityError::File { path: key_path.clone(), source })?;
        let key =
            KeyPair::from_pem(&key_pem).map_err(|error| damaged(&key_path, error.to_string()))?;
        if !holds_key(&certificate, &key) {
            return Err(damaged(&key_path, "it belongs to another certificate".into()));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| damaged(&path, error.to_string()))?;
        Ok(Self { issuer, certificate, pem, clock, rng })
    }

    /// The authority's certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What one-time codes carry, so that devices recognise this authority.
    #[must_use]
    pub fn fingerprint16(&self) -> Fingerprint16 {
        fingerprint16(&self.certificate)
    }

    /// A certificate in PEM for `device`, with the key of the request and nothing else of it.
    ///
    /// Every device may act as a client; an edge may serve its bus too, under `names` (hosts
    /// and addresses, given by the operator). Other kinds get no names.
    ///
    /// # Errors
    /// When the request is malformed, not signed by its key, or its key is not ECDSA P-256, or
    /// a name is none.
    pub fn sign_device(
        &self,
        csr_pem: &str,
        device: &DeviceId,
        kind: DeviceKind,
        names: &[String],
    ) -> Result<String, AuthorityError> {
        let request = CertificateSigningRequestParams::from_pem(csr_pem)
            .map_err(|_| AuthorityError::Request)?;
        if request.public_key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 || !is_p256(csr_pem) {
            return Err(AuthorityError::KeyType);
        }
        let serves = kind == DeviceKind::Edge;
        let params =
            self.leaf(device.as_str(), if serves { names } else { &[] }, DEVICE_VALIDITY, serves)?;
        params
            .signed_by(&request.public_key, &self.issuer)
            .map(|certificate| certificate.pem())
            .map_err(crypto)
    }

    /// A new key and certificate for the hub's own port for sites, reachable under `names`.
    ///
    /// # Errors
    /// When a name is none.
    pub fn server_identity(&self, names: &[String]) -> Result<ServerIdentity, AuthorityError> {
        let key = new_key()?;
        let leaf = self
            .leaf("kyoten-hub", names, SERVER_VALIDITY, true)?
            .signed_by(&key, &self.issuer)
            .map_err(crypto)?;
        Ok(ServerIdentity {
            chain: vec![leaf.der().clone(), self.certificate.clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }

    /// TLS settings of the port for sites: a client without a certificate may come in, to
    /// enrol; one with a certificate must have it from this authority. One that ended not long ago comes in, too: what
    /// it may is decided by whom it asks.
    ///
    /// # Errors
    /// When a name is none or the library refuses.
    pub fn server_config(&self, names: &[String]) -> Result<ServerConfig, AuthorityError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = hub_clients(&self.certificate).map_err(crypto)?;
        let identity = self.server_identity(names)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(crypto)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(identity.chain, identity.key)
            .map_err(crypto)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// A list in PEM that names these certificates as good no more.
    ///
    /// # Errors
    /// When the clock shows no usable time.
    pub fn revocation_list(
        &self,
        withdrawn: &[WithdrawnCertificate],
    ) -> Result<String, AuthorityError> {
        let (epoch, now) = (date_time_ymd(1970, 1, 1), self.clock.now());
        let revoked = withdrawn.iter().map(|withdrawn| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&withdrawn.serial),
                revocation_time: epoch + since_1970(withdrawn.at)?,
                reason_code: withdrawn.superseded.then_some(RevocationReason::Superseded),
                invalidity_date: None,
            })
        });
        CertificateRevocationListParams {
            this_update: epoch + since_1970(now - LEEWAY)?,
            next_update: epoch + since_1970(now + LIST_VALIDITY)?,
            crl_number: SerialNumber::from(u64::try_from(now.timestamp()).map_err(crypto)?),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect::<Result<_, AuthorityError>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .and_then(|list| list.pem())
        .map_err(crypto)
    }

    fn leaf(
        &self,
        name: &str,
        names: &[String],
        validity: TimeDelta,
        serves: bool,
    ) -> Result<CertificateParams, AuthorityError> {
        let mut params = dated(self.clock.now(), validity)?;
        for name in names {
            let parsed = CertificateParams::new(vec![name.clone()])
                .ok()
                .filter(|_| is_host_or_address(name))
                .ok_or_else(|| AuthorityError::Name(name.clone()))?;
            params.subject_alt_names.extend(parsed.subject_alt_names);
        }
        params.distinguished_name = common_name(name);
        params.serial_number = Some(serial(&*self.rng)?);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if serves {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        Ok(params)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("fingerprint", &self.fingerprint16())
            .finish_non_exhaustive()
    }
}

/// Makes the authority; the certificate comes last, so that half a one is made again.
fn create(dir: &Path, clock: &dyn Clock, rng: &dyn SecureRandom) -> Result<String, AuthorityError> {
    let key = new_key()?;
    let mut params = dated(clock.now(), AUTHORITY_VALIDITY)?;
    params.distinguished_name = common_name("Kyoten authority");
    params.serial_number = Some(serial(rng)?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pem = params.self_signed(&key).map_err(crypto)?.pem();
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| AuthorityError::File { path, source }
    };
    fs::create_dir_all(dir).map_err(file(dir))?;
    let (key_path, path, part) =
        (dir.join(KEY), dir.join(CERTIFICATE), dir.join("authority.pem.part"));
    write_private(&key_path, key.serialize_pem().as_bytes()).map_err(file(&key_path))?;
    write_private(&part, pem.as_bytes()).map_err(file(&part))?;
    fs::rename(&part, &path).map_err(file(&path))?;
    Ok(pem)
}

fn crypto(error: impl std::fmt::Display) -> AuthorityError {
    AuthorityError::Crypto(error.to_string())
}

fn new_key() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(crypto)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn serial(rng: &dyn SecureRandom) -> Result<SerialNumber, AuthorityError> {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes).map_err(crypto)?;
    // A serial number is positive and has no leading zero.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn dated(now: DateTime<Utc>, validity: TimeDelta) -> Result<CertificateParams, AuthorityError> {
    let epoch = date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.not_before = epoch + since_1970(now - LEEWAY)?;
    params.not_after = epoch + since_1970(now + validity)?;
    Ok(params)
}

fn since_1970(time: DateTime<Utc>) -> Result<Duration, AuthorityError> {
    u64::try_from(time.timestamp())
        .map(Duration::from_secs)
        .map_err(|_| AuthorityError::Crypto("the clock shows a time before 1970".into()))
}

fn is_host_or_address(name: &str) -> bool {
    rustls::pki_types::ServerName::try_from(name).is_ok()
}

fn is_p256(csr_pem: &str) -> bool {
    use x509_parser::prelude::FromDer as _;
    use x509_parser::{certification_request::X509CertificationRequest, oid_registry};
    let Ok(der) =
        rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(csr_pem.as_bytes())
    else {
        return false;
    };
    X509CertificationRequest::from_der(&der).is_ok_and(|(_, request)| {
        let key = &request.certification_request_info.subject_pki;
        let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
        key.algorithm.algorithm == oid_registry::OID_KEY_TYPE_EC_PUBLIC_KEY
            && curve == Some(oid_registry::OID_EC_P256)
            && key.subject_public_key.data.len() == 65
    })
}

fn holds_key(certificate: &CertificateDer<'_>, key: &KeyPair) -> bool {
    x509_parser::parse_x509_certificate(certificate)
        .is_ok_and(|(_, parsed)| parsed.public_key().raw == key.subject_public_key_info())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::os::unix::fs::PermissionsExt as _;

    use model::clock::ManualClock;
    use ring::rand::SystemRandom;
    use x509_parser::prelude::{GeneralName, ParsedExtension};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("kyoten-authority-{}", uuid::Uuid::new_v4())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn open(folder: &Folder) -> Result<Authority, AuthorityError> {
        let clock = ManualClock::at("2026-11-22T03:00:00Z".parse().unwrap());
        Authority::open_or_create(&folder.0, Arc::new(clock), Arc::new(SystemRandom::new()))
    }

    fn csr(key: &KeyPair, names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        CertificateParams::new(names).unwrap().serialize_request(key).unwrap().pem().unwrap()
    }

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    #[test]
    fn it_is_made_once_and_its_key_is_private() {
        let folder = Folder::new();
        let first = open(&folder).unwrap().fingerprint16();
        assert_eq!(open(&folder).unwrap().fingerprint16(), first);
        let mode = fs::metadata(folder.0.join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn damaged_files_are_named_and_never_made_anew() {
        let folder = Folder::new();
        open(&folder).unwrap();
        let other = KeyPair::generate().unwrap().serialize_pem();
        fs::write(folder.0.join(KEY), other).unwrap();
        assert!(matches!(open(&folder), Err(AuthorityError::Damaged { .. })));
        fs::remove_file(folder.0.join(KEY)).unwrap();
        assert!(matches!(open(&folder), Err(AuthorityError::File { .. })));
        fs::write(folder.0.join(CERTIFICATE), "torn").unwrap();
        assert!(matches!(open(&folder), Err(AuthorityError::Damaged { .. })));
    }

    #[test]
    fn names_come_from_the_operator_and_only_an_edge_serves() {
        let folder = Folder::new();
        let authority = open(&folder).unwrap();
        let key = KeyPair::generate().unwrap();
        let asked = csr(&key, &["hub.example"]);
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        for (kind, serves) in
            [(DeviceKind::Edge, true), (DeviceKind::Kiosk, false), (DeviceKind::Staff, false)]
        {
            let device = "y-device".parse().unwrap();
            let pem = authority.sign_device(&asked, &device, kind, &names).unwrap();
            let der = der(&pem);
            let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
            let usage = certificate.extended_key_usage().unwrap().unwrap().value;
            assert!(usage.client_auth);
            assert_eq!(usage.server_auth, serves);
            let alternatives: Vec<_> = certificate
                .extensions()
                .iter()
                .filter_map(|extension| match extension.parsed_extension() {
                    ParsedExtension::SubjectAlternativeName(names) => {
                        Some(names.general_names.clone())
                    }
                    _ => None,
                })
                .flatten()
                .collect();
            let expected = if serves {
                vec![GeneralName::DNSName("localhost"), GeneralName::IPAddress(&[127, 0, 0, 1])]
            } else {
                vec![]
            };
            assert_eq!(alternatives, expected);
            let validity = certificate.validity();
            assert_eq!(
                validity.not_after.timestamp() - validity.not_before.timestamp(),
                (90 * 24 + 1) * 3600
            );
            assert!(!certificate.is_ca());
        }
    }

    #[test]
    fn serial_numbers_differ() {
        let folder = Folder::new();
        let authority = open(&folder).unwrap();
        let request = csr(&KeyPair::generate().unwrap(), &[]);
        let serial = || {
            let pem = authority
                .sign_device(&request, &"a".parse().unwrap(), DeviceKind::Seat, &[])
                .unwrap();
            x509_parser::parse_x509_certificate(&der(&pem)).unwrap().1.raw_serial().to_vec()
        };
        assert_ne!(serial(), serial());
    }

    #[test]
    fn what_is_no_proper_request_is_refused() {
        let folder = Folder::new();
        let authority = open(&folder).unwrap();
        let sign =
            |csr: &str| authority.sign_device(csr, &"a".parse().unwrap(), DeviceKind::Seat, &[]);
        assert!(matches!(sign("hello"), Err(AuthorityError::Request)));
        let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert!(matches!(sign(&csr(&p384, &[])), Err(AuthorityError::KeyType)));
        let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        assert!(matches!(sign(&csr(&ed25519, &[])), Err(AuthorityError::KeyType)));
        // The last byte is the signature's.
        let key = KeyPair::generate().unwrap();
        let mut forged =
            CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
        *forged.last_mut().unwrap() ^= 1;
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, forged);
        let pem = format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{base64}\n-----END CERTIFICATE REQUEST-----\n"
        );
        assert!(matches!(sign(&pem), Err(AuthorityError::Request)));
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        let folder = Folder::new();
        let authority = open(&folder).unwrap();
        for bad in ["", "no host", "横浜", "https://hub"] {
            let refused = authority.server_identity(&[bad.to_owned()]);
            assert!(matches!(refused, Err(AuthorityError::Name(_))), "{bad}");
        }
    }
}
