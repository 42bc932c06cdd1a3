//! What the hub keeps, and what it may ask of its database.
//!
//! The traits here are implemented twice, for SQLite and PostgreSQL; one contract suite in
//! `tests/` proves the same on both. `shared/` beside this file holds the code and SQL that both
//! implementations compile.

pub mod absences;
pub mod api_tokens;
pub mod audit;
pub mod bookings;
pub mod cards;
pub mod care;
pub mod days;
pub mod devices;
pub mod edge_configs;
pub mod factors;
pub mod house;
pub mod jobs;
pub mod leases;
pub mod notices;
pub mod organisations;
pub mod people;
pub mod personal;
pub mod places;
pub mod record;
pub mod reports;
pub mod seal_keys;
pub mod sessions;
pub mod site_orders;
pub mod sites;
pub mod waitlist;

pub use absences::*;
pub use api_tokens::*;
pub use audit::*;
pub use bookings::*;
pub use cards::*;
pub use care::*;
pub use days::*;
pub use devices::*;
pub use edge_configs::*;
pub use factors::*;
pub use house::*;
pub use jobs::*;
pub use leases::*;
pub use notices::*;
pub use organisations::*;
pub use people::*;
pub use personal::*;
pub use places::*;
pub use record::*;
pub use reports::*;
pub use seal_keys::*;
pub use sessions::*;
pub use site_orders::*;
pub use sites::*;
pub use waitlist::*;

/// Why the database could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or failed; worth trying again.
    #[error("the database failed: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A row holds what it never should.
    #[error("the database holds a value that cannot be read: {0}")]
    Corrupt(String),
    /// A value that must be one of its kind is there already (an e-mail address, a card, a slug).
    #[error("{0} is there already")]
    Duplicate(&'static str),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            other => Self::Unavailable(other),
        }
    }
}

/// An answer of the database.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Everything together: what the hub holds.
pub trait Store:
    Absences
    + ApiTokens
    + Audit
    + Bookings
    + Cards
    + Care
    + Days
    + Devices
    + EdgeConfigs
    + Factors
    + House
    + Jobs
    + Leases
    + Notices
    + Organisations
    + People
    + Personal
    + Places
    + Reports
    + SealKeys
    + Sessions
    + SiteOrders
    + SiteRecord
    + Sites
    + Waitlist
    + Send
    + Sync
{
}

impl<T> Store for T where
    T: Absences
        + ApiTokens
        + Audit
        + Bookings
        + Cards
        + Care
        + Days
        + Devices
        + EdgeConfigs
        + Factors
        + House
        + Jobs
        + Leases
        + Notices
        + Organisations
        + People
        + Personal
        + Places
        + Reports
        + SealKeys
        + Sessions
        + SiteOrders
        + SiteRecord
        + Sites
        + Waitlist
        + Send
        + Sync
{
}
