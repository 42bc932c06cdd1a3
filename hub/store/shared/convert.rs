//! From what the database holds to what the model means; what cannot be read is `Corrupt`.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use model::clock;
use model::interval::Interval;
use serde_json::Value;
use store::{Result, StoreError};

/// A whole number that the model keeps in fewer bits, or without a sign.
pub(super) fn number<T: TryFrom<i64>>(value: i64) -> Result<T> {
    value.try_into().map_err(|_| StoreError::Corrupt(format!("number {value}")))
}

/// A count that the database keeps with a sign.
pub(super) fn signed(value: u64) -> Result<i64> {
    value.try_into().map_err(|_| StoreError::Corrupt(format!("number {value}")))
}

/// Exactly 32 bytes.
pub(super) fn bytes32(value: &[u8]) -> Result<[u8; 32]> {
    value.try_into().map_err(|_| StoreError::Corrupt(format!("{} bytes for 32", value.len())))
}

/// A text with a form of its own: a slug, a time zone, a booking code.
pub(super) fn parsed<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| unreadable(text))
}

/// The word that serde has for a plain enum.
pub(super) fn word(value: impl serde::Serialize) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => Ok(word),
        other => Err(StoreError::Corrupt(format!("no word: {other:?}"))),
    }
}

/// The plain enum that serde's word stands for.
pub(super) fn from_word<T: serde::de::DeserializeOwned>(word: &str) -> Result<T> {
    serde_json::from_value(Value::String(word.to_owned())).map_err(|_| unreadable(word))
}

pub(super) fn to_json(value: impl serde::Serialize) -> Result<String> {
    serde_json::to_string(&value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(super) fn interval(starts: DateTime<Utc>, ends: DateTime<Utc>) -> Result<Interval> {
    Interval::new(starts, ends)
        .map_err(|_| StoreError::Corrupt(format!("interval from {starts} to {ends}")))
}

/// A time from elsewhere in the form that both databases keep: whole microseconds, and a year of
/// four digits. A site's clock may be wrong; that must not stop its events.
pub(super) fn storable(time: DateTime<Utc>) -> DateTime<Utc> {
    let edge = |year, month, day| {
        NaiveDate::from_ymd_opt(year, month, day).map(|day| day.and_time(NaiveTime::MIN).and_utc())
    };
    let first = edge(1, 1, 1).unwrap_or(DateTime::UNIX_EPOCH);
    let last = edge(9999, 12, 31).unwrap_or(DateTime::UNIX_EPOCH);
    clock::to_micros(time.clamp(first, last))
}

/// Says what could not be read, cut short: it goes to a log.
fn unreadable(text: &str) -> StoreError {
    StoreError::Corrupt(text.chars().take(40).collect())
}
