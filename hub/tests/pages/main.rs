//! The hub's pages and API as a browser and a program meet them, over SQLite with the demo's data. One program: each
//! one links the whole hub.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod alone;
mod care_day;
mod care_files;
mod doors;
mod house;
mod live;
mod notices;
mod orders;
mod organisations;
mod provider;
mod repeating;
mod search;
mod sign_in;
mod support;
mod walls;
mod web;
