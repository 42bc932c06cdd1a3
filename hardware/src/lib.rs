//! Card readers, code scanners, doors and the drivers behind them.
//!
//! A trait says what one device does; a driver, real or simulated, does it. Callers hold the trait
//! and cannot tell the drivers apart.

pub mod card;
pub mod door;
pub mod feedback;
pub mod gpio;
pub mod homie;
pub mod osdp;
pub mod pcsc_reader;
pub mod readers;
pub mod scan;
pub mod sim;
