//! How a device gets its certificate: `POST /uplink/v1/enrol` on the hub's port for sites.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use model::id::{DeviceId, Slug};
use ring::digest;
use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};

use crate::topics::DeviceKind;

/// Where the hub takes enrolments, below its address.
pub const PATH: &str = "/uplink/v1/enrol";

/// What a device sends. Its `Debug` keeps the code to itself.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The one-time code as the operator handed it over, see [`OneTimeCode`].
    pub code: String,
    /// A PKCS #10 request in PEM, signed by the device's new key. Names in it are ignored.
    pub csr_pem: String,
}

impl fmt::Debug for EnrolRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolRequest").field("csr_pem", &self.csr_pem).finish_non_exhaustive()
    }
}

/// What the hub answers. Its `Debug` keeps the card key to itself.
#[derive(Clone, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// The device's certificate.
    pub certificate_pem: String,
    /// The authority's certificate, the only root the device trusts from now on.
    pub authority_pem: String,
    /// The device's id, the common name of its certificate.
    pub device: DeviceId,
    /// The centre it belongs to.
    pub centre: Slug,
    /// What it is.
    pub kind: DeviceKind,
    /// The region's card key in base64; an edge gets it, nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_card_key: Option<String>,
    /// The public key that day sheets are signed with, base64; an edge gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet_key: Option<String>,
}

impl fmt::Debug for EnrolAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolAnswer")
            .field("device", &self.device)
            .field("centre", &self.centre)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The first half of the SHA-256 of an authority's certificate in DER.
pub type Fingerprint16 = [u8; 16];

/// The fingerprint by which a device recognises the hub's authority before it trusts anything.
#[must_use]
pub fn fingerprint16(certificate_der: &[u8]) -> Fingerprint16 {
    let mut half = [0; 16];
    let whole = digest::digest(&digest::SHA256, certificate_der);
    for (to, from) in half.iter_mut().zip(whole.as_ref()) {
        *to = *from;
    }
    half
}

/// A code that enrols one device once: `K1-<secret>-<authority>`, both in base32.
///
/// The second part pins the hub's authority, so that a device that has never met
/// the hub cannot be caught by somebody in between.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeCode {
    secret: [u8; 16],
    authority: Fingerprint16,
}

/// Why a text is no one-time code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCode {
    /// It does not begin with `K1-`.
    #[error("a one-time code begins with K1-; ask the operator for the whole code")]
    Form,
    /// Its secret is cut or mistyped.
    #[error("the middle part of the one-time code is cut or mistyped")]
    Secret,
    /// Its fingerprint is cut or mistyped.
    #[error("the last part of the one-time code is cut or mistyped")]
    Authority,
}

impl OneTimeCode {
    /// A new code of 128 random bits for the authority with this fingerprint.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new(
        rng: &dyn SecureRandom,
        authority: Fingerprint16,
    ) -> Result<Self, ring::error::Unspecified> {
        let mut secret = [0; 16];
        rng.fill(&mut secret)?;
        Ok(Self { secret, authority })
    }

    /// The text to hand over. It is shown once and stored nowhere.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("K1-{}-{}", BASE32_NOPAD.encode(&self.secret), BASE32_NOPAD.encode(&self.authority))
    }

    /// The SHA-256 of the secret: what the hub stores and looks up.
    #[must_use]
    pub fn secret_digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, &self.secret).as_ref());
        bytes
    }

    /// The authority that the device shall find at the hub.
    #[must_use]
    pub fn authority(&self) -> Fingerprint16 {
        self.authority
    }
}

impl FromStr for OneTimeCode {
    type Err = BadCode;
    fn from_str(text: &str) -> Result<Self, BadCode> {
        let text = text.trim().to_ascii_uppercase();
        let (secret, authority) =
            text.strip_prefix("K1-").and_then(|rest| rest.split_once('-')).ok_or(BadCode::Form)?;
        let bytes = |part: &str| -> Option<[u8; 16]> {
            BASE32_NOPAD.decode(part.as_bytes()).ok()?.try_into().ok()
        };
        Ok(Self {
            secret: bytes(secret).ok_or(BadCode::Secret)?,
            authority: bytes(authority).ok_or(BadCode::Authority)?,
        })
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeCode").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use ring::rand::SystemRandom;

    use super::*;

    fn code() -> OneTimeCode {
        OneTimeCode::new(&SystemRandom::new(), fingerprint16(b"authority")).unwrap()
    }

    #[test]
    fn a_code_reads_as_it_is_written_and_by_hand() {
        let code = code();
        let text = code.reveal();
        assert_eq!(text.len(), 3 + 26 + 1 + 26);
        assert_eq!(text.parse(), Ok(code.clone()));
        assert_eq!(format!("  {}\n", text.to_lowercase()).parse(), Ok(code.clone()));
        assert_eq!(code.authority(), fingerprint16(b"authority"));
    }

    #[test]
    fn a_mistyped_code_says_where() {
        let text = code().reveal();
        let (secret, authority) = (&text[3..29], &text[30..]);
        let read = |text: &str| text.parse::<OneTimeCode>().unwrap_err();
        assert_eq!(read(""), BadCode::Form);
        assert_eq!(read("hello"), BadCode::Form);
        assert_eq!(read(&format!("K2-{secret}-{authority}")), BadCode::Form);
        assert_eq!(read(&format!("K1-{secret}")), BadCode::Form);
        assert_eq!(read(&format!("K1-{}-{authority}", &secret[1..])), BadCode::Secret);
        assert_eq!(read(&format!("K1-1{}-{authority}", &secret[1..])), BadCode::Secret);
        assert_eq!(read(&format!("K1-{secret}-{}", &authority[1..])), BadCode::Authority);
        assert_eq!(read(&format!("K1-{secret}-{authority}-x")), BadCode::Authority);
        assert_eq!(read(&format!("K1-{secret}-横浜")), BadCode::Authority);
    }

    #[test]
    fn no_debug_text_holds_a_secret() {
        let code = code();
        let request = EnrolRequest { code: code.reveal(), csr_pem: "csr".into() };
        assert!(!format!("{request:?}").contains(&code.reveal()[3..29]));
        assert!(!format!("{code:?}").contains("secret"));
        let answer = EnrolAnswer {
            certificate_pem: "c".into(),
            authority_pem: "a".into(),
            device: "y-edge".parse().unwrap(),
            centre: "y".parse().unwrap(),
            kind: DeviceKind::Edge,
            region_card_key: Some("c2VjcmV0".into()),
            sheet_key: None,
        };
        assert!(!format!("{answer:?}").contains("c2VjcmV0"));
    }
}
