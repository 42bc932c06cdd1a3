//! The agent that runs one site: from the sheet in force, whether or not the hub is there.
//!
//! A request comes from the site bus ([`requests`]), is decided on the centre's own thread
//! ([`centre`]), opens doors ([`doors`]), reaches the disk ([`journal`]), tells terminals
//! ([`seats`]) and is answered. The line to the hub ([`hub`], `uplink`) only reads the outbox and
//! brings sheets ([`sheets`]); no tap waits for it. Every error means *deny*.

mod announce;
pub mod broker;
pub mod cards;
pub mod centre;
pub mod config;
pub mod door_readers;
pub mod doors;
pub mod hub;
pub mod journal;
pub mod nursery;
pub mod orders;
mod pins;
mod pushed;
pub mod random;
pub mod requests;
pub mod seats;
pub mod section_key;
pub mod sheets;
mod site;
mod sse;
pub mod thing;
pub mod things;
mod trouble;
mod uplink;
pub mod vouchers;
pub mod wired;

pub use config::Config;
pub use door_readers::DoorReader;
pub use doors::{DoorDriver, Drivers, SimDoors};
pub use site::{Parts, Site, SiteError};
pub use wired::{BadWiring, Wired};
