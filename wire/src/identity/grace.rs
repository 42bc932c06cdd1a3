//! On the site bus a certificate is good for a while after its end: while the hub is away nobody can renew one, and a
//! centre must not stand still for that. Who was shut out stays shut out: the sheet says so, not the date.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::{IdentityError, PeerCertificate, provider};

/// So long after its end a certificate is good on the site bus.
pub const GRACE: TimeDelta = TimeDelta::days(14);

/// Lets in holders of the authority's certificates, with the grace.
pub(super) fn clients(roots: RootCertStore) -> Result<Arc<dyn ClientCertVerifier>, IdentityError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| IdentityError::Crypto(error.to_string()))?;
    Ok(Arc::new(Clients(verifier)))
}

/// Trusts servers with the authority's certificates and the right name, with the grace.
pub(super) fn servers(roots: RootCertStore) -> Result<Arc<dyn ServerCertVerifier>, IdentityError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| IdentityError::Crypto(error.to_string()))?;
    Ok(Arc::new(Servers(verifier)))
}

/// Asks as of now, and of a certificate that ended not long ago as of its last second.
fn with_grace<T>(
    certificate: &CertificateDer<'_>,
    now: UnixTime,
    verify: impl Fn(UnixTime) -> Result<T, Error>,
) -> Result<T, Error> {
    match verify(now) {
        Err(Error::InvalidCertificate(
            why @ (CertificateError::Expired | CertificateError::ExpiredContext { .. }),
        )) => match last_good(certificate, now) {
            Some((device, then)) => {
                let verified = verify(then)?;
                tracing::warn!(%device, "its certificate has ended; it is let on the site bus for a while yet");
                Ok(verified)
            }
            None => Err(Error::InvalidCertificate(why)),
        },
        other => other,
    }
}

fn last_good(
    certificate: &CertificateDer<'_>,
    now: UnixTime,
) -> Option<(model::id::DeviceId, UnixTime)> {
    let peer = PeerCertificate::read(certificate).ok()?;
    let now = DateTime::<Utc>::from_timestamp(i64::try_from(now.as_secs()).ok()?, 0)?;
    let ended = peer.not_after < now && now - peer.not_after <= GRACE;
    let then = u64::try_from(peer.not_after.timestamp()).ok().filter(|_| ended)?;
    Some((peer.device, UnixTime::since_unix_epoch(std::time::Duration::from_secs(then))))
}

#[derive(Debug)]
struct Clients(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        with_grace(end_entity, now, |at| self.0.verify_client_cert(end_entity, intermediates, at))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[derive(Debug)]
struct Servers(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        with_grace(end_entity, now, |at| {
            self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
