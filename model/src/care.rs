//! Linked daycare: how many staff so many children need, and whether a moment can be kept.
//!
//! Which rules hold where is data with a date and a source ([`rule_set`]); nothing here knows a ratio.

pub mod admission;
pub mod age;
pub mod board;
pub mod day;
pub mod duty;
pub mod figure;
pub mod file;
pub mod intake;
pub mod rule_set;
pub mod scheme;
pub mod staffing;
pub mod terms;
