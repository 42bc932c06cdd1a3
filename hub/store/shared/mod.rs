//! What both databases do in the same words: SQL that both understand, and the code around it.
//!
//! Each implementation crate compiles this folder as a module of its own, and gives it in its root:
//! `Db` (its sqlx database), `Here` (its store, with `reader()`, `writer()`, `begin()`, `write()`,
//! `write_tentatively()` and `others()`, which hears of other hubs' changes), `in_list!` and
//! `id_list()` (lists of ids as one parameter), `broken()` (which net an error comes
//! from), and, in `writes`, the few statements that differ.

mod absences;
mod api_tokens;
mod audit;
mod beside;
pub(crate) mod book;
mod bookings;
mod cards;
mod care;
mod change;
mod convert;
mod counted;
mod days;
mod devices;
mod diary;
mod edge_configs;
mod ending;
mod factors;
mod floor;
mod house;
mod interviews;
mod jobs;
mod late;
mod lease;
mod meaning;
mod noted;
pub(crate) mod notices;
mod organisations;
mod people;
mod personal;
mod places;
mod record;
mod reports;
mod roster;
mod seal_keys;
mod sessions;
mod site_orders;
mod sites;
mod tries;
mod waitlist;
mod walk_in;

use chrono::TimeDelta;

pub(crate) use noted::{News, Noted, note, noting};
pub(crate) use sites::LogRow;

/// What becomes of what a piece of work has written.
pub(crate) enum Outcome<T> {
    /// It is kept.
    Kept(T),
    /// Nothing was written that matters.
    Clean(T),
    /// It must not stay.
    Undo(T),
}

/// The net beneath the code that a statement was caught in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Two live claims of one space overlap.
    DeskOverlap,
    /// Two live care claims of one child overlap.
    CareOverlap,
    /// The booking code is taken.
    BookingCode,
    /// The person has used this idempotency key.
    IdempotencyKey,
    /// Some other value that must be one of its kind is there already.
    Unique,
    /// Rivals got in each other's way; the same again will do.
    Rivals,
}

/// No claim is longer (the schema says so too), so that a search for overlaps need not look at
/// what starts earlier than this before its window.
const LONGEST_CLAIM: TimeDelta = TimeDelta::days(7);

/// Turns a broken unique constraint into [`store::StoreError::Duplicate`] of `what`.
fn duplicate(what: &'static str) -> impl FnOnce(sqlx::Error) -> store::StoreError {
    move |error| match crate::broken(&error) {
        Some(Broken::Unique) => store::StoreError::Duplicate(what),
        _ => error.into(),
    }
}
