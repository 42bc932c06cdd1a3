//! The nouns and rules of a region's telework centres.
//!
//! No rule here reads a clock, a file, a socket or a random source: every
//! function gets what it needs and answers the same way twice.

pub mod access;
pub mod air;
pub mod audit;
pub mod booking;
pub mod capacity;
pub mod card;
pub mod care;
pub mod centre;
pub mod child;
pub mod clock;
pub mod closure;
pub mod consent;
pub mod day_sheet;
pub mod device;
pub mod door;
pub mod event_chain;
pub mod feature;
pub mod id;
pub mod interval;
pub mod language;
pub mod lease;
pub mod mask;
pub mod muster;
pub mod no_show;
pub mod notice;
pub mod opening;
pub mod organisation;
pub mod packing;
pub mod people;
pub mod permission;
pub mod quota;
pub mod report;
pub mod sensor;
pub mod series;
pub mod sign_in;
pub mod site_event;
pub mod site_order;
pub mod terminal;
pub mod voucher;
pub mod waitlist;
