//! PKOC, the Public Key Open Credential of the Physical Security Interoperability Alliance: a card
//! that shows its public key and signs what the reader has just made up.
//!
//! Spoken is version 1 (PSIA PKOC NFC Card 1.0 and 1.1): SELECT, then AUTHENTICATE.

use std::fmt;

use ring::agreement::{self, ECDH_P256, EphemeralPrivateKey};
use ring::rand::SecureRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use thiserror::Error;

use super::ReaderPlace;
use super::tlv::{Fields, FieldsError};

/// Chooses the application by its identifier.
pub(crate) const SELECT: [u8; 14] =
    [0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x08, 0x98, 0x00, 0x00, 0x01, 0x00];

/// The first four bytes of the command that asks for a proof.
pub(crate) const AUTHENTICATE: [u8; 4] = [0x80, 0x80, 0x00, 0x01];

pub(crate) const VERSION: u8 = 0x5C;
pub(crate) const TRANSACTION: u8 = 0x4C;
pub(crate) const READER: u8 = 0x4D;
pub(crate) const PUBLIC_KEY: u8 = 0x5A;
pub(crate) const SIGNATURE: u8 = 0x9E;

/// The versions that are spoken, the preferred one first. They differ in nothing that is used here.
const SPOKEN: [[u8; 2]; 2] = [[1, 0], [1, 1]];

/// In which PKOC 2 tells its versions.
const VERSION_2_INFO: u16 = 0x7F63;

/// The public key of a card: an uncompressed point on P-256, which the card has proved to be its own.
///
/// It is the same wherever the card is shown, hence personal data: callers turn it into a keyed
/// hash at once. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct CardKey([u8; CardKey::LENGTH]);

impl CardKey {
    /// 04, X and Y.
    pub const LENGTH: usize = 65;

    /// All of it, for the keyed hash and the way to it. Never log or store it.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The key that `sent` spells; whether the card owns it is another matter.
    fn read(sent: &[u8]) -> Result<Self, PkocError> {
        let bytes: [u8; Self::LENGTH] =
            sent.try_into().map_err(|_| PkocError::KeyLength(sent.len()))?;
        match bytes {
            [0x04, ..] => Ok(Self(bytes)),
            [form, ..] => Err(PkocError::KeyForm(form)),
        }
    }
}

impl fmt::Debug for CardKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CardKey(..)")
    }
}

/// Why a card that has the PKOC application did not prove its key. Each refuses the tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PkocError {
    /// It chose the application with a remark, or refused to prove anything.
    #[error("the PKOC card answered with status {0:04X}")]
    Status(u16),
    /// Its answer is not made of fields.
    #[error("the PKOC card's answer cannot be read: {0}")]
    Fields(#[from] FieldsError),
    /// It did not say which versions it speaks.
    #[error("the PKOC card did not say which version it speaks")]
    NoVersion,
    /// It speaks version 2, which is never answered with version 1: that would prove less.
    #[error("the card speaks PKOC version 2, which is not yet supported")]
    Version2,
    /// It speaks nothing that is known.
    #[error("the PKOC card speaks version {0:04X}, which is not known")]
    UnknownVersion(u16),
    /// No public key in the answer.
    #[error("the PKOC card sent no public key")]
    NoKey,
    /// A public key of another length.
    #[error("the PKOC card sent a public key of {0} bytes, not 65")]
    KeyLength(usize),
    /// A public key in another form.
    #[error("the PKOC card sent a public key in form {0:02X}, not as a whole point (04)")]
    KeyForm(u8),
    /// No signature in the answer.
    #[error("the PKOC card sent no signature")]
    NoSignature,
    /// A signature of another length.
    #[error("the PKOC card sent a signature of {0} bytes, not 64")]
    SignatureLength(usize),
    /// The public key is of no such curve.
    #[error("the PKOC card's public key is no point of the curve P-256")]
    NotOnCurve,
    /// The card does not have the private key, or repeats what it said to somebody else.
    #[error(
        "the PKOC card did not prove its key: it is a copy without the private key, or repeats an \
         old proof"
    )]
    WrongSignature,
    /// The reader has no random number to ask with.
    #[error("the reader has no random numbers, so that nothing can be proved to it")]
    NoRandomness,
}

/// An exchange with a card that may have the application.
pub(super) enum Exchange {
    Selecting,
    Authenticating { transaction: [u8; 16] },
}

/// Where an answer leads.
pub(super) enum Turn {
    /// This command comes next.
    Ask(Vec<u8>),
    /// The card has no such application.
    NotThere,
    /// It has proved this key.
    Proved(CardKey),
}

impl Exchange {
    /// Takes the card's answer in.
    pub(super) fn answered(
        &mut self,
        body: &[u8],
        status: u16,
        place: &ReaderPlace,
        rng: &dyn SecureRandom,
    ) -> Result<Turn, PkocError> {
        match self {
            Self::Selecting => {
                match status {
                    0x9000 => {}
                    // It is there, and has something to add that version 1 does not know.
                    0x6100..=0x62FF => return Err(PkocError::Status(status)),
                    _ => return Ok(Turn::NotThere),
                }
                let version = common_version(body)?;
                let mut transaction = [0; 16];
                rng.fill(&mut transaction).map_err(|_| PkocError::NoRandomness)?;
                *self = Self::Authenticating { transaction };
                Ok(Turn::Ask(authenticate(version, &transaction, place)))
            }
            Self::Authenticating { transaction } => {
                if status != 0x9000 {
                    return Err(PkocError::Status(status));
                }
                proved_key(body, transaction, rng).map(Turn::Proved)
            }
        }
    }
}

fn common_version(body: &[u8]) -> Result<[u8; 2], PkocError> {
    let fields = Fields::read(body)?;
    if fields.get(VERSION_2_INFO).is_some() {
        return Err(PkocError::Version2);
    }
    let listed = fields.get(VERSION.into()).ok_or(PkocError::NoVersion)?;
    let (pairs, []) = listed.as_chunks::<2>() else {
        return Err(FieldsError::CutOff.into());
    };
    if pairs.iter().any(|[major, _]| *major == 2) {
        return Err(PkocError::Version2);
    }
    let common = SPOKEN.into_iter().find(|spoken| pairs.contains(spoken));
    common.ok_or_else(|| match pairs {
        [] => PkocError::NoVersion,
        [first, ..] => PkocError::UnknownVersion(u16::from_be_bytes(*first)),
    })
}

fn authenticate(version: [u8; 2], transaction: &[u8; 16], place: &ReaderPlace) -> Vec<u8> {
    let mut command = Vec::with_capacity(62);
    command.extend(AUTHENTICATE);
    command.push(0x38);
    command.extend([VERSION, 2]);
    command.extend(version);
    command.extend([TRANSACTION, 16]);
    command.extend(transaction);
    command.extend([READER, 32]);
    command.extend(place.site);
    command.extend(place.reader);
    command.push(0x00);
    command
}

/// The key that a card has proved with its answer to AUTHENTICATE, status words left off: ECDSA on P-256 with SHA-256 over
/// the sixteen bytes of the transaction alone (PSIA PKOC NFC Card 1.0). `rng` is asked only to say what was wrong.
///
/// # Errors
/// [`PkocError`], such as for a signature over another transaction.
pub fn proved_key(
    answer: &[u8],
    transaction: &[u8; 16],
    rng: &dyn SecureRandom,
) -> Result<CardKey, PkocError> {
    let fields = Fields::read(answer)?;
    let key = CardKey::read(fields.get(PUBLIC_KEY.into()).ok_or(PkocError::NoKey)?)?;
    let signature = fields.get(SIGNATURE.into()).ok_or(PkocError::NoSignature)?;
    if signature.len() != 64 {
        return Err(PkocError::SignatureLength(signature.len()));
    }
    let signer = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.0);
    match signer.verify(transaction, signature) {
        Ok(()) => Ok(key),
        Err(_) if on_curve(&key, rng) => Err(PkocError::WrongSignature),
        Err(_) => Err(PkocError::NotOnCurve),
    }
}

/// Checking a signature does not say what was wrong; agreeing on a secret fails for one reason only.
fn on_curve(key: &CardKey, rng: &dyn SecureRandom) -> bool {
    let theirs = agreement::UnparsedPublicKey::new(&ECDH_P256, key.0);
    EphemeralPrivateKey::generate(&ECDH_P256, rng)
        .and_then(|own| agreement::agree_ephemeral(own, &theirs, |_| ()))
        .is_ok()
}

#[cfg(test)]
mod tests;
