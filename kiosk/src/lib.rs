//! The screens of a site: the lobby's, which reads cards, asks the site and shows the answer, and that of a nursery's
//! staff.
//!
//! They decide nothing. The lobby knows no bookings and no people; what it shows is what the site
//! answered to the last card or code, for a few seconds.

mod alarm;
pub mod frame;
pub mod lobby;
pub mod pages;
pub mod profile;
pub mod readers;
mod reading;
pub mod screen;
pub mod site;
pub mod staff;
pub mod typed;
