//! What the processes of a region say to each other, and the device's end of each line.
//!
//! Sheets go down, events come up, requests and commands cross the site bus. The nouns are
//! `model`'s; here is how they travel, and how a device proves which one it is.

pub mod bus;
pub mod cards;
pub mod chain;
pub mod credential;
pub mod edge_config;
pub mod enrol;
pub mod event;
pub mod home_assistant;
pub mod homie;
pub mod identity;
pub mod nursery;
pub mod order;
pub mod renew;
pub mod request;
pub mod sealing;
pub mod sheet;
pub mod topics;
pub mod voucher;
