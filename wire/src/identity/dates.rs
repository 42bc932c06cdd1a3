//! As of when a certificate of the other side is judged. A device knows no more of the time than what its clock shows and
//! when its own certificate was made, and a site must not stand still for a clock that a power cut has set to 1970, nor
//! because nobody could renew a certificate while the hub was away. Who was shut out stays shut out: the sheet says so,
//! not the date.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::device::CERTIFICATE_GRACE;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::{IdentityError, LEEWAY, PeerCertificate, provider};

/// How the dates on a certificate are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    own: Option<(DateTime<Utc>, DateTime<Utc>)>,
    grace: TimeDelta,
}

impl Dates {
    /// As a device takes them that has this certificate.
    pub fn of(own: &PeerCertificate) -> Self {
        Self { own: Some((own.made_at, own.not_after)), grace: TimeDelta::zero() }
    }

    /// As whoever knows the time takes them.
    pub fn by_the_clock() -> Self {
        Self { own: None, grace: TimeDelta::zero() }
    }

    /// One that has ended is good for [`CERTIFICATE_GRACE`] after.
    pub fn with_grace(self) -> Self {
        Self { grace: CERTIFICATE_GRACE, ..self }
    }

    /// Asks as of now, and then, where only the dates speak against it, as of when they did not.
    fn verify<T>(
        self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
        verify: impl Fn(UnixTime) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now = self.believed(now);
        let refused = match verify(unix(now)?) {
            Err(
                refused @ Error::InvalidCertificate(
                    CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. },
                ),
            ) => refused,
            other => return other,
        };
        let Ok(peer) = PeerCertificate::read(certificate) else { return Err(refused) };
        let begins = peer.made_at - LEEWAY;
        // The authority dates nothing ahead: where it seems so, it is the clock that is behind.
        let then = if now < begins {
            begins
        } else if now - peer.not_after <= self.grace {
            peer.not_after
        } else {
            return Err(refused);
        };
        let verified = verify(unix(then)?)?;
        tracing::warn!(device = %peer.device, %now, from = %begins, until = %peer.not_after, "a certificate is taken beside its dates");
        Ok(verified)
    }

    /// What the clock shows, as far as the own certificate agrees: before that was made it cannot be, and long after its
    /// end no device is of use, so that then its making is the last time there is a word for.
    fn believed(self, now: UnixTime) -> DateTime<Utc> {
        let shown = (i64::try_from(now.as_secs()).ok())
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        match self.own {
            Some((made, ends)) if shown < made - LEEWAY || shown > ends + CERTIFICATE_GRACE => made,
            _ => shown,
        }
    }
}

/// Lets in holders of the authority's certificates; whoever shows none, only where `nobody_too`.
pub(super) fn clients(
    roots: RootCertStore,
    dates: Dates,
    nobody_too: bool,
) -> Result<Arc<dyn ClientCertVerifier>, IdentityError> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = if nobody_too { builder.allow_unauthenticated() } else { builder };
    let by_web_pki = builder.build().map_err(|error| IdentityError::Crypto(error.to_string()))?;
    Ok(Arc::new(Clients { by_web_pki, dates }))
}

/// Trusts servers with the authority's certificates and the right name.
pub(super) fn servers(
    roots: RootCertStore,
    dates: Dates,
) -> Result<Arc<dyn ServerCertVerifier>, IdentityError> {
    let by_web_pki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| IdentityError::Crypto(error.to_string()))?;
    Ok(Arc::new(Servers { by_web_pki, dates }))
}

fn unix(time: DateTime<Utc>) -> Result<UnixTime, Error> {
    u64::try_from(time.timestamp())
        .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        .map_err(|_| Error::FailedToGetCurrentTime)
}

#[derive(Debug)]
struct Clients {
    by_web_pki: Arc<dyn ClientCertVerifier>,
    dates: Dates,
}

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        self.by_web_pki.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.by_web_pki.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.by_web_pki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.dates.verify(end_entity, now, |at| {
            self.by_web_pki.verify_client_cert(end_entity, intermediates, at)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_web_pki.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_web_pki.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_web_pki.supported_verify_schemes()
    }
}

#[derive(Debug)]
struct Servers {
    by_web_pki: Arc<WebPkiServerVerifier>,
    dates: Dates,
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.dates.verify(end_entity, now, |at| {
            self.by_web_pki.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                at,
            )
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_web_pki.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_web_pki.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_web_pki.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
        KeyPair, date_time_ymd,
    };

    use super::*;

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        roots: RootCertStore,
    }

    impl Authority {
        fn new() -> Self {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            let mut roots = RootCertStore::empty();
            roots.add(params.self_signed(&key).unwrap().der().clone()).unwrap();
            Self { issuer: Issuer::new(params, key), roots }
        }

        /// As the hub's authority dates it: made then, good for 90 days.
        fn certificate(&self, device: &str, made: DateTime<Utc>) -> CertificateDer<'static> {
            let date = |time: DateTime<Utc>| {
                date_time_ymd(1970, 1, 1) + (time - DateTime::UNIX_EPOCH).to_std().unwrap()
            };
            let mut params = CertificateParams::new(["edge.example".to_owned()]).unwrap();
            params.distinguished_name.remove(DnType::CommonName);
            params.distinguished_name.push(DnType::CommonName, device);
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
            (params.not_before, params.not_after) =
                (date(made - LEEWAY), date(made + TimeDelta::days(90)));
            params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().clone()
        }
    }

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day)
    }

    /// Whether a device with a certificate made on day 0 takes one made on day `made` while its clock shows `shown`, as a
    /// client and as a server.
    fn takes(grace: bool, made: i64, shown: DateTime<Utc>) -> bool {
        let authority = Authority::new();
        let own = PeerCertificate::read(&authority.certificate("y-edge", day(0))).unwrap();
        let dates = if grace { Dates::of(&own).with_grace() } else { Dates::of(&own) };
        let other = authority.certificate("y-kiosk-1", day(made));
        let (name, now) = (ServerName::try_from("edge.example").unwrap(), unix(shown).unwrap());
        let server = servers(authority.roots.clone(), dates).unwrap();
        let client = clients(authority.roots.clone(), dates, false).unwrap();
        let server = server.verify_server_cert(&other, &[], &name, &[], now).is_ok();
        assert_eq!(server, client.verify_client_cert(&other, &[], now).is_ok());
        server
    }

    #[test]
    fn fault_07_a_wrong_clock_shuts_no_device_out() {
        let years = TimeDelta::days(20 * 365);
        for shown in [DateTime::UNIX_EPOCH, day(0) - years, day(0) + years, day(105)] {
            for made in [-80, 0, 30] {
                assert!(takes(true, made, shown), "made on day {made}, the clock shows {shown}");
                assert!(takes(false, made, shown), "made on day {made}, the clock shows {shown}");
            }
            assert!(!takes(true, -90 - 15, shown), "it had ended long before ours was made");
        }
    }

    #[test]
    fn fault_19_one_that_has_ended_is_good_for_the_grace() {
        for (made, now, on_the_bus, at_the_hub) in [
            (-30, 59, true, true),
            (-30, 61, true, false),
            (-30, 60 + 13, true, false),
            (-30, 60 + 15, false, false),
            (0, 90 + 13, true, false),
        ] {
            assert_eq!(takes(true, made, day(now)), on_the_bus, "made on {made}, day {now}");
            assert_eq!(takes(false, made, day(now)), at_the_hub, "made on {made}, day {now}");
        }
    }

    #[test]
    fn dates_excuse_nothing_else() {
        let (authority, other) = (Authority::new(), Authority::new());
        let own = PeerCertificate::read(&authority.certificate("y-edge", day(0))).unwrap();
        let server = servers(authority.roots.clone(), Dates::of(&own).with_grace()).unwrap();
        let late = authority.certificate("y-kiosk-1", day(30));
        let (edge, name) = ("edge.example", |name| ServerName::try_from(name).unwrap());
        for now in [DateTime::UNIX_EPOCH, day(10), day(40), day(125)] {
            let now = unix(now).unwrap();
            let asked = |certificate: &CertificateDer<'_>, called: &'static str| {
                server.verify_server_cert(certificate, &[], &name(called), &[], now).is_ok()
            };
            assert!(asked(&late, edge));
            assert!(!asked(&late, "other.example"), "another name");
            assert!(!asked(&other.certificate("y-kiosk-1", day(30)), edge), "another authority");
            assert!(!asked(&CertificateDer::from(vec![0; 40]), edge), "no certificate");
        }
    }
}
