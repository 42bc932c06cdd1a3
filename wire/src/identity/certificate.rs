//! What a device's certificate says.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use model::id::DeviceId;
use ring::digest;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, ReasonCode};
use x509_parser::revocation_list::CertificateRevocationList;

/// Certificates are good so long before they are made: clocks differ.
pub const LEEWAY: TimeDelta = TimeDelta::hours(1);

/// What a verified certificate of the other side says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Its common name.
    pub device: DeviceId,
    /// The SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// When it was made, to the second.
    pub made_at: DateTime<Utc>,
    /// When it stops being good.
    pub not_after: DateTime<Utc>,
    /// What a revocation list names it by.
    pub serial: Vec<u8>,
    /// The SHA-256 of its public key.
    pub public_key: [u8; 32],
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
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(BadCertificate::Form);
        let validity = parsed.validity();
        Ok(Self {
            device,
            fingerprint: sha256(certificate),
            made_at: time(validity.not_before.timestamp())? + LEEWAY,
            not_after: time(validity.not_after.timestamp())?,
            serial: parsed.raw_serial().to_vec(),
            public_key: sha256(parsed.public_key().raw),
        })
    }
}

/// The serial numbers on a revocation list in PEM, each with whether its device just moved on to
/// the next certificate; nothing where it is none.
#[must_use]
pub fn withdrawn_serials(list_pem: &str) -> Option<BTreeMap<Vec<u8>, bool>> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(list_pem.as_bytes()).ok()?;
    let (_, list) = CertificateRevocationList::from_der(&pem.contents).ok()?;
    let named = list.iter_revoked_certificates().map(|one| {
        let superseded = one.reason_code().is_some_and(|(_, why)| why == ReasonCode::Superseded);
        (one.raw_serial().to_vec(), superseded)
    });
    Some(named.collect())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    sum
}
