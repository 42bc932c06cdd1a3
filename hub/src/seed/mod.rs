//! Demo data: a believable region, so that every page has something to show.
//!
//! Centres and figures that the 2007 plan or a published source names carry that source; everything
//! else is marked assumed. People, companies and cards are made up.

mod bookings;
mod cards;
mod doors;
mod history;
mod holidays;
mod ids;
mod people;
mod places;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use model::language::LocalText;

use crate::hub::Hub;
use crate::service::{Refused, codes};

/// The password of every demo account; good for nothing but the demo.
pub const PASSWORD: &str = "kyoten-demo";

/// The PIN of every demo account that has one; good for nothing but the demo.
pub const PIN: &str = "2468";

/// What the one-time codes of those in the demo who need a second factor are made from; good for
/// nothing but the demo.
const CODE_SECRET: &str = "KYOTENDEMOKYOTENDEMOKYOTENDEMO22";

/// The one-time code that the demo's staff is asked for.
///
/// # Errors
/// Never, unless the demo's secret is none.
pub fn code(now: DateTime<Utc>) -> Result<String, Refused> {
    codes::code_at(CODE_SECRET, now)
}

/// The ten recovery codes of each of them; each works once.
#[must_use]
pub fn recovery_codes() -> Vec<String> {
    ('A'..='J').map(|letter| format!("KYOT-ENDE-MORE-{letter}{letter}{letter}{letter}")).collect()
}

/// Somebody a visitor of the demo can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoAccount {
    /// What they sign in with, together with [`PASSWORD`].
    pub email: String,
    /// Their name.
    pub name: &'static str,
    /// Who they are.
    pub role: LocalText,
    /// The name of their card in `cards.toml`.
    pub card: Option<&'static str>,
    /// What they type at a kiosk after a booking code.
    pub pin: Option<&'static str>,
    /// Whether they are asked for a [`code`].
    pub second_factor: bool,
}

/// Every demo account, the most useful ones first.
#[must_use]
pub fn accounts() -> Vec<DemoAccount> {
    people::accounts()
}

/// Fills an empty hub with the demo's data, told relative to its clock; one that has it already is
/// left as it is. With `reader_dir` the cards' names are written to its `cards.toml` every time.
///
/// # Errors
/// When the store, the random source or the folder fails, or the hub holds other data.
pub async fn demo(hub: &Hub, reader_dir: Option<&Path>) -> Result<()> {
    if let Some(folder) = reader_dir {
        cards::write_names(folder)?;
    }
    let centres = hub.store.centres().await?;
    if centres.is_empty() {
        places::add(hub).await?;
        people::add(hub).await?;
        history::add(hub).await?;
        return bookings::add(hub).await;
    }
    // The last thing written proves that everything before it was written too.
    if hub.store.booking(bookings::last()).await?.is_none() {
        bail!("this hub holds other data, or half of the demo's: forget it, then seed it again");
    }
    Ok(())
}
