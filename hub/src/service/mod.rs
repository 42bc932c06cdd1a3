//! What pages and API share: each function does one thing for a [`Caller`], asks
//! `model::permission` first, and answers with data that knows nothing of HTML or JSON.

pub mod absence;
pub mod account;
pub mod api_tokens;
pub mod approvals;
pub mod atlas;
pub mod audit;
pub mod booking;
pub mod breach_list;
pub mod calendar;
pub mod caller;
pub mod cards;
pub mod care_file;
pub mod children;
pub mod closures;
pub mod codes;
pub mod devices;
pub mod diary;
pub mod directory;
pub mod doors;
pub mod edge_settings;
pub mod event_chain;
pub mod house;
pub mod lease;
pub mod members;
pub mod nursery;
pub mod nursery_day;
pub mod order;
pub mod organisation;
pub mod passkeys;
pub mod password;
pub mod personal;
pub mod proof;
pub mod provider;
pub mod qr;
pub mod report;
pub mod roles;
pub mod rotate;
pub mod rules;
pub mod search;
pub mod secret;
pub mod sensors;
pub mod series;
pub mod session;
pub mod sign_in;
pub mod site_order;
pub mod throttle;
pub mod vault;
pub mod voucher;
pub mod waitlist;

use model::permission::{Action, Target, may};
use store::StoreError;

pub use caller::Caller;

use crate::keys::SealBroken;

/// Why something is not done, whatever it was.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Only for somebody, and nobody is signed in.
    #[error("sign in first")]
    SignInFirst,
    /// They may, once they have shown a second factor.
    #[error("this takes a second factor")]
    SecondFactorFirst,
    /// They may, once they have shown again who they are.
    #[error("show again who you are first")]
    ProveFirst,
    /// A program showed a token that is none, or is over.
    #[error("the token is none of ours, or it has ended")]
    BadToken,
    /// The table of rights does not have it.
    #[error("this is not among your rights")]
    Forbidden,
    /// There is no such thing, or it is somebody else's: the answer is the same.
    #[error("there is no such thing")]
    NotFound,
    /// The form or header did not carry the session's own token.
    #[error("the request did not carry the token of its session")]
    Csrf,
    /// They have asked too much in a short time.
    #[error("too much was asked at once; ask again in {seconds} seconds")]
    TooMany {
        /// How long to wait.
        seconds: u64,
    },
    /// The request cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The random source failed.
    #[error("the random source failed")]
    Chance,
    /// A sealed field cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealBroken),
    /// Something that cannot happen, said rather than hidden.
    #[error("inner failure: {0}")]
    Inner(&'static str),
}

impl From<ring::error::Unspecified> for Refused {
    fn from(_: ring::error::Unspecified) -> Self {
        Self::Chance
    }
}

/// Asks the table of rights; nobody signed in is told to sign in, others are refused.
///
/// # Errors
/// [`Refused::SignInFirst`], [`Refused::SecondFactorFirst`] or [`Refused::Forbidden`].
pub fn allow(caller: &Caller, action: Action, target: &Target) -> Result<(), Refused> {
    if may(&caller.actor, action, target) {
        Ok(())
    } else if caller.person.is_none() && caller.actor.token.is_none() {
        Err(Refused::SignInFirst)
    } else if may(&caller.in_full(), action, target) {
        Err(Refused::SecondFactorFirst)
    } else {
        Err(Refused::Forbidden)
    }
}

/// As [`allow`], for things whose being there is itself a secret: others' things are not found.
///
/// # Errors
/// [`Refused::SignInFirst`] or [`Refused::NotFound`].
pub fn allow_or_hide(caller: &Caller, action: Action, target: &Target) -> Result<(), Refused> {
    allow(caller, action, target).map_err(|refused| match refused {
        Refused::Forbidden => Refused::NotFound,
        other => other,
    })
}
