//! The first day's story, told to real processes: one tap, one desk, one door, end to end.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod bookings;
mod browser;
mod childcare_rules;
mod devices;
mod lines_down;
mod nursery;
mod one_day;
mod organisations;
mod pcscd;
mod planted;
mod released;
mod sign_in;
