//! What the tests of the whole share: real processes, private servers, a browser.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a harness stops its test at the first surprise"
)]

pub mod bare;
pub mod browser;
pub mod crowd;
pub mod folder;
pub mod http;
pub mod mail;
pub mod mosquitto;
pub mod oidc;
pub mod pcscd;
pub mod pgbench;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod region;
pub mod report;
pub mod site;
pub mod truth;
pub mod waiting;
