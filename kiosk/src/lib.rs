//! The lobby screen of a site: reads cards, asks the site, shows the answer.
//!
//! The kiosk decides nothing. It knows no bookings and no people; what it shows is what the site
//! answered to the last card or code, for a few seconds.

pub mod lobby;
pub mod pages;
pub mod screen;
pub mod site;
