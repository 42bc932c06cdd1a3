//! Signing in: what somebody has shown of themselves.

use serde::{Deserialize, Serialize};

/// How far a sign-in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The password was right, and a second factor is still owed: nobody yet.
    OwesSecond,
    /// One factor, of somebody who has no second.
    One,
    /// Two factors, or a passkey that has checked who holds it.
    Two,
}

/// What somebody signed in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A password alone.
    Password,
    /// A password and a one-time code.
    Code,
    /// A password and a recovery code.
    RecoveryCode,
    /// A passkey.
    Passkey,
    /// Their organisation's account.
    Organisation,
}
