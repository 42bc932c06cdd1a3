use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64;
use ring::error::Unspecified;
use ring::rand::SecureRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use thiserror::Error;

/// A point of the curve secp256k1 (its generator), which is none of P-256.
pub const OTHER_CURVE: [u8; 65] = [
    0x04, 0x79, 0xBE, 0x66, 0x7E, 0xF9, 0xDC, 0xBB, 0xAC, 0x55, 0xA0, 0x62, 0x95, 0xCE, 0x87, 0x0B,
    0x07, 0x02, 0x9B, 0xFC, 0xDB, 0x2D, 0xCE, 0x28, 0xD9, 0x59, 0xF2, 0x81, 0x5B, 0x16, 0xF8, 0x17,
    0x98, 0x48, 0x3A, 0xDA, 0x77, 0x26, 0xA3, 0xC4, 0x65, 0x5D, 0xA4, 0xFB, 0xFC, 0x0E, 0x11, 0x08,
    0xA8, 0xFD, 0x17, 0xB4, 0x48, 0xA6, 0x85, 0x54, 0x19, 0x9C, 0x47, 0xD0, 0x8F, 0xFB, 0x10, 0xD4,
    0xB8,
];

/// The private key of a virtual card. A real card never gives its own away.
pub struct VirtualKey {
    pair: EcdsaKeyPair,
    pem: String,
    rng: Arc<dyn SecureRandom + Send + Sync>,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VirtualKeyError {
    /// The text is not one.
    #[error(
        "this is no private key of a card: a P-256 key in PKCS #8, as PEM or base64, is (make one \
         with `kyoten-card key`)"
    )]
    NoKey,
    /// No random numbers.
    #[error("there are no random numbers to make or use a key with")]
    NoRandomness,
}

impl From<Unspecified> for VirtualKeyError {
    fn from(_: Unspecified) -> Self {
        Self::NoRandomness
    }
}

impl VirtualKey {
    /// A new one.
    ///
    /// # Errors
    /// Without random numbers.
    pub fn make(rng: Arc<dyn SecureRandom + Send + Sync>) -> Result<Self, VirtualKeyError> {
        let whole = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &*rng)?;
        Self::of_bytes(whole.as_ref(), rng)
    }

    /// The one that `text` spells: PKCS #8, as PEM or as its base64 alone.
    ///
    /// # Errors
    /// [`VirtualKeyError::NoKey`] for any other text.
    pub fn read(
        text: &str,
        rng: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Result<Self, VirtualKeyError> {
        let base64: String = text
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .flat_map(|line| line.chars().filter(|letter| !letter.is_whitespace()))
            .collect();
        let bytes = BASE64.decode(base64.as_bytes()).map_err(|_| VirtualKeyError::NoKey)?;
        Self::of_bytes(&bytes, rng)
    }

    fn of_bytes(
        bytes: &[u8],
        rng: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Result<Self, VirtualKeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &*rng)
            .map_err(|_| VirtualKeyError::NoKey)?;
        Ok(Self { pair, pem: pem(bytes), rng })
    }

    /// The private key for a file, as PEM.
    #[must_use]
    pub fn expose_pem(&self) -> &str {
        &self.pem
    }

    /// The public key: 04, X and Y.
    #[must_use]
    pub fn public(&self) -> [u8; 65] {
        let mut public = [0; 65];
        public.iter_mut().zip(self.pair.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        public
    }

    /// Signs with ECDSA over SHA-256: r and s, 32 bytes each.
    ///
    /// # Errors
    /// Without random numbers.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, VirtualKeyError> {
        Ok(self.pair.sign(&*self.rng, message)?.as_ref().to_vec())
    }
}

fn pem(bytes: &[u8]) -> String {
    let base64 = BASE64.encode(bytes);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

impl fmt::Debug for VirtualKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("VirtualKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn a_key_is_read_back_from_its_file() {
        let rng = || Arc::new(SystemRandom::new());
        let key = VirtualKey::make(rng()).unwrap();
        let again = VirtualKey::read(key.expose_pem(), rng()).unwrap();
        assert_eq!(again.public(), key.public());
        let base64: String =
            key.expose_pem().lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(VirtualKey::read(&base64, rng()).unwrap().public(), key.public());
        assert_eq!(format!("{key:?}"), "VirtualKey(..)");
        for text in ["", "AAAA", "no key", "-----BEGIN PRIVATE KEY-----", "鍵"] {
            assert_eq!(VirtualKey::read(text, rng()).err(), Some(VirtualKeyError::NoKey), "{text}");
        }
    }
}
