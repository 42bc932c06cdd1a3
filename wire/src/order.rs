//! An order on its way from the hub to a site: signed like a sheet, good for seconds.
//!
//! The signed bytes begin with what they are for, so that no other signature of the hub's can stand
//! for an order. What was signed is sent as it is, and nobody has to agree on a canonical JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use model::id::{CentreId, OrderId};
use model::site_order::{GOOD_FOR, OrderAnswer, Ordered};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::sheet::SheetKey;

/// No other thing that the hub signs begins like this.
const MARK: &[u8] = b"kyoten: order";
/// The longest order, in letters: an order needs about 700, and what is longer is not looked at.
const LONGEST: usize = 4096;
/// How far the hub's clock may be ahead of the site's; an order from later than that is refused.
pub const AHEAD: TimeDelta = TimeDelta::seconds(5);

/// An order, and for whom and how long it is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentOrder {
    /// For which site.
    pub centre: CentreId,
    /// When it was given, by the hub's clock.
    pub given_at: DateTime<Utc>,
    /// Has no effect from then on; at most [`GOOD_FOR`] after it was given.
    pub not_after: DateTime<Utc>,
    /// What is ordered. Its id is used once.
    pub order: Ordered,
}

/// A [`SentOrder`] and the proof that the hub wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// The order's JSON bytes, base64.
    pub order: String,
    /// Which key signed: its public half, base64.
    pub key: String,
    /// Ed25519 over the mark and the order's bytes, base64.
    pub signature: String,
}

/// What a site tells of an order at [`answer_path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderAnswered {
    /// What became of it.
    pub answer: OrderAnswer,
}

/// Where a site tells what became of an order.
#[must_use]
pub fn answer_path(order: OrderId) -> String {
    format!("/uplink/v1/orders/{order}")
}

/// Why an order is not acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    /// Longer than any order.
    #[error("it is longer than any order")]
    TooLong,
    /// Not readable, or of another form.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Signed with a key that this site does not trust.
    #[error("it is signed with a key that this site does not trust")]
    UnknownKey,
    /// The signature does not fit.
    #[error("its signature is wrong")]
    BadSignature,
    /// Meant for another site.
    #[error("it is meant for another site")]
    WrongCentre,
    /// Meant to be good for longer than any order is.
    #[error("it is meant to be good for longer than any order is")]
    GoodForTooLong,
}

/// Signs an order.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn sign(order: &SentOrder, key: &SheetKey) -> Result<SignedOrder, serde_json::Error> {
    let bytes = serde_json::to_vec(order)?;
    Ok(SignedOrder {
        signature: BASE64.encode(key.sign(&signed(&bytes))),
        order: BASE64.encode(bytes),
        key: key.public(),
    })
}

/// Reads an order that one of `keys` has signed for `centre`. Whether it comes in time is for
/// [`SentOrder::is_in_time`], and whether it was acted on before for whoever keeps the ids.
///
/// # Errors
/// [`OrderRefused`] says what is wrong with it.
pub fn open(
    sent: &SignedOrder,
    keys: &[String],
    centre: CentreId,
) -> Result<SentOrder, OrderRefused> {
    if sent.order.len().max(sent.key.len()).max(sent.signature.len()) > LONGEST {
        return Err(OrderRefused::TooLong);
    }
    if !keys.contains(&sent.key) {
        return Err(OrderRefused::UnknownKey);
    }
    let decode =
        |text: &str| BASE64.decode(text).map_err(|e| OrderRefused::Unreadable(e.to_string()));
    let (bytes, key) = (decode(&sent.order)?, decode(&sent.key)?);
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&signed(&bytes), &decode(&sent.signature)?)
        .map_err(|_| OrderRefused::BadSignature)?;
    let order: SentOrder =
        serde_json::from_slice(&bytes).map_err(|e| OrderRefused::Unreadable(e.to_string()))?;
    if order.centre != centre {
        return Err(OrderRefused::WrongCentre);
    }
    let good_for = order.not_after.signed_duration_since(order.given_at);
    if good_for > GOOD_FOR || good_for <= TimeDelta::zero() {
        return Err(OrderRefused::GoodForTooLong);
    }
    Ok(order)
}

impl SentOrder {
    /// Whether it still has an effect at `now`, by the site's own time.
    #[must_use]
    pub fn is_in_time(&self, now: DateTime<Utc>) -> bool {
        now < self.not_after && self.given_at.signed_duration_since(now) <= AHEAD
    }
}

fn signed(bytes: &[u8]) -> Vec<u8> {
    [MARK, b" ", bytes].concat()
}

#[cfg(test)]
mod tests;
