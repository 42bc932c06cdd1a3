//! Why a device has no identity to work with, or no newer one.

use std::io;
use std::path::PathBuf;

use crate::enrol::BadCode;

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
