//! Whom a device trusts that has never met its hub: the authority that its one-time code names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::{provider, roots};
use crate::enrol::{Fingerprint16, fingerprint16};

/// Trusts a server only when its chain ends at the pinned authority and its certificate
/// is good for the name that was called.
#[derive(Debug)]
pub(super) struct PinnedAuthority {
    pinned: Fingerprint16,
    algorithms: WebPkiSupportedAlgorithms,
    met_another: AtomicBool,
}

impl PinnedAuthority {
    pub(super) fn new(pinned: Fingerprint16) -> Self {
        Self {
            pinned,
            algorithms: provider().signature_verification_algorithms,
            met_another: AtomicBool::new(false),
        }
    }

    /// Whether a server with another authority was met.
    pub(super) fn met_another(&self) -> bool {
        self.met_another.load(Ordering::Relaxed)
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
